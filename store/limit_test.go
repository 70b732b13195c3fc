package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// penIn is a pen that writes in a group.
func penIn(t *testing.T, c event.Conversation) *pen {
	p := newPen(t)
	p.restart(c)
	return p
}

func TestLimits(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p := penIn(t, c)
	var events []event.Event
	for i := 1; i <= 6; i++ {
		events = append(events, p.say(fmt.Sprint(i)))
	}
	_, err := p.give(n, events...)
	check(t, err)
	own := n.say(c, "own")
	limit := func(of map[event.Log]uint64, shown int) {
		t.Helper()
		before := n.Last()
		told := func() { check(t, n.do(ctx, func(*batch) error { return nil })) } // Changed has been called of what was before
		told()
		n.mu.Lock()
		n.changes = nil
		n.mu.Unlock()
		check(t, n.SetLimits(ctx, c, of))
		if n.Last() == before {
			t.Fatal("the counter stands")
		}
		told()
		var logs []LogChange
		n.mu.Lock()
		for _, change := range n.changes { // some are of batches that changed nothing
			logs = append(logs, change.Logs...)
		}
		n.mu.Unlock()
		held := n.logs(c)
		if len(logs) != 1 || logs[0].Log != p.log || !slices.Equal(logs[0].Segments, held[p.log]) {
			t.Fatalf("change: %v", logs)
		}
		n.reopen()
		var want []string
		for i := 1; i <= shown; i++ {
			want = append(want, fmt.Sprint(i))
		}
		equalWords(t, "unread", n.unread(), want...)
		equalWords(t, "rows", words(n.rows(c)), append(want, "own")...)
		arrived, _, err := n.Arrivals(0, 100, nil)
		check(t, err)
		equalWords(t, "arrivals", words(arrived), append(want, "own")...)
		segments := held[p.log]
		if segments.Last() != uint64(shown) {
			t.Fatalf("held: %v", segments)
		}
		for i := range 6 {
			if _, err := n.Row(events[i].ID); (err == nil) != (i < shown) {
				t.Fatalf("row %d: %v", i+1, err)
			}
			if run, err := n.LoadRun(p.log, uint64(i+1), event.MaxRunEvents, event.MaxRunSent); (err == nil) != (i < shown) {
				t.Fatalf("load %d: %v", i+1, err)
			} else if err == nil && (run.Prove() != nil || run.Segment().Last != uint64(shown)) {
				t.Fatalf("load %d: to %d", i+1, run.Segment().Last)
			}
		}
	}
	limit(map[event.Log]uint64{p.log: 3}, 3)
	next := p.say("7")
	if _, err := p.give(n, next); err != ErrCut {
		t.Fatal(err)
	}
	if _, err := p.give(n, events...); err != ErrCut {
		t.Fatal(err)
	}
	_, err = p.give(n, events[:3]...)
	check(t, err)
	limit(map[event.Log]uint64{p.log: 0}, 0)
	limit(nil, 6)
	_, err = p.give(n, next)
	check(t, err)
	limit(map[event.Log]uint64{p.log: 3, {Conversation: c}: 1}, 3)
	before := n.Last()
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 3}))
	if n.Last() != before {
		t.Fatal("nothing changed, but the counter moves")
	}
	if n.state(own.ID) != NoState {
		t.Fatal("own row")
	}
}

// A limit where no signature is held: the log counts to the last that is, until somebody brings the
// missing one.
func TestLimitWithinARun(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p := penIn(t, c)
	var run event.Run
	for i := range 6 {
		run.Events = append(run.Events, p.say(fmt.Sprint(i)))
	}
	short := event.Run{Events: slices.Clone(run.Events[:4])}
	for i := range 5 {
		if i != 1 {
			run.Events[i].Signature = nil
		}
	}
	_, err := n.take(run, p.origin())
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 4}))
	for _, want := range []uint64{2, 4} {
		held := n.logs(c)[p.log]
		if len(held) != 1 || held[0] != (event.Segment{First: 1, Last: want, ID: short.Events[want-1].ID}) {
			t.Fatalf("%v, want to %d", held, want)
		}
		eachRun(t, n.Store, p.log, held, func(run event.Run) {})
		equalWords(t, "rows", words(n.rows(c)), "0", "1", "2", "3")
		result, err := n.take(short, p.origin())
		check(t, err)
		if result.Segments.Last() != 4 {
			t.Fatalf("%v", result.Segments)
		}
	}
}

