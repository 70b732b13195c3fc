package node

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// soon is how long a contact's message may take while somebody else attacks.
const soon = 5 * time.Second

// attacked has Ann and Bob, who are contacts, and Mallory, who takes Bob's name. While the attack
// goes on, and after it, Ann and Bob must hear each other within seconds, and what Ann sends to
// "Bob" goes to him. In the end nothing may be left of what was held of the budget for her.
func attacked(t *testing.T, attack func(t *testing.T, w *world, ann, bob *machine, m *mallory)) {
	t.Helper()
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		ann.meets(soon, bob)
		bob.meets(soon, ann)
		w.talk(ann, bob)
		m := w.mallory("Bob")
		attack(t, w, ann, bob, m)
		w.talk(ann, bob)
		_ = m.link.Close()
		w.within(soon, "the session ends", func() bool {
			return !ann.mesh.Here(m.person)
		})
		w.within(frameTimeout+soon, "all of the budget for what is not proven comes back", func() bool {
			used := ann.budgets.Used()[budget.Stranger] // others may still be here, who hold what a session takes
			return used.Memory <= int64(used.Accounts)*64<<10
		})
		checkShown(t, ann, bob, texts(bob.rows(ann)))
	})
}

// talk has two contacts send each other a message.
func (w *world) talk(a, b *machine) {
	w.t.Helper()
	w.talks++
	began := time.Now()
	for _, turn := range [][2]*machine{{a, b}, {b, a}} {
		from, to := turn[0], turn[1]
		sent, err := from.Messages().Send(w.t.Context(), chat.Outgoing{To: to.name, Text: fmt.Sprintf("%s %d", from.name, w.talks)})
		if err != nil {
			w.t.Fatalf("%s sends to %s: %v", from.name, to.name, err)
		}
		if want := to.who.person.String(); sent.To.ID != want {
			w.t.Fatalf("a message to %s goes to %s, want %s", to.name, sent.To.ID, want)
		}
		from.reaches(soon, sent, chat.StateDelivered)
	}
	if d := time.Since(began); d > soon {
		w.t.Errorf("a message each way took %s", d)
	}
}

