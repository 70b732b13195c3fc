package node

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// told is what a program was told of what people do now.
type told struct {
	*journal.Reader
	w       *world
	writes  map[event.Conversation][]crypto.PersonID
	here    map[crypto.PersonID]string // "here" or "away"
	changes int
	online  []int // how many are in earshot, in order
}

func (m *machine) follows(kinds ...string) *told {
	m.w.t.Helper()
	r, err := m.Journal().Read("", kinds, chat.Filter{})
	if err != nil {
		m.w.t.Fatal(err)
	}
	return &told{Reader: r, w: m.w, writes: make(map[event.Conversation][]crypto.PersonID), here: make(map[crypto.PersonID]string)}
}

// read takes in what comes within some time.
func (c *told) read(d time.Duration) {
	ctx, cancel := context.WithTimeout(c.w.t.Context(), d)
	defer cancel()
	for {
		b, err := c.Next(ctx)
		if err != nil {
			return
		}
		for _, ch := range b.Changes {
			c.changes++
			switch ch.Kind {
			case journal.Typing:
				delete(c.writes, ch.Writing.Conversation)
				for _, p := range ch.Writing.Persons {
					c.writes[ch.Writing.Conversation] = append(c.writes[ch.Writing.Conversation], p.ID)
				}
			case journal.Presence:
				delete(c.here, ch.Person.ID)
				if ch.Person.Online {
					c.here[ch.Person.ID] = map[bool]string{true: "away", false: "here"}[ch.Person.Away]
				}
			case journal.Online:
				c.online = append(c.online, ch.Online)
			default:
				c.w.t.Errorf("told of %s", ch.Kind)
			}
		}
	}
}

// types has m say that it writes, or that it has stopped.
func (m *machine) types(who string, on bool) {
	m.w.t.Helper()
	if err := m.Presence().SetTyping(m.w.t.Context(), who, on); err != nil {
		m.w.t.Fatal(err)
	}
}

// That a contact writes is seen within a second, and no more when they stop, when they have written and
// when they say nothing for 6 s.
func TestTypingIsSeen(t *testing.T) {
	t.Parallel()
	inWorld(t, 501, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		ann.trusts(bob)
		bob.trusts(ann)
		c, to := event.Direct(ann.who.person, bob.who.person), ann.who.person.String()
		time.Sleep(2 * time.Second)
		seen := ann.follows(journal.Typing)
		types := func(want bool) {
			t.Helper()
			seen.read(1500 * time.Millisecond)
			if got := seen.writes[c]; slices.Equal(got, []crypto.PersonID{bob.who.person}) != want {
				t.Errorf("writing: %v", got)
			}
		}
		bob.types(to, true)
		types(true)
		bob.types(to, false)
		types(false)
		time.Sleep(4 * time.Second)
		bob.types(to, true)
		types(true)
		bob.say(ann, "there")
		types(false)
		time.Sleep(4 * time.Second)
		bob.types(to, true)
		seen.read(5 * time.Second)
		if len(seen.writes[c]) == 0 {
			t.Error("forgotten too soon")
		}
		types(false)

		// Who has it turned off neither tells nor is told.
		if err := bob.Owner().SetTyping(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		theirs, before := bob.follows(journal.Typing), seen.changes
		bob.types(to, true)
		ann.types(bob.who.person.String(), true)
		theirs.read(2 * time.Second)
		if seen.read(2 * time.Second); seen.changes != before || theirs.changes != 0 {
			t.Errorf("told %d and %d changes", seen.changes-before, theirs.changes)
		}
	})
}

// In a group its members see it, contacts or not, unless they have blocked who writes.
func TestTypingInAGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, 502, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo", "Dan")
		w.acquaint(ms...)
		ann, bob, cleo, dan := ms[0], ms[1], ms[2], ms[3]
		g := ann.makes("lunch", bob, cleo)
		bob.meets(10*time.Second, cleo)
		time.Sleep(5 * time.Second)
		if _, err := cleo.Contacts().Block(t.Context(), ann.who.person.String()); err != nil {
			t.Fatal(err)
		}
		byBob, byCleo, byDan := bob.follows(journal.Typing), cleo.follows(journal.Typing), dan.follows(journal.Typing)
		bob.types(g.String(), true)
		ann.types(g.String(), true)
		time.Sleep(time.Second)
		for _, r := range []struct {
			who  *told
			want []*machine
		}{{byBob, []*machine{ann}}, {byCleo, []*machine{bob}}, {byDan, nil}} {
			r.who.read(1500 * time.Millisecond)
			var want []crypto.PersonID
			for _, m := range r.want {
				want = append(want, m.who.person)
			}
			if got := r.who.writes[g]; !slices.Equal(got, want) {
				t.Errorf("%v write, want %v", got, want)
			}
		}
	})
}

