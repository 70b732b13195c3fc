package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

func TestIngestTwice(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	e1, e2 := p.say("1"), p.say("2")
	for range 3 {
		r, err := p.give(n, e1, e2)
		check(t, err)
		if len(r.Segments) != 1 || r.Segments[0] != (event.Segment{First: 1, Last: 2, ID: e2.ID}) {
			t.Fatalf("%+v", r)
		}
	}
	part, err := p.give(n, e1)
	check(t, err)
	if part.New || part.Segments.Last() != 2 {
		t.Fatalf("%+v", part)
	}
	equalWords(t, "rows", words(n.rows(c)), "1", "2")
}

func TestOneRowForAKey(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	key := func(h *event.Header) { h.Key = event.KeyFor("k") }
	e1, e2 := p.say("1", key), p.say("1", key)
	_, err := p.give(n, e1, e2)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1")
	if row, err := n.Row(e2.ID); err != nil || row.ID != e1.ID {
		t.Fatal(row, err)
	}
	if n.logs(c)[p.log].Last() != 2 {
		t.Fatal("the log does not hold it")
	}
	// The same key in a new instance, as after a restore.
	p.restart(c)
	_, err = p.give(n, p.say("1", key))
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1")
}

// A key is its author's own: what somebody else wrote with it in the conversation is not found.
func TestOwnRowIsFoundByItsKey(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	_, err := p.give(n, p.say("theirs", func(h *event.Header) { h.Key = event.KeyFor("k") }))
	check(t, err)
	if row, err := n.OwnRow(c, event.KeyFor("k")); err != ErrNoEvent {
		t.Fatal(row, err)
	}
	mine := n.sayKey(c, "mine", "k")
	if row, err := n.OwnRow(c, event.KeyFor("k")); err != nil || row.ID != mine.ID || row.Text != "mine" {
		t.Fatal(row, err)
	}
	if _, err := n.OwnRow(event.Conversation{1}, event.KeyFor("k")); err != ErrNoConversation {
		t.Fatal(err)
	}
}

// Whatever the order in which runs come, the log is whole in the end, and every stretch of it can
// be served to someone else.
func TestHolesInAnyOrder(t *testing.T) {
	seeds := uint64(30)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 1))
		n, m, p := newNode(t), newNode(t), newPen(t)
		c := p.meets(n, true)
		var events []event.Event
		for i := range 40 {
			events = append(events, p.say(fmt.Sprint(i)))
		}
		var runs [][]event.Event
		for at := 0; at < len(events); {
			end := min(at+1+rnd.IntN(5), len(events))
			runs = append(runs, events[max(0, at-rnd.IntN(4)):end]) // overlaps what is before
			at = end
		}
		rnd.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		for _, run := range runs {
			_, err := p.give(n, run...)
			check(t, err)
			for _, g := range n.logs(c)[p.log] {
				for seq := g.First; seq <= g.Last; seq++ {
					run, err := n.LoadRun(p.log, seq, event.MaxRunEvents, event.MaxRunSent)
					check(t, err)
					check(t, run.Prove())
				}
			}
		}
		if s := n.logs(c)[p.log]; len(s) != 1 || s.Last() != 40 {
			t.Fatalf("seed %d: %v", seed, s)
		}
		check(t, n.Release(ctx, nil, epoch.Add(1e12), nil))
		if rows := n.rows(c); len(rows) != 40 || slices.ContainsFunc(rows, func(r Row) bool { return r.Gap }) {
			t.Fatalf("seed %d: %d rows", seed, len(rows))
		}
		m.stop()
		n.stop()
	}
}

// Two events at one sequence: both branches are kept and shown as forked, neither grows, and
// nothing else is affected.
func TestFork(t *testing.T) {
	for _, where := range []string{"same sequence", "link before", "link after"} {
		t.Run(where, func(t *testing.T) {
			n, p, q := newNode(t), newPen(t), newPen(t)
			c, d := p.meets(n, true), q.meets(n, true)
			e1 := p.say("1")
			fork := *p
			e2, e3, e4 := p.say("2"), p.say("3"), p.say("4")
			f2, f3 := fork.say("2b"), fork.say("3b")
			var err error
			var want []string
			switch where {
			case "same sequence":
				_, err = p.give(n, e1, e2)
				check(t, err)
				_, err = p.give(n, e1, f2, f3)
				want = []string{"1", "2", "2b", "3b"}
			case "link before":
				_, err = p.give(n, e1, e2)
				check(t, err)
				_, err = p.give(n, f3)
				want = []string{"1", "2", "3b"}
			case "link after":
				_, err = p.give(n, e3)
				check(t, err)
				_, err = p.give(n, e1, f2)
				want = []string{"1", "2b", "3"}
			}
			if err != ErrForked {
				t.Fatal(err)
			}
			if _, err := p.give(n, e1, e2, e3, e4); err != ErrForked {
				t.Fatal(err)
			}
			check(t, n.Release(ctx, nil, epoch.Add(1e12), nil))
			n.reopen()
			rows := n.rows(c)
			got := words(rows)
			slices.Sort(got)
			slices.Sort(want)
			equalWords(t, "rows", got, want...)
			for _, r := range rows {
				if r.Forked != (r.Text != "1") {
					t.Fatalf("%q forked: %t", r.Text, r.Forked)
				}
			}
			// What is held may come again.
			if where == "same sequence" {
				_, err = p.give(n, e1, e2)
				check(t, err)
				_, err = p.give(n, e1, f2)
				check(t, err)
			}
			run, err := n.LoadRun(p.log, n.logs(c)[p.log][0].First, event.MaxRunEvents, event.MaxRunSent)
			check(t, err)
			check(t, run.Prove())
			_, err = q.give(n, q.say("else"))
			check(t, err)
			equalWords(t, "another conversation", words(n.rows(d)), "else")
		})
	}
}

