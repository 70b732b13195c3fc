// Package notify tells waiting goroutines that there is something new. Telling never waits, so
// nobody who is slow holds up whoever tells. Both types may be used by any goroutine.
//
// A [Signal] is for one reader, who looks for itself what has changed: signals that come before it
// has looked are one. A [Counter] is for any number of readers, who each remember up to where they
// have looked; a reader that was away sees by the count that it has missed something.
//
// The package keeps nothing of what has changed, only that something has. Nothing in it fails.
// Every room of the node may use it.
package notify

import (
	"context"
	"sync"
)

// Counter counts changes, and lets readers wait for the next one.
type Counter struct {
	mu      sync.Mutex
	n       uint64
	reached uint64        // the highest argument of Reach; n is ahead of it by the number of Bumps
	more    chan struct{} // closed at the next change
}

// NewCounter returns a counter that stands at n.
func NewCounter(n uint64) *Counter {
	return &Counter{n: n, reached: n, more: make(chan struct{})}
}

// Bump counts one change.
func (c *Counter) Bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.n + 1)
}

// Reach takes in the count n of somebody else, such as the store, and counts on by as much as that
// has grown since the last call. Changes that Bump has counted stay counted.
func (c *Counter) Reach(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > c.reached {
		by := n - c.reached
		c.reached = n
		c.set(c.n + by)
	}
}

func (c *Counter) set(n uint64) {
	c.n = n
	close(c.more)
	c.more = make(chan struct{})
}

// Now returns the count, and a channel that is closed when it has grown.
func (c *Counter) Now() (n uint64, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.more
}

// Past returns the count as soon as it is above after. When ctx ends first it returns the count of
// then and ctx's error.
func (c *Counter) Past(ctx context.Context, after uint64) (uint64, error) {
	for {
		n, more := c.Now()
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
