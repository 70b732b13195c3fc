package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// sparse fills a database, deletes most of it again, and returns how many rows there are.
func sparse(t testing.TB, e *Engine) (n int) {
	t.Helper()
	n, err := fill(e, "row", 6)
	must(t, errors.Join(err, checkpoint(e)))
	must(t, write(e, func(b *Batch) error {
		b.SetSequence("a", 7)
		b.SetSequence("empty", 9)
		return errors.Join(b.Put("ab", []byte("overflow"), make([]byte, 50_000)), b.Put("ab", []byte("nothing"), nil))
	}))
	must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("large"), forget(600_000)) }))
	must(t, write(e, func(b *Batch) error {
		b.Delete("a", []byte("large"))
		return nil
	}))
	return n
}

// whole fails the test unless what sparse has filled in is there.
func whole(t testing.TB, e *Engine, n int) {
	t.Helper()
	hasFilled(t, e, "row", n)
	has(t, e, "large", "none")
	must(t, e.View(func(s *Snapshot) error {
		if a, empty := s.Sequence("a"), s.Sequence("empty"); a != 7 || empty != 9 {
			t.Errorf("sequences %d and %d", a, empty)
		}
		if v := s.Get("ab", []byte("overflow")); len(v) != 50_000 {
			t.Errorf("%d bytes", len(v))
		}
		if v := s.Get("ab", []byte("nothing")); v == nil || len(v) > 0 {
			t.Errorf("%q", v)
		}
		return nil
	}))
}

func size(t testing.TB, e *Engine) int64 {
	t.Helper()
	info, err := os.Stat(e.Path())
	must(t, err)
	return info.Size()
}

// temporary reports whether a file is left that was to take the place of the database.
func temporary(t testing.TB, e *Engine) bool {
	t.Helper()
	_, err := os.Stat(e.Path() + disk.Temporary)
	if !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	return err == nil
}

func TestCompact(t *testing.T) {
	cfg := small(t.TempDir())
	moved := 0
	cfg.PlaceBucket, cfg.PlaceKey = "a", []byte("identity")
	cfg.Moved = func(place []byte, old, now string) ([]byte, error) {
		if moved++; moved == 1 && string(place) != "old" {
			t.Errorf("it was in %q", place)
		}
		if filepath.Base(old) != Database || filepath.Base(now) != Database+disk.Temporary {
			t.Errorf("%s to %s", old, now)
		}
		return []byte(filepath.Base(now)), nil
	}
	must(t, Create(cfg))
	e := quiet(t, cfg)
	must(t, put(e, "large", string(make([]byte, 3<<20))))
	n := sparse(t, e)
	must(t, put(e, "identity", "old"))
	old, err := os.Open(e.Path())
	must(t, err)
	defer old.Close()
	before := size(t, e)
	must(t, e.Compact(t.Context()))
	if after := size(t, e); after >= before {
		t.Errorf("%d bytes, before %d", after, before)
	}
	if moved != 1 || temporary(t, e) {
		t.Errorf("moved %d times", moved)
	}
	has(t, e, "identity", "store.db.tmp")
	whole(t, e, n)
	info, err := old.Stat()
	must(t, err)
	b := make([]byte, info.Size())
	_, err = old.ReadAt(b, 0)
	must(t, err)
	if !bytes.Equal(b, make([]byte, len(b))) || int64(len(b)) != before {
		t.Error("the old file was not overwritten")
	}
	must(t, put(e, "after", "it"))
	must(t, checkpoint(e))
	must(t, e.Close())
	e = quiet(t, cfg)
	whole(t, e, n)
	has(t, e, "after", "it")
	must(t, e.Compact(t.Context()))
	whole(t, e, n)
	must(t, put(e, "direct", string(make([]byte, 20_000)))) // the numbers go on
	must(t, e.Close())
	whole(t, opened(t, cfg), n)
}

// It is done by itself where most of a file is free.
func TestCompactByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := made(t, small(t.TempDir()))
		must(t, put(e, "large", string(make([]byte, 3<<20))))
		before := size(t, e)
		must(t, write(e, func(b *Batch) error {
			b.Delete("a", []byte("large"))
			return nil
		}))
		time.Sleep(idle + time.Second)
		synctest.Wait()
		if after := size(t, e); after > before/2 {
			t.Errorf("%d bytes, before %d", after, before)
		}
		has(t, e, "large", "none")
		must(t, e.Close())
	})
}

// Readers that are there keep it from the files until they end; none sees anything else meanwhile.
func TestCompactWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := made(t, small(t.TempDir()))
		n := sparse(t, e)
		must(t, put(e, "k", "old"))
		s, err := e.begin()
		must(t, err)
		ended := make(chan error, 1)
		go func() { ended <- e.Compact(t.Context()) }()
		time.Sleep(swapWait / 2)
		synctest.Wait()
		must(t, put(e, "k", "new"))
		has(t, e, "k", "new")
		if v := s.Get("a", []byte("k")); string(v) != "old" {
			t.Errorf("%q", v)
		}
		select {
		case err := <-ended:
			t.Errorf("did not wait: %v", err)
		default:
		}
		e.end(s)
		must(t, <-ended)
		whole(t, e, n)
		has(t, e, "k", "new")

		s, err = e.begin() // one that stays
		must(t, err)
		wants(t, e.Compact(t.Context()), errBusy)
		if temporary(t, e) {
			t.Error("a file is left")
		}
		e.end(s)
		whole(t, e, n)
		must(t, e.Close())
	})
}

