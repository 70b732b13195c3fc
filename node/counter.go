package node

import (
	"context"
	gosync "sync"
)

// counter tells "changed up to N" to whoever waits. Nobody who is slow holds it up.
type counter struct {
	mu      gosync.Mutex
	n       uint64
	reached uint64        // by reach; n is ahead of it by what was bumped
	more    chan struct{} // closed at the next change
}

func newCounter(n uint64) *counter {
	return &counter{n: n, reached: n, more: make(chan struct{})}
}

// bump counts one change.
func (c *counter) bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.n + 1)
}

// reach counts on by as much as n is above what was reached before.
func (c *counter) reach(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > c.reached {
		by := n - c.reached
		c.reached = n
		c.set(c.n + by)
	}
}

func (c *counter) set(n uint64) {
	c.n = n
	close(c.more)
	c.more = make(chan struct{})
}

// now is the count, and a channel that is closed when it has grown.
func (c *counter) now() (n uint64, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.more
}

// past returns the count as soon as it is past after.
func (c *counter) past(ctx context.Context, after uint64) (uint64, error) {
	for {
		n, more := c.now()
		if n > after {
			return n, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
}
