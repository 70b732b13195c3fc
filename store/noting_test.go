package store

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// tells checks that a follower who has seen everything learns what something has changed, and
// returns what it was told.
func (n *node) tells(what string, act func()) []Changed {
	n.t.Helper()
	f := &follower{at: n.Last(), has: n.picture(false)}
	act()
	told := f.follow(n, 20, -1)
	f.agree(n, what)
	return told
}

// An edit came before the message that it edits, which is a second one under the key of another: now
// it counts for the row.
func TestTwinThatWasEditedIsTold(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	first := p.say("first")
	_, err := p.give(n, first)
	check(t, err)
	p.restart(p.log.Conversation)
	second := p.say("second", func(h *event.Header) { h.Key = first.Header.Key })
	edit := p.edits(second.ID, "edited", epoch)
	_, err = p.give(n, stripped(second), edit)
	check(t, err)
	told := n.tells("a second message under a key", func() {
		_, err := p.give(n, second, edit)
		check(t, err)
	})
	if len(told) != 1 || told[0].Row.ID != first.ID || told[0].Row.Text != "edited" {
		t.Errorf("%+v", told)
	}
}

// A message has changed, and then the log in which it stood is closed, since this disk went back in
// time: a follower who was away learns of the change.
func TestChangeOfARowThatIsMovedIsTold(t *testing.T) {
	a, b, c := goneBack(t)
	m := a.say(c, "cancelled")
	a.tells("cancelled, and moved", func() {
		_, err := a.Cancel(ctx, m.ID)
		check(t, err)
		log := a.log(c)
		if back, err := a.Rollback(ctx, log, b.logs(c)[log]); err != nil || !back {
			t.Fatal(back, err)
		}
	})
}

// What everybody who is left in a group has read is read when somebody goes who had not read it, and
// only that is told.
func TestStatesAreToldWhenSomebodyGoes(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	c := group(a, b, d)
	var sent []Entry
	for range 4 {
		sent = append(sent, a.say(c, "x"))
	}
	note := func(n *node, i int, read bool) {
		t.Helper()
		s := sent[i]
		check(t, a.NoteDelivered(ctx, []Delivery{{Person: n.own.Person, Log: a.log(c), Read: read,
			Segments: []event.Segment{{First: s.Sequence, Last: s.Sequence, ID: s.ID}}}}))
	}
	note(b, 0, true)
	note(b, 1, false)
	note(d, 1, false)
	note(b, 2, true)
	note(d, 2, true)
	note(b, 3, true)
	note(d, 3, false)
	told := a.tells("somebody goes", func() {
		a.council.mu.Lock()
		a.council.gone = append(a.council.gone, d.own.Person)
		a.council.mu.Unlock()
		check(t, a.Tell(ctx, c, News{Heads: []crypto.Hash{{1}}, Moved: []crypto.PersonID{d.own.Person}}))
	})
	rows := 0
	for _, ch := range told {
		if ch.Kind == RowChanged {
			rows++
			if ch.Row.ID != sent[0].ID && ch.Row.ID != sent[3].ID || ch.Row.State != Read {
				t.Errorf("told that %v is %v", ch.Row.Sequence, ch.Row.State)
			}
		}
	}
	if rows != 2 {
		t.Errorf("%d rows were told", rows)
	}
}

// An acknowledgement of thousands of messages is told message by message, in portions, and a reader
// who is killed within it begins with it again.
func TestLongAcknowledgementIsToldInPortions(t *testing.T) {
	long(t)
	a, b, c := pair(t)
	const many = 3*maxPassed/2 + 1
	a.many(t, c, many)
	log, at := a.log(c), a.Last()
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: log, Segments: a.logs(c)[log]}}))
	if a.Last() != at+1 {
		t.Errorf("the change counter went from %d to %d", at, a.Last())
	}
	for _, kinds := range []ChangeKind{EveryChange, RowArrived} {
		round, told, calls := a.Round(at, Wanted{Kinds: kinds}), 0, 0
		for ; !round.Done(); calls++ {
			part, err := round.Next(1 << 20)
			check(t, err)
			if told += len(part); told < many && kinds == EveryChange && round.Told() != at {
				t.Fatalf("told up to %d after %d messages", round.Told(), told)
			}
		}
		if want := many; kinds == EveryChange && (told != want || calls != 2) || kinds == RowArrived && (told != 0 || calls != 1) {
			t.Errorf("kinds %d: %d messages in %d transactions", kinds, told, calls)
		}
	}
}

// A message that is missed is missed no more when its log is cut before it, and is again when the cut
// is taken back.
func TestGapThatALimitClosesIsTold(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p, q := penIn(t, c), penIn(t, c)
	first, missing := p.say("first"), p.say("missing")
	_, err := p.give(n, first)
	check(t, err)
	_, err = q.give(n, q.say("answer", func(h *event.Header) { h.Seen = []event.Position{missing.Position()} }))
	check(t, err)
	n.wait(time.Hour)
	check(t, n.Release(ctx, nil, n.now(), nil))
	for _, limits := range []map[event.Log]uint64{{p.log: 1}, nil} {
		told := n.tells("a limit", func() { check(t, n.SetLimits(ctx, c, limits)) })
		if len(told) != 1 || told[0].Row.Text != "answer" || told[0].Row.Gap != (limits == nil) {
			t.Errorf("%+v", told)
		}
	}
}

// The owner's name is a record of their own, and what is shown of the owner is what they have set.
func TestOwnNameIsToldAsASetting(t *testing.T) {
	n := newNode(t)
	told := n.tells("a name", func() {
		_, err := n.book.SignRecord(ctx, event.KindProfile, event.ProfileSubject(n.own.Person), event.Profile{Name: "Ann"}.Marshal())
		check(t, err)
	})
	if len(told) != 1 || told[0].Kind != SettingsChanged {
		t.Errorf("%+v", told)
	}
}
