package receipts

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errFullDisk = errors.New("no space left on device")

// disk is a store of which the test says what it does.
type disk struct {
	unsigned []store.Subject
	signs    func(of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error)
	delivers func([]store.Delivery) error

	kept []event.Record // by PutRecord

	unsaid []store.Subject
	said   []time.Duration // when SignHoldings was called, since began
	began  time.Time
	took   []crypto.PersonID // whose holdings were taken
	takes  error
}

func (d *disk) Unsaid() ([]store.Subject, error) { return d.unsaid, nil }

func (d *disk) SignHoldings(_ context.Context, of store.Subject) (event.Record, bool, error) {
	d.said = append(d.said, time.Since(d.began))
	return event.Record{Kind: event.KindHoldings, Subject: event.ReceiptSubject(of.Conversation, of.Author, event.Instance{})}, true, nil
}

func (d *disk) TakeHoldings(_ context.Context, from crypto.PersonID, _ event.Record) error {
	d.took = append(d.took, from)
	return d.takes
}

func (d *disk) Unsigned() ([]store.Subject, error) { return d.unsigned, nil }

func (d *disk) SignReceipt(_ context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error) {
	return d.signs(of, worth)
}

func (d *disk) NoteDelivered(_ context.Context, r []store.Delivery) error { return d.delivers(r) }

// NoteDeliveredLater waits for nothing else.
func (d *disk) NoteDeliveredLater(_ context.Context, later time.Duration, pending func() []store.Delivery) error {
	<-time.After(later)
	return d.delivers(pending())
}

func (d *disk) PutRecord(_ context.Context, r event.Record) (bool, error) {
	d.kept = append(d.kept, r)
	return true, nil
}

// circle is the groups that are known, and who was ever in them.
type circle map[event.Conversation][]crypto.PersonID

func (c circle) Known(id event.Conversation) bool { return c[id] != nil }

func (c circle) Ever(id event.Conversation, p crypto.PersonID) bool { return slices.Contains(c[id], p) }

var (
	me, bob, dora = crypto.PersonID{1}, crypto.PersonID{2}, crypto.PersonID{3}
	direct        = event.Direct(me, bob)
	lunch         = event.Conversation{9} // me and bob are in it
)

// desk is Receipts over a disk.
type desk struct {
	*Receipts
	disk
	signed []store.Subject // when Signed was told, in order
	at     []time.Duration // since the desk was made
	end    func()
}

// newDesk makes one that signs everything, if the test does not say otherwise.
func newDesk() *desk {
	d := &desk{}
	began := time.Now()
	d.began = began
	d.signs = func(of store.Subject, _ func(event.Receipt) bool) (event.Record, bool, error) {
		return event.Record{Subject: event.ReceiptSubject(of.Conversation, of.Author, event.Instance{})}, true, nil
	}
	d.delivers = func([]store.Delivery) error { return nil }
	d.Receipts = New(Config{Store: &d.disk, Records: &d.disk, Groups: circle{lunch: {me, bob}}, Self: me, Log: slog.New(slog.DiscardHandler),
		Signed: func(c event.Conversation, r event.Record) {
			_, author, _, _ := event.ParseReceiptSubject(r.Subject)
			d.signed = append(d.signed, store.Subject{Conversation: c, Author: author})
			d.at = append(d.at, time.Since(began))
		}})
	return d
}

// runs has receipts signed until the test ends.
func (d *desk) runs(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }() // until end
	d.end = func() { cancel(); <-ended }
	t.Cleanup(func() { d.end() })
}

// passes lets time pass, and everybody notice.
func passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// What happens at once makes one receipt, and there is at most one a second for each author and
// conversation.
func TestReceiptsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.runs(t)
		for range 25 { // 2.5 s
			d.Mark(direct, bob)
			passes(100 * time.Millisecond)
		}
		d.Mark(lunch, bob)
		d.Mark(lunch, dora)
		passes(10 * time.Second)
		var ours []time.Duration
		for i, s := range d.signed {
			if s.Conversation == direct {
				ours = append(ours, d.at[i])
			}
		}
		if want := []time.Duration{receiptDelay, receiptDelay + receiptPause, receiptDelay + 2*receiptPause, receiptDelay + 3*receiptPause}; !slices.Equal(ours, want) &&
			!slices.Equal(ours, want[:3]) {
			t.Errorf("signed at %v, want %v", ours, want)
		}
		for _, author := range []crypto.PersonID{bob, dora} {
			i := slices.Index(d.signed, store.Subject{Conversation: lunch, Author: author})
			if i < 0 || d.at[i] != 2500*time.Millisecond+receiptDelay {
				t.Errorf("another subject: %d", i)
			}
		}
		d.Mark(direct, bob)
		passes(receiptDelay)
		if d.end(); len(d.due) != 0 || len(d.last) > 1 {
			t.Errorf("%d subjects are due, %d are remembered", len(d.due), len(d.last))
		}
	})
}

