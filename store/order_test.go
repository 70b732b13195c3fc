package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

func TestOwnMessageComesAfterWhatItAnswers(t *testing.T) {
	a, b, c := pair(t)
	b.wait(-time.Hour) // b's clock is behind
	a.say(c, "question")
	meet(a, b, c)
	b.say(c, "answer")
	meet(b, a, c)
	for _, n := range []*node{a, b} {
		equalWords(t, "rows", words(n.rows(c)), "question", "answer")
	}
	run, err := b.LoadRun(b.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if seen := run.Events[0].Header.Seen; len(seen) != 1 || seen[0].Device != a.own.Device.ID() {
		t.Fatalf("seen: %v", seen)
	}
	// What was named once is not named again.
	b.say(c, "and")
	run, err = b.LoadRun(b.log(c), 2, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if seen := run.Events[0].Header.Seen; len(seen) != 0 {
		t.Fatalf("seen again: %v", seen)
	}
}

// A message waits for its cause, and comes after it when that arrives.
func TestWaitsForItsCause(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	c := p.meets(n, true)
	q.meets(n, true)
	q.restart(c) // as one in a group would write
	e1 := p.say("1", func(h *event.Header) { h.Clock += 60_000 })
	e2 := p.say("2")
	f1 := q.say("answer", func(h *event.Header) { h.Seen = []event.Position{e2.Position()} })
	_, err := q.give(n, f1)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)))
	_, err = p.give(n, e2)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)))
	check(t, n.Release(ctx, &c, n.now().Add(-time.Second), nil)) // too soon
	equalWords(t, "rows", words(n.rows(c)))
	n.reopen()
	_, err = p.give(n, e1)
	check(t, err)
	rows := n.rows(c)
	equalWords(t, "rows", words(rows), "1", "2", "answer")
	for i, r := range rows {
		if r.Gap || r.Late || i > 0 && r.T <= rows[i-1].T {
			t.Fatalf("%+v", r)
		}
	}
	check(t, n.view(func(r *reader) error {
		if !r.Empty(bucketWaiting) {
			t.Error("something still waits")
		}
		return nil
	}))
}

func TestReleaseShowsWithAGap(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	e1, e2, e3 := p.say("1"), p.say("2"), p.say("3")
	_, err := p.give(n, e2, e3)
	check(t, err)
	n.wait(3 * time.Second)
	check(t, n.Release(ctx, nil, n.now().Add(-3*time.Second), nil))
	rows := n.rows(c)
	equalWords(t, "rows", words(rows), "2", "3")
	if !rows[0].Gap || rows[1].Gap {
		t.Fatal("the gap is not before the first")
	}
	// What comes now does not move what was shown.
	_, err = p.give(n, e1)
	check(t, err)
	rows = n.rows(c)
	if len(rows) != 3 || rows[0].Text != "1" || !rows[0].Late || rows[1].Late {
		t.Fatalf("%+v", rows)
	}
}

// Of two that are due, what one has seen of the other is not missing.
func TestReleaseInOrder(t *testing.T) {
	for swapped := range 2 { // logs have an order of their own
		n, pens := newNode(t), []*pen{newPen(t), newPen(t)}
		c := group(n)
		slices.SortFunc(pens, func(p, q *pen) int { a, b := p.key.ID(), q.key.ID(); return bytes.Compare(a[:], b[:]) })
		p, q := pens[swapped], pens[1-swapped]
		for _, x := range pens {
			x.restart(c)
			x.say("from before the newcomer")
		}
		first := p.say("first")
		answer := q.say("answer", func(h *event.Header) { h.Seen = []event.Position{first.Position()} })
		_, err := p.give(n, first)
		check(t, err)
		_, err = q.give(n, answer)
		check(t, err)
		equalWords(t, "rows", words(n.rows(c)))
		n.wait(3 * time.Second)
		check(t, n.Release(ctx, nil, n.now().Add(-time.Second), nil))
		rows := n.rows(c)
		equalWords(t, "rows", words(rows), "first", "answer")
		if rows[0].Gap || rows[1].Gap || rows[1].Late {
			t.Fatalf("%+v", rows)
		}
	}
}

