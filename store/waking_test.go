package store

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// many is more than three transactions place.
const many = 3*maxWoken + maxWoken/2

// drain lets the writer go on until it has nothing left to do by itself.
func (n *node) drain() {
	n.t.Helper()
	for again := true; again; {
		check(n.t, n.do(ctx, func(b *batch) error {
			again = len(b.order.waking.causes) > 0
			return nil
		}))
	}
}

// told returns how many changes were told so far. The writer tells of each before it runs the next
// function.
func (n *node) told() int {
	n.t.Helper()
	check(n.t, n.do(ctx, func(*batch) error { return nil }))
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.changes)
}

// inPieces checks that no transaction since the first so many has made more rows than it may.
func (n *node) inPieces(since int) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := max(since, 1); i < len(n.changes); i++ {
		if rows := n.changes[i].N - n.changes[i-1].N; rows > maxWoken+1 {
			n.t.Fatalf("a transaction made %d rows", rows)
		}
	}
}

// allShown checks that a conversation has so many rows, in the order in which they were written, of
// which only the first may have a gap before it.
func (n *node) allShown(c event.Conversation, count int, gap bool) {
	n.t.Helper()
	rows := n.rows(c)
	if len(rows) != count {
		n.t.Fatalf("%d rows, want %d", len(rows), count)
	}
	for i, r := range rows {
		if r.Gap != (gap && i == 0) || r.Late || i > 0 && r.Clock.Before(rows[i-1].Clock) {
			n.t.Fatalf("row %d of %d: gap %t, late %t, at %v", i, count, r.Gap, r.Late, r.Clock)
		}
	}
	check(n.t, n.view(func(r *reader) error {
		if !r.Empty(bucketWaiting) {
			n.t.Error("something still waits")
		}
		return nil
	}))
}

// However much has waited, others write in between when it is shown.
func TestReleaseLetsOthersWrite(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	p.say("never comes")
	for _, r := range p.runs(many/256, 256) {
		_, err := n.ingest(ctx, r, p.origin())
		check(t, err)
	}
	since := n.told()
	n.wait(time.Minute)
	check(t, n.Release(ctx, &c, n.now().Add(-time.Second), nil))
	n.drain()
	n.allShown(c, many, true)
	n.inPieces(since)
}

// The same where the cause of all of them comes.
func TestArrivalLetsOthersWrite(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first := p.say("comes last")
	for _, r := range p.runs(many/256, 256) {
		_, err := n.ingest(ctx, r, p.origin())
		check(t, err)
	}
	since := n.told()
	_, err := p.give(n, first)
	check(t, err)
	n.drain()
	n.allShown(c, many+1, false)
	n.inPieces(since)
}

// answers gives n what q writes after having seen something, so many messages, of which each waits
// for that.
func (q *pen) answers(n *node, seen event.Position, count int) {
	q.t.Helper()
	for count > 0 {
		var run event.Run
		for range min(count, event.MaxRunEvents) {
			e := q.say(fmt.Sprint(count), func(h *event.Header) { h.Seen = []event.Position{seen}; h.Clock += 60_000 })
			run.Events = append(run.Events, e)
		}
		count -= len(run.Events)
		_, err := n.ingest(ctx, run, q.origin())
		check(q.t, err)
	}
}

// The same where all of them wait for the same one, which some believe to be another.
func TestCauseOfManyLetsOthersWrite(t *testing.T) {
	n, p, q, wrong := newNode(t), newPen(t), newPen(t), newPen(t)
	c := p.meets(n, true)
	for _, x := range []*pen{q, wrong} {
		x.meets(n, true)
		x.restart(c)
	}
	first := p.say("comes last")
	wrong.answers(n, event.Position{Device: p.log.Device, Instance: p.log.Instance, Sequence: 1, ID: event.ID{1}}, 3)
	q.answers(n, first.Position(), many)
	since := n.told()
	_, err := p.give(n, first)
	check(t, err)
	n.drain()
	if rows := n.rows(c); len(rows) != many+1 {
		t.Fatalf("%d rows", len(rows))
	}
	n.inPieces(since)
	n.wait(time.Minute)
	check(t, n.Release(ctx, nil, n.now().Add(-time.Second), nil))
	gaps := 0
	for _, r := range n.rows(c) {
		if r.Gap != (r.Device == wrong.key.ID()) {
			t.Fatalf("%+v", r)
		}
		if r.Gap {
			gaps++
		}
	}
	if gaps != 3 {
		t.Fatalf("%d rows have a gap before them", gaps)
	}
}

// If the program ends in between, the rest is shown after the next start, and nothing is missing.
func TestEndBetweenPieces(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first := p.say("comes last")
	for _, r := range p.runs(4*many/256, 256) {
		_, err := n.ingest(ctx, r, p.origin())
		check(t, err)
	}
	_, err := p.give(n, first)
	check(t, err)
	check(t, n.do(ctx, func(b *batch) error { b.order.waking = waking{}; return nil })) // as at an end
	if rows := n.rows(c); len(rows) >= 4*many {
		t.Fatalf("%d rows at once", len(rows))
	}
	n.reopen()
	n.wait(time.Minute)
	check(t, n.Release(ctx, nil, n.now().Add(-time.Second), nil))
	n.drain()
	n.allShown(c, 4*many+1, false)
}