// Who goes on writing gets a receipt nevertheless, and what others write does not hasten the next
// one.
func TestReceiptIsNotPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.runs(t)
		for range 30 { // 900 ms
			d.Mark(lunch, dora)
			passes(receiptDelay / 10)
			d.Mark(direct, bob)
			passes(receiptDelay / 5)
		}
		want := []store.Subject{{Conversation: lunch, Author: dora}, {Conversation: direct, Author: bob}}
		if !slices.Equal(d.signed, want) {
			t.Errorf("signed at %v: %v", d.at, d.signed)
		}
	})
}

// What the program had no time to sign before it ended is signed when it runs again.
func TestReceiptThatWasLeftIsSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.unsigned = []store.Subject{{Conversation: direct, Author: bob}}
		d.runs(t)
		passes(receiptDelay)
		if !slices.Equal(d.signed, d.unsigned) {
			t.Errorf("signed: %v", d.signed)
		}
	})
}

// A receipt that could not be committed is tried again without anything new to say, but not at
// once.
func TestReceiptIsSignedWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		works := d.signs
		var tries []time.Time
		d.signs = func(of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error) {
			if tries = append(tries, time.Now()); len(tries) < 4 {
				return event.Record{}, true, errFullDisk
			}
			return works(of, worth)
		}
		d.runs(t)
		d.Mark(direct, bob)
		passes(10 * receiptPause)
		if len(d.signed) != 1 || len(tries) != 4 {
			t.Fatalf("%d receipts after %d tries", len(d.signed), len(tries))
		}
		for i := 1; i < len(tries); i++ {
			if after := tries[i].Sub(tries[i-1]); after != receiptPause {
				t.Errorf("tried again after %s", after)
			}
		}
	})
}

// In a group only what was read is worth a signature, and what an acknowledgement can't say.
// Nothing is told that was not worth one.
func TestWhatIsWorthAReceipt(t *testing.T) {
	some, forked := []event.LogSegment{{}}, []event.LogSegment{{}, {Other: true}}
	for what, c := range map[string]struct {
		in    event.Conversation
		state event.Receipt
		want  bool
	}{
		"nothing":                {direct, event.Receipt{}, false},
		"delivered":              {direct, event.Receipt{Delivered: some}, true},
		"read":                   {direct, event.Receipt{Delivered: some, Read: some}, true},
		"nothing in a group":     {lunch, event.Receipt{}, false},
		"delivered in a group":   {lunch, event.Receipt{Delivered: some}, false},
		"read in a group":        {lunch, event.Receipt{Delivered: some, Read: some}, true},
		"forked in a group":      {lunch, event.Receipt{Delivered: forked}, true},
		"nothing here, but read": {lunch, event.Receipt{Read: some}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			d.signs = func(_ store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error) {
				return event.Record{}, worth(c.state), nil
			}
			d.runs(t)
			d.Mark(c.in, bob)
			passes(time.Second)
			if got := len(d.signed) == 1; got != c.want {
				t.Errorf("%s: worth it: %t", what, got)
			}
		})
	}
}

