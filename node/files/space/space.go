// Package space knows how much may still be written to each disk. What several do at once, such as taking in,
// fetching and saving, must not fill a disk together: each takes a [Promise] of what it is going to write, and what
// is promised is not free for the others.
//
// Something always stays free: 1 GiB, and 5 % of the disk. Where the system doesn't tell, there is room until a
// write fails. Any goroutine may use a [Ledger]. It asks the system while others wait for it, so that what was
// promised and written meanwhile is counted once.
package space

import (
	"fmt"
	gosync "sync"

	"github.com/earshot-im/earshot/store"
)

const (
	// leastFree and leastFreePart are what stays free of a disk: so much, and a part of it.
	leastFree     = 1 << 30
	leastFreePart = 20
)

// Ledger has the promises of this process.
type Ledger struct {
	of func(dir string) (s store.Space, known bool)

	mu       gosync.Mutex
	promises map[*Promise]struct{}
}

// New returns a Ledger that asks of for the space of the disk that a folder is on.
func New(of func(dir string) (s store.Space, known bool)) *Ledger {
	return &Ledger{of: of, promises: make(map[*Promise]struct{})}
}

// Promise is room on a disk that nobody else has. It must be ended.
type Promise struct {
	l   *Ledger
	dir string

	// guarded by Ledger.mu
	disk uint64
	left uint64 // bytes
}

// unknown is more than any disk has.
const unknown = 1 << 62

// Take promises so many bytes of the disk that a folder is on. The error is store.ErrFull.
func (l *Ledger) Take(dir string, bytes uint64) (*Promise, error) {
	p := &Promise{l: l, dir: dir}
	if err := p.Again(bytes); err != nil {
		return nil, err
	}
	return p, nil
}

// Again promises so many bytes, instead of what is left, also after End. The error is store.ErrFull; then nothing is
// promised. nil is of nothing.
func (p *Promise) Again(bytes uint64) error {
	if p == nil {
		return nil
	}
	p.End()
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	disk, free := p.l.free(p.dir, nil)
	if free < bytes {
		return fmt.Errorf("%w: %d bytes for files, which need %d", store.ErrFull, free, bytes)
	}
	p.disk, p.left = disk, bytes
	p.l.promises[p] = struct{}{}
	return nil
}

// Free returns how many bytes may be written to the disk that a folder is on, besides what is promised; some
// promises don't count.
func (l *Ledger) Free(dir string, but ...*Promise) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, free := l.free(dir, but)
	return free
}

// Same reports whether two folders may be on the same disk.
func (l *Ledger) Same(dir, other string) bool {
	a, _ := l.of(dir)
	b, _ := l.of(other)
	return same(a.Disk, b.Disk)
}

// free is Free. l.mu is held.
func (l *Ledger) free(dir string, but []*Promise) (disk, free uint64) {
	s, known := l.of(dir)
	if !known {
		return 0, unknown
	}
	taken := max(leastFree, s.Total/leastFreePart)
	for p := range l.promises {
		if same(p.disk, s.Disk) {
			taken += p.left
		}
	}
	for _, p := range but {
		if p != nil && same(p.disk, s.Disk) {
			taken -= p.left
		}
	}
	return s.Disk, s.Free - min(s.Free, taken)
}

// same reports whether two names may be of one disk: of one without a name nobody knows.
func same(a, b uint64) bool { return a == b || a == 0 || b == 0 }

// Wrote says that so many bytes of it are written: they are not free on the disk any more. nil is of nothing.
func (p *Promise) Wrote(bytes uint64) {
	if p == nil {
		return
	}
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	p.left -= min(p.left, bytes)
}

// End gives back what was not written.
func (p *Promise) End() {
	if p == nil {
		return
	}
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	p.left = 0
	delete(p.l.promises, p)
}