// What a member wrote past a cut of theirs is shown to them alone, and they go on in a new log that
// doesn't speak of it.
func TestOwnLimit(t *testing.T) {
	a, b := newNode(t), newNode(t)
	c := group(a, b)
	_, err := a.AppendAll(ctx, []Draft{
		{Conversation: c, Kind: event.KindText, Content: text("2")},
		{Conversation: c, Kind: event.KindText, Content: text("3")},
	})
	check(t, err)
	cut := a.log(c)
	check(t, a.SetLimits(ctx, c, map[event.Log]uint64{cut: 2}))
	equalWords(t, "rows", words(a.rows(c)), "2", "3")
	if held := a.logs(c)[cut]; held.Last() != 2 || a.pending() != 1 {
		t.Fatalf("%v, %d pending", held, a.pending())
	}
	a.wait(time.Second)
	a.say(c, "again")
	log := a.log(c)
	if log == cut {
		t.Fatal("the log goes on")
	}
	run, err := a.LoadRun(log, 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if run.Events[0].Header.Sequence != 1 || len(run.Events[0].Header.Seen) != 0 {
		t.Fatalf("%+v", run.Events[0].Header)
	}
	a.reopen()
	a.wait(time.Second)
	a.say(c, "and on")
	if a.log(c) != log {
		t.Fatal("a third log")
	}
	check(t, b.SetLimits(ctx, c, map[event.Log]uint64{cut: 2}))
	meet(a, b, c)
	equalWords(t, "rows", words(b.rows(c)), "2", "again", "and on")
	if a.pending() != 0 {
		t.Fatal(a.pending())
	}
	for _, r := range b.rows(c) {
		if r.Gap {
			t.Fatal("gap")
		}
	}
}

// Nor does the log go on when the cut is where it ends: what came after it would count for nobody.
func TestOwnLogIsNotGoneOnWithAtItsCut(t *testing.T) {
	a := newNode(t)
	c := group(a)
	a.say(c, "1")
	cut := a.log(c)
	check(t, a.SetLimits(ctx, c, map[event.Log]uint64{cut: a.logs(c)[cut].Last()}))
	a.say(c, "2")
	if a.log(c) == cut {
		t.Fatal("the log goes on")
	}
}

// A cause past the limit of its log is waited for by nobody.
func TestCauseThatWasCut(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p, q := penIn(t, c), penIn(t, c)
	_, err := p.give(n, p.say("1"))
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 1}))
	cause := p.say("2")
	_, err = q.give(n, q.say("answer", func(h *event.Header) {
		h.Clock += 1000
		h.Seen = []event.Position{cause.Position()}
	}))
	check(t, err)
	rows := n.rows(c)
	equalWords(t, "rows", words(rows), "1", "answer")
	if rows[1].Gap {
		t.Fatal("gap")
	}
	// Nor is it named as one.
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 0}))
	n.say(c, "own")
	run, err := n.LoadRun(n.log(c), 2, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if seen := run.Events[0].Header.Seen; len(seen) != 1 || seen[0].Device != q.key.ID() {
		t.Fatalf("%v", seen)
	}
}

// Both branches of a fork end at the limit.
func TestLimitOfAFork(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p := penIn(t, c)
	one := p.say("1")
	two, three := p.say("2"), p.say("3")
	p.last = one
	other := p.say("2 as well")
	_, err := p.give(n, one, two, three)
	check(t, err)
	if _, err := p.give(n, other); err != ErrForked {
		t.Fatal(err)
	}
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 1}))
	equalWords(t, "rows", words(n.rows(c)), "1")
	check(t, n.SetLimits(ctx, c, nil))
	if rows := n.rows(c); len(rows) != 4 {
		t.Fatal(words(rows))
	}
}

