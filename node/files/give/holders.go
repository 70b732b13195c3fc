package give

import (
	"sync"
	"time"
)

// heldFor is how long a stream keeps memory for parts at least when others wait for it: enough to give
// some chunks, unless the peer reads slowly.
const heldFor = 250 * time.Millisecond

// holders are the streams that hold memory for parts. The budgets ask nobody to give back to one who would
// then hold as much; of many readers who read slowly the last ones would never get anything.
type holders struct {
	mu    sync.Mutex
	since map[*giving]time.Time // when they began to; who was asked to give back isn't here
}

func (h *holders) enter(v *giving) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.since[v]; !ok {
		h.since[v] = time.Now()
	}
}

func (h *holders) leave(v *giving) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.since, v)
}

// shed asks who has held for longest, of the standing of somebody, to give back to them.
func (h *holders) shed(to *giving) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var whom *giving
	for v, since := range h.since {
		if v != to && v.peer.Standing == to.peer.Standing && time.Since(since) >= heldFor && (whom == nil || since.Before(h.since[whom])) {
			whom = v
		}
	}
	if whom != nil {
		delete(h.since, whom)
		whom.short.Give()
	}
}