// TestHostileFrames sends what no honest peer sends. Each time the session must end for the reason
// given, which is logged with the peer, and nothing may be stored.
func TestHostileFrames(t *testing.T) {
	greeted := func(f func(m *mallory, ann, bob *machine)) func(*mallory, *machine, *machine) {
		return func(m *mallory, ann, bob *machine) {
			m.greet(ann)
			m.offer()
			f(m, ann, bob)
		}
	}
	silent := func(f func(m *mallory)) func(*mallory, *machine, *machine) {
		return func(m *mallory, ann, _ *machine) { m.connect(ann); f(m) }
	}
	for name, c := range map[string]struct {
		attack func(m *mallory, ann, bob *machine)
		within time.Duration
		logged string
	}{
		"garbage": {silent(func(m *mallory) {
			b := make([]byte, 4<<10)
			_, _ = rand.Read(b)
			b[0], b[1] = 0x80, 0x10 // a length that fits
			m.raw(b)
		}), time.Second, "broke the protocol"},
		"empty frame":         {silent(func(m *mallory) { m.frame(nil) }), time.Second, "broke the protocol"},
		"two messages":        {silent(func(m *mallory) { m.frame(append(m.greeting()[0].Marshal(), m.greeting()[1].Marshal()...)) }), time.Second, "broke the protocol"},
		"length over limit":   {silent(func(m *mallory) { m.raw(binary.AppendUvarint(nil, wire.MaxFrame+1)) }), time.Second, "frame of 1310721 bytes"},
		"length without end":  {silent(func(m *mallory) { m.raw(bytes.Repeat([]byte{0xff}, 32)) }), time.Second, "overflow"},
		"huge greeting":       {silent(func(m *mallory) { m.raw(binary.AppendUvarint(nil, wire.MaxFrame)) }), time.Second, "frame of 1310720 bytes"},
		"no hello":            {silent(func(m *mallory) {}), helloTimeout + time.Second, "does not say who it is"},
		"greeting in pieces":  {silent(func(m *mallory) { go m.drip(m.greeting()) }), 2*helloTimeout + time.Second, "does not say who it is"},
		"another version":     {silent(func(m *mallory) { m.send(wire.Frame{Hello: &wire.Hello{Version: 2}}) }), time.Second, "another version"},
		"identity first":      {silent(func(m *mallory) { m.send(m.greeting()[2]) }), time.Second, "out of order"},
		"offers before hello": {silent(func(m *mallory) { m.offer() }), time.Second, "out of order"},
		"stalled frame": {greeted(func(m *mallory, _, _ *machine) {
			m.raw(append(binary.AppendUvarint(nil, 1000), make([]byte, 10)...))
		}), frameTimeout + time.Second, "deadline"},
		"somebody else's card": {silent(func(m *mallory) {
			m.send(m.greeting()[:2]...)
			m.send(wire.Frame{Identity: &wire.Identity{Card: m.w.mallory("Eve").card.Bytes()}})
		}), time.Second, "does not name the device"},
		"card that is none": {silent(func(m *mallory) {
			m.send(m.greeting()[:2]...)
			m.send(wire.Frame{Identity: &wire.Identity{Card: bytes.Repeat([]byte{7}, 100)}})
		}), time.Second, "did not prove its person"},
		"somebody else's profile": {silent(func(m *mallory) {
			m.send(m.greeting()[:2]...)
			eve := m.w.mallory("Eve").greeting()[2]
			m.send(wire.Frame{Identity: &wire.Identity{Card: m.card.Bytes(), Profile: eve.Identity.Profile}})
		}), time.Second, "did not prove its person"},
		"greeting twice": {greeted(func(m *mallory, _, _ *machine) { m.send(m.greeting()[0]) }), time.Second, "greeting twice"},
		"settled twice": {greeted(func(m *mallory, _, _ *machine) {
			m.send(wire.Frame{Settled: &wire.Settled{}}, wire.Frame{Settled: &wire.Settled{}})
		}), time.Second, "settled twice"},
		"unproven": {greeted(func(m *mallory, _, _ *machine) {
			f := m.run(m.event("one"), m.event("two"))
			f.Run.Events[1].Signature[5] ^= 1
			m.send(f)
		}), time.Second, "not proven"},
		"unsigned": {greeted(func(m *mallory, _, _ *machine) {
			f := m.run(m.event("one"))
			f.Run.Events[0].Signature = nil
			m.send(f)
		}), time.Second, "not proven"},
		"broken chain": {greeted(func(m *mallory, _, _ *machine) {
			one := m.event("one")
			m.last.ID = event.ID{9}
			m.send(m.run(one, m.event("two")))
		}), time.Second, "not proven"},
		"another body": {greeted(func(m *mallory, _, _ *machine) {
			f, other := m.run(m.event("one")), m.event("six")
			f.Run.Events[0].Body = other.Body
			m.send(f)
		}), time.Second, "another body"},
		"another conversation": {greeted(func(m *mallory, ann, bob *machine) {
			m.send(m.run(m.event("one", func(h *event.Header) { h.Conversation = event.Direct(ann.who.person, bob.who.person) })))
		}), time.Second, "another conversation"},
		"a group nobody offered": {greeted(func(m *mallory, _, _ *machine) {
			f := m.run(m.event("one"))
			f.Run.Tag = bytes.Repeat([]byte{3}, 32)
			m.send(f)
		}), time.Second, "was not offered"},
		"card nobody asked for": {greeted(func(m *mallory, _, _ *machine) {
			m.send(wire.Frame{Card: &wire.Card{Card: m.card.Bytes()}})
		}), time.Second, "not asked for"},
		"forged record": {greeted(func(m *mallory, _, _ *machine) {
			r := m.record(event.KindProfile, event.ProfileSubject(m.person), 2, event.Profile{Name: "Forged"}.Marshal())
			r.Signature[5] ^= 1
			m.send(wire.Frame{Record: &wire.Record{Record: r}})
		}), time.Second, "not proven: record"},
		"two stores": {greeted(func(m *mallory, _, _ *machine) {
			m.store[0]++
			m.offer()
		}), time.Second, "another store"},
	} {
		t.Run(name, func(t *testing.T) {
			attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
				c.attack(m, ann, bob)
				w.talk(ann, bob)
				m.dropped(c.within)
				w.within(time.Second, "the log says "+c.logged, func() bool {
					return w.lines.has("node=Ann", m.key.ID().String(), c.logged)
				})
				persons, err := ann.store.Book().Persons()
				kept := slices.ContainsFunc(persons, func(p book.Person) bool { return p.ID == m.person })
				if kept || err != nil {
					t.Errorf("the store has the attacker: %t, %v", kept, err)
				}
			})
		})
	}
}

