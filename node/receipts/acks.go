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

// ackRetry is how long after a failed write acknowledgements are tried again: the disk may be full.
const ackRetry = time.Second

// Acks writes down what peers say they have on their disks. Acknowledgements that come during a
// commit go into the next one, and of each log only the newest counts.
type Acks struct {
	store Store
	log   *slog.Logger

	mu    gosync.Mutex
	queue map[ackKey]event.Segments
	wake  notify.Signal
}

type ackKey struct {
	log    event.Log
	person crypto.PersonID
}

// NewAcks returns Acks that have nothing to write.
func NewAcks(s Store, log *slog.Logger) *Acks {
	return &Acks{store: s, log: log, queue: make(map[ackKey]event.Segments), wake: notify.NewSignal()}
}

// Put takes in that a person has segments of a log on the disk of one of their devices.
func (a *Acks) Put(person crypto.PersonID, log event.Log, segments event.Segments) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue[ackKey{log, person}] = segments
	a.wake.Give()
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
		if err := a.write(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("write acknowledgements", "err", err)
			again.Reset(ackRetry)
		}
	}
}

// write commits the queue. If that fails, what was not replaced meanwhile waits again.
func (a *Acks) write(ctx context.Context) error {
	a.mu.Lock()
	queue := a.queue
	a.queue = make(map[ackKey]event.Segments)
	a.mu.Unlock()
	var batch []store.Delivery
	for key, segments := range queue {
		batch = append(batch, store.Delivery{Log: key.log, Person: key.person, Segments: segments})
	}
	err := a.store.NoteDelivered(ctx, batch)
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, segments := range queue {
		if _, newer := a.queue[key]; !newer {
			a.queue[key] = segments
		}
	}
	return err
}
