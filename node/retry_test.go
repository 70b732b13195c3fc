package node

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/receipts"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// disk is a store whose writing can be made to fail.
type disk struct {
	receipts.Store
	deliver func(context.Context, []store.Delivery) error
	sign    func(ctx context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error)
}

func (d *disk) NoteDelivered(ctx context.Context, r []store.Delivery) error { return d.deliver(ctx, r) }

func (d *disk) SignReceipt(ctx context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error) {
	return d.sign(ctx, of, worth)
}

var errFullDisk = errors.New("no space left on device")

// TestAcknowledgementsAreWrittenWhenThereIsRoom: what peers say that they have, while the disk is full, is written when it is
// no more, and of each log the newest only.
func TestAcknowledgementsAreWrittenWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		full.Store(true)
		var tries atomic.Int32
		var written []store.Delivery
		var d disk
		a := receipts.NewAcks(&d, slog.New(slog.DiscardHandler))
		person := crypto.PersonID{1}
		log, other := event.Log{Device: crypto.DeviceID{1}}, event.Log{Device: crypto.DeviceID{2}}
		upTo := func(n uint64) event.Segments { return event.Segments{{First: 1, Last: n}} }
		d.deliver = func(_ context.Context, reaches []store.Delivery) error {
			if n := tries.Add(1); full.Load() {
				if n == 1 {
					a.Put(person, log, upTo(2)) // comes during the commit
				}
				return errFullDisk
			}
			written = append(written, reaches...)
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go a.Run(ctx) // ends with ctx
		a.Put(person, log, upTo(1))
		a.Put(person, other, upTo(1))
		time.Sleep(10 * ackRetry)
		if n := tries.Load(); n < 8 || n > 12 {
			t.Errorf("tried %d times in %s", n, 10*ackRetry)
		}
		full.Store(false)
		time.Sleep(2 * ackRetry)
		synctest.Wait()
		slices.SortFunc(written, func(x, y store.Delivery) int { return x.Log.Compare(y.Log) })
		if len(written) != 2 || written[0].Segments[0].Last != 2 || written[1].Segments[0].Last != 1 {
			t.Errorf("written: %+v", written)
		}
	})
}

// TestReceiptIsSignedWhenThereIsRoom: a receipt that could not be committed is tried again without anything new to say.
func TestReceiptIsSignedWhenThereIsRoom(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		ann.meets(soon, bob)
		ann.reaches(soon, ann.say(bob, "hello"), chat.StateDelivered)
		tries := make(chan time.Time, 100)
		signed := make(chan event.Record, 100)
		d := disk{Store: bob.store}
		r := receipts.New(receipts.Config{Store: &d, Self: bob.who.person, Groups: bob.groups, Log: bob.log,
			Signed: func(_ event.Conversation, record event.Record) { signed <- record }})
		d.sign = func(ctx context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error) {
			if tries <- time.Now(); len(tries) < 4 {
				return event.Record{}, false, errFullDisk
			}
			return bob.store.SignReceipt(ctx, of, worth)
		}
		r.Mark(event.Direct(ann.who.person, bob.who.person), ann.who.person)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.Run(ctx); close(ended) }() // ends with ctx
		time.Sleep(10 * receiptPause)
		cancel()
		<-ended
		if len(signed) != 1 {
			t.Fatalf("%d receipts after %d tries", len(signed), len(tries))
		}
		for last := (time.Time{}); len(tries) > 0; {
			at := <-tries
			if at.Sub(last) < receiptPause {
				t.Errorf("tried again after %s", at.Sub(last))
			}
			last = at
		}
	})
}

// TestReceiptIsNotKeptBeforeWhatItSays: a receipt that is held is not sent again, so what it says must be on the disk before.
func TestReceiptIsNotKeptBeforeWhatItSays(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		ann.meets(soon, bob)
		ann.reaches(soon, ann.say(bob, "hello"), chat.StateDelivered)
		c := event.Direct(ann.who.person, bob.who.person)
		about := event.ReceiptSubject(c, ann.who.person, event.Instance{9})
		record, err := event.NewRecord(bob.me.key, event.Record{Card: bob.me.card.Head(), Kind: event.KindReceipt, Subject: about, Counter: 1,
			Value: event.Receipt{}.Marshal()})
		if err != nil {
			t.Fatal(err)
		}
		kept := func() bool {
			records, err := ann.store.Book().Records(event.KindReceipt, about)
			if err != nil {
				t.Fatal(err)
			}
			return len(records) > 0
		}
		d := disk{Store: ann.store}
		r := receipts.New(receipts.Config{Store: &d, Records: ann.store.Book(), Self: ann.who.person, Groups: ann.groups, Log: ann.log})
		d.deliver = func(context.Context, []store.Delivery) error { return errFullDisk }
		if err := r.Take(t.Context(), bob.who.person, c, record); !errors.Is(err, errFullDisk) || kept() {
			t.Errorf("kept: %t, %v", kept(), err)
		}
		d.deliver = ann.store.NoteDelivered
		if err := r.Take(t.Context(), bob.who.person, c, record); err != nil || !kept() {
			t.Errorf("not kept: %v", err)
		}
	})
}