// A receipt is believed about what the owner has written, from somebody who could have got it. What
// it says is on the disk before it is: a receipt that is held is not sent again.
func TestTake(t *testing.T) {
	receipt := event.Receipt{
		Delivered: []event.LogSegment{{Device: crypto.DeviceID{7}, Instance: event.Instance{8}, Segment: event.Segment{First: 1, Last: 3, ID: event.ID{3}}}},
		Read:      []event.LogSegment{{Device: crypto.DeviceID{7}, Instance: event.Instance{8}, Segment: event.Segment{First: 1, Last: 2, ID: event.ID{2}}}},
	}
	about := func(c event.Conversation, author crypto.PersonID) []byte {
		return event.ReceiptSubject(c, author, event.Instance{5})
	}
	for what, c := range map[string]struct {
		from    crypto.PersonID
		in      event.Conversation
		subject []byte
		value   []byte
		want    bool
	}{
		"direct":                     {bob, direct, about(direct, me), receipt.Marshal(), true},
		"of a member":                {bob, lunch, about(lunch, me), receipt.Marshal(), true},
		"of one who was never in it": {dora, lunch, about(lunch, me), receipt.Marshal(), false},
		"of a third person":          {dora, direct, about(direct, me), receipt.Marshal(), false},
		"about another's messages":   {bob, direct, about(direct, bob), receipt.Marshal(), false},
		"about another conversation": {bob, direct, about(lunch, me), receipt.Marshal(), false},
		"of the owner's own":         {me, lunch, about(lunch, me), receipt.Marshal(), false},
		"about nothing":              {bob, direct, []byte{1}, receipt.Marshal(), false},
		"without a meaning":          {bob, direct, about(direct, me), []byte{0xff}, false},
	} {
		d := newDesk()
		var noted []store.Delivery
		d.delivers = func(all []store.Delivery) error { noted = append(noted, all...); return nil }
		record := event.Record{Subject: c.subject, Value: c.value, Counter: 4}
		if err := d.Take(t.Context(), c.from, c.in, record); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if !c.want {
			if len(d.kept)+len(noted) != 0 {
				t.Errorf("%s: taken", what)
			}
			continue
		}
		log := event.Log{Conversation: c.in, Device: crypto.DeviceID{7}, Instance: event.Instance{8}}
		want := []store.Delivery{
			{Person: bob, Log: log, Segments: []event.Segment{receipt.Delivered[0].Segment}},
			{Person: bob, Log: log, Segments: []event.Segment{receipt.Read[0].Segment}, Read: true},
		}
		if !reflect.DeepEqual(noted, want) || len(d.kept) != 1 || d.kept[0].Counter != 4 {
			t.Errorf("%s: kept %d, noted %+v", what, len(d.kept), noted)
		}
		d.delivers = func([]store.Delivery) error { return errFullDisk }
		if err := d.Take(t.Context(), c.from, c.in, record); !errors.Is(err, errFullDisk) || len(d.kept) != 1 {
			t.Errorf("%s: kept before what it says: %d, %v", what, len(d.kept), err)
		}
	}
}

// What peers say that they have, while the disk is full, is written when it is no more, and of each
// log the newest only.
func TestAcknowledgementsAreWrittenWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		full.Store(true)
		var tries atomic.Int32
		var written []store.Delivery
		var d disk
		a := NewAcks(&d, slog.New(slog.DiscardHandler))
		log, other := event.Log{Device: crypto.DeviceID{1}}, event.Log{Device: crypto.DeviceID{2}}
		upTo := func(n uint64) event.Segments { return event.Segments{{First: 1, Last: n}} }
		d.delivers = func(reaches []store.Delivery) error {
			if n := tries.Add(1); full.Load() {
				if n == 1 {
					a.Put(bob, log, upTo(2)) // comes during the commit
				}
				return errFullDisk
			}
			written = append(written, reaches...)
			return nil
		}
		a.Put(bob, log, upTo(1))
		a.Put(bob, other, upTo(1))
		a.Put(dora, other, upTo(3))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); a.Run(ctx) }() // until cancel
		passes(10*(ackRetry+ackLater) - 1)
		if n := tries.Load(); n != 11 { // the second soon after the first
			t.Errorf("tried %d times in %s", n, 10*(ackRetry+ackLater))
		}
		full.Store(false)
		passes(10 * ackRetry)
		want := []store.Delivery{
			{Person: bob, Log: log, Segments: upTo(2)}, {Person: bob, Log: other, Segments: upTo(1)}, {Person: dora, Log: other, Segments: upTo(3)},
		}
		slices.SortFunc(written, func(x, y store.Delivery) int {
			return x.Log.Compare(y.Log)*10 + slices.Compare(x.Person[:], y.Person[:])
		})
		if !reflect.DeepEqual(written, want) || tries.Load() != 12 {
			t.Errorf("written after %d tries: %+v", tries.Load(), written)
		}
		cancel()
		<-ended
		if ahead, _ := a.Ahead(); len(ahead) != 0 {
			t.Errorf("%d wait", len(ahead))
		}
	})
}

