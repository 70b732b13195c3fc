package give

import (
	"context"
	"slices"
	"sync"
)

// credit is how many bytes a share may be behind. More is not caught up with: who read slowly, or was
// not here, doesn't hold up the others afterwards.
const credit = 2 * bufferSize

// turns lets so many read at a time. The next of those who wait is the one whose share has got least, in
// bytes, however many wait for that share.
type turns struct {
	mu      sync.Mutex
	free    int
	waiting []*turn // in the order in which they came
	running []*turn
	floor   int64 // what the one with least of those that run had got when it began
}

// share is what counts together: the streams of a person, or of an address.
type share struct {
	used int64 // bytes; the lock of its turns guards it
}

type turn struct {
	of    *share
	bytes int64
	since int64 // used when it began
	begun chan struct{}
}

func newTurns(n int) *turns { return &turns{free: n} }

// take waits for a turn of so many bytes, which done ends.
func (t *turns) take(ctx context.Context, of *share, bytes int) (done func(), err error) {
	w := &turn{of: of, bytes: int64(bytes), begun: make(chan struct{})}
	t.mu.Lock()
	of.used = max(of.used, t.floor-credit)
	t.waiting = append(t.waiting, w)
	t.next()
	t.mu.Unlock()
	select {
	case <-w.begun:
		return func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.end(w)
		}, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := slices.Index(t.waiting, w); at >= 0 {
		t.waiting = slices.Delete(t.waiting, at, at+1)
	} else { // it has begun meanwhile
		t.end(w)
	}
	return nil, context.Cause(ctx)
}

// end ends a turn that has begun. The caller holds the lock.
func (t *turns) end(w *turn) {
	t.running = slices.DeleteFunc(t.running, func(r *turn) bool { return r == w })
	t.free++
	t.next()
}

// next gives turns. The caller holds the lock.
func (t *turns) next() {
	for t.free > 0 && len(t.waiting) > 0 {
		at := 0
		for i, w := range t.waiting {
			if w.of.used < t.waiting[at].of.used {
				at = i
			}
		}
		w := t.waiting[at]
		t.waiting = slices.Delete(t.waiting, at, at+1)
		t.running = append(t.running, w)
		t.free--
		w.since = w.of.used
		w.of.used += w.bytes
		close(w.begun)
		t.floor = w.since
		for _, r := range t.running {
			t.floor = min(t.floor, r.since)
		}
	}
}
