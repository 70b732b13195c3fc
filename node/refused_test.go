package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// onlySession returns the session that a machine has with another.
func (m *machine) onlySession(with *machine) *session.Session {
	m.w.t.Helper()
	all := m.mesh.With(with.who.person)
	if len(all) != 1 {
		m.w.t.Fatalf("%s has %d sessions with %s", m.name, len(all), with.name)
	}
	return all[0]
}

// waits says what the messages to another wait for, if it is the same for all.
func (m *machine) waits(to *machine) (waitingFor, reason string) {
	m.w.t.Helper()
	waiting, err := outboxOf(m)
	if err != nil {
		m.w.t.Fatal(err)
	}
	for i, p := range waiting {
		if i > 0 && (p.WaitingFor != waitingFor || p.Reason != reason) {
			m.w.t.Fatalf("%s and %s", waitingFor, p.WaitingFor)
		}
		waitingFor, reason = p.WaitingFor, p.Reason
	}
	return waitingFor, reason
}

func (m *machine) requests() []contacts.Request {
	m.w.t.Helper()
	all, err := m.Contacts().Requests(m.w.t.Context())
	if err != nil {
		m.w.t.Fatal(err)
	}
	return all
}

// A stranger who writes more than there is budget for is told whose limit it is, and the reader that
// more waits. Accepting brings everything, in the session that there is.
func TestStrangerIsToldThatTheBudgetIsUsedUp(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		ann.meets(soon, bob)
		before := ann.onlySession(bob)
		var said []string
		for i := range 30 {
			said = append(said, fmt.Sprint(i)+strings.Repeat("x", 60_000))
			bob.say(ann, said[i])
		}
		w.within(soon, "the budget is used up", func() bool { waitingFor, _ := bob.waits(ann); return waitingFor == waiting.WaitRefused })
		if _, reason := bob.waits(ann); reason != waiting.WaitAcceptance {
			t.Errorf("Bob is told %q", reason)
		}
		if r := ann.requests(); len(r) != 1 || r[0].Person != bob.who.person || r[0].Name != "Bob" || !r[0].MoreWaits {
			t.Fatalf("Ann sees %+v", r)
		}
		if n := len(ann.words(bob, bob)); n == 0 || n == len(said) {
			t.Errorf("%d messages were taken", n)
		}
		time.Sleep(10 * time.Minute)
		if _, err := ann.Contacts().Accept(t.Context(), bob.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		ann.got(soon, bob, said...)
		w.within(soon, "Bob knows", func() bool { return bob.pending() == 0 })
		if r := ann.requests(); len(r) != 0 {
			t.Errorf("still asked for: %+v", r)
		}
		if ann.onlySession(bob) != before {
			t.Error("the session did not stay")
		}
	})
}

// That more of a stranger waits was said until the next start, also when all had come since there was
// room again. It is said of whoever is refused again.
func TestMoreWaitsNoLongerThanItDoes(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		ann.meets(soon, bob)
		for range 30 {
			bob.say(ann, strings.Repeat("x", 60_000))
		}
		w.within(soon, "more waits", func() bool { return len(ann.requests()) == 1 })
		ann.again()
		if r := ann.requests(); len(r) != 0 {
			t.Errorf("while it is tried again: %d requests", len(r))
		}
		w.within(soon, "more waits", func() bool { return len(ann.requests()) == 1 })
	})
}

// The next session finds out anew that more waits: nothing of it is on the disk.
func TestMoreWaitsAfterARestart(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		ann.meets(soon, bob)
		for range 30 {
			bob.say(ann, strings.Repeat("x", 60_000))
		}
		w.within(soon, "more waits", func() bool { return len(ann.requests()) == 1 })
		ann.stop()
		ann.start(bob.address())
		w.within(soon, "more waits", func() bool { return len(ann.requests()) == 1 })
		w.within(soon, "Bob is told", func() bool { waitingFor, _ := bob.waits(ann); return waitingFor == waiting.WaitRefused })
	})
}

// To somebody whose disk is full nothing goes for as long as it is, the sender sees why, and nobody
// dials again. They can write themselves. When there is room, everything comes in the same session.
func TestFullDiskOfAReader(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		ann.meets(soon, bob)
		w.talk(ann, bob)
		w.talk(bob, ann)
		theirs := len(bob.words(ann, ann))
		before := ann.onlySession(bob)
		bob.full.Store(true)
		var said []string
		for i := range 100 {
			said = append(said, fmt.Sprint(i))
			ann.say(bob, said[i])
		}
		w.within(soon, "Ann is told", func() bool {
			waitingFor, _ := ann.waits(bob)
			return waitingFor == waiting.WaitNoRoom
		})
		if codes := bob.codes(); !slices.Equal(codes, []string{warnings.Full}) {
			t.Errorf("Bob is warned of %q", codes)
		}
		bob.reaches(soon, bob.say(ann, "I can write"), chat.StateDelivered)
		time.Sleep(24 * time.Hour)
		if got := bob.words(ann, ann); len(got) != theirs {
			t.Errorf("%q came", got[theirs:])
		}
		bob.full.Store(false)
		w.within(soon, "all has come", func() bool { return slices.Equal(bob.words(ann, ann)[theirs:], said) })
		w.within(soon, "Ann knows", func() bool { return ann.pending() == 0 })
		if codes := bob.codes(); len(codes) != 0 {
			t.Errorf("Bob is still warned of %q", codes)
		}
		if ann.onlySession(bob) != before {
			t.Error("the session did not stay")
		}
	})
}

