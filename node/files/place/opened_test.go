package place

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

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

// inPlace returns a blob of a file that is sent in place.
func inPlace(t *testing.T, s *store.Store, content string) (b *shelf.Blob, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	m := blob.Manifest{Kind: blob.File, Size: uint64(len(content))}
	b, err = s.Shelf().Take(m, [32]byte{byte(len(content))}, bytes.NewReader([]byte(content)), false, func(int) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	place := shelf.Place{Path: path, Size: m.Size, Modified: info.ModTime().UnixMilli(), Original: true, Whole: true}
	if err := b.Commit(t.Context(), func(i *shelf.Info) { i.Places = []shelf.Place{place, {Path: "/wanted"}} }); err != nil {
		t.Fatal(err)
	}
	return b, path
}

// What is asked for again soon is not opened again; what nobody asks for is closed, and of too much the oldest.
func TestPlacesStayOpen(t *testing.T) {
	s := openStore(t)
	told := 0
	o := &opened{idle: func() { told++ }, by: make(map[shelf.ID]*openPlaces)}
	now := time.Now()
	b, path := inPlace(t, s, "cake")
	reads := func(p *openPlaces, want bool) {
		t.Helper()
		var got [4]byte
		if p.open(); len(p.sources) != 1 {
			t.Fatalf("%d places", len(p.sources))
		} else if _, err := p.sources[0].ReadAt(got[:], 0); (err == nil) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	first := o.take(b)
	reads(first, true)
	if o.take(b) != first {
		t.Error("two readers open it twice")
	}
	o.release(b.ID(), first, now)
	o.tidy(now.Add(time.Hour))
	reads(first, true) // by who still reads
	o.release(b.ID(), first, now)
	if told == 0 || o.take(b) != first {
		t.Error("what was read just now is opened again")
	}
	o.release(b.ID(), first, now)
	if next := o.tidy(now.Add(openFor - 1)); !next.Equal(now.Add(openFor)) {
		t.Errorf("it closes at %v", next.Sub(now))
	}
	if next := o.tidy(now.Add(openFor)); !next.IsZero() || len(o.by) > 0 {
		t.Error("what nobody reads stays open")
	}
	reads(first, false)

	one := o.take(b)
	reads(one, true)
	if err := b.Commit(t.Context(), func(i *shelf.Info) { i.Places = append(i.Places, i.Places[0]) }); err != nil {
		t.Fatal(err)
	}
	other := o.take(b)
	if other.open(); other == one || len(other.sources) != 2 {
		t.Error("where else it is does not count")
	}
	o.release(b.ID(), one, now)
	reads(one, false)
	o.release(b.ID(), other, now)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for i := range maxOpen + 2 {
		c, _ := inPlace(t, s, "another"[:i+1])
		p := o.take(c)
		reads(p, i >= 3)
		o.release(c.ID(), p, now.Add(time.Duration(i+1)*time.Second))
		if len(o.by) > maxOpen {
			t.Fatalf("%d stay open", len(o.by))
		}
	}
	if o.by[b.ID()] != nil {
		t.Error("of too much the latest went")
	}
	o.end()
	if len(o.by) > 0 {
		t.Error("something stays open at the end")
	}
	p := o.take(b)
	p.open()
	o.release(b.ID(), p, now)
	if len(o.by) > 0 {
		t.Error("something stays open after the end")
	}
}

// TestOriginalCannotBeRead: when an original could not be read for a moment, as when too many files were open, the
// owner and all who fetched it were told that it had changed. And what was there again was not found as long as somebody
// asked for it.
func TestOriginalCannotBeRead(t *testing.T) {
	s := openStore(t)
	b, path := inPlace(t, s, "cake")
	all := New(s.Shelf(), func() {})
	reads := func() (places *openPlaces, err error) {
		t.Helper()
		c, err := all.Open(b.Info().Of)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Chunk(0, blob.NewBuffer())
		return c.places, err
	}
	places, err := reads()
	if err != nil {
		t.Fatal(err)
	}
	places.close() // as if the disk failed
	if _, err := reads(); err == nil || errors.Is(err, tree.ErrChanged) {
		t.Errorf("a disk that fails says: %v", err)
	}
	places.began = places.began.Add(-openFor)
	_, _ = reads()
	if again, err := reads(); err != nil || again == places {
		t.Errorf("it is not opened again: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := reads(); !errors.Is(err, tree.ErrChanged) {
		t.Errorf("what is not there any more says: %v", err)
	}
}
