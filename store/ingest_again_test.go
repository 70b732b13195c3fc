package store

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// Somebody else brings more of the log that this device writes. There may be more still, so the
// device does not go on in it, even if nothing contradicts what is here.
func TestOwnLogThatComesBackIsClosed(t *testing.T) {
	a, b, c := goneBack(t)
	log := a.log(c)
	run, err := b.LoadRun(log, 2, 1, event.MaxRunSent)
	check(t, err)
	_, err = a.take(run, Origin{Author: a.own.Person})
	check(t, err)
	a.say(c, "4")
	if a.log(c) == log {
		t.Fatal("the log goes on")
	}
}

// lastChange waits until the last transaction was told, and returns what it told.
func (n *node) lastChange() Change {
	n.t.Helper()
	n.told()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changes[len(n.changes)-1]
}

// Sessions learn how far a log is held whenever more of it is: when events come, when words come
// that were missing, and when a recall in another log explains why they are missing.
func TestWhatIsHadIsTold(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	q := *p // another log of the same person
	q.restart(c)
	events := []event.Event{p.say("1"), p.say("2"), p.say("3")}
	tells := func(what string, want event.Ranges, do func() error) {
		t.Helper()
		check(t, do())
		for _, l := range n.lastChange().Logs {
			if l.Log == p.log && slices.Equal(l.Segments.Ranges(), want) {
				return
			}
		}
		t.Errorf("%s: told %v", what, n.lastChange().Logs)
	}
	give := func(e ...event.Event) func() error {
		return func() error { _, err := p.give(n, e...); return err }
	}
	tells("new", event.Ranges{{First: 1, Last: 1}}, give(events[0], stripped(events[1]), stripped(events[2])))
	tells("words", event.Ranges{{First: 1, Last: 2}}, give(events[1]))
	tells("recall", event.Ranges{{First: 1, Last: 3}}, func() error {
		_, err := q.give(n, q.recalls(events[2].ID, epoch))
		return err
	})
	p.say("never comes")
	waits := p.say("waits for it")
	check(t, give(stripped(waits))())
	tells("recall of what waits", event.Ranges{{First: 1, Last: 3}, {First: 5, Last: 5}}, func() error {
		_, err := q.give(n, q.recalls(waits.ID, epoch))
		return err
	})
	n.reopen()
	p.holds(n, event.Range{First: 1, Last: 3}, event.Range{First: 5, Last: 5})
}

// What is here is paid for once, however often it comes, with or without its words.
func TestWhatIsHereIsNotChargedAgain(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, false)
	from := p.origin()
	spent := func() (bytes uint64) {
		check(t, n.view(func(r *reader) (err error) {
			bytes, err = n.book.Held(r.Reader, p.card.Person())
			return err
		}))
		return bytes
	}
	e, missing := p.say("words"), p.say("missing")
	_, err := n.take(event.Run{Events: []event.Event{e, stripped(missing)}}, from)
	check(t, err)
	before := spent()
	for range 3 {
		_, err = n.take(event.Run{Events: []event.Event{e, stripped(missing)}}, from)
		check(t, err)
		_, err = n.take(event.Run{Events: []event.Event{stripped(e), stripped(missing)}}, from)
		check(t, err)
	}
	if after := spent(); before == 0 || after != before {
		t.Errorf("%d bytes, then %d", before, after)
	}
}

// A third event at one sequence is not kept, not taken for one of the two that are here, and no
// cause that is here.
func TestThirdBranch(t *testing.T) {
	n, p, q, c := twoPens(t)
	first := p.say("1")
	second, third := *p, *p
	later := func(h *event.Header) { h.Clock++ }
	a, b, x := p.say("a"), second.say("b", later), third.say("x", later)
	_, err := p.give(n, first, a)
	check(t, err)
	if _, err := p.give(n, first, b); err != ErrForked {
		t.Fatal(err)
	}
	for _, held := range [][]event.Event{{first, a}, {first, b}} {
		if _, err := p.give(n, held...); err != nil {
			t.Errorf("what is held: %v", err)
		}
	}
	if _, err := p.give(n, first, x); err != ErrForked {
		t.Errorf("a third: %v", err)
	}
	equalWords(t, "rows", words(n.rows(c)), "1", "a", "b")
	for i, to := range []event.Event{a, b, x} {
		q.restart(c)
		_, err := q.give(n, q.say("answer", func(h *event.Header) {
			h.Seen, h.Clock = []event.Position{to.Position()}, h.Clock+1000
		}))
		check(t, err)
		if got, want := len(n.rows(c)), 3+min(i+1, 2); got != want {
			t.Errorf("%d rows after the answer to %d, want %d", got, i, want)
		}
	}
}

// A fork without a new row still changes the rows that are there, which are told as forked.
func TestForkIsAChange(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	first := p.say("1")
	second := *p
	_, err := p.give(n, first, p.say("2"))
	check(t, err)
	before := n.Last()
	if _, err := p.give(n, first, second.recalls(event.ID{9}, epoch)); err != ErrForked {
		t.Fatal(err)
	}
	if rows := n.rows(c); !rows[1].Forked || n.Last() == before {
		t.Errorf("forked %t, told %t", rows[1].Forked, n.Last() != before)
	}
}