// The longest message there may be is shown to somebody who takes only contacts, as the first of a
// stranger: it fits the opening run.
func TestLongFirstMessageIsARequest(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		ann.meets(soon, bob)
		long := strings.Repeat("x", 64<<10)
		bob.say(ann, long)
		w.within(soon, "Ann is asked", func() bool { return len(ann.requests()) == 1 })
		if r := ann.requests()[0]; r.Text != long || r.MoreWaits {
			t.Errorf("%d bytes, more waits: %t", len(r.Text), r.MoreWaits)
		}
		bob.say(ann, "are you there?")
		if _, err := ann.Contacts().Accept(t.Context(), bob.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		ann.got(soon, bob, long, "are you there?")
	})
}

// Whoever wrote on to somebody who takes only contacts was not heard of before the next session.
func TestMoreWaitsIsToldInTheSession(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		ann.meets(soon, bob)
		bob.meets(soon, ann)
		bob.say(ann, "hello")
		w.within(soon, "Ann is asked", func() bool { return len(ann.requests()) == 1 })
		before := ann.onlySession(bob)
		if r := ann.requests()[0]; r.Text != "hello" || r.MoreWaits {
			t.Errorf("at first: %+v", r)
		}
		bob.say(ann, "are you there?")
		w.within(2*time.Minute, "more waits", func() bool { return ann.requests()[0].MoreWaits })
		if r := ann.requests(); len(r) != 1 || r[0].Text != "hello" || ann.onlySession(bob) != before {
			t.Errorf("then: %+v", r)
		}
		if _, err := ann.Contacts().Accept(t.Context(), bob.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		ann.got(soon, bob, "hello", "are you there?")
	})
}

// A request that came while the disk was full is not lost until the day when the peer comes back: it
// comes again as soon as there is room.
func TestRequestComesAgainWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		ann.meets(soon, bob)
		bob.meets(soon, ann)
		ann.full.Store(true)
		bob.say(ann, "hello")
		w.within(soon, "Ann is warned", func() bool { return slices.Equal(ann.codes(), []string{warnings.Full}) })
		time.Sleep(time.Hour)
		if r := ann.requests(); len(r) != 0 {
			t.Errorf("kept on a full disk: %+v", r)
		}
		ann.full.Store(false)
		w.within(soon, "Ann is asked", func() bool { return len(ann.requests()) == 1 })
	})
}

// Whoever refuses what they are sent, for any reason, as often as they like and for runs that they
// take back, changes nothing but what the sender reads of them: others are written to as before, and
// no more is under way to them than the window has room for.
func TestRefusalsAtWill(t *testing.T) {
	long(t)
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		m.offer()
		for range 20 {
			if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: m.person.String(), Text: strings.Repeat("x", 60_000)}); err != nil {
				t.Fatal(err)
			}
		}
		runs := func() []event.Run { return m.seen.runs() }
		m.until(ann, "a run comes", func(*seen) bool { return len(runs()) > 0 })
		log := runs()[0].Log()
		answered := 0
		for range 50 { // no room, for what has come; and room again
			m.until(ann, "it comes again", func(*seen) bool { return len(runs()) > answered })
			for _, r := range runs()[answered:] {
				m.send(wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: r.Number}})
				answered++
			}
			m.send(wire.Frame{Have: &wire.Have{Store: m.store, Answers: runs()[0].Number}})
		}
		w.talk(ann, bob)
		for why := wire.TooManySegments; why <= wire.TooManyLogs; why++ {
			if why == wire.NoRoom {
				continue
			}
			for range 1000 {
				m.send(wire.Frame{Refused: &wire.Refused{Device: log.Device, Instance: log.Instance, Reason: why}})
			}
			w.talk(ann, bob)
		}
		if m.seen.over() {
			t.Error("the session has ended")
		}
		if n := len(runs()) - answered; n > 32 {
			t.Errorf("%d runs are under way", n)
		}
		if n := ann.pending(); n != 20 {
			t.Errorf("%d messages wait for her", n)
		}
	})
}

// What is kept of a contact has reached its limit. Both owners are told, and who it is. When there is room
// again, the rest comes in the same session.
func TestOwnerIsToldWhoIsAtTheirLimit(t *testing.T) {
	t.Parallel()
	inWorld(t, 2, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		ann.trusts(bob)
		told := func() (out []warnings.Warning) {
			s, err := ann.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s.Warnings
		}
		w.talk(ann, bob)
		w.talk(bob, ann)
		before := ann.onlySession(bob)
		ann.free.Store(200_000)
		var said []string
		for i := range 20 {
			said = append(said, fmt.Sprint(i, strings.Repeat("x", 60_000)))
			bob.say(ann, said[i])
		}
		w.within(soon, "Ann is told", func() bool { return len(told()) > 0 })
		if got := told(); len(got) != 1 || got[0].Code != warnings.Limit || got[0].Person.ID != bob.who.person || got[0].Person.Claimed != "Bob" || got[0].InGroup {
			t.Errorf("told %+v", got)
		}
		w.within(soon, "Bob is told", func() bool { waitingFor, _ := bob.waits(ann); return waitingFor == waiting.WaitRefused })
		time.Sleep(10 * time.Minute)
		if got := told(); len(got) != 1 || bob.pending() == 0 {
			t.Errorf("then %+v, %d wait", got, bob.pending())
		}
		ann.free.Store(0)
		w.within(2*time.Minute, "the rest comes", func() bool { return bob.pending() == 0 })
		if got := told(); len(got) > 0 {
			t.Errorf("with room again: %+v", got)
		}
		if ann.onlySession(bob) != before {
			t.Error("the session did not stay")
		}
	})
}
