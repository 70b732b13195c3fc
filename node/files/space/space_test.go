package space

import (
	"errors"
	"testing"

	"github.com/earshot-im/earshot/store"
)

const mib = 1 << 20

// disks are some disks, by the folder.
type disks map[string]*store.Space

func (d disks) of(dir string) (store.Space, bool) {
	s := d[dir]
	if s == nil {
		return store.Space{}, false
	}
	return *s, true
}

func TestWhatStaysFree(t *testing.T) {
	for _, c := range []struct{ total, free, want uint64 }{
		{0, 1 << 30, 0}, {0, 1<<30 + 1, 1}, {0, 5, 0}, {0, 0, 0},
		{100 << 30, 5 << 30, 0}, {100 << 30, 5<<30 + 7, 7}, {20 << 30, 1<<30 + 7, 7},
	} {
		l := New(disks{"a": {Total: c.total, Free: c.free}}.of)
		if got := l.Free("a"); got != c.want {
			t.Errorf("%d of %d bytes are free: %d", c.free, c.total, got)
		}
	}
	if l := New(disks{}.of); l.Free("a") != unknown {
		t.Error("where nothing is known there is no room")
	}
}

// What is promised to one is not free for another, until it was written or given up.
func TestPromises(t *testing.T) {
	a := &store.Space{Disk: 1, Free: 1<<30 + 100*mib}
	l := New(disks{"a": a, "below a": a, "b": {Disk: 2, Free: 1<<30 + 10*mib}, "?": {Free: 1<<30 + 90*mib}}.of)
	take := func(dir string, n uint64, ok bool) *Promise {
		t.Helper()
		p, err := l.Take(dir, n)
		if (err == nil) != ok || err != nil && !errors.Is(err, store.ErrFull) {
			t.Fatalf("%d bytes in %s: %v", n, dir, err)
		}
		return p
	}
	free := func(dir string, want uint64, but ...*Promise) {
		t.Helper()
		if got := l.Free(dir, but...); got != want {
			t.Errorf("%d bytes are free in %s, not %d", got, dir, want)
		}
	}
	take("a", 100*mib+1, false)
	first := take("a", 60*mib, true)
	take("below a", 41*mib, false)
	free("below a", 40*mib)
	free("a", 100*mib, first, nil)
	free("b", 10*mib)
	free("?", 30*mib) // it may be the same disk
	second := take("a", 40*mib, true)
	free("a", 0)
	a.Free -= 50 * mib
	first.Wrote(50 * mib)
	free("a", 0)
	free("a", 10*mib, first)
	first.Wrote(20 * mib) // more than it was promised
	free("a", 10*mib)
	second.End()
	second.End()
	free("a", 50*mib)
	first.End()
	free("a", 50*mib)
	if err := first.Again(61 * mib); !errors.Is(err, store.ErrFull) {
		t.Errorf("promised again: %v", err)
	}
	free("a", 50*mib)
	for range 2 { // instead of what is left
		if err := first.Again(30 * mib); err != nil {
			t.Error(err)
		}
		free("a", 20*mib)
	}
	if err := first.Again(51 * mib); err == nil {
		t.Error("more than there is is promised")
	}
	free("a", 50*mib)
	var none *Promise
	if err := none.Again(1); err != nil {
		t.Error(err)
	}
	none.Wrote(1)
	none.End()
	if l.Same("a", "b") || !l.Same("a", "below a") || !l.Same("a", "?") || !l.Same("a", "nowhere") {
		t.Error("which disk is which")
	}
}