// drip writes frames a byte at a time.
func (m *mallory) drip(frames []wire.Frame) {
	for _, f := range frames {
		b := f.Marshal()
		for _, one := range append(binary.AppendUvarint(nil, uint64(len(b))), b...) {
			if !m.raw([]byte{one}) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// TestRunOfAnotherDevice: what the peer's person has not written is refused, though it is signed:
// by somebody unknown, and by a contact, whose place is in another conversation.
func TestRunOfAnotherDevice(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		eve := w.mallory("Eve")
		other := *eve
		other.key, other.card = bob.who.key, bob.who.card
		for _, author := range []*mallory{eve, &other} {
			m.greet(ann)
			m.offer()
			author.victim = ann
			m.send(author.run(author.event("one", func(h *event.Header) { h.Conversation = m.conversation() })))
			if author == eve {
				m.until(ann, "she asks for the card", func(s *seen) (asked bool) {
					s.each(func(f *wire.Frame) { asked = asked || f.CardRequest != nil })
					return asked
				})
				m.send(wire.Frame{Card: &wire.Card{Card: author.card.Bytes()}})
			}
			m.until(ann, "it is refused", func(s *seen) bool { return s.refused() == wire.NotPermitted })
			if rows := m.rowsAt(ann); len(rows) != 0 {
				t.Errorf("stored: %q", texts(rows))
			}
		}
	})
}

// TestReplays sends the same run many times.
func TestReplays(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		m.offer()
		f := m.run(m.event("one"), m.event("two"))
		for range 200 {
			m.send(f)
		}
		w.talk(ann, bob)
		m.greet(ann)
		m.offer()
		m.send(f)
		m.until(ann, "it is acknowledged", func(s *seen) bool { return s.holds(m, 2) })
		if got := texts(m.rowsAt(ann)); len(got) != 2 {
			t.Errorf("shown: %q", got)
		}
	})
}

// TestForkedLog: two events with one sequence are kept with a warning and the log stops. The other
// direction goes on.
func TestForkedLog(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		m.offer()
		one := m.event("one")
		m.send(m.run(one))
		m.until(ann, "it is acknowledged", func(s *seen) bool { return s.holds(m, 1) })
		m.last = event.Event{}
		m.send(m.run(m.event("the other one")))
		m.until(ann, "it is refused", func(s *seen) bool { return s.refused() == wire.Forked })
		for i := range 5 {
			m.send(m.run(m.event(fmt.Sprint(i))))
		}
		w.talk(ann, bob)
		if !w.lines.has("node=Ann", m.key.ID().String(), "forked") {
			t.Error("the log does not say it")
		}
		forked := 0
		for _, r := range m.rowsAt(ann) {
			if r.Forked {
				forked++
			}
		}
		if forked != 2 {
			t.Errorf("%d rows are shown as forked, of %q", forked, texts(m.rowsAt(ann)))
		}
		sent, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: m.person.String(), Text: "what?"})
		if err != nil {
			t.Fatal(err)
		}
		m.until(ann, "Ann's answer comes", func(s *seen) bool { return len(s.runs()) > 0 })
		_ = sent
	})
}
