package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store/event"
)

// Dora connects to Ann and says nothing. What she is called, and where she is, must not be
// forgotten when Ann comes to know her, in whatever way: Eve, who comes into a group with her and
// has never met her, is told by Ann.
func TestLearntBeforeKnown(t *testing.T) {
	t.Parallel()
	for how, know := range map[string]func(t *testing.T, w *world, ann, dora *machine) (name string){
		"invited": func(_ *testing.T, _ *world, _, _ *machine) string { return "Dora" },
		"written to": func(_ *testing.T, _ *world, ann, dora *machine) string {
			ann.say(dora, "hello")
			return "Dora"
		},
		"named": func(t *testing.T, _ *world, ann, dora *machine) string {
			if _, err := ann.Contacts().NameContact(t.Context(), dora.who.person.String(), "Dodo", false); err != nil {
				t.Fatal(err)
			}
			return "Dora"
		},
		"blocked": func(t *testing.T, _ *world, ann, dora *machine) string {
			for _, change := range []func() (contacts.Person, error){
				func() (contacts.Person, error) { return ann.Contacts().Block(t.Context(), dora.who.person.String()) },
				func() (contacts.Person, error) { return ann.Contacts().Unblock(t.Context(), dora.who.person.String()) },
			} {
				if _, err := change(); err != nil {
					t.Fatal(err)
				}
			}
			return "Dora"
		},
		"renamed before": func(t *testing.T, w *world, ann, dora *machine) string {
			if err := dora.Owner().SetName(t.Context(), "Dorothea"); err != nil {
				t.Fatal(err)
			}
			w.within(soon, "Ann hears her new name", func() bool {
				them, _ := ann.people.Get(dora.who.person)
				return them.Claimed == "Dorothea"
			})
			return "Dorothea"
		},
		"renamed after": func(t *testing.T, w *world, ann, dora *machine) string {
			ann.say(dora, "hello")
			if err := dora.Owner().SetName(t.Context(), "Dorothea"); err != nil {
				t.Fatal(err)
			}
			w.within(soon, "Ann hears her new name", func() bool {
				them, _ := ann.people.Get(dora.who.person)
				return them.Claimed == "Dorothea"
			})
			return "Dorothea"
		},
		"gone before": func(t *testing.T, w *world, ann, dora *machine) string {
			dora.stop()
			w.within(soon, "she has gone", func() bool {
				return !ann.mesh.Here(dora.who.person)
			})
			return "Dora"
		},
	} {
		t.Run(how, func(t *testing.T) {
			inWorld(t, 22, func(t *testing.T, w *world) {
				dora, eve := w.machine("Dora"), w.machine("Eve")
				dora.start()
				ann := w.machine("Ann")
				ann.start(dora.address())
				ann.meets(soon, dora)
				eve.start(ann.address())
				w.cut(eve.addr(), dora.addr())
				w.cut(dora.addr(), eve.addr())
				ann.meets(soon, eve)
				if ann.keeps(dora.who.person) {
					t.Fatal("the store has somebody who said nothing")
				}
				name := know(t, w, ann, dora)
				g := ann.makes("lunch")
				ann.invites(g, dora)
				dora.stop()
				ann.invites(g, eve)
				w.within(soon, "Eve is in", func() bool { return eve.role(g) != "" })
				members := func(m *machine) (names []string) {
					list, err := m.Groups().Members(t.Context(), g.String())
					if err != nil {
						t.Fatal(err)
					}
					for _, member := range list {
						if member.ID == dora.who.person {
							names = append(names, member.Name)
						}
					}
					return names
				}
				w.within(soon, "Eve has her card", func() bool {
					return eve.keeps(dora.who.person)
				})
				if got := members(eve); len(got) != 1 || got[0] != name {
					t.Errorf("Eve sees her as %q, want %q", got, name)
				}

				ann.kill() // so that nothing is saved at the end
				ann.start()
				if !slices.ContainsFunc(ann.people.Saved(), func(s discovery.Sighting) bool { return s.Device == peerID(dora.who.device) }) {
					t.Error("Ann does not know where to find her after a restart")
				}
				if them, _ := ann.people.Get(dora.who.person); them.Devices[dora.who.device].LastSeen.IsZero() {
					t.Error("Ann does not know when she was last seen")
				}
			})
		})
	}
}