// A stranger and somebody blocked type to nobody, and a contact who floods is shown as one who writes.
func TestTypingOfMany(t *testing.T) {
	t.Parallel()
	inWorld(t, 503, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		m.offer()
		flood := func() {
			for range 2000 {
				m.send(wire.Frame{Typing: &wire.Typing{On: true}}, wire.Frame{Presence: &wire.Presence{Away: true}}, wire.Frame{Presence: &wire.Presence{}})
			}
			m.send(wire.Frame{Presence: &wire.Presence{}})
		}
		seen := ann.follows(journal.Typing, journal.Presence)
		flood()
		if seen.read(3 * time.Second); seen.changes != 0 {
			t.Errorf("told %d changes of a stranger", seen.changes)
		}
		if _, err := ann.Contacts().Accept(t.Context(), m.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		m.offer() // numbers go on
		flood()
		seen.read(3 * time.Second)
		if len(seen.writes) != 1 || seen.here[m.person] == "" || seen.changes > 8 {
			t.Errorf("%v, %v, %d changes", seen.writes, seen.here, seen.changes)
		}
		if m.seen.over() {
			t.Error("the session has ended")
		}
		if _, err := ann.Contacts().Block(t.Context(), m.person.String()); err != nil {
			t.Fatal(err)
		}
		seen.read(3 * time.Second)
		m.greet(ann)
		before := seen.changes
		flood()
		if seen.read(10 * time.Second); seen.changes != before || len(seen.writes) != 0 {
			t.Errorf("told %d changes of somebody blocked", seen.changes-before)
		}
	})
}

// A node says that its owner is away when nobody has looked for 5 minutes after somebody had, to contacts
// only, and in a new session too.
func TestAway(t *testing.T) {
	t.Parallel()
	inWorld(t, 504, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		ann.trusts(bob)
		bob.trusts(ann)
		cleo.trusts(ann)
		cleo.meets(10*time.Second, ann)
		seen, other := bob.follows(journal.Presence), cleo.follows(journal.Presence)
		is := func(where *told, who *machine, want string) {
			t.Helper()
			where.read(2 * time.Second)
			if got := where.here[who.who.person]; got != want {
				t.Errorf("%s is %q, want %q", who.name, got, want)
			}
		}
		time.Sleep(time.Hour)
		is(seen, ann, "here") // nobody ever looked
		ann.Presence().Look(true)
		time.Sleep(time.Hour)
		is(seen, ann, "here")
		ann.Presence().Look(false)
		time.Sleep(5*time.Minute - 3*time.Second)
		is(seen, ann, "here")
		is(seen, ann, "away")
		is(other, ann, "here") // no contact of Ann's
		if p, err := bob.Contacts().Resolve(t.Context(), ann.who.person.String()); err != nil || !p.Away {
			t.Errorf("%+v, %v", p, err)
		}
		if _, err := ann.Contacts().Accept(t.Context(), cleo.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		is(other, ann, "away")

		name := bob.who.person
		bob.stop()
		bob.start(w.addresses()...)
		bob.meets(10*time.Second, ann)
		if bob.who.person != name {
			t.Fatal("another person")
		}
		seen = bob.follows(journal.Presence)
		is(seen, ann, "away")
		if err := ann.Owner().SetPresence(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		is(seen, ann, "here")
		if err := ann.Owner().SetPresence(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		is(seen, ann, "away")
		ann.Presence().Look(true)
		is(seen, ann, "here")
		ann.stop()
		is(seen, ann, "")
	})
}

// How many people are in earshot is told at first, and when that is another number, whoever they are.
func TestOnlineIsTold(t *testing.T) {
	t.Parallel()
	inWorld(t, 506, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		if s, err := ann.Status(t.Context()); err != nil || s.Online != 2 || s.Known != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		seen := ann.follows(journal.Online)
		seen.read(2 * time.Second)
		bob.stop()
		seen.read(2 * time.Second)
		bob.start(w.addresses()...)
		bob.meets(10*time.Second, ann)
		seen.read(2 * time.Second)
		ann.presence.Bump() // without any other number
		seen.read(2 * time.Second)
		if want := []int{2, 1, 2}; !slices.Equal(seen.online, want) {
			t.Errorf("told %v, want %v", seen.online, want)
		}
	})
}

// What is told of many who come and go is a few batches a second apart.
func TestPresenceIsToldOnceASecond(t *testing.T) {
	t.Parallel()
	inWorld(t, 505, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob")
		w.acquaint(ms...)
		ann, bob := ms[0], ms[1]
		ann.trusts(bob)
		bob.trusts(ann)
		r := ann.follows(journal.Presence)
		r.read(time.Second)
		for n := range 40 {
			bob.Presence().Look(n%2 == 0)
			ann.presence.Bump()
			time.Sleep(50 * time.Millisecond)
		}
		if r.read(time.Second); r.changes > 4 {
			t.Errorf("told %d changes: %s", r.changes, fmt.Sprint(r.here))
		}
	})
}
