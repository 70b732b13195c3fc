package store

import (
	"fmt"
	"testing"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// has returns what a person has of a log, by the bucket that says it was delivered, or read.
func (n *node) has(bucket tx.Bucket, log event.Log, person *node) (got event.Ranges) {
	n.t.Helper()
	check(n.t, n.view(func(r *reader) error {
		c, err := r.conversation(log.Conversation)
		check(n.t, err)
		l, err := r.named(c.Number, log, layout.BranchFirst)
		check(n.t, err)
		got, err = r.ranges(bucket, l.Number, person.own.Person)
		return err
	}))
	return got
}

// Somebody who acknowledges another event in the place of a message does not have the message.
func TestAcknowledgementOfAnotherEvent(t *testing.T) {
	a, b, c := pair(t)
	first, second := a.say(c, "1"), a.say(c, "2")
	log := a.log(c)
	acknowledges := func(segments ...event.Segment) {
		t.Helper()
		for _, read := range []bool{false, true} {
			check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: log, Segments: segments, Read: read}}))
		}
	}
	acknowledges(event.Segment{First: 1, Last: 2, ID: first.ID})
	acknowledges(event.Segment{First: 1, Last: 1, ID: second.ID}, event.Segment{First: 2, Last: 2, ID: first.ID})
	if a.state(first.ID) != Queued || a.state(second.ID) != Queued || a.pending() != 2 {
		t.Fatalf("%v and %v, %d pending", a.state(first.ID), a.state(second.ID), a.pending())
	}
	acknowledges(event.Segment{First: 1, Last: 1, ID: first.ID}, event.Segment{First: 2, Last: 2, ID: first.ID})
	if a.state(first.ID) != Read || a.state(second.ID) != Queued {
		t.Fatalf("%v and %v", a.state(first.ID), a.state(second.ID))
	}
}

// What is acknowledged of a log is not noted where this disk lacks it, even if it has what comes
// after.
func TestAcknowledgementBeyondWhatIsHeld(t *testing.T) {
	a, b, c := goneBack(t)
	log := a.log(c)
	run, err := b.LoadRun(log, 3, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	_, err = a.take(run, Origin{Author: a.own.Person})
	check(t, err)
	acknowledge(b, a, c)
	want := event.Ranges{{First: 1, Last: 1}, {First: 3, Last: 3}}
	if got := a.has(bucketDelivered, log, b); !equalRanges(got, want) {
		t.Errorf("delivered: %v, want %v", got, want)
	}
	// The same of what is read.
	p := newPen(t)
	d := p.meets(a, true)
	e := p.say("far", func(h *event.Header) { h.Sequence, h.Previous = 1000, event.ID{1} })
	_, err = p.give(a, e)
	check(t, err)
	check(t, a.Release(ctx, &d, a.now(), nil))
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: a.own.Person, Log: p.log, Read: true, Segments: []event.Segment{{First: 1, Last: 1000, ID: e.ID}}}}))
	want = event.Ranges{{First: 1000, Last: 1000}}
	if got := a.has(bucketRead, p.log, a); !equalRanges(got, want) || len(a.unread()) != 0 {
		t.Errorf("read: %v, want %v", got, want)
	}
}

func equalRanges(a, b event.Ranges) bool {
	return len(a.Subtract(b)) == 0 && len(b.Subtract(a)) == 0
}

// scattered appends twice as many messages as there may be pieces. Every other one of them makes
// too many pieces.
func (n *node) scattered(c event.Conversation) []Entry {
	n.t.Helper()
	drafts := make([]Draft, 2*maxRanges+4)
	for i := range drafts {
		drafts[i] = Draft{Conversation: c, Kind: event.KindText, Content: text(fmt.Sprint(i))}
	}
	entries, err := n.AppendAll(ctx, drafts)
	check(n.t, err)
	return entries
}

// Who acknowledges every other message makes no entry grow without end, and what fits is noted.
func TestScatteredAcknowledgements(t *testing.T) {
	a, b, c := pair(t)
	entries := a.scattered(c)
	log := a.log(c)
	var deliveries []Delivery
	for i := 0; i < len(entries); i += 2 {
		seq := uint64(i + 1)
		deliveries = append(deliveries, Delivery{Person: b.own.Person, Log: log, Segments: []event.Segment{{First: seq, Last: seq, ID: entries[i].ID}}})
	}
	check(t, a.NoteDelivered(ctx, deliveries))
	if got := a.has(bucketDelivered, log, b); len(got) != maxRanges {
		t.Fatalf("%d pieces, want %d", len(got), maxRanges)
	}
	// All of them join the pieces.
	last := event.Segment{First: 1, Last: uint64(len(entries)), ID: entries[len(entries)-1].ID}
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: log, Segments: []event.Segment{last}}}))
	if got := a.has(bucketDelivered, log, b); len(got) != 1 || a.pending() != 0 {
		t.Fatalf("%v, %d pending", got, a.pending())
	}
}

// What is read here is not unread, even where no receipt has room to say so.
func TestScatteredMessagesAreRead(t *testing.T) {
	a, b, c := pair(t)
	entries := b.scattered(c)
	meet(b, a, c)
	var odd []event.ID
	for i := 0; i < len(entries); i += 2 {
		odd = append(odd, entries[i].ID)
	}
	for chunk := 0; chunk < len(odd); chunk += maxRanges {
		check(t, a.MarkRead(ctx, true, odd[chunk:min(chunk+maxRanges, len(odd))]...))
	}
	if got := a.unread(); len(got) != len(entries)/2 {
		t.Fatalf("%d unread, want %d", len(got), len(entries)/2)
	}
	if got := a.has(bucketRead, b.log(c), a); len(got) != maxRanges {
		t.Fatalf("%d pieces, want %d", len(got), maxRanges)
	}
}

// Whoever waits for a message to be delivered or read is told when it is, and not told when nothing
// has changed.
func TestAcknowledgementIsAChange(t *testing.T) {
	long(t)
	a, b, c := pair(t)
	m := a.say(c, "1")
	changes := func(what string, want bool, do func()) {
		t.Helper()
		before := a.Last()
		if do(); (a.Last() != before) != want {
			t.Errorf("%s: told %t, want %t", what, !want, want)
		}
	}
	delivery := Delivery{Person: b.own.Person, Log: a.log(c), Segments: []event.Segment{{First: 1, Last: 1, ID: m.ID}}}
	deliveries := func() { check(t, a.NoteDelivered(ctx, []Delivery{delivery})) }
	changes("delivered", true, deliveries)
	changes("delivered again", false, deliveries)
	delivery.Read = true
	changes("read", true, deliveries)
	changes("read again", false, deliveries)

	entries := b.scattered(c)
	meet(b, a, c)
	for i := 0; i < len(entries); i += 2 {
		if i/2 < maxRanges {
			check(t, a.MarkRead(ctx, true, entries[i].ID))
			continue
		}
		changes("read without room to tell", true, func() { check(t, a.MarkRead(ctx, true, entries[i].ID)) })
	}
}