// Newcomers have the control events from before the first that they get of a log.
func TestControlEventIsNotMissing(t *testing.T) {
	a, b := newNode(t), newNode(t)
	c := group(a, b)
	b.know(a)
	a.say(c, "first")
	run, err := a.LoadRun(a.log(c), 2, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	_, err = b.take(run, Origin{Author: a.own.Person})
	check(t, err)
	rows := b.rows(c)
	equalWords(t, "rows", words(rows), "first")
	if rows[0].Gap {
		t.Fatal("gap")
	}
}

// Someone who keeps sending can't keep others' messages from being shown: the wait is for each at
// most as long as it has been here.
func TestReleaseIsNotPutOff(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	var events []event.Event
	for i := range 9 {
		events = append(events, p.say(fmt.Sprint(i)))
	}
	_, err := p.give(n, events[8])
	check(t, err)
	for i := 7; i > 0; i-- {
		n.wait(2 * time.Second)
		_, err := p.give(n, events[i])
		check(t, err)
	}
	check(t, n.Release(ctx, nil, n.now().Add(-3*time.Second), nil))
	if rows := n.rows(c); len(rows) == 0 || rows[len(rows)-1].Text != "8" {
		t.Fatalf("%v", words(rows))
	}
}

func TestWrongClocks(t *testing.T) {
	const decade = 10 * 365 * 24 * time.Hour
	for _, off := range []time.Duration{-decade, decade} {
		a, b, c := pair(t)
		b.wait(off)
		for i := range 6 {
			from, to := a, b
			if i%2 == 1 {
				from, to = b, a
			}
			from.say(c, fmt.Sprint(i))
			meet(from, to, c)
			a.wait(time.Second)
			b.wait(time.Second)
		}
		for _, n := range []*node{a, b} {
			equalWords(t, "rows", words(n.rows(c)), "0", "1", "2", "3", "4", "5")
		}
	}
}

// Rows never change places, whatever comes in whatever order.
func TestShownRowsNeverMove(t *testing.T) {
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		n := newNode(t)
		var pens []*pen
		var runs []event.Run
		var from []Origin
		var c event.Conversation
		var all []event.Event
		for i := range 3 {
			p := newPen(t)
			if d := p.meets(n, true); i == 0 {
				c = d
			}
			p.restart(c)
			pens = append(pens, p)
		}
		for i := range 60 {
			p := pens[rnd.IntN(len(pens))]
			e := p.say(fmt.Sprint(i), func(h *event.Header) {
				h.Clock += int64(rnd.IntN(100_000))
				if len(all) > 0 {
					if seen := all[rnd.IntN(len(all))]; seen.Header.Log() != p.log {
						h.Seen = []event.Position{seen.Position()}
					}
				}
			})
			all = append(all, e)
			runs, from = append(runs, event.Run{Events: []event.Event{e}}), append(from, p.origin())
		}
		rnd.Shuffle(len(runs), func(i, j int) {
			// Near each other, so that no log has too many holes.
			if i-j < 8 && j-i < 8 {
				runs[i], runs[j] = runs[j], runs[i]
				from[i], from[j] = from[j], from[i]
			}
		})
		var before []Row
		gaps := map[event.ID]bool{} // that were ever shown with one
		for i := range runs {
			_, err := n.take(runs[i], from[i])
			check(t, err)
			if rnd.IntN(5) == 0 {
				check(t, n.Release(ctx, nil, n.now(), nil))
			}
			n.wait(time.Second)
			after := n.rows(c)
			at := 0
			for _, r := range after {
				gaps[r.ID] = gaps[r.ID] || r.Gap
				if at < len(before) && before[at].ID == r.ID {
					at++
				}
			}
			if at != len(before) {
				t.Fatalf("seed %d: a row moved", seed)
			}
			before = after
		}
		check(t, n.Release(ctx, nil, n.now(), nil))
		rows := n.rows(c)
		if len(rows) != len(all) {
			t.Fatalf("seed %d: %d rows of %d", seed, len(rows), len(all))
		}
		place := map[event.ID]int{}
		for i, r := range rows {
			place[r.ID] = i
		}
		for _, e := range all {
			r := rows[place[e.ID]]
			if r.Gap {
				t.Fatalf("seed %d: a gap is left where nothing is missing", seed)
			}
			if gaps[e.ID] {
				continue
			}
			causes := []event.ID{e.Header.Previous}
			for _, s := range e.Header.Seen {
				causes = append(causes, s.ID)
			}
			for _, cause := range causes {
				if i, ok := place[cause]; ok && i > place[e.ID] {
					t.Fatalf("seed %d: a cause comes later", seed)
				}
			}
		}
		n.stop()
	}
}

// What may still come is waited for, whichever of several causes it is and whoever else is released
// meanwhile.
func TestReleaseHoldsWhatMayCome(t *testing.T) {
	n, p, q, r := newNode(t), newPen(t), newPen(t), newPen(t)
	c := p.meets(n, true)
	for _, x := range []*pen{q, r} {
		x.meets(n, true)
		x.restart(c)
	}
	never, coming := p.say("never comes"), q.say("comes")
	both := r.say("waits for both", func(h *event.Header) {
		h.Seen = []event.Position{never.Position(), coming.Position()}
		slices.SortFunc(h.Seen, func(a, b event.Position) int { return a.Log(c).Compare(b.Log(c)) })
	})
	behind := r.say("waits for that")
	for _, e := range []event.Event{both, behind} {
		_, err := r.give(n, e)
		check(t, err)
	}
	n.wait(time.Hour)
	asked := 0
	waits := func(cause event.Log, since time.Time) bool {
		if !since.Equal(epoch) {
			t.Errorf("first seen at %v", since)
		}
		asked++
		return cause == q.log
	}
	for range 3 {
		check(t, n.Release(ctx, nil, n.now(), waits))
		equalWords(t, "rows", words(n.rows(c)))
	}
	if asked == 0 {
		t.Fatal("nobody was asked")
	}
	check(t, n.Release(ctx, nil, n.now(), func(event.Log, time.Time) bool { return false }))
	equalWords(t, "rows", words(n.rows(c)), "waits for both", "waits for that")
}

// Whoever brings one cause of another, each in time, hides nothing for longer than anything waits.
func TestChainOfCausesIsWaitedForOnce(t *testing.T) {
	n, p, q, c := twoPens(t)
	var chain []event.Event
	for range 6 {
		chain = append(chain, p.say("chain"))
	}
	last := len(chain) - 1
	_, err := p.give(n, chain[last])
	check(t, err)
	_, err = q.give(n, q.say("honest", func(h *event.Header) { h.Seen = []event.Position{chain[last].Position()} }))
	check(t, err)
	waits := func(_ event.Log, since time.Time) bool { return n.now().Sub(since) < MaxWait }
	for second := 0; !slices.Contains(words(n.rows(c)), "honest"); second++ {
		if n.now().Sub(epoch) > MaxWait {
			t.Fatal("still hidden")
		}
		n.wait(time.Second)
		if second%45 == 44 {
			last--
			_, err := p.give(n, chain[last])
			check(t, err)
		}
		check(t, n.Release(ctx, nil, n.now().Add(-3*time.Second), waits))
	}
}
