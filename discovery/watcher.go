package discovery

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

const (
	// pollEvery is how often it is seen whether the machine slept, and how often the interfaces are read where the
	// system doesn't tell of changes. To read them takes about a millisecond.
	pollEvery = 2 * time.Second

	// readEvery is how often the interfaces are read at least. The promise is that a change is followed within 10 s.
	readEvery = 8 * time.Second

	// settling is how long after the system has told of a change the interfaces are read: one change mostly comes
	// in several parts.
	settling = 200 * time.Millisecond

	// sleptFor is how much more wall time than pollEvery must lie between two polls to say that the
	// machine slept. A busy machine delays a poll by less.
	sleptFor = 10 * time.Second
)

// A Watcher tells its subscribers when the network has changed.
type Watcher struct {
	read        func() (Network, error)
	listen      func() (io.ReadCloser, error) // see Listen; nil: the system doesn't tell of changes
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

// Listen has the system tell of changes of this machine's interfaces, where it can. Call Listen before Run.
func (w *Watcher) Listen() { w.listen = systemChanges }

// Subscribe returns a channel with room for one snapshot. It yields the network as it is, and then
// again after each change. Waking from sleep counts as a change, though the snapshot may be the
// same as before. A slow reader gets only the newest snapshot. The channel is never closed. Call
// Subscribe before Run.
func (w *Watcher) Subscribe() <-chan Network {
	c := make(chan Network, 1)
	w.subscribers = append(w.subscribers, c)
	return c
}

// Run looks for changes until ctx ends, then returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	told, stop := w.changes()
	defer stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var settled <-chan time.Time // a change that the system has told of can be read; nil: it has told of none
	state := watch{wall: w.wall()}
	failing := false
	for {
		state.wake(w.wall())
		if told == nil || failing || state.slept || settled == nil && time.Since(state.read) >= readEvery {
			settled = nil
			began := time.Now()
			n, err := w.read()
			if err != nil && !failing {
				w.log.Warn("cannot read the network interfaces", "err", err)
			}
			if failing = err != nil; !failing {
				if changed, slept := state.observe(n, began); changed || slept {
					w.log.Info("network", "interfaces", len(n.Links), "changed", changed, "slept", slept)
					w.publish(n)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case _, tells := <-told:
			if !tells {
				told = nil
			} else if settled == nil {
				settled = time.After(settling)
			}
		case <-settled:
			settled, state.read = nil, time.Time{}
		}
	}
}

// changes returns a channel that yields when the system tells of changes, and is closed when it tells of no more;
// nil if it doesn't tell. stop ends that, and returns when it has ended.
func (w *Watcher) changes() (told chan struct{}, stop func()) {
	if w.listen == nil {
		return nil, func() {}
	}
	from, err := w.listen()
	if err != nil {
		w.log.Info("the system does not tell of changes of the network", "err", err)
		return nil, func() {}
	}
	told, ended := make(chan struct{}, 1), make(chan struct{})
	go func() { // until stop, or the system tells no more
		defer close(ended)
		defer close(told)
		for b := make([]byte, 4096); ; {
			if _, err := from.Read(b); err != nil && !errors.Is(err, errManyChanges) {
				return
			}
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	return told, func() {
		_ = from.Close()
		<-ended
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
	read  time.Time // when last was read
	wall  time.Time // of the last wake
	slept bool      // since last was read
}

// wake takes in what time it is.
func (s *watch) wake(wall time.Time) {
	s.slept = s.slept || wall.Sub(s.wall) > pollEvery+sleptFor
	s.wall = wall
}

func (s *watch) observe(n Network, at time.Time) (changed, slept bool) {
	changed, slept = !s.known || !n.Equal(s.last), s.slept
	s.known, s.last, s.read, s.slept = true, n, at, false
	return changed, slept
}
