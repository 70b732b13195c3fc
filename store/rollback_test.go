package store

import (
	"errors"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// a's disk goes back to before messages that b has, and a writes another in their place. Nothing is
// lost, nothing is shown twice, and nobody sees a fork.
func TestRollback(t *testing.T) {
	a, b, c := goneBack(t)
	lost := a.say(c, "2 again")
	log := a.log(c)

	back, err := a.Rollback(ctx, log, b.logs(c)[log])
	if err != nil || !back {
		t.Fatal(back, err)
	}
	if a.state(lost.ID) != Queued || a.pending() != 1 {
		t.Fatalf("%v, %d pending", a.state(lost.ID), a.pending())
	}
	if again, err := a.Rollback(ctx, log, b.logs(c)[log]); err != nil || again {
		t.Fatal(again, err)
	}
	meet(b, a, c)
	meet(a, b, c)
	meet(b, a, c)
	if new := a.log(c); new == log {
		t.Fatal("the log goes on under the same instance")
	}
	for _, n := range []*node{a, b} {
		rows := n.rows(c)
		if len(rows) != 4 {
			t.Fatalf("rows: %q", words(rows))
		}
		for _, r := range rows {
			if r.Forked {
				t.Fatalf("%q is forked", r.Text)
			}
		}
	}
	if a.state(lost.ID) != Delivered || a.pending() != 0 {
		t.Fatalf("%v, %d pending", a.state(lost.ID), a.pending())
	}
	a.say(c, "5")
	meet(a, b, c)
	if len(b.rows(c)) != 5 {
		t.Fatal(words(b.rows(c)))
	}
}

// The same, but what comes first is not the peer's segments but its run.
func TestRollbackFoundByIngest(t *testing.T) {
	a, b, c := pair(t)
	a.sayKey(c, "1", "1")
	old := a.backup()
	a.sayKey(c, "2", "2")
	a.sayKey(c, "3", "3")
	meet(a, b, c)
	a.restore(old)
	a.sayKey(c, "2", "2")
	log := a.log(c)
	meet(b, a, c)
	meet(a, b, c)
	meet(b, a, c)
	if a.log(c) == log {
		t.Fatal("the log goes on under the same instance")
	}
	for _, n := range []*node{a, b} {
		rows := n.rows(c)
		if len(rows) != 3 {
			t.Fatalf("rows: %q", words(rows))
		}
		for _, r := range rows {
			if r.Forked || r.Own && r.State != Delivered {
				t.Fatalf("%q: forked %t, %v", r.Text, r.Forked, r.State)
			}
		}
	}
	if a.pending() != 0 {
		t.Fatalf("%d pending", a.pending())
	}
}

// What was cancelled stays so, and can still be cancelled after it moved.
func TestRollbackAndCancel(t *testing.T) {
	a, b, c := pair(t)
	a.say(c, "1")
	meet(a, b, c)
	old := a.backup()
	a.say(c, "2")
	meet(a, b, c)
	a.restore(old)
	m, k := a.say(c, "cancelled before"), a.say(c, "cancelled after")
	_, err := a.Cancel(ctx, m.ID)
	check(t, err)
	log := a.log(c)
	if back, err := a.Rollback(ctx, log, b.logs(c)[log]); err != nil || !back {
		t.Fatal(back, err)
	}
	if a.state(m.ID) != Cancelled || a.state(k.ID) != Queued {
		t.Fatal(a.state(m.ID), a.state(k.ID))
	}
	_, err = a.Cancel(ctx, k.ID)
	check(t, err)
	a.reopen()
	meet(b, a, c)
	meet(a, b, c)
	if a.state(m.ID) != Cancelled || a.state(k.ID) != Cancelled || a.pending() != 0 {
		t.Fatal(a.state(m.ID), a.state(k.ID), a.pending())
	}
	if rows := b.rows(c); len(rows) != 2 {
		t.Fatalf("%q", words(rows))
	}
}

// What stays of a log that is cut between two signatures ends at one.
func TestRollbackSignsTheNewEnd(t *testing.T) {
	a, b, c := pair(t)
	text := func(s string) Draft { return Draft{Conversation: c, Kind: event.KindText, Content: text(s)} }
	sent, err := a.AppendAll(ctx, []Draft{text("1"), text("2")})
	check(t, err)
	log := a.log(c)
	first := event.Segment{First: 1, Last: 1, ID: sent[0].ID}
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: log, Segments: []event.Segment{first}}}))
	if back, err := a.Rollback(ctx, log, event.Segments{{First: 1, Last: 3}}); err != nil || !back {
		t.Fatal(back, err)
	}
	check(t, a.view(func(r *reader) error {
		k, err := r.conversation(c)
		check(t, err)
		l, err := r.named(k.Number, log, layout.BranchFirst)
		check(t, err)
		st, err := r.stored(l.At(1))
		check(t, err)
		if l.Segments.Last() != 1 || st.Signature == nil {
			t.Errorf("%v, signed %t", l.Segments, st.Signature != nil)
		}
		return nil
	}))
}