// A recall past the limit of its log would be refused, so it explains nothing to others.
func TestRecallThatWasCut(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p, q := penIn(t, c), penIn(t, c)
	m := p.say("m")
	_, err := p.give(n, m)
	check(t, err)
	recall := event.Run{Events: []event.Event{q.recalls(m.ID, epoch)}}
	_, err = n.take(recall, p.origin())
	check(t, err)
	for limit, want := range []event.Absence{event.Dropped, event.Recalled} {
		check(t, n.SetLimits(ctx, c, map[event.Log]uint64{q.log: uint64(limit)}))
		run, err := n.LoadRun(p.log, 1, event.MaxRunEvents, event.MaxRunSent)
		check(t, err)
		check(t, run.Prove())
		if got := run.Events[0].Absent; got != want || len(run.Recalls) != limit {
			t.Fatalf("limit %d: absent as %d", limit, got)
		}
	}
	// Enclosed by somebody who doesn't know of the cut, it is as if it weren't.
	check(t, n.book.UpdatePerson(ctx, p.card.Person(), func(x *book.Person) error {
		x.Devices[q.key.ID()] = book.DeviceInfo{}
		return nil
	}))
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{q.log: 0}))
	other := p.say("other")
	gone := other
	gone.Body, gone.Absent = nil, event.Recalled
	run := event.Run{Events: []event.Event{gone}, Recalls: []event.Event{q.recalls(other.ID, epoch)}}
	_, err = n.take(run, p.origin())
	check(t, err)
	_, err = p.give(n, other)
	check(t, err)
	if rows := n.rows(c); !slices.Contains(words(rows), "other") {
		t.Fatal(words(rows))
	}
}

func TestFirstHeadsAndFloor(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 9))
	n := newNode(t)
	c := group(n)
	p, q := penIn(t, c), penIn(t, c)
	under := func(heads ...crypto.Hash) func(*event.Header) {
		return func(h *event.Header) { h.Control = heads }
	}
	var events []event.Event
	for i := range 30 {
		events = append(events, p.say(fmt.Sprint(i), under(crypto.Hash{byte(i)})))
	}
	held := map[uint64]bool{}
	for _, i := range []int{29, 4, 5, 6, 11, 12, 20, 21, 22, 23} {
		_, err := p.give(n, events[i])
		check(t, err)
		held[uint64(i+1)] = true
	}
	_, err := q.give(n, q.say("x", under(crypto.Hash{7}, crypto.Hash{8})))
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 24, q.log: 0}))
	first, err := n.FirstHeads(c)
	check(t, err)
	for log, want := range map[event.Log]FirstHeld{
		n.log(c): {n.own.Person, []crypto.Hash{crypto.Hash(c)}},
		p.log:    {p.card.Person(), []crypto.Hash{{4}}},
		q.log:    {q.card.Person(), []crypto.Hash{{7}, {8}}},
	} {
		if got := first[log]; got.Author != want.Author || !slices.Equal(got.Control, want.Control) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if len(first) != 3 {
		t.Error(len(first), "logs")
	}
	for range 40 {
		from := uint64(rnd.IntN(32))
		want := uint64(25)
		for seq := range uint64(25) {
			if held[seq] && seq >= from {
				want = seq
				break
			}
		}
		got, err := n.Floor(p.log, func(h *event.Header) bool { return h.Sequence >= from })
		if err != nil || got != want {
			t.Fatalf("floor from %d: %d, want %d, %v", from, got, want, err)
		}
	}
	for log, want := range map[event.Log]uint64{q.log: 1, {Conversation: c}: 1} {
		if got, err := n.Floor(log, func(h *event.Header) bool { return false }); err != nil || got != want {
			t.Error(got, err)
		}
	}
	if _, err := n.Floor(event.Log{}, nil); err != ErrNoConversation {
		t.Error(err)
	}
	if layout.NoLimit != uint64(math.MaxUint64) {
		t.Error("a limit of all would be kept as one")
	}
}
