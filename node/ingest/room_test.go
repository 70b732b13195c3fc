package ingest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
