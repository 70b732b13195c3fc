package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// queued has a node write in two groups in turn, each to two persons who are away. It returns the groups, the
// persons, and what is pending.
func queued(t *testing.T, n int) (a *node, groups []event.Conversation, persons []crypto.PersonID, want []Pending) {
	t.Helper()
	a = newNode(t)
	persons = make([]crypto.PersonID, 2)
	for i := range persons {
		random{}.Read(persons[i][:])
	}
	for range 2 {
		c := group(a)
		var head crypto.Hash
		random{}.Read(head[:])
		a.council.set(c, head, persons...)
		groups = append(groups, c)
	}
	for i := range n {
		a.wait(time.Second)
		c := groups[i%2]
		e := a.say(c, fmt.Sprint(i))
		if i%5 == 0 { // which has no line
			_, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindReaction, Content: text("+1"), Target: e.ID})
			check(t, err)
		}
		for _, p := range persons {
			want = append(want, Pending{e.ID, c, p, e.Clock})
		}
	}
	return a, groups, persons, want
}

// Whoever asked what waits held all of it, and so did the node.
func TestPendingIsToldInParts(t *testing.T) {
	a, groups, persons, want := queued(t, 700)
	readAll := func(in *event.Conversation, then func(part int)) (all []Pending) {
		t.Helper()
		part := 0
		check(t, a.EachPending(in, func(some []Pending) error {
			if len(some) == 0 || len(some) > maxQueued {
				t.Fatalf("%d at once", len(some))
			}
			all = append(all, some...)
			then(part)
			part++
			return nil
		}))
		if least := (len(all) + maxQueued - 1) / maxQueued; part != least {
			t.Errorf("%d in %d parts, want %d", len(all), part, least)
		}
		return all
	}
	compare := func(what string, got, want []Pending) {
		t.Helper()
		// Of one message, persons have the order of the audience.
		byPerson := func(p, q Pending) int { return slices.Compare(p.To[:], q.To[:]) }
		for i := 0; i+1 < len(got) && i+1 < len(want); i += 2 {
			slices.SortFunc(got[i:i+2], byPerson)
			slices.SortFunc(want[i:i+2], byPerson)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d lines, want %d", what, len(got), len(want))
		}
	}
	nothing := func(int) {}
	compare("all", readAll(nil, nothing), want)
	in := func(c event.Conversation) (out []Pending) {
		for _, p := range want {
			if p.Conversation == c {
				out = append(out, p)
			}
		}
		return out
	}
	for _, c := range groups {
		compare("one group", readAll(&c, nothing), in(c))
	}
	if other := (event.Conversation{1}); len(readAll(&other, nothing)) > 0 {
		t.Error("something waits in a conversation that is not here")
	}
	full := errors.New("full")
	if err := a.EachPending(nil, func([]Pending) error { return full }); err != full {
		t.Errorf("%v, want the error of tell", err)
	}

	// Between the first part and the second one person gets all, the other a part, and more is written.
	logs, err := a.Logs(groups[0])
	check(t, err)
	got := readAll(nil, func(part int) {
		if part > 0 {
			return
		}
		for log, segments := range logs {
			check(t, a.NoteDelivered(ctx, []Delivery{{Person: persons[0], Log: log, Segments: segments}}))
		}
		a.say(groups[0], "new")
		a.say(groups[1], "new")
	})
	rest := slices.DeleteFunc(slices.Clone(want[maxQueued:]), func(p Pending) bool { return p.Conversation == groups[0] && p.To == persons[0] })
	if len(got) != maxQueued+len(rest) {
		t.Fatalf("%d lines, want %d", len(got), maxQueued+len(rest))
	}
	for i, p := range got[maxQueued:] {
		if !slices.Contains(rest, p) {
			t.Fatalf("line %d is no line any more, or was not yet", i)
		}
	}
}