// Segments that say no more than what is held change nothing.
func TestNoRollback(t *testing.T) {
	a, b, c := pair(t)
	for _, s := range []string{"1", "2", "3"} {
		a.say(c, s)
	}
	meet(a, b, c)
	a.say(c, "4")
	log := a.log(c)
	for _, theirs := range []event.Segments{nil, b.logs(c)[log]} {
		if back, err := a.Rollback(ctx, log, theirs); err != nil || back {
			t.Fatal(back, err)
		}
	}
	other := log
	other.Instance[0]++
	if back, err := a.Rollback(ctx, other, b.logs(c)[log]); err != nil || back {
		t.Fatal(back, err)
	}
	run, err := b.LoadRun(log, 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	_, err = a.take(run, Origin{Author: a.own.Person})
	check(t, err)
	if a.log(c) != log {
		t.Fatal("what is held closed the log")
	}
}

// seenBy returns the logs of the causes that an event names.
func seenBy(e *event.Event) (out []event.Log) {
	for _, p := range e.Header.Seen {
		out = append(out, p.Log(e.Header.Conversation))
	}
	return out
}

// The log that follows a closed one names it as seen, and all that was said to what is written
// again there. Otherwise an answer could be shown before its question.
func TestNewLogComesAfterAllThatWasSeen(t *testing.T) {
	a, b, c := pair(t)
	a.say(c, "1")
	meet(a, b, c)
	old := a.backup()
	b.say(c, "question")
	a.say(c, "2")
	meet(a, b, c)
	a.restore(old)
	a.say(c, "2 again")
	closed := a.log(c)
	run, err := b.LoadRun(b.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	_, err = a.take(run, Origin{Author: b.own.Person})
	check(t, err)
	a.say(c, "answer")
	if back, err := a.Rollback(ctx, closed, b.logs(c)[closed]); err != nil || !back {
		t.Fatal(back, err)
	}
	first, err := a.LoadRun(a.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if seen := seenBy(&first.Events[0]); len(first.Events) != 2 || !slices.Contains(seen, closed) || !slices.Contains(seen, b.log(c)) {
		t.Fatalf("of %d messages of the new log the first has seen %v", len(first.Events), seen)
	}
}

// What others have said is named as seen, even if the transaction that was to say so had to be run
// again, or failed as a whole.
func TestSeenAfterAnotherFailed(t *testing.T) {
	boom := errors.New("boom")
	for name, fail := range map[string]func(b *batch) error{
		"one of them": func(b *batch) error { b.Put(bucketMeta, []byte("never"), []byte{1}); return boom },
		"all":         func(b *batch) error { b.Put(bucketMeta, nil, []byte{1}); return nil },
	} {
		a, b, c := pair(t)
		a.say(c, "1")
		b.say(c, "question")
		meet(b, a, c)
		release := a.hold()
		answer, fails := a.submitSay(c, "answer"), a.submit(ctx, fail)
		release()
		if fails() == nil {
			t.Fatal("it did not fail")
		}
		if err := answer(); err != nil {
			a.say(c, "answer")
		}
		run, err := a.LoadRun(a.log(c), 2, 1, event.MaxRunSent)
		check(t, err)
		if seen := seenBy(&run.Events[0]); len(seen) != 1 || seen[0] != b.log(c) {
			t.Errorf("%s: the answer has seen %v", name, seen)
		}
	}
}
