package store

import (
	"errors"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// repeats asks whether some events repeat what the store has.
func (n *node) repeats(events ...event.Event) (IngestResult, bool, error) {
	return n.Repeats(&event.Run{Events: events})
}

// unsigned returns an event without its signature, as it stands in the middle of a run.
func unsigned(e event.Event) event.Event {
	e.Signature = nil
	return e
}

// TestHeldRunIsNoNews: what is held is found by a look-up, whatever its signatures are. Whatever may
// bring something is not.
func TestHeldRunIsNoNews(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e1, e2, e3, e4 := p.say("1"), p.say("2"), p.say("3"), p.say("4")
	if _, repeats, err := n.repeats(e1); repeats || err != nil {
		t.Errorf("in a store that has nothing: %t, %v", repeats, err)
	}
	_, err := p.give(n, unsigned(e1), e2, e3)
	check(t, err)
	forged := e3
	forged.Signature = e2.Signature
	absent := e2
	absent.Absent, absent.Body = event.Dropped, nil
	for what, c := range map[string]struct {
		events []event.Event
		want   bool
	}{
		"the same run":                     {[]event.Event{unsigned(e1), e2, e3}, true},
		"a part of it":                     {[]event.Event{e2}, true},
		"with another signature":           {[]event.Event{unsigned(e1), e2, forged}, true},
		"without words that are here":      {[]event.Event{unsigned(e1), absent, e3}, true},
		"with a signature that is lacking": {[]event.Event{e1}, false},
		"with one more event":              {[]event.Event{e2, e3, e4}, false},
		"another event":                    {[]event.Event{e4}, false},
	} {
		got, repeats, err := n.repeats(c.events...)
		if repeats != c.want || err != nil {
			t.Errorf("%s: %t, %v", what, repeats, err)
		}
		if repeats && (len(got.Segments) != 1 || got.Segments[0] != (event.Segment{First: 1, Last: 3, ID: e3.ID})) {
			t.Errorf("%s: held %v", what, got.Segments)
		}
	}
}

// TestLackingWordsAreNews: an event that is here without its words is not had.
func TestLackingWordsAreNews(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e1, e2 := p.say("1"), p.say("2")
	absent := e1
	absent.Absent, absent.Body = event.Dropped, nil
	_, err := p.give(n, absent, e2)
	check(t, err)
	if _, repeats, err := n.repeats(e1, e2); repeats || err != nil {
		t.Errorf("with the words: %t, %v", repeats, err)
	}
	if got, repeats, err := n.repeats(absent, e2); !repeats || err != nil || got.Segments.Covers(1) {
		t.Errorf("without them: %t, %v, held %v", repeats, err, got.Segments)
	}
}

// TestFrozenLogTakesNoProof: once two branches of a log are proven, any more of it is refused by a
// look-up. What stands before the fork, and holes there, are as in any log.
func TestFrozenLogTakesNoProof(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e1, e2 := p.say("1"), p.say("2")
	_, err := p.give(n, e1, e2)
	check(t, err)
	branch := func(word string) event.Event {
		p.last = e1
		return p.say(word)
	}
	b, c := branch("2b"), branch("2c")
	if _, repeats, err := n.repeats(e1, b); repeats || err != nil {
		t.Errorf("the first contradiction: %t, %v", repeats, err)
	}
	if _, err := p.give(n, e1, b); !errors.Is(err, ErrForked) {
		t.Fatal(err)
	}
	p.last = c
	d := p.say("3c")
	for what, c := range map[string]struct {
		events []event.Event
		want   error
	}{
		"the first branch":  {[]event.Event{e1, e2}, nil},
		"the second branch": {[]event.Event{e1, b}, nil},
		"a third one":       {[]event.Event{e1, c}, ErrForked},
		"without its root":  {[]event.Event{c, d}, ErrForked},
		"further on":        {[]event.Event{d}, ErrForked},
	} {
		got, repeats, err := n.repeats(c.events...)
		if !repeats || !errors.Is(err, c.want) || !got.Segments.Covers(1) {
			t.Errorf("%s: %t, %v, held %v", what, repeats, err, got.Segments)
		}
		if _, err := n.take(event.Run{Events: c.events}, p.origin()); !errors.Is(err, c.want) {
			t.Errorf("%s: the store itself says %v", what, err)
		}
	}
}

// TestRecallThatIsNewIsNews: a run may be held while what it encloses is not.
func TestRecallThatIsNewIsNews(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	e := p.say("1")
	_, err := p.give(n, e)
	check(t, err)
	p.restart(c)
	recall := p.recalls(e.ID, epoch.Add(time.Second))
	run := event.Run{Events: []event.Event{e}, Recalls: []event.Event{recall}}
	if _, repeats, err := n.Repeats(&run); repeats || err != nil {
		t.Errorf("with a new recall: %t, %v", repeats, err)
	}
	_, err = p.give(n, recall)
	check(t, err)
	if _, repeats, err := n.Repeats(&run); !repeats || err != nil {
		t.Errorf("with a recall that is held: %t, %v", repeats, err)
	}
}
