package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// Three events in all orders of arrival: a message, its recall within the window, and another
// message. The outcome is the same for all who never showed the words.
func TestRecallInAnyOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for _, within := range []bool{true, false} {
			n, p := newNode(t), newPen(t)
			c := p.meets(n, true)
			m := p.say("regretted")
			at := epoch.Add(recallWindow)
			if !within {
				at = at.Add(time.Millisecond)
			}
			events := []event.Event{m, p.recalls(m.ID, at), p.say("kept")}
			for _, i := range order {
				_, err := p.give(n, events[i])
				check(t, err)
			}
			check(t, n.Release(ctx, nil, n.now().Add(time.Hour), nil))
			first := slices.Index(order, 0) < slices.Index(order, 1)
			want := []string{"kept"}
			switch {
			case first && within:
				want = []string{"", "kept"}
			case first:
				want = []string{"regretted", "kept"}
			}
			rows := n.rows(c)
			equalWords(t, fmt.Sprint(order, within), words(rows), want...)
			if first && rows[0].Recalled != within {
				t.Fatalf("%v: recalled %t", order, rows[0].Recalled)
			}
			if got := n.unread(); slices.Contains(got, "") {
				t.Fatalf("unread: %q", got)
			}
			// It can be passed on, and says why the words are gone.
			run, err := n.LoadRun(p.log, 1, event.MaxRunEvents, event.MaxRunSent)
			check(t, err)
			run, err = event.ParseRun(run.Marshal())
			check(t, err)
			check(t, run.Prove())
			if gone := run.Events[0].Absent == event.Recalled; gone == (first && !within) {
				t.Fatalf("%v: absent %d", order, run.Events[0].Absent)
			}
			n.stop()
		}
	}
}

func TestRecallOfOthersMessageDoesNothing(t *testing.T) {
	n, p, q, c := twoPens(t)
	m1, m2 := p.say("1"), p.say("2")
	_, err := q.give(n, q.recalls(m1.ID, epoch), q.recalls(m2.ID, epoch))
	check(t, err)
	_, err = p.give(n, m1, m2)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1", "2")
	_, err = q.give(n, q.recalls(m1.ID, epoch))
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1", "2")
	q.meets(n, true) // a conversation of their own
	_, err = q.give(n, q.recalls(m1.ID, epoch))
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1", "2")
}

func TestCancel(t *testing.T) {
	a, b, c := pair(t)
	a.say(c, "before")
	m := a.say(c, "regretted")
	a.say(c, "after")
	a.wait(24 * time.Hour) // no window holds for what nobody has
	e, err := a.Cancel(ctx, m.ID)
	check(t, err)
	if e.State != Cancelled || !e.Recalled || e.Text != "" || a.pending() != 2 {
		t.Fatalf("%+v, %d pending", e, a.pending())
	}
	if again, err := a.Cancel(ctx, m.ID); err != nil || !again.Existing {
		t.Fatal(err)
	}
	a.reopen()
	meet(a, b, c)
	equalWords(t, "rows", words(b.rows(c)), "before", "after")
	if a.state(m.ID) != Cancelled {
		t.Fatal(a.state(m.ID))
	}
	if _, err := a.Cancel(ctx, a.rows(c)[0].ID); err != ErrAcknowledged {
		t.Fatal(err)
	}
	b.wait(24 * time.Hour)
	theirs := b.say(c, "theirs")
	meet(b, a, c)
	if _, err := a.Cancel(ctx, theirs.ID); err != ErrNoEvent {
		t.Fatal(err)
	}
}

