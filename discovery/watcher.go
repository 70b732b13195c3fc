package discovery

import (
	"context"
	"log/slog"
	"time"
)

const (
	// pollEvery is how often the interfaces are read. It costs 0.1 ms; the promise is that a change
	// is followed within 10 s.
	pollEvery = 2 * time.Second

	// sleptFor is how much more wall time than pollEvery must lie between two polls to say that the
	// machine slept. A busy machine delays a poll by less.
	sleptFor = 10 * time.Second
)

// A Watcher tells its subscribers when the network has changed.
type Watcher struct {
	read        func() (Network, error)
	log         *slog.Logger
	wall        func() time.Time
	subscribers []chan Network // fixed once Run begins
}

// NewWatcher returns a Watcher that takes snapshots with read, as made by ReadNetwork.
func NewWatcher(read func() (Network, error), log *slog.Logger) *Watcher {
	// Without its monotonic part a time goes on while the machine sleeps.
	wall := func() time.Time { return time.Now().Round(0) }
	return &Watcher{read: read, log: log, wall: wall}
}

// Subscribe returns a channel with room for one snapshot. It yields the network as it is, and then
// again after each change. Waking from sleep counts as a change, though the snapshot may be the
// same as before. A slow reader gets only the newest snapshot. The channel is never closed. Call
// Subscribe before Run.
func (w *Watcher) Subscribe() <-chan Network {
	c := make(chan Network, 1)
	w.subscribers = append(w.subscribers, c)
	return c
}

// Run polls until ctx ends, then returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	state := watch{wall: w.wall()}
	failing := false
	for {
		n, err := w.read()
		if err != nil && !failing {
			w.log.Warn("cannot read the network interfaces", "err", err)
		}
		failing = err != nil
		if !failing {
			if changed, slept := state.observe(n, w.wall()); changed || slept {
				w.log.Info("network", "interfaces", len(n.Links), "changed", changed, "slept", slept)
				w.publish(n)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// publish replaces what a subscriber has not yet taken. As only Run sends, the second step never
// waits.
func (w *Watcher) publish(n Network) {
	for _, c := range w.subscribers {
		select {
		case <-c:
		default:
		}
		c <- n
	}
}

// watch decides what is a change.
type watch struct {
	known bool
	last  Network
	wall  time.Time // of the last poll that succeeded
}

func (s *watch) observe(n Network, wall time.Time) (changed, slept bool) {
	slept = wall.Sub(s.wall) > pollEvery+sleptFor
	changed = !s.known || !n.Equal(s.last)
	s.known, s.last, s.wall = true, n, wall
	return changed, slept
}