// Messages that each wait for something else that doesn't come, and for the one before, are looked
// at once or twice each.
func TestReleaseIsLinear(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	const count = 2 * maxWoken
	for i := range count / 256 {
		var run event.Run
		for j := range 256 {
			absent := event.Position{Device: p.log.Device, Sequence: 1, ID: event.ID{1}}
			copy(absent.Instance[:], layout.U64(uint64(count-i*256-j))) // the first to be looked at is the last that can be placed
			run.Events = append(run.Events, p.say("x", func(h *event.Header) { h.Seen = []event.Position{absent} }))
		}
		_, err := n.ingest(ctx, run, p.origin())
		check(t, err)
	}
	since := n.told()
	n.wait(time.Minute)
	check(t, n.Release(ctx, nil, n.now().Add(-time.Second), nil))
	n.drain()
	rows := n.rows(c)
	if len(rows) != count {
		t.Fatalf("%d rows", len(rows))
	}
	for i, r := range rows {
		if r.Late || r.Sequence != uint64(i+1) {
			t.Fatalf("row %d is late: %t, of sequence %d", i, r.Late, r.Sequence)
		}
	}
	if took, most := n.told()-since, 2*count/maxWoken; took > most {
		t.Errorf("%d transactions, want at most %d", took, most)
	}
}

// What waits for one that is shown with a gap before it has none itself, whichever of the two is
// looked at first.
func TestGapIsBeforeTheFirst(t *testing.T) {
	for swapped := range 2 {
		n, pens := newNode(t), []*pen{newPen(t), newPen(t)}
		slices.SortFunc(pens, func(p, q *pen) int { a, b := p.key.ID(), q.key.ID(); return bytes.Compare(a[:], b[:]) })
		p, q := pens[swapped], pens[1-swapped]
		c := p.meets(n, true)
		q.meets(n, true)
		q.restart(c)
		q.say("never comes")
		held := q.say("waits, but not for long")
		first := p.say("first", func(h *event.Header) { h.Seen = []event.Position{held.Position()} })
		_, err := p.give(n, first)
		check(t, err)
		for _, r := range p.runs(many/256, 256) {
			_, err := n.ingest(ctx, r, p.origin())
			check(t, err)
		}
		n.wait(time.Minute)
		_, err = q.give(n, held)
		check(t, err)
		since := n.told()
		check(t, n.Release(ctx, nil, n.now().Add(-time.Second), nil))
		n.drain()
		rows := n.rows(c)
		if len(rows) != many+1 {
			t.Fatalf("%d rows", len(rows))
		}
		for i, r := range rows {
			if r.Gap != (r.ID == first.ID) {
				t.Fatalf("row %d, %q: gap %t", i, r.Text, r.Gap)
			}
		}
		n.inPieces(since)
	}
}

// Of many logs, each with something that waits for its first event, and something newer that waits
// for that.
func TestReleaseOfManyLogsLetsOthersWrite(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	var last []event.Event
	for range maxWoken {
		p.restart(c)
		p.say("never comes")
		_, err := n.ingest(ctx, event.Run{Events: []event.Event{p.say("2")}}, p.origin())
		check(t, err)
		last = append(last, p.say("3"))
	}
	n.wait(time.Minute)
	for i := range last {
		_, err := n.ingest(ctx, event.Run{Events: last[i : i+1]}, p.origin())
		check(t, err)
	}
	since := n.told()
	check(t, n.Release(ctx, nil, n.now().Add(-time.Second), nil))
	n.drain()
	if rows := n.rows(c); len(rows) != 2*maxWoken {
		t.Fatalf("%d rows", len(rows))
	}
	n.inPieces(since)
}

// What can't be woken, since the disk is damaged or full, does not keep the writer busy for ever.
func TestWakingGivesUp(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first := p.say("comes last")
	for _, r := range p.runs(many/256, 256) {
		_, err := n.ingest(ctx, r, p.origin())
		check(t, err)
	}
	number := uint32(0)
	check(t, n.view(func(r *reader) error {
		k, err := r.conversation(c)
		number = k.Number
		return err
	}))
	of := func(p event.Position) woken {
		return woken{layout.WaitingFor(number, p.Device, p.Instance, p.Sequence), release{wait: waitForNone, before: 1 << 60}}
	}

	// Full: whatever is written together with it fails as well.
	started, failing := make(chan bool), make(chan bool)
	before := n.submit(ctx, func(b *batch) error {
		close(started)
		<-failing
		b.order.waking = waking{causes: []woken{of(first.Position())}}
		return nil
	})
	<-started
	bad := n.submit(ctx, func(b *batch) error {
		b.Put(bucketMeta, nil, nil)
		return nil
	})
	close(failing)
	check(t, before())
	if bad() == nil {
		t.Error("nothing fails")
	}
	n.drain()
	if shown := len(n.rows(c)); shown > 0 {
		t.Errorf("%d rows", shown)
	}

	// Damaged: something that waits is nowhere.
	check(t, n.do(ctx, func(b *batch) error {
		b.Put(bucketWaiting, layout.Slot{Log: number, Sequence: 1 << 40}.Append(of(first.Position()).prefix), layout.U64(1))
		b.order.waking = waking{causes: []woken{of(first.Position())}}
		return nil
	}))
	n.drain()
}
