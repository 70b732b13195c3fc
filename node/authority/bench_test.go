package authority

import (
	"encoding/binary"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// long is a history of 1,000 control events, one after the other, in a group of 500; or of that
// many in two halves of the group that don't hear of each other.
func long(halves int) []Event {
	events := []Event{founding}
	heads := make([]crypto.Hash, halves)
	for i := range heads {
		heads[i] = founding.ID
	}
	for i := 1; i < 1000; i++ {
		var act event.Control = event.Topic{Topic: string(rune(i))}
		switch {
		case i%2 == 0:
			act = invite(somebody(i))
		case i%50 == 1 && i > 100:
			act = role(somebody(i-1), event.RoleAdmin)
		case i%50 == 3 && i > 100:
			act = remove(somebody(i - 3))
		}
		h := &heads[i%halves]
		if i%50 == 1 {
			h = &heads[(i-1)%halves]
		}
		e := does(fay, act, *h)
		*h = e.ID
		events = append(events, e)
	}
	return events
}

// somebody is one of many.
func somebody(i int) (p crypto.PersonID) {
	binary.BigEndian.PutUint32(p[1:], uint32(i)+1)
	p[31] = 1
	return p
}

// honest is a history of 4,096 events of a group of 500 who come, are given roles, talk of this and
// that, and go; now and then two admins don't hear of each other, and a merge follows.
func honest() []Event {
	events := []Event{founding}
	last := founding
	next := func(who crypto.PersonID, act event.Control, parents ...crypto.Hash) Event {
		e := does(who, act, parents...)
		events = append(events, e)
		return e
	}
	last = next(fay, invite(ann, bob), last.ID)
	last = next(fay, role(ann, event.RoleAdmin), last.ID)
	last = next(fay, role(bob, event.RoleAdmin), last.ID)
	for i := 0; len(events) < event.MaxControls-4; i++ {
		switch {
		case i < 500:
			last = next(ann, invite(somebody(i)), last.ID)
		case i%20 == 0: // two at one time, one of whom takes out somebody who goes as well
			p := somebody(i % 500)
			left, right := next(ann, remove(p), last.ID), next(bob, event.Topic{Topic: string(rune(i))}, last.ID)
			gone := next(p, event.Leave{}, last.ID)
			last = next(bob, event.Merge{}, left.ID, right.ID, gone.ID)
			last = next(bob, invite(p), last.ID)
		default:
			last = next(fay, event.Topic{Topic: string(rune(i))}, last.ID)
		}
	}
	return events
}

func benchmarkAll(b *testing.B, events []Event) {
	for b.Loop() {
		g := group(b, events[0])
		for _, e := range events[1:] {
			if err := g.Add(e); err != nil && err != ErrParent {
				b.Fatal(err)
			}
			g.State()
		}
	}
}

// BenchmarkHistory takes 1,000 events and makes the State after each.
func BenchmarkHistory(b *testing.B) {
	b.Run("linear", func(b *testing.B) { benchmarkAll(b, long(1)) })
	b.Run("halves", func(b *testing.B) { benchmarkAll(b, long(2)) })
}

// BenchmarkMerge takes eight concurrent heads after 1,000 events, two of them removals, and what
// merges them.
func BenchmarkMerge(b *testing.B) {
	events := long(1)
	for b.Loop() {
		b.StopTimer()
		g := group(b, events...)
		end := g.Heads()[0]
		b.StartTimer()
		for i := range 8 {
			act := event.Control(event.Topic{Topic: string(rune(i))})
			if i < 2 {
				act = remove(g.State().Members[200+i].Person)
			}
			add(b, g, does(fay, act, end))
			g.State()
		}
		add(b, g, does(fay, event.Merge{}, g.Heads()...))
		g.State()
	}
}

// BenchmarkMessage asks what is asked for each message.
func BenchmarkMessage(b *testing.B) {
	g := group(b, long(1)...)
	heads := g.Heads()
	author := g.State().Members[100].Person
	b.Run("Accepts", func(b *testing.B) {
		for b.Loop() {
			if err := g.Accepts(author, logOf(author, 1), 5, heads); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("StateAt", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.StateAt(heads); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Serves", func(b *testing.B) {
		for b.Loop() {
			if !g.Serves(author, heads) {
				b.Fatal("not served")
			}
		}
	})
	b.Run("Locator", func(b *testing.B) {
		for b.Loop() {
			g.Locator()
		}
	})
}