// forgetStrangers has m forget the strangers who have gone long ago: that happens when another one
// goes.
func (w *world) forgetStrangers(m *machine) {
	w.t.Helper()
	another := w.people("Another")[0]
	m.meets(soon, another)
	another.stop()
	w.within(time.Minute, "another stranger goes", func() bool {
		return !m.mesh.Here(another.who.person)
	})
}

// Ann and Dora know each other by sight, and are brought into a group by Bob. Dora goes home for
// the day.
func TestFellowMemberIsNotForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, 23, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Dora")
		ann, bob, dora := all[0], all[1], all[2]
		ann.meets(soon, bob, dora)
		bob.meets(soon, dora)
		g := bob.makes("lunch", ann, dora)
		name := func() string {
			list, err := ann.Groups().Members(t.Context(), g.String())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.ID == dora.who.person {
					return m.Name
				}
			}
			return "nobody"
		}
		if name() != "Dora" {
			t.Fatalf("Ann sees her as %q", name())
		}
		dora.stop()
		bob.stop()
		time.Sleep(2 * strangerStays)
		w.forgetStrangers(ann)
		if name() != "Dora" {
			t.Errorf("two hours later Ann sees her as %q", name())
		}
		ann.stop()
		ann.start()
		if name() != "Dora" {
			t.Errorf("after a restart Ann sees her as %q", name())
		}
	})
}

// A member whose card nobody had to give is met.
func TestFellowMemberMetLater(t *testing.T) {
	t.Parallel()
	inWorld(t, 24, func(t *testing.T, w *world) {
		ann, dora := w.machine("Ann"), w.machine("Dora")
		dora.start()
		ann.start()
		g := ann.makes("lunch")
		if err := ann.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) {
			return event.Invite{Persons: []crypto.PersonID{dora.who.person}}, nil
		}); err != nil {
			t.Fatal(err)
		}
		dora.announce()
		ann.meets(soon, dora)
		w.within(soon, "she is kept", func() bool {
			return ann.keeps(dora.who.person)
		})
	})
}

// TestStrangersWhoGoTogetherAreKnown: when a cable is pulled, all strangers go in one moment. Each
// can still be written to by name for an hour, however long they had been here.
func TestStrangersWhoGoTogetherAreKnown(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	t.Parallel()
	inWorld(t, 25, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		var strangers []*mallory
		for i := range 40 {
			m := w.mallory(fmt.Sprintf("Stranger %d", i))
			m.greet(ann)
			strangers = append(strangers, m)
		}
		w.within(soon, "all are here", func() bool { return len(ann.mesh.Identified()) == len(strangers) })
		time.Sleep(2 * strangerStays)
		ann.host.Move()
		w.within(soon, "all are gone", func() bool { return len(ann.mesh.Sessions()) == 0 })
		for _, m := range strangers {
			if _, ok := ann.people.Get(m.person); !ok {
				t.Errorf("%s is forgotten at once", m.name)
			}
		}
	})
}

// TestReplacedSessionCountsAsSeen: a device opens a session in place of the one that it has lost,
// and is gone before it has said who it is. It was here until then.
func TestReplacedSessionCountsAsSeen(t *testing.T) {
	t.Parallel()
	inWorld(t, 26, func(t *testing.T, w *world) {
		ann, mia := w.people("Ann")[0], w.mallory("Mia")
		mia.greet(ann)
		w.within(soon, "Mia is here", func() bool { return ann.mesh.Here(mia.person) })
		time.Sleep(2 * strangerStays)
		before, _ := ann.presence.Now()
		mia.connect(ann)
		w.within(soon, "the session is replaced", func() bool { return !ann.mesh.Here(mia.person) })
		if after, _ := ann.presence.Now(); after == before {
			t.Error("nobody is told that she is not here")
		}
		_ = mia.link.Close()
		w.within(soon, "Mia is gone", func() bool { return len(ann.mesh.Sessions()) == 0 })
		w.forgetStrangers(ann)
		them, ok := ann.people.Get(mia.person)
		if !ok {
			t.Fatal("she is forgotten at once")
		}
		if seen := ann.people.LastSeen(&them, mia.key.ID()); time.Since(seen) > time.Minute {
			t.Errorf("she was last seen at %s, want just now", seen)
		}
	})
}