// TestAhead: what peers say that they have is told before it is written, and written when somebody is about to
// look. What comes meanwhile stays.
func TestAhead(t *testing.T) {
	var d disk
	a := NewAcks(&d, slog.New(slog.DiscardHandler))
	log := event.Log{Device: crypto.DeviceID{1}}
	says := func(last uint64) []store.Delivery {
		return []store.Delivery{{Person: bob, Log: log, Segments: event.Segments{{First: 1, Last: last}}}}
	}
	ahead := func() []store.Delivery { now, _ := a.Ahead(); return now }
	var written [][]store.Delivery
	d.delivers = func(now []store.Delivery) error { written = append(written, now); return nil }

	a.Settle(t.Context())
	if len(written) > 0 {
		t.Errorf("written: %v", written)
	}
	_, more := a.Ahead()
	a.Put(bob, log, says(1)[0].Segments)
	select {
	case <-more:
	default:
		t.Error("nobody was told")
	}
	if got := ahead(); !reflect.DeepEqual(got, says(1)) {
		t.Errorf("ahead: %v", got)
	}
	a.Settle(t.Context())
	if got := ahead(); len(got) > 0 || !reflect.DeepEqual(written, [][]store.Delivery{says(1)}) {
		t.Errorf("ahead %v, written %v", got, written)
	}

	a.Put(bob, log, says(2)[0].Segments)
	d.delivers = func([]store.Delivery) error {
		a.Put(bob, log, says(3)[0].Segments)
		return nil
	}
	a.Settle(t.Context())
	if got := ahead(); !reflect.DeepEqual(got, says(3)) {
		t.Errorf("ahead, of what came during the commit: %v", got)
	}
	d.delivers = func([]store.Delivery) error { return errFullDisk }
	a.Settle(t.Context())
	if got := ahead(); !reflect.DeepEqual(got, says(3)) {
		t.Errorf("ahead, of what could not be written: %v", got)
	}
}

// Holdings are signed at most once a second, whatever receipts of the same are signed meanwhile, and those
// that were left by the last run are signed at the start.
func TestHoldingsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.unsaid = []store.Subject{{Conversation: direct, Author: bob}}
		d.runs(t)
		for range 15 { // 1.5 s
			d.MarkHoldings(d.unsaid[0])
			d.Mark(direct, bob)
			passes(100 * time.Millisecond)
		}
		passes(10 * time.Second)
		if want := []time.Duration{receiptDelay, receiptDelay + receiptPause, receiptDelay + 2*receiptPause}; !slices.Equal(d.said, want) {
			t.Errorf("signed at %v, want %v", d.said, want)
		}
		if len(d.signed) != 6 {
			t.Errorf("%d were told", len(d.signed))
		}
	})
}

func TestTakeHoldings(t *testing.T) {
	about := func(c event.Conversation, author crypto.PersonID) []byte {
		return event.ReceiptSubject(c, author, event.Instance{5})
	}
	for what, c := range map[string]struct {
		from    crypto.PersonID
		in      event.Conversation
		subject []byte
		want    bool
	}{
		"direct":                     {bob, direct, about(direct, me), true},
		"of a member":                {bob, lunch, about(lunch, me), true},
		"of one who was never in it": {dora, lunch, about(lunch, me), false},
		"of a third person":          {dora, direct, about(direct, me), false},
		"about another's messages":   {bob, direct, about(direct, bob), false},
		"about another conversation": {bob, direct, about(lunch, me), false},
		"about nothing":              {bob, direct, []byte{1}, false},
		"of the owner's own":         {me, lunch, about(lunch, me), false},
		"by the owner":               {me, direct, about(direct, bob), true},
		"by the owner in a group":    {me, lunch, about(lunch, bob), true},
		"by the owner, of a third":   {me, lunch, about(lunch, dora), false},
	} {
		d := newDesk()
		err := d.Receipts.TakeHoldings(t.Context(), c.from, c.in, event.Record{Subject: c.subject})
		if err != nil || c.want != slices.Equal(d.took, []crypto.PersonID{c.from}) {
			t.Errorf("%s: %v, taken %v", what, err, d.took)
		}
	}
	for _, c := range []struct{ disk, want error }{{store.ErrNoConversation, nil}, {store.ErrBudget, store.ErrBudget}, {errFullDisk, errFullDisk}} {
		d := newDesk()
		d.takes = c.disk
		if err := d.Receipts.TakeHoldings(t.Context(), bob, direct, event.Record{Subject: about(direct, me)}); err != c.want {
			t.Errorf("%v: %v", c.disk, err)
		}
	}
}
