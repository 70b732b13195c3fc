package ingest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// On a disk that is nearly full nothing is taken of what others write, and the owner can write. A
// record is taken, since it replaces another.
func TestRoomIsKeptForTheOwner(t *testing.T) {
	ann, bob, _ := newHalls(t)
	from, _ := ann.from(bob)
	c := event.Direct(ann.id(), bob.id())
	g := bob.makes("lunch", ann)
	bob.tells(g, ann)
	bob.invites(g, newHall(t))
	run, events := bob.writesTo(ann, "hello"), bob.lacks(g, ann)
	ann.free.Store(1 << 20)
	refused := func(what string, in sync.Input) {
		t.Helper()
		if stored, ok := in.(sync.Stored); !ok || stored.Refused != wire.NoRoom || stored.Err != nil {
			t.Errorf("%s: %+v", what, in)
		}
	}
	refused("a run", from.Run(t.Context(), sync.Ingest{Ticket: 7, Conversation: c, Run: run})())
	refused("control events", from.brings(t, g, events...))
	if stored, ok := from.bringsRecord(t, c, bob.profile(1, "Bob")).(sync.Stored); !ok || stored.Refused != 0 || stored.Err != nil {
		t.Errorf("a name: %+v", stored)
	}
	from.Request(t.Context(), run)
	if requests, err := ann.store.Book().Requests(); err != nil || len(requests) > 0 {
		t.Errorf("%d requests, %v", len(requests), err)
	}
	ann.writesTo(bob, "I can still write")
	if !slices.Equal(ann.room, []bool{false}) {
		t.Errorf("told %v", ann.room)
	}

	ann.free.Store(1 << 40)
	if in := ann.Ingest(t.Context(), run, bob.id()); in.Err != nil || !in.New {
		t.Errorf("with room again: %+v", in)
	}
	if stored, ok := from.brings(t, g, events...).(sync.Stored); !ok || stored.Refused != 0 || stored.Err != nil {
		t.Errorf("with room again: %+v", stored)
	}
}

// It is looked for room as long as there is none, and told once when there is.
func TestRoomIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann := newHall(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { ann.Run(ctx); close(ended) }()
		ann.free.Store(0)
		ann.noRoom()
		ann.noRoom()
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(ann.room, []bool{false}) {
			t.Errorf("told %v", ann.room)
		}
		ann.free.Store(1 << 40)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(ann.room, []bool{false, true}) {
			t.Errorf("told %v", ann.room)
		}
		cancel()
		<-ended
	})
}

// Where writing fails again and again though there seems to be room, it is tried ever more seldom,
// and after a while without failure at once again.
func TestRoomThatSeemsToBeThere(t *testing.T) {
	var r room
	now := time.Unix(1000, 0)
	free := func() error { return nil }
	next := func() time.Duration {
		if !r.refused(now) || r.refused(now) {
			t.Fatal("told not once")
		}
		for n := time.Duration(1); ; n++ {
			if now = now.Add(time.Second); r.again(now, free) {
				return n * time.Second
			}
		}
	}
	for _, want := range []int{2, 4, 8, 16, 32, 60, 60} {
		if pause := next(); pause != time.Duration(want)*time.Second {
			t.Errorf("tried after %s, want %d s", pause, want)
		}
	}
	now = now.Add(roomPauseMost + 1)
	if pause := next(); pause != roomPause {
		t.Errorf("tried after %s", pause)
	}
	if r.again(now, free) || r.refused(now) && r.again(now.Add(time.Hour), func() error { return errors.New("full") }) {
		t.Error("there is room again without any")
	}
}

// What was refused of a contact had room made for strangers, of what these have sent; and what was refused
// of a fellow member in a group had them ask to be accepted, which nobody needs there.
func TestWhoseLimitIsReached(t *testing.T) {
	ann, bob, dora := newHalls(t)
	g := bob.makes("lunch", ann, dora)
	bob.tells(g, ann)
	ann.check(ann.people.Keep(t.Context(), dora.id()))
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	ann.sets(dora, func(p *book.Person) { p.Member = true })
	eve := newHall(t)
	ann.meets(eve)
	for _, c := range []struct {
		what          string
		who           *hall
		in            event.Conversation
		asks, wanting bool
	}{
		{"a contact in a group", bob, g, false, false},
		{"a member in a group", dora, g, false, false},
		{"a member elsewhere", dora, event.Direct(ann.id(), dora.id()), true, false},
		{"a stranger", eve, event.Direct(ann.id(), eve.id()), true, true},
	} {
		ann.waiting = nil
		ann.giving.wanted.Store(false)
		ann.refused(t.Context(), Limit{c.who.id(), c.in})
		if asks := len(ann.waiting) == 1; asks != c.asks || len(ann.waiting) > 1 {
			t.Errorf("%s: more waits of %d, want it told %t", c.what, len(ann.waiting), c.asks)
		}
		if wanting := ann.giving.wanted.Load(); wanting != c.wanting {
			t.Errorf("%s: room is made for strangers: %t", c.what, wanting)
		}
	}
}

// It is looked once a minute who has room again, of so many at most, and no more once they have.
func TestLimitsAreLookedForOnceAMinute(t *testing.T) {
	var r limited
	now := time.Unix(1000, 0)
	if len(r.due(now)) != 0 {
		t.Error("nobody is at their limit")
	}
	person := func(n int) Limit { return Limit{Person: crypto.PersonID{byte(n), 1}} }
	r.add(person(1), now)
	r.add(person(2), now.Add(limitPause/2)) // does not put it off
	for i, want := range []int{0, 2, 0, 2} {
		if now = now.Add(limitPause / 2); len(r.due(now)) != want {
			t.Errorf("after %d half minutes it is not looked for %d", i+1, want)
		}
	}
	r.remove(person(1))
	if got := r.due(now.Add(limitPause)); !slices.Equal(got, []Limit{person(2)}) {
		t.Errorf("when one has room: %v", got)
	}
	for n := range 2 * maxLimited {
		r.add(person(n), now)
	}
	if n := len(r.due(now.Add(time.Hour))); n != maxLimited {
		t.Errorf("%d are remembered", n)
	}
}

// Who has room again is told of once, and what was refused of them is tried again.
func TestWhoHasRoomAgain(t *testing.T) {
	ann, bob, _ := newHalls(t)
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	var told []bool
	again := 0
	ann.cfg.Limited = func(_ Limit, room bool) { told = append(told, room) }
	ann.cfg.Again = func() { again++ }
	l := Limit{bob.id(), event.Direct(ann.id(), bob.id())}
	ann.free.Store(64<<20 + 1000)
	ann.refused(t.Context(), l)
	look := func() {
		t.Helper()
		ann.limited.look = time.Time{}
		ann.check(ann.lookForLimits())
	}
	if look(); !slices.Equal(told, []bool{false}) || again != 0 {
		t.Errorf("without room: told %v, tried again %d times", told, again)
	}
	ann.free.Store(1 << 40)
	for range 2 {
		if look(); !slices.Equal(told, []bool{false, true}) || again != 1 {
			t.Errorf("with room: told %v, tried again %d times", told, again)
		}
	}
	ann.refused(t.Context(), l) // there is room since
	if len(told) != 2 {
		t.Errorf("told %v of somebody who has room", told)
	}
}