// A writer for whom both tables are full does not wait for a compaction: it ends, whether it is copying or
// waiting for readers.
func TestCompactGivesWayToWriters(t *testing.T) {
	for _, reader := range []bool{false, true} {
		t.Run(fmt.Sprint("reader=", reader), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, f := onFaulty(t)
				must(t, Create(cfg))
				e := quiet(t, cfg)
				must(t, put(e, "huge", string(make([]byte, 3<<20))))
				n := sparse(t, e)
				var s *Snapshot
				if reader {
					var err error
					s, err = e.begin()
					must(t, err)
				}
				ended := make(chan error, 1)
				writes := func() {
					_, err := fill(e, "more", 40)
					ended <- err
				}
				if !reader {
					f.set(during("commit "+Database+disk.Temporary, func() {
						go writes()
						synctest.Wait()
					}))
				}
				compacted := make(chan error, 1)
				go func() { compacted <- e.Compact(t.Context()) }()
				began := time.Now()
				if reader {
					time.Sleep(time.Second)
					go writes()
				}
				wants(t, <-compacted, errBusy)
				ctx, stop := context.WithCancel(t.Context()) // whoever maintains the files comes only now
				var keeper sync.WaitGroup
				keeper.Go(func() { e.keep(ctx) })
				must(t, <-ended)
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("held up for %v", took)
				}
				if reader {
					e.end(s)
				}
				hasFilled(t, e, "more", 40)
				hasFilled(t, e, "row", n)
				stop()
				keeper.Wait()
				must(t, e.Close())
				if temporary(t, e) {
					t.Error("a file is left")
				}
			})
		})
	}
}

// Any call that fails leaves the old file, and the next time it works.
func TestCompactFails(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		for at, last := 1, false; !last; at++ {
			t.Run(fmt.Sprintf("%v/%d", fault, at), func(t *testing.T) {
				cfg, f := onFaulty(t)
				must(t, Create(cfg))
				e := quiet(t, cfg)
				n := sparse(t, e)
				var failed string
				f.set(func(call int, op, name string) error {
					if call == at {
						failed = op + " " + name
						return fault
					}
					return nil
				})
				err := e.Compact(t.Context())
				f.set(nil)
				if failed == "" {
					last = true
					must(t, err)
					return
				}
				if err == nil {
					t.Fatalf("%s failed, and nobody was told", failed)
				}
				e.mu.Lock()
				closed := e.closed
				e.mu.Unlock()
				if !closed {
					whole(t, e, n)
				}
				if temporary(t, e) && failed != "remove store.db.tmp" {
					t.Errorf("after %s: a file is left", failed)
				}
				again := e.Compact(t.Context())
				if e.Err() == nil {
					must(t, again)
					whole(t, e, n)
					must(t, put(e, "after", "it"))
				}
				must(t, e.Close())
				e = opened(t, cfg)
				whole(t, e, n)
			})
		}
	}
}

// A crash leaves a copy that is not whole, or one that is and has rows that were deleted since.
func TestCompactFindsAnOldCopy(t *testing.T) {
	e := made(t, small(t.TempDir()))
	n := sparse(t, e)
	must(t, put(e, "deleted", "since"))
	must(t, checkpoint(e))
	b, err := os.ReadFile(e.Path())
	must(t, err)
	must(t, write(e, func(b *Batch) error {
		b.Delete("a", []byte("deleted"))
		return nil
	}))
	for _, left := range [][]byte{nil, b[:10], b[:len(b)/2], b} {
		must(t, os.WriteFile(e.Path()+disk.Temporary, left, 0o600))
		must(t, e.Compact(t.Context()))
		whole(t, e, n)
		has(t, e, "deleted", "none")
	}
}

// If nobody knows which of both files the next start finds, nothing more is written: a checkpoint into the one
// would be missing in the other.
func TestCompactDoesNotKnowWhichFileIsThere(t *testing.T) {
	cfg, f := onFaulty(t)
	e := made(t, cfg)
	n := sparse(t, e)
	must(t, checkpoint(e))
	before := copied(t, cfg.Dir)
	f.set(on(syscall.EIO, "sync names"))
	wants(t, e.Compact(t.Context()), disk.ErrUnknown)
	<-e.Failed()
	wants(t, put(e, "k", "v"), disk.ErrUnknown)
	whole(t, e, n)
	for _, name := range journal.Names { // with the old file
		b, err := os.ReadFile(filepath.Join(cfg.Dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(before, name), b, 0o600))
	}
	must(t, e.Close())
	f.set(nil)
	whole(t, opened(t, cfg), n)
	cfg.Dir, cfg.Files, cfg.Commit = before, nil, nil
	whole(t, opened(t, cfg), n)
}
