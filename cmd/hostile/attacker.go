package main

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
)

// pause follows what was refused.
const pause = 250 * time.Millisecond

// attacker is this process: a client, and what the flags say.
type attacker struct {
	*rogue.Client
	target  netip.Addr // a third party
	n, size int
	dir, to string // of the meter
	text    string
}

// each does something n times at once and waits for all.
func (a *attacker) each(do func(i int)) {
	var all sync.WaitGroup
	for i := range a.n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// again does something n times at once, and each again and again until the attack is over, with a
// pause after what failed.
func (a *attacker) again(ctx context.Context, do func(i int) error) {
	a.each(func(i int) {
		for ctx.Err() == nil {
			if err := do(i); err != nil {
				a.Failed(ctx, "try", err)
				sleep(ctx, pause)
			}
		}
	})
}

// sleep waits, and says whether the attack goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