// Of a forked log one branch is named as seen, so that others can go on writing.
func TestOneBranchIsSeen(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	n.say(c, "own")
	first := p.say("1")
	second := *p
	_, err := p.give(n, first, p.say("2"))
	check(t, err)
	if _, err := p.give(n, first, second.say("2b")); err != ErrForked {
		t.Fatal(err)
	}
	n.say(c, "own again")
	run, err := n.LoadRun(n.log(c), 2, 1, event.MaxRunSent)
	check(t, err)
	if seen := seenBy(&run.Events[0]); len(seen) != 1 || seen[0] != p.log {
		t.Errorf("seen: %v", seen)
	}
}

// An event that was shown because its cause came is named as seen, after a restart too.
func TestSeenAfterARestart(t *testing.T) {
	n, p, q, c := twoPens(t)
	cause := p.say("cause")
	_, err := q.give(n, q.say("answer", func(h *event.Header) { h.Seen = []event.Position{cause.Position()} }))
	check(t, err)
	_, err = p.give(n, cause)
	check(t, err)
	n.reopen()
	n.say(c, "own")
	run, err := n.LoadRun(n.log(c), 1, 1, event.MaxRunSent)
	check(t, err)
	if seen := seenBy(&run.Events[0]); !slices.Contains(seen, p.log) || !slices.Contains(seen, q.log) {
		t.Errorf("seen: %v", seen)
	}
}

// A message that was read on another device before it is shown here is not unread when it is shown.
func TestReadElsewhereBeforeItIsShown(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	p.say("never comes")
	e := p.say("waits")
	_, err := p.give(n, e)
	check(t, err)
	check(t, n.NoteDelivered(ctx, []Delivery{{Person: n.own.Person, Log: p.log, Read: true, Segments: []event.Segment{{First: 2, Last: 2, ID: e.ID}}}}))
	check(t, n.Release(ctx, nil, n.now(), nil))
	if rows := n.rows(c); len(rows) != 1 || len(n.unread()) != 0 {
		t.Errorf("%d rows, unread: %q", len(rows), n.unread())
	}
}

// One conversation can be released without the others. What was first seen in the future, since the
// clock was set back, is due.
func TestReleaseOfOneConversation(t *testing.T) {
	n := newNode(t)
	var all []event.Conversation
	for range 3 {
		p := newPen(t)
		all = append(all, p.meets(n, true))
		p.say("never comes")
		_, err := p.give(n, p.say("waits"))
		check(t, err)
	}
	shown := func(want ...int) {
		t.Helper()
		for i, c := range all {
			if got := len(n.rows(c)); got != want[i] {
				t.Errorf("conversation %d: %d rows, want %d", i, got, want[i])
			}
		}
	}
	check(t, n.Release(ctx, &all[1], n.now(), nil))
	shown(0, 1, 0)
	n.wait(-time.Hour)
	check(t, n.Release(ctx, &all[0], n.now().Add(-time.Minute), nil))
	shown(1, 1, 0)
	check(t, n.Release(ctx, nil, n.now().Add(-time.Minute), nil))
	shown(1, 1, 1)
}

// A node may learn of one cause after the other that it is withheld. Each counts from then on.
func TestWithheldCausesAreLearntOneByOne(t *testing.T) {
	n, p, _, c, first := newcomer(t)
	for _, withheld := range []uint32{0, event.WithholdPrevious, event.WithholdSeen(0)} {
		first.Withheld = withheld
		_, err := n.take(event.Run{Events: []event.Event{first}}, Origin{Author: p.card.Person()})
		check(t, err)
	}
	equalWords(t, "rows", words(n.rows(c)), "first")
	check(t, n.view(func(r *reader) error {
		if !r.Empty(bucketWaiting) {
			t.Error("it waits still")
		}
		return nil
	}))
	check(t, n.MarkRead(ctx, true, first.ID))
	if unread := n.unread(); len(unread) != 0 {
		t.Errorf("unread: %q", unread)
	}
}

// A run has as many events and bytes as were asked for, if there is a signature to end it at.
func TestRunIsAsLongAsAskedFor(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	var events []event.Event
	for range 5 {
		events = append(events, p.say("words"))
	}
	_, err := p.give(n, events...)
	check(t, err)
	for _, e := range events { // Trim takes away the signatures within a run
		_, err := p.give(n, e)
		check(t, err)
	}
	size := len(events[1].HeaderBytes) + len(events[1].Body)
	for _, x := range []struct{ events, bytes, want int }{
		{1, event.MaxRunSent, 1}, {3, event.MaxRunSent, 3}, {9, event.MaxRunSent, 4}, {9, 2 * size, 2}, {9, 2*size - 1, 1}, {9, 1, 1},
	} {
		run, err := n.LoadRun(p.log, 2, x.events, x.bytes)
		check(t, err)
		if len(run.Events) != x.want {
			t.Errorf("%d events and %d bytes: %d events, want %d", x.events, x.bytes, len(run.Events), x.want)
		}
	}
}
