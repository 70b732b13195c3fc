package store

import (
	"testing"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// A recall and the message, which comes after it by another log, may be written in one transaction,
// before which nothing was ever recalled.
func TestRecallAndMessageInOneTransaction(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	q := *p
	q.restart(c)
	m := p.say("words")
	hold, held := make(chan struct{}), make(chan struct{})
	go n.do(ctx, func(*batch) error { close(held); <-hold; return nil })
	<-held
	first := n.BeginIngest(ctx, event.Run{Events: []event.Event{q.say("other"), q.recalls(m.ID, epoch)}}, p.origin())
	second := n.BeginIngest(ctx, event.Run{Events: []event.Event{m}}, p.origin())
	close(hold)
	for _, wait := range []func() (IngestResult, error){first, second} {
		_, err := wait()
		check(t, err)
	}
	equalWords(t, "rows", words(n.rows(c)), "other")
}

// A recall is of what was said in its own conversation.
func TestRecallFromAnotherConversation(t *testing.T) {
	n, p := newNode(t), newPen(t)
	direct := p.meets(n, true)
	m := p.say("words")
	_, err := p.give(n, m)
	check(t, err)
	p.restart(group(n))
	_, err = p.give(n, p.recalls(m.ID, epoch))
	check(t, err)
	equalWords(t, "rows", words(n.rows(direct)), "words")
}

// Who looks at a row is told that its words have gone.
func TestRecallIsAChange(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	m := p.say("words")
	_, err := p.give(n, m)
	check(t, err)
	before := n.Last()
	_, err = p.give(n, p.recalls(m.ID, epoch))
	check(t, err)
	if n.Last() == before {
		t.Error("nobody is told")
	}
}

// The recall of a message takes its edits along, and explains the absence of nothing else that is
// about it.
func TestRecallExplainsNoReaction(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	m := p.say("m")
	reaction := p.reacts(m.ID, "👍", epoch)
	_, err := p.give(n, m, stripped(reaction), p.recalls(m.ID, epoch))
	check(t, err)
	_, err = p.give(n, stripped(reaction)) // the recall is known by now
	check(t, err)
	p.holds(n, event.Range{First: 1, Last: 1}, event.Range{First: 3, Last: 3})
}

// Of two messages that were taken back a reader turns out to have one: only of that it is said.
func TestOneOfTheCancelledHadArrived(t *testing.T) {
	a, b, c := pair(t)
	had, not := a.say(c, "had"), a.say(c, "not")
	log := a.log(c)
	run, err := a.LoadRun(log, 1, 1, event.MaxRunSent)
	check(t, err)
	_, err = b.take(run, Origin{Author: a.own.Person})
	check(t, err)
	for _, m := range []Entry{had, not} {
		_, err := a.Cancel(ctx, m.ID)
		check(t, err)
	}
	acknowledge(b, a, c)
	if a.state(had.ID) != Delivered || a.state(not.ID) != Cancelled {
		t.Errorf("%v and %v", a.state(had.ID), a.state(not.ID))
	}
	check(t, a.view(func(r *reader) error {
		x, err := r.byID(not.ID)
		check(t, err)
		if v := r.Get(bucketCancelled, x.Slot.Bytes()); len(v) != layout.SlotSize+1 || v[layout.SlotSize] != 0 {
			t.Error("the other is noted as had")
		}
		return nil
	}))
}