func TestStrangersBudget(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, false)
	from := p.origin()
	long := string(make([]byte, 60<<10))
	var err error
	stored := 0
	for err == nil {
		if _, err = n.take(event.Run{Events: []event.Event{p.say(long)}}, from); err == nil {
			stored++
		}
	}
	if err != ErrBudget || stored < 10 || stored > book.StrangerBudget/(60<<10) {
		t.Fatal(stored, err)
	}
	if len(n.rows(c)) != stored {
		t.Fatal("something of what was refused was stored")
	}
	// Another has room, and a contact needs none.
	q := newPen(t)
	q.meets(n, false)
	_, err = n.take(event.Run{Events: []event.Event{q.say(long)}}, Origin{Author: q.card.Person()})
	check(t, err)
	check(t, n.book.UpdatePerson(ctx, p.card.Person(), func(p *book.Person) error { p.Contact = true; return nil }))
	// Strangers together.
	err = nil
	for i := 0; err == nil; i++ {
		if i > book.StrangersBudget/(60<<10) {
			t.Fatal("no end of strangers")
		}
		if i%10 == 0 {
			q = newPen(t)
			q.meets(n, false)
		}
		_, err = n.take(event.Run{Events: []event.Event{q.say(long)}}, Origin{Author: q.card.Person()})
	}
	if err != ErrBudget {
		t.Fatal(err)
	}
}

// Of a log that finds no room, a smaller run is not taken that comes right after: its words would stand
// before those that they follow, once there is room. With those it is taken.
func TestRunAfterOneThatFoundNoRoom(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, false)
	long := string(make([]byte, 60<<10))
	for range book.StrangerBudget/(60<<10) - 2 {
		_, err := p.give(n, p.say(long))
		check(t, err)
	}
	var before *Attempt
	begin := func(e event.Event) (wait func() (IngestResult, error)) {
		from := p.origin()
		from.This, from.After = new(Attempt), before
		before = from.This
		return n.BeginIngest(ctx, event.Run{Events: []event.Event{e}}, from)
	}
	_, err := begin(p.say("hello"))()
	check(t, err)
	p.say("does not come")
	_, err = begin(p.say("follows what does not come"))()
	check(t, err)
	p.say("does not come either")
	held := words(n.rows(c))
	said := []event.Event{p.say(long + "1"), p.say("2"), p.say("3")}
	var waits []func() (IngestResult, error)
	for _, e := range said {
		waits = append(waits, begin(e))
	}
	for i, wait := range waits {
		if _, err := wait(); err != ErrBudget {
			t.Errorf("run %d: %v", i, err)
		}
	}
	equalWords(t, "without room", words(n.rows(c)), held...)
	check(t, n.book.UpdatePerson(ctx, p.card.Person(), func(p *book.Person) error { p.Contact = true; return nil }))
	for _, e := range said {
		_, err := begin(e)()
		check(t, err)
	}
	check(t, n.Release(ctx, nil, time.Now().Add(time.Second), nil))
	equalWords(t, "with room", words(n.rows(c)), append(held, "follows what does not come", long+"1", "2", "3")...)
}

// A recall that a run encloses is not measured by that: it follows other events.
func TestEnclosedRecallAfterOneThatFoundNoRoom(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first, gone := p.say("1"), p.say("2")
	p.say("does not come")
	recall := p.recalls(gone.ID, epoch)
	gone = stripped(gone)
	gone.Absent = event.Recalled
	from := p.origin()
	from.This, from.After = new(Attempt), &Attempt{first: 1, overBudget: true}
	_, err := n.take(event.Run{Events: []event.Event{first, gone}, Recalls: []event.Event{recall}}, from)
	check(t, err)
	equalWords(t, "taken", words(n.rows(c)), "1")
}