// The words had arrived before they were cancelled, and only the acknowledgement had been lost: the
// state says so.
func TestCancelledAfterAll(t *testing.T) {
	a, b, c := pair(t)
	m := a.say(c, "too late")
	run, err := a.LoadRun(a.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	_, err = b.take(run, Origin{Author: a.own.Person})
	check(t, err)
	_, err = a.Cancel(ctx, m.ID)
	check(t, err)
	acknowledge(b, a, c) // b's offer, before the recall has come there
	if a.state(m.ID) != Delivered {
		t.Fatal(a.state(m.ID))
	}
	meet(a, b, c)
	if rows := b.rows(c); len(rows) != 1 || !rows[0].Recalled {
		t.Fatalf("%+v", rows)
	}
	if a.state(m.ID) != Delivered {
		t.Fatal(a.state(m.ID))
	}
}

// The run that brings a recalled message encloses its recall, so that the one who takes only that
// run acknowledges both.
func TestEnclosedRecall(t *testing.T) {
	a, b, c := pair(t)
	m := a.say(c, "regretted")
	a.say(c, "kept")
	_, err := a.Cancel(ctx, m.ID)
	check(t, err)
	run, err := a.LoadRun(a.log(c), 1, event.MaxRunEvents, 1) // the first event alone
	check(t, err)
	if len(run.Events) != 1 || len(run.Recalls) != 1 {
		t.Fatalf("%d events, %d recalls", len(run.Events), len(run.Recalls))
	}
	_, err = b.take(run, Origin{Author: a.own.Person})
	check(t, err)
	if s := b.logs(c)[a.log(c)]; len(s) != 2 || s[1].First != 3 {
		t.Fatalf("%v", s)
	}
	acknowledge(b, a, c)
	if a.state(m.ID) != Cancelled {
		t.Fatal(a.state(m.ID))
	}
	meet(a, b, c)
	equalWords(t, "rows", words(b.rows(c)), "kept")
	// b can pass it on.
	run, err = b.LoadRun(a.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	check(t, run.Prove())
}

// An enclosed recall by somebody else explains nothing: the words stay wanted.
func TestEnclosedRecallOfOthersMessage(t *testing.T) {
	n, p, q, c := twoPens(t)
	e := p.say("1")
	gone := e
	gone.Body, gone.Absent = nil, event.Recalled
	forged := event.Run{Events: []event.Event{gone}, Recalls: []event.Event{q.recalls(e.ID, epoch)}}
	_, err := n.take(forged, p.origin())
	check(t, err)
	_, err = p.give(n, e)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1")
}

// A peer has only the header, then another has the words too.
func TestDroppedBodyComesLater(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	e1, e2 := p.say("1"), p.say("2")
	d := e1
	d.Body, d.Absent = nil, event.Dropped
	_, err := p.give(n, d, e2)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c))) // what came before is not here yet
	_, err = p.give(n, e1)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1", "2")
	// A claim that it was recalled or has expired takes nothing away.
	d.Absent = event.Recalled
	r := event.Run{Events: []event.Event{d, e2, p.recalls(e1.ID, epoch.Add(time.Hour))}}
	_, err = n.take(r, p.origin())
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "1", "2")
}

// The window has two sides: a recall that is dated long before the message takes no words either.
func TestRecallDatedBeforeTheMessage(t *testing.T) {
	for _, within := range []bool{true, false} {
		n, p := newNode(t), newPen(t)
		c := p.meets(n, true)
		m := p.say("words")
		at := epoch.Add(-recallWindow)
		if !within {
			at = at.Add(-time.Millisecond)
		}
		_, err := p.give(n, m)
		check(t, err)
		_, err = p.give(n, p.recalls(m.ID, at))
		check(t, err)
		if row := n.rows(c)[0]; row.Recalled != within || (row.Text == "") != within {
			t.Errorf("%v before: %+v", epoch.Sub(at), row)
		}
	}
	// Nor is one written that others would not heed.
	a, _, c := pair(t)
	m := a.say(c, "words")
	a.wait(-recallWindow - time.Millisecond)
	if _, err := a.Recall(ctx, m.ID); err != ErrTooLate {
		t.Error(err)
	}
	a.wait(time.Millisecond)
	if _, err := a.Recall(ctx, m.ID); err != nil {
		t.Error(err)
	}
}

// What one takes back on another device goes here as well, however long ago it was said: others may
// not have had it.
func TestOwnRecallFromAnotherDeviceHasNoWindow(t *testing.T) {
	a, _, c := pair(t)
	p := newPen(t)
	p.restart(c)
	m := a.say(c, "words")
	_, err := a.take(event.Run{Events: []event.Event{p.recalls(m.ID, epoch.Add(24*time.Hour))}}, Origin{Author: a.own.Person})
	check(t, err)
	if row := a.rows(c)[0]; !row.Recalled {
		t.Errorf("%+v", row)
	}
}

// A recall can't be recalled: its words explain what is absent.
func TestRecallOfARecall(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}} {
		n, p := newNode(t), newPen(t)
		c := p.meets(n, true)
		m := p.say("words")
		recall := p.recalls(m.ID, epoch)
		events := []event.Event{m, recall, p.recalls(recall.ID, epoch)}
		for _, i := range order {
			_, err := p.give(n, events[i])
			check(t, err)
		}
		run, err := n.LoadRun(p.log, 1, event.MaxRunEvents, event.MaxRunSent)
		check(t, err)
		if len(run.Events) != 3 || run.Events[1].Absent != event.Present || run.Events[0].Absent != event.Recalled || len(words(n.rows(c))) > 1 {
			t.Errorf("%v: %d events, the recall is absent as %d", order, len(run.Events), run.Events[1].Absent)
		}
	}
}
