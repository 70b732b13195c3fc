package link

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxAttempts is how many connections of whoever is not proven may come within attemptSpan, of
	// all who share them: a whole office at once. What is refused costs a few system calls.
	maxAttempts = 4096
	attemptSpan = 4 * time.Second

	// handshakeRate bounds the handshakes of whoever is not proven, a second: at handshakeCost each
	// they take a tenth of a core, and let an office in within a few seconds. handshakeBurst bounds
	// those that run at the same time: whatever else is to be done waits for them.
	handshakeRate  = 100
	handshakeBurst = 2
	// handshakeCost is what a handshake takes of one core, see BenchmarkHandshake.
	handshakeCost = time.Millisecond
)

// turns lets so many go on a second. Whoever waits gets a turn by its address: each address has one
// after the other, and of an address anyone. In the order in which they came, those who have given up
// would go first; the other way round, the first would wait as long as others come.
type turns struct {
	mu      sync.Mutex
	bucket  *rate.Limiter
	waiting map[netip.Addr][]chan struct{}
	order   []netip.Addr // those with somebody waiting, the next one first
	timer   *time.Timer  // runs while somebody waits
}

func (t *turns) init(perSecond, burst int) {
	t.bucket = rate.NewLimiter(rate.Limit(perSecond), burst)
	t.waiting = make(map[netip.Addr][]chan struct{})
}

// wait returns when it is the turn of one that comes from an address, or ctx has ended.
func (t *turns) wait(ctx context.Context, from netip.Addr) error {
	turn := make(chan struct{})
	t.mu.Lock()
	if len(t.order) == 0 && t.bucket.Allow() {
		t.mu.Unlock()
		return nil
	}
	if len(t.waiting[from]) == 0 {
		t.order = append(t.order, from)
	}
	t.waiting[from] = append(t.waiting[from], turn)
	t.arm()
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		t.forget(from, turn)
		return ctx.Err()
	}
}

// arm has next called when there is a turn to give. The caller holds the lock.
func (t *turns) arm() {
	if t.timer == nil && len(t.order) > 0 {
		t.timer = time.AfterFunc(time.Duration(float64(time.Second)/float64(t.bucket.Limit())), t.next)
	}
}

// next gives turns.
func (t *turns) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = nil
	for len(t.order) > 0 && t.bucket.Allow() {
		from := t.order[0]
		all := t.waiting[from]
		turn := all[rand.IntN(len(all))]
		t.forget(from, turn)
		if len(t.waiting[from]) > 0 { // behind the others
			t.order = append(t.order[1:], from)
		}
		close(turn)
	}
	t.arm()
}

// forget takes one out who waits. The caller holds the lock.
func (t *turns) forget(from netip.Addr, turn chan struct{}) {
	t.waiting[from] = slices.DeleteFunc(t.waiting[from], func(c chan struct{}) bool { return c == turn })
	if len(t.waiting[from]) == 0 {
		delete(t.waiting, from)
		t.order = slices.DeleteFunc(t.order, func(a netip.Addr) bool { return a == from })
	}
}
