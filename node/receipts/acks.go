package receipts

import (
	"context"
	"log/slog"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// ackLater is how long an acknowledgement waits for something else that is written. People see by then
	// that their message has come.
	ackLater = 100 * time.Millisecond

	// ackRetry is how long after a failed write acknowledgements are tried again: the disk may be full.
	ackRetry = time.Second
)

// Acks writes down what peers say they have on their disks. It is their disks that count: who waits for that
// need not wait until it is written here as well (see Ahead). So acknowledgements are written with whatever
// comes next, and of each log only the newest.
type Acks struct {
	store Store
	log   *slog.Logger

	mu      gosync.Mutex
	pending map[ackKey]*event.Segments // which are not known to be written
	wake    notify.Signal
	came    *notify.Counter
}

type ackKey struct {
	log    event.Log
	person crypto.PersonID
}

// NewAcks returns Acks that have nothing to write.
func NewAcks(s Store, log *slog.Logger) *Acks {
	return &Acks{store: s, log: log, pending: make(map[ackKey]*event.Segments), wake: notify.NewSignal(), came: notify.NewCounter(0)}
}

// Put takes in that a person has segments of a log on the disk of one of their devices.
func (a *Acks) Put(person crypto.PersonID, log event.Log, segments event.Segments) {
	a.mu.Lock()
	a.pending[ackKey{log, person}] = &segments
	a.mu.Unlock()
	a.wake.Give()
	a.came.Bump()
}

// Ahead returns what is not known to be written yet, and a channel that is closed when more comes.
func (a *Acks) Ahead() (pending []store.Delivery, more <-chan struct{}) {
	_, more = a.came.Now()
	pending, _ = a.take()
	return pending, more
}

// take returns what is pending, in two ways.
func (a *Acks) take() ([]store.Delivery, map[ackKey]*event.Segments) {
	a.mu.Lock()
	defer a.mu.Unlock()
	deliveries := make([]store.Delivery, 0, len(a.pending))
	taken := make(map[ackKey]*event.Segments, len(a.pending))
	for key, segments := range a.pending {
		deliveries = append(deliveries, store.Delivery{Log: key.log, Person: key.person, Segments: *segments})
		taken[key] = segments
	}
	return deliveries, taken
}

// Run writes until ctx ends. What can't be written now is tried again.
func (a *Acks) Run(ctx context.Context) {
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-again.C:
		}
		if !a.write(ctx, ackLater) {
			again.Reset(ackRetry)
		}
	}
}

// Settle writes at once what is pending. Whoever is about to look at the store sees then what others
// have been told of by Ahead.
func (a *Acks) Settle(ctx context.Context) { a.write(ctx, 0) }

// write commits what is pending, together with what others write by then, and reports whether it could.
func (a *Acks) write(ctx context.Context, later time.Duration) bool {
	a.mu.Lock()
	none := len(a.pending) == 0
	a.mu.Unlock()
	if none {
		return true
	}
	var written map[ackKey]*event.Segments
	err := a.store.NoteDeliveredLater(ctx, later, func() (now []store.Delivery) {
		now, written = a.take()
		return now
	})
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("write acknowledgements", "err", err)
		}
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, segments := range written {
		if a.pending[key] == segments { // else there is something newer
			delete(a.pending, key)
		}
	}
	return true
}
