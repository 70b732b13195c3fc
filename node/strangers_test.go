package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/book"
)

// strangers are many persons of one attacker, at a few addresses.
type strangers struct {
	w     *world
	hosts []*memnet.Host
	made  int
}

func (w *world) strangers(addresses int) *strangers {
	s := &strangers{w: w}
	for range addresses {
		s.hosts = append(s.hosts, w.net.Host(w.freshAddr()))
	}
	return s
}

// next makes one more person.
func (s *strangers) next() *mallory {
	s.made++
	return s.w.malloryAt(fmt.Sprintf("Mallory %d", s.made), s.hosts[s.made%len(s.hosts)])
}

// fills has each of so many persons write until no more is taken of them.
func (s *strangers) fills(victim *machine, persons int) (all []*mallory) {
	long := strings.Repeat("x", 60_000)
	for range persons {
		m := s.next()
		m.greet(victim)
		m.offer()
		for range book.StrangerBudget/len(long) + 2 {
			m.send(m.run(m.event(long)))
		}
		m.until(victim, "it is refused", func(s *seen) bool { return s.refused() == wire.OverBudget })
		_ = m.link.Close()
		all = append(all, m)
	}
	return all
}

// Whoever comes by another address finds room for a first message, though 64 persons have taken all
// that they could get by four addresses: also after a restart, and when all of them were blocked.
func TestHonestStrangerFindsRoom(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		flood := w.strangers(4).fills(ann, 64)
		newcomer := func(name string) {
			t.Helper()
			m := w.machine(name)
			m.start(ann.address())
			m.meets(soon, ann)
			m.say(ann, "hello")
			ann.got(30*time.Second, m, "hello")
			m.stop()
		}
		newcomer("Dora")
		ann.stop()
		ann.start()
		newcomer("Eve")
		for _, m := range flood {
			if _, known := ann.people.Get(m.person); !known { // nothing of theirs was taken
				continue
			}
			if _, err := ann.Contacts().Block(t.Context(), m.person.String()); err != nil {
				t.Fatal(err)
			}
			if rows := m.rowsAt(ann); len(rows) > 0 {
				t.Fatalf("%d messages of somebody who is blocked are kept", len(rows))
			}
		}
		if held := ann.strangersHold(); held > 64<<10 {
			t.Errorf("strangers hold %d bytes when all who flooded are blocked", held)
		}
		newcomer("Fay")
	})
}

// strangersHold returns how many bytes count of all strangers.
func (m *machine) strangersHold() (held uint64) {
	m.w.t.Helper()
	persons, err := m.store.Strangers()
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, p := range persons {
		n, err := m.store.Counted(p)
		if err != nil {
			m.w.t.Fatal(err)
		}
		held += n
	}
	return held
}

// With `me accept contacts`, the request of somebody who comes by another address is shown though 80
// persons ask by four addresses, and it stays for an hour in which ever more ask.
func TestHonestRequestStays(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Dora")
		ann, dora := pair[0], pair[1]
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		crowd := w.strangers(4)
		ask := func(n int) {
			for range n {
				m := crowd.next()
				m.greet(ann)
				m.offer()
				m.send(m.run(m.event("may I?")))
				time.Sleep(time.Second)
				_ = m.link.Close()
			}
		}
		asked := func() bool {
			for _, r := range ann.requests() {
				if r.Person == dora.who.person && r.Text == "hello" {
					return true
				}
			}
			return false
		}
		ask(book.MaxRequests + 16)
		ann.meets(soon, dora)
		dora.say(ann, "hello")
		w.within(30*time.Second, "Ann is asked", asked)
		dora.stop()
		for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Minute) {
			ask(2)
			if !asked() {
				t.Fatal("the honest request has gone")
			}
		}
		ann.stop()
		ann.start()
		if !asked() {
			t.Error("the honest request has gone with a restart")
		}
		if persons, err := ann.store.Strangers(); err != nil || len(persons) > book.MaxRequests {
			t.Errorf("%d strangers are kept for %d requests, %v", len(persons), book.MaxRequests, err)
		}
	})
}

// Somebody whom the store has forgotten while they are connected can write in the same session, and
// is taken in as somebody new.
func TestForgottenStrangerWritesAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		m.greet(ann)
		m.send(m.run(m.event("may I?")))
		w.within(soon, "Ann is asked", func() bool { return len(ann.requests()) == 1 })
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptEveryone); err != nil {
			t.Fatal(err)
		}
		m.greet(ann)
		m.offer()
		if _, err := ann.Contacts().ForgetRequests(t.Context(), nil, true); err != nil {
			t.Fatal(err)
		}
		m.send(m.run(m.event("hello")))
		m.until(ann, "it is acknowledged", func(s *seen) bool { return s.over() || s.holds(m, 2) })
		if m.seen.over() {
			t.Error("the session has ended")
		}
	})
}

// What a stranger's log was given back of does not come again when they connect, and is not shown a
// second time; what they write then is.
func TestWhatWasGivenBackDoesNotComeAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		pair := w.people("Ann", "Bob")
		ann, bob := pair[0], pair[1]
		ann.meets(soon, bob)
		bob.say(ann, "one")
		bob.reaches(soon, bob.say(ann, "two"), "delivered")
		if _, err := ann.Contacts().ForgetRequests(t.Context(), []string{bob.who.person.String()}, false); err != nil {
			t.Fatal(err)
		}
		ann.got(soon, bob)
		for range 2 {
			bob.stop()
			bob.start(ann.address())
			ann.meets(soon, bob)
			time.Sleep(time.Minute)
			ann.got(soon, bob)
			if n := bob.pending(); n != 0 {
				t.Errorf("%d messages wait", n)
			}
		}
		bob.reaches(soon, bob.say(ann, "three"), "delivered")
		ann.got(soon, bob, "three")
		if r := ann.rows(bob)[0]; r.Gap {
			t.Error("marked as if something were missing")
		}
		if _, err := ann.Contacts().Accept(t.Context(), bob.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		w.talk(ann, bob)
	})
}
