package files

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// TestChunkThatCameTwice: at the end a chunk is asked of two. One that both gave was counted twice: then
// less than nothing was to come, and for so much there is no room on any disk.
func TestChunkThatCameTwice(t *testing.T) {
	const size = 2*blob.ChunkSize + 5
	x := &run{job: &job{of: shelf.Of{Size: size}}}
	x.wrote(0, 2)
	for range 2 {
		x.wrote(2, 1)
	}
	if x.had != size {
		t.Errorf("of %d bytes %d are here", size, x.had)
	}
}

// slowTarget is a target that takes long to commit.
type slowTarget struct {
	shelfOfNothing
	commits atomic.Int32
	goOn    chan struct{}
}

func (s *slowTarget) Commit(context.Context) error {
	s.commits.Add(1)
	<-s.goOn
	return nil
}

// TestStopWhileItIsWrittenDown: when the node ended as something was being written down, that was written down a second
// time at once, and closed while the first was at it.
func TestStopWhileItIsWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, to := newBench(t), &slowTarget{goOn: make(chan struct{})}
		b.x.to, b.r.runs, b.r.sources = to, map[*run]struct{}{b.x: {}}, nil
		b.x.commit(b.r)
		b.r.stopAll()
		synctest.Wait()
		if n := to.commits.Load(); n != 1 {
			t.Errorf("%d at once", n)
		}
		close(b.r.ended)
		close(to.goOn)
		b.r.workers.Wait()
		if n := to.commits.Load(); n != 2 {
			t.Errorf("written down %d times", n)
		}
	})
}

// openStore returns a store in a directory of its own, which runs as long as the test.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	t.Cleanup(func() {
		<-done
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFolderOf(t *testing.T) {
	whole, wanted := shelf.Place{Path: "/a/film", Whole: true}, shelf.Place{Path: "/wanted"}
	begun := &shelf.Partial{Folder: "/begun"}
	for _, c := range []struct {
		shelf.Info
		direct bool
		want   string
	}{
		{shelf.Info{}, false, ""},
		{shelf.Info{}, true, "/usual"},
		{shelf.Info{Places: []shelf.Place{whole, wanted}}, false, ""},
		{shelf.Info{Places: []shelf.Place{whole, wanted}}, true, "/wanted"},
		{shelf.Info{Places: []shelf.Place{wanted}, Partial: begun}, true, "/begun"},
		{shelf.Info{Partial: begun}, false, "/begun"},
	} {
		if got := folderOf(&c.Info, c.direct, "/usual"); got != c.want {
			t.Errorf("%+v, direct %t: %q", c.Info, c.direct, got)
		}
	}
}

// TestRoomWhereItIsWritten: what the owner wanted in a folder on another disk waited for room on that of the node, and
// what had come before a restart was still thought to take room.
func TestRoomWhereItIsWritten(t *testing.T) {
	const mib = 1 << 20
	s := openStore(t)
	disk := func(dir string) (store.Space, bool) {
		if dir == "/other" {
			return store.Space{Disk: 2, Free: 1 << 40}, true
		}
		return store.Space{Disk: 1, Free: 1<<30 + 5*mib}, true
	}
	now := time.Now()
	starts := func(size uint64, here *shelf.Partial, places ...shelf.Place) bool {
		t.Helper()
		r := bare()
		r.cfg.Store, r.cfg.Dir, r.space = s, "/node", space.New(disk)
		r.cfg.Filing = func() people.Filing { return people.Filing{Dir: "/node/files"} }
		f := ref(1, 0, 1)
		f.Size, f.Key, f.Asked = size, [32]byte{byte(size / mib), byte(len(places))}, true
		b, err := s.Shelf().Make(store.OfFile(&f.Attachment))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if err := b.Commit(t.Context(), func(i *shelf.Info) { i.Partial, i.Places = here, places }); err != nil {
			t.Fatal(err)
		}
		r.want(&f, now)
		r.queue.Room(r.space.Free(r.cfg.Dir))
		_, start, _ := r.queue.Next(now)
		return len(start) == 1
	}
	if starts(40*mib, nil) {
		t.Error("it begins without room")
	}
	if !starts(41*mib, nil, shelf.Place{Path: "/other"}) {
		t.Error("where it is wanted there is room")
	}
	some := &shelf.Partial{Folder: "/node/files"}
	some.Chunks.Add(0, 34)
	if starts(42*mib, some) {
		t.Error("it goes on with less room than the rest needs")
	}
	some.Chunks.Add(0, 37)
	if !starts(42*mib, some) {
		t.Error("for the rest there is room")
	}
}
