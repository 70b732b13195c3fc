package node

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sharing"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// makes has m make a group with others in it, and returns its ID.
func (m *machine) makes(name string, others ...*machine) event.Conversation {
	m.w.t.Helper()
	g, err := m.Groups().CreateGroup(m.w.t.Context(), name, true)
	if err != nil {
		m.w.t.Fatal(err)
	}
	m.invites(g.ID, others...)
	for _, o := range others {
		m.w.within(5*time.Second, o.name+" is told of the group", func() bool { return o.role(g.ID) != "" })
	}
	return g.ID
}

// invites has m bring others into a group, of whom those who are on know m as a contact.
func (m *machine) invites(g event.Conversation, others ...*machine) {
	m.w.t.Helper()
	var who []string
	for _, o := range others {
		if o.Node != nil {
			o.trusts(m)
		}
		who = append(who, o.who.person.String())
	}
	if len(who) == 0 {
		return
	}
	if _, err := m.Groups().Invite(m.w.t.Context(), g.String(), who); err != nil {
		m.w.t.Fatal(err)
	}
}

// trusts has o make another a contact.
func (m *machine) trusts(other *machine) {
	m.w.t.Helper()
	m.meets(10*time.Second, other)
	if them, _ := m.people.Get(other.who.person); !them.Contact {
		if _, err := m.Contacts().Accept(m.w.t.Context(), other.who.person.String(), ""); err != nil {
			m.w.t.Fatalf("%s accepts %s: %v", m.name, other.name, err)
		}
	}
}

// asks is invites where nobody knows m as a contact by that.
func (m *machine) asks(g event.Conversation, others ...*machine) {
	m.w.t.Helper()
	for _, o := range others {
		if _, err := m.Groups().Invite(m.w.t.Context(), g.String(), []string{o.who.person.String()}); err != nil {
			m.w.t.Fatal(err)
		}
	}
}

// invited waits until the owner of m sees that another asks them into a group.
func (m *machine) invited(by *machine, g event.Conversation) (request contacts.Request) {
	m.w.t.Helper()
	m.w.within(time.Minute, m.name+" sees who asks", func() bool {
		requests, err := m.Contacts().Requests(m.w.t.Context())
		if err != nil {
			m.w.t.Fatal(err)
		}
		i := slices.IndexFunc(requests, func(r contacts.Request) bool {
			return r.Person == by.who.person && r.Group != nil && r.Group.ID == g.String()
		})
		if i >= 0 {
			request = requests[i]
		}
		return i >= 0
	})
	return request
}

// role is what the owner of m is in a group, by what m knows.
func (m *machine) role(g event.Conversation) string {
	group, err := m.Groups().Group(m.w.t.Context(), g.String())
	if unknown := new(people.UnknownError); errors.As(err, &unknown) {
		return ""
	} else if err != nil {
		m.w.t.Fatal(err)
	}
	return group.Role
}

// tell sends words to a group.
func (m *machine) tell(g event.Conversation, text string) chat.Message {
	m.w.t.Helper()
	sent, err := m.Messages().Send(m.w.t.Context(), chat.Outgoing{To: "#" + g.String(), Text: text})
	if err != nil {
		m.w.t.Fatalf("%s to the group: %v", m.name, err)
	}
	return sent
}

// heard is what m shows of a group.
func (m *machine) heard(g event.Conversation) []string {
	m.w.t.Helper()
	return texts(m.groupRows(g))
}

func (m *machine) groupRows(g event.Conversation) []store.Row {
	m.w.t.Helper()
	rows, err := m.store.Rows(g, store.Page{Limit: 100_000})
	if err != nil && !errors.Is(err, store.ErrNoConversation) {
		m.w.t.Fatal(err)
	}
	return rows
}

// hears waits until m shows exactly these words in a group.
func (m *machine) hears(g event.Conversation, want ...string) {
	m.w.t.Helper()
	var have []string
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if have = m.heard(g); slices.Equal(have, want) {
			return
		}
		if time.Now().After(end) {
			m.w.t.Fatalf("%s shows %q in the group, want %q", m.name, have, want)
		}
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		g := ann.makes("lunch", bob, cleo)
		first := ann.tell(g, "at one?")
		for _, m := range all {
			m.hears(g, "at one?")
		}
		ann.reaches(5*time.Second, first, chat.StateDelivered)
		time.Sleep(time.Second)
		bob.tell(g, "fine, @Cleo?")
		for _, m := range all {
			m.hears(g, "at one?", "fine, @Cleo?")
		}
		new, err := unread(cleo.Node, chat.Filter{In: "#lunch"})
		if err != nil || len(new) != 2 {
			t.Fatalf("Cleo has %d unread, err %v", len(new), err)
		}
		if last := new[1]; !last.Mentioned || last.To.Kind != "group" || last.To.Name != "lunch" || last.From.Name != "Bob" {
			t.Errorf("message arrived as %+v", last)
		}
		for _, m := range []*machine{bob, cleo} {
			page, err := unread(m.Node, chat.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page {
				if err := m.Messages().MarkRead(t.Context(), row.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		ann.reaches(5*time.Second, first, chat.StateRead)
		reached, err := ann.Messages().Receipts(t.Context(), first.ID)
		if err != nil || len(reached) != 2 || reached[0].State != chat.StateRead || reached[1].State != chat.StateRead {
			t.Errorf("receipts: %+v, %v", reached, err)
		}
		members, err := bob.Groups().Members(t.Context(), "lunch")
		if err != nil || len(members) != 3 || members[0].Name != "Ann" || members[0].Role != membership.RoleOwner || !members[1].Self {
			t.Errorf("members at Bob: %+v, %v", members, err)
		}
	})
}

// Ann and Cleo are never on together while they talk: Bob has it.
func TestAbsentMemberCatchesUpFromAnother(t *testing.T) {
	t.Parallel()
	inWorld(t, 2, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		g := ann.makes("lunch", bob, cleo)
		cleo.stop()
		var want []string
		for i := range 5 {
			want = append(want, fmt.Sprintf("line %d", i))
			ann.tell(g, want[i])
			time.Sleep(10 * time.Millisecond)
		}
		bob.hears(g, want...)
		ann.stop()
		cleo.start(bob.address())
		cleo.hears(g, want...)
		bob.stop()
		ann.start()
		last := ann.tell(g, "are you there?")
		cleo.announce()
		ann.announce()
		cleo.hears(g, append(want, "are you there?")...)
		if reached, err := ann.Messages().Receipts(t.Context(), last.ID); err != nil || len(reached) != 2 {
			t.Errorf("receipts: %+v, %v", reached, err)
		}
	})
}

// Who comes back follows others as well as soon as the first one has brought what was missed, and not only when that
// one has been silent for 5 s.
func TestReturnerSoonFollowsOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo", "Dora")
		ann, dora := all[0], all[3]
		w.acquaint(all...)
		g := ann.makes("lunch", all[1:]...)
		dora.stop()
		ann.tell(g, "one o'clock")
		dora.start()
		w.acquaint(all...)
		dora.hears(g, "one o'clock")
		began := time.Now()
		w.within(2*time.Second, "Dora follows all", func() bool {
			in := dora.mesh.In(g)
			return len(in) == 3 && !slices.ContainsFunc(in, func(s *session.Session) bool { return !dora.mesh.Follow(s, g) })
		})
		if d := time.Since(began); d > time.Second {
			t.Errorf("only after %v", d)
		}
	})
}

func TestNewcomersHistory(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string][]string{
		contacts.HistoryJoined: {"welcome"},
		contacts.HistoryAll:    {"old", "recent", "welcome"},
		"2d":                   {"recent", "welcome"},
	} {
		t.Run(policy, func(t *testing.T) {
			inWorld(t, 3, func(t *testing.T, w *world) {
				all := w.people("Ann", "Bob", "Cleo")
				ann, bob, cleo := all[0], all[1], all[2]
				ann.meets(5*time.Second, bob, cleo)
				bob.meets(5*time.Second, cleo)
				g := ann.makes("lunch", bob)
				bob.tell(g, "old")
				ann.hears(g, "old")
				for _, m := range all {
					m.skew.Add(int64(72 * time.Hour))
				}
				bob.tell(g, "recent")
				ann.hears(g, "old", "recent")
				if _, err := ann.Groups().SetHistory(t.Context(), "lunch", policy); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				ann.invites(g, cleo)
				w.within(5*time.Second, "Cleo is in", func() bool { return cleo.role(g) != "" })
				if old := want[:len(want)-1]; len(old) > 0 {
					w.within(500*time.Millisecond, "Cleo sees what was said before", func() bool { return slices.Equal(cleo.heard(g), old) })
				}
				ann.tell(g, "welcome")
				cleo.hears(g, want...)
				time.Sleep(time.Minute)
				cleo.hears(g, want...)
				for _, row := range cleo.groupRows(g) {
					if row.Gap {
						t.Errorf("Cleo sees %q with a gap", row.Text)
					}
				}
			})
		})
	}
}

func TestRemovedMemberHearsNothingMore(t *testing.T) {
	t.Parallel()
	inWorld(t, 4, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		g := ann.makes("lunch", bob, cleo)
		ann.tell(g, "all three")
		bob.hears(g, "all three")
		cleo.hears(g, "all three")
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Bob"); err != nil {
			t.Fatal(err)
		}
		ann.tell(g, "without Bob")
		w.within(5*time.Second, "Bob learns of it", func() bool { return bob.role(g) == "" })
		w.within(5*time.Second, "Cleo learns of it", func() bool {
			group, _ := cleo.Groups().Group(t.Context(), "lunch")
			return group.Members == 2
		})
		cleo.hears(g, "all three", "without Bob")
		cleo.tell(g, "quite so")
		ann.hears(g, "all three", "without Bob", "quite so")
		cleo.hears(g, "all three", "without Bob", "quite so")
		bob.hears(g, "all three")
		if _, err := bob.Messages().Send(t.Context(), chat.Outgoing{To: "#lunch", Text: "hello?"}); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("Bob writes: %v", err)
		}
		time.Sleep(time.Minute)
		bob.hears(g, "all three")

		ann.invites(g, bob)
		w.within(5*time.Second, "Bob is in again", func() bool { return bob.role(g) != "" })
		bob.tell(g, "back")
		for _, m := range []*machine{ann, cleo} {
			m.hears(g, "all three", "without Bob", "quite so", "back")
		}
	})
}

// Bob is removed while he is cut off from Ann, and goes on writing to Cleo, who does not know yet.
// In the end nobody shows what he wrote past the cut.
func TestCutHoldsEverywhere(t *testing.T) {
	t.Parallel()
	inWorld(t, 5, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		g := ann.makes("lunch", bob, cleo)
		bob.tell(g, "before")
		ann.hears(g, "before")
		cleo.hears(g, "before")
		w.cut(ann.addr(), bob.addr())
		w.cut(ann.addr(), cleo.addr())
		time.Sleep(time.Minute)
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Bob"); err != nil {
			t.Fatal(err)
		}
		bob.tell(g, "beyond")
		cleo.hears(g, "before", "beyond")
		w.heal(ann.addr(), cleo.addr())
		w.within(time.Minute, "Cleo learns of it", func() bool {
			ann.announce()
			cleo.announce()
			group, _ := cleo.Groups().Group(t.Context(), "lunch")
			return group.Members == 2
		})
		cleo.hears(g, "before")
		ann.hears(g, "before")
		w.within(5*time.Second, "Bob learns of it", func() bool { return bob.role(g) == "" })
		content, _ := event.Text{Text: "and on"}.Marshal()
		if _, err := bob.store.Append(t.Context(), store.Draft{Conversation: g, Kind: event.KindText, Content: content}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		cleo.hears(g, "before")
		ann.hears(g, "before")
	})
}

func TestLeave(t *testing.T) {
	t.Parallel()
	inWorld(t, 6, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		g := ann.makes("lunch", bob, cleo)
		ann.tell(g, "hello")
		bob.hears(g, "hello")
		cleo.hears(g, "hello")
		if _, err := ann.Groups().Leave(t.Context(), "lunch"); err != nil {
			t.Fatal(err)
		}
		for _, m := range []*machine{bob, cleo} {
			w.within(5*time.Second, m.name+" learns that Ann has left", func() bool {
				group, _ := m.Groups().Group(t.Context(), "lunch")
				return group.Members == 2
			})
		}
		if role := bob.role(g); role == membership.RoleMember && cleo.role(g) == membership.RoleMember {
			t.Error("a group without an owner")
		}
		bob.tell(g, "she has gone")
		cleo.hears(g, "hello", "she has gone")
		time.Sleep(time.Minute)
		ann.hears(g, "hello")
	})
}

func TestTwoGroupsOfOneName(t *testing.T) {
	t.Parallel()
	inWorld(t, 7, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(5*time.Second, bob)
		ann.say(bob, "hello") // what strangers bring her into is not hers yet
		one := ann.makes("Lunch", bob)
		two := bob.makes("lunch", ann)
		_, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "#lunch", Text: "which?"})
		if ambiguous := new(contacts.AmbiguousError); !errors.As(err, &ambiguous) || len(ambiguous.Groups) != 2 {
			t.Fatalf("two groups of one name: %v", err)
		}
		ann.tell(two, "that one")
		bob.hears(two, "that one")
		if _, err := ann.Groups().Leave(t.Context(), one.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "lunch", Text: "the other is left"}); err != nil {
			t.Errorf("after leaving one of them: %v", err)
		}
	})
}

// Edits, reactions and recalls reach everybody, in a group and directly.
func TestActs(t *testing.T) {
	t.Parallel()
	inWorld(t, 8, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(5*time.Second, bob)
		g := ann.makes("lunch", bob)
		for name, send := range map[string]func(string) chat.Message{
			"group":  func(text string) chat.Message { return ann.tell(g, text) },
			"direct": func(text string) chat.Message { return ann.say(bob, text) },
		} {
			sent := send("att one")
			seen := func() chat.Message {
				shown, err := bob.Messages().History(t.Context(), sent.Conversation.String(), chat.HistoryRange{Limit: 100})
				if name == "direct" {
					shown, err = bob.Messages().History(t.Context(), ann.who.person.String(), chat.HistoryRange{Limit: 100})
				}
				if i := slices.IndexFunc(shown, func(m chat.Message) bool { return m.ID == sent.ID }); err == nil && i >= 0 {
					return shown[i]
				}
				return chat.Message{}
			}
			w.within(5*time.Second, name+": arrives", func() bool { return seen().Text == "att one" })
			if _, err := bob.Messages().Edit(t.Context(), sent.ID, "mine"); !errors.Is(err, chat.ErrNotYours) {
				t.Errorf("%s: edits another's message: %v", name, err)
			}
			if _, err := ann.Messages().Edit(t.Context(), sent.ID, "at one"); err != nil {
				t.Fatal(err)
			}
			w.within(5*time.Second, name+": is edited", func() bool { return seen().Text == "at one" && seen().Edited })
			if _, err := bob.Messages().React(t.Context(), sent.ID, "👍"); err != nil {
				t.Fatal(err)
			}
			w.within(5*time.Second, name+": has a reaction", func() bool {
				row, err := ann.store.Row(sent.ID)
				return err == nil && len(row.Reactions) == 1 && row.Reactions[0].Person == bob.who.person
			})
			if _, err := ann.Messages().Recall(t.Context(), sent.ID); err != nil {
				t.Fatal(err)
			}
			w.within(5*time.Second, name+": is recalled", func() bool { return seen().Kind == "recalled" && seen().Text == "" })
			late := send("stays")
			time.Sleep(3 * time.Minute)
			if _, err := ann.Messages().Recall(t.Context(), late.ID); !errors.Is(err, chat.ErrTooLate) {
				t.Errorf("%s: recalled after three minutes: %v", name, err)
			}
		}
	})
}

// Members come and go, machines crash and the network parts; in the end all show the same.
func TestGroupConverges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, 100+seed, func(t *testing.T, w *world) {
				all := w.people("Ann", "Bob", "Cleo", "Dan")
				for i, m := range all {
					m.meets(10*time.Second, all[:i]...)
				}
				g := all[0].makes("lunch", all[1:]...)
				said := 0
				for range 30 {
					m := all[w.random.IntN(len(all))]
					switch w.random.IntN(5) {
					case 0:
						if m.on() {
							m.kill()
						} else {
							m.start(w.addresses()...)
						}
					case 1:
						o := all[w.random.IntN(len(all))]
						if a, b := m.addr(), o.addr(); w.cuts[[2]netip.Addr{a, b}] {
							w.heal(a, b)
						} else if a != b {
							w.cut(a, b)
						}
					default:
						if m.on() {
							m.tell(g, fmt.Sprintf("%s %d", m.name, said))
							said++
						}
					}
					time.Sleep(w.upTo(5 * time.Second))
				}
				for i, m := range all {
					for _, o := range all[:i] {
						w.heal(m.addr(), o.addr())
						w.heal(o.addr(), m.addr())
					}
					if !m.on() {
						m.start(w.addresses()...)
					}
				}
				for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
					for _, m := range all {
						m.announce()
					}
					want := all[0].heard(g)
					same := len(want) == said
					for _, m := range all {
						same = same && slices.Equal(m.heard(g), want)
					}
					if same {
						break
					}
					if time.Now().After(end) {
						for _, m := range all {
							t.Logf("%s: %q", m.name, m.heard(g))
						}
						t.Fatalf("%d were said, and not all show the same", said)
					}
				}
				for _, m := range all {
					w.within(time.Minute, m.name+" knows that all have it", func() bool { return m.pending() == 0 })
				}
			})
		})
	}
}

// In a group that is large, what somebody says reaches those who have no link to them at once, by
// gossip: sync would leave others' logs alone for a second. Who was removed does not hear it that
// way either.
func TestLargeGroupGossips(t *testing.T) {
	t.Parallel()
	inWorld(t, 9, func(t *testing.T, w *world) {
		w.gossip = 3
		all := w.people("Ann", "Bob", "Cleo", "Dan", "Eve")
		for i, m := range all {
			m.meets(10*time.Second, all[:i]...)
		}
		ann, dan, eve := all[0], all[3], all[4]
		g := ann.makes("everybody", all[1:]...)
		w.cut(ann.addr(), dan.addr())
		w.cut(dan.addr(), ann.addr())
		time.Sleep(time.Minute) // for the link to be given up, and the key to go round
		at := func(m *machine, text string) time.Duration {
			began := time.Now()
			ann.tell(g, text)
			for !slices.Contains(m.heard(g), text) {
				if time.Since(began) > 10*time.Second {
					t.Fatalf("%s does not hear %q", m.name, text)
				}
				time.Sleep(10 * time.Millisecond)
			}
			return time.Since(began)
		}
		at(dan, "first")
		time.Sleep(time.Second)
		if took := at(dan, "second"); took > 500*time.Millisecond {
			t.Errorf("Dan hears Ann after %s: not by gossip", took)
		}
		if _, err := ann.Groups().RemoveMember(t.Context(), "everybody", "Eve"); err != nil {
			t.Fatal(err)
		}
		at(dan, "third")
		time.Sleep(time.Minute)
		if took := at(dan, "fourth"); took > 500*time.Millisecond {
			t.Errorf("Dan hears Ann after %s: not by gossip under the next key", took)
		}
		eve.hears(g, "first", "second")
	})
}

// The control events of a group come in several frames.
func TestGroupOfManyChangesTakesNewcomers(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 10, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch")
		for i := range 300 {
			if _, err := ann.Groups().SetTopic(t.Context(), "lunch", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		ann.invites(g, bob)
		w.within(soon, "Bob is in", func() bool { return bob.role(g) != "" })
		ann.tell(g, "welcome")
		bob.hears(g, "welcome")
	})
}

// A stranger's invitation waits among the requests until they are accepted, whoever may write to the
// owner. Until then nobody in the group is more than a stranger, and nothing is told of it. Who is
// blocked asks no more.
func TestInvitationWaitsForAccept(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{people.AcceptEveryone, people.AcceptContacts} {
		inWorld(t, 11, func(t *testing.T, w *world) {
			all := w.people("Ann", "Bob", "Cleo")
			ann, bob, cleo := all[0], all[1], all[2]
			ann.meets(soon, bob, cleo)
			bob.meets(soon, cleo)
			if err := bob.Owner().SetAccept(t.Context(), accept); err != nil {
				t.Fatal(err)
			}
			g := ann.makes("lunch", cleo)
			ann.asks(g, bob)
			if r := bob.invited(ann, g); r.Group.Name != "lunch" || r.Members != 3 || r.Received.IsZero() || r.Name != "Ann" || r.Text != "" {
				t.Errorf("%s: he is asked %+v", accept, r)
			}
			ann.tell(g, "before he has accepted")
			time.Sleep(time.Minute)
			for _, m := range []*machine{ann, cleo} {
				if bob.groups.Fellow(m.who.person) || bob.groups.Concerns(m.who.person) {
					t.Errorf("%s: %s is more than a stranger", accept, m.name)
				}
			}
			if groups, err := bob.Groups().Groups(t.Context()); err != nil || len(groups) > 0 || bob.groups.Known(g) {
				t.Errorf("%s: he sees %d groups, %v", accept, len(groups), err)
			}
			if told, err := bob.Groups().Notices(t.Context(), 0, 10); err != nil || len(told) > 0 {
				t.Errorf("%s: he is told %+v, %v", accept, told, err)
			}
			if _, err := bob.Contacts().Block(t.Context(), ann.who.person.String()); err != nil {
				t.Fatal(err)
			}
			if requests, err := bob.Contacts().Requests(t.Context()); len(requests) != 0 {
				t.Errorf("%s: somebody who is blocked asks: %+v, %v", accept, requests, err)
			}
			if _, err := bob.Contacts().Unblock(t.Context(), ann.who.person.String()); err != nil {
				t.Fatal(err)
			}
			if _, err := bob.Contacts().Accept(t.Context(), ann.who.person.String(), ""); err != nil {
				t.Fatal(err)
			}
			bob.stop()
			bob.start(ann.address(), cleo.address())
			w.within(time.Minute, accept+": Bob is in", func() bool { return bob.role(g) != "" })
			if requests, _ := bob.Contacts().Requests(t.Context()); len(requests) != 0 {
				t.Errorf("%s: still asked: %+v", accept, requests)
			}
			w.within(soon, accept+": he is told", func() bool {
				told, err := bob.Groups().Notices(t.Context(), 0, 10)
				return err == nil && len(told) > 0 && told[0].What == contacts.NoticeJoined && told[0].By.ID == ann.who.person && told[0].Mine
			})
		})
	}
}

// A request is kept through restarts, and whoever is in the group brings the owner in when they have
// accepted, also where the one who invited them is not there.
func TestRequestOfAGroupIsKept(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", cleo)
		ann.asks(g, bob)
		cleo.members(g, 3)
		before := bob.invited(ann, g)
		ann.stop()
		for range 2 {
			bob.stop()
			bob.start(cleo.address())
			if again := bob.invited(ann, g); again.Received != before.Received || again.Members != before.Members || again.Name != "Ann" {
				t.Errorf("after a restart %+v, before %+v", again, before)
			}
		}
		bob.meets(10*time.Second, cleo)
		if _, err := bob.Contacts().Accept(t.Context(), "Ann", ""); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute, "Cleo brings him in", func() bool { return bob.role(g) != "" })
		cleo.tell(g, "hello Bob")
		bob.hears(g, "hello Bob")
	})
}

// renaming is a session that is about to hear of a group when the owner gives that another name.
type renaming struct {
	sharing.Session
	rename func(event.Conversation)
}

func (r renaming) Join(c event.Conversation, _ bool) { r.rename(c) }

// TestPeerIsToldOfAChangeMeanwhile: who hears of a group is told of its changes. One that came
// right before the session heard of it was neither told nor part of what the peer was offered.
func TestPeerIsToldOfAChangeMeanwhile(t *testing.T) {
	t.Parallel()
	inWorld(t, 27, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		s := ann.mesh.With(bob.who.person)[0]
		rename := func(c event.Conversation) {
			if c != g {
				return
			}
			if _, err := ann.Groups().RenameGroup(t.Context(), g.String(), "dinner", false); err != nil {
				t.Error(err)
			}
		}
		share := ann.sharing.With(renaming{&guest{node: ann.Node, session: s}, rename}, sharing.Peer{Device: s.Peer(), Person: bob.who.person})
		for _, c := range share.Join().Conversations {
			if c.ID == g && !slices.Equal(c.Locator, ann.groups.Locator(g)) {
				t.Error("the peer is offered what was before the change")
			}
		}
	})
}

// A change that comes while the group is arriving at a newcomer reaches them, whenever that is.
func TestChangeWhileAGroupArrives(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 1, 2, 5, 20, 100} {
		inWorld(t, 28, func(t *testing.T, w *world) {
			all := w.people("Ann", "Bob")
			ann, bob := all[0], all[1]
			ann.meets(soon, bob)
			for i := range 8 {
				g := ann.makes(fmt.Sprint(i))
				ann.invites(g, bob)
				time.Sleep(pause * time.Millisecond)
				if _, err := ann.Groups().SetRole(t.Context(), g.String(), bob.who.person.String(), membership.RoleAdmin); err != nil {
					t.Fatal(err)
				}
				w.within(soon, "Bob is an admin", func() bool { return bob.role(g) == membership.RoleAdmin })
			}
		})
	}
}

// awaited is how a group stands that is arriving at m; "" if none is.
func (m *machine) awaited(g event.Conversation) string {
	m.w.t.Helper()
	all, err := m.Groups().Groups(m.w.t.Context())
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, it := range all {
		if it.ID == g {
			return it.State
		}
	}
	return ""
}

// toldOf are the notices of one kind that m has of a group.
func (m *machine) toldOf(what string, g event.Conversation) (out []contacts.Notice) {
	m.w.t.Helper()
	all, err := m.Groups().Notices(m.w.t.Context(), 0, 1000)
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, n := range all {
		if n.What == what && n.Group.ID == g.String() {
			out = append(out, n)
		}
	}
	return out
}

// The only one who had the invitation of a newcomer has gone for ever. The newcomer has it as well, and
// any other member lets them in by it, though neither is anything to the other.
func TestNewcomerBringsTheirInvitation(t *testing.T) {
	t.Parallel()
	inWorld(t, 31, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		bob.meets(soon, ann)
		g := ann.makes("lunch", cleo)
		cleo.stop()
		ann.asks(g, bob)
		bob.invited(ann, g)
		ann.stop() // for ever
		if _, err := bob.Contacts().Accept(t.Context(), "Ann", ""); err != nil {
			t.Fatal(err)
		}
		if state := bob.awaited(g); state != contacts.StateArriving {
			t.Errorf("after accepting the group is %q", state)
		}
		bob.stop()
		cleo.start()
		bob.start(cleo.address())
		w.within(time.Minute, "Cleo lets Bob in", func() bool { return bob.role(g) != "" })
		cleo.members(g, 3)
		cleo.tell(g, "hello Bob")
		bob.hears(g, "hello Bob")
		if void := bob.toldOf(contacts.NoticeVoid, g); len(void) > 0 || bob.awaited(g) != "" {
			t.Errorf("told %+v, state %q", void, bob.awaited(g))
		}
	})
}

// Whoever invited somebody was out of the group already, which they did not know. The owner who has
// accepted that is told, once, and the next invitation brings them in.
func TestOwnerIsToldThatAnInvitationIsVoid(t *testing.T) {
	t.Parallel()
	inWorld(t, 32, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		bob.meets(soon, ann)
		g := cleo.makes("lunch", ann)
		if _, err := cleo.Groups().SetRole(t.Context(), g.String(), ann.who.person.String(), membership.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Ann is an admin", func() bool { return ann.role(g) == membership.RoleAdmin })
		cleo.stop()
		ann.asks(g, bob)
		bob.invited(ann, g)
		ann.stop()
		cleo.start()
		if _, err := cleo.Groups().RemoveMember(t.Context(), g.String(), ann.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Contacts().Accept(t.Context(), "Ann", ""); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			bob.stop()
			bob.start(cleo.address())
			w.within(time.Minute, "Bob is told", func() bool { return len(bob.toldOf(contacts.NoticeVoid, g)) > 0 })
			time.Sleep(time.Minute)
			void := bob.toldOf(contacts.NoticeVoid, g)
			if len(void) != 1 || void[0].By.ID != ann.who.person || len(void[0].Whom) != 1 || void[0].Whom[0].ID != cleo.who.person || void[0].Name != "lunch" || void[0].Group.Name != "lunch" {
				t.Fatalf("told %+v", void)
			}
			if state := bob.awaited(g); state != contacts.StateVoid || bob.role(g) != "" {
				t.Errorf("the group is %q, and he is %q in it", state, bob.role(g))
			}
		}
		cleo.members(g, 1)
		cleo.invites(g, bob)
		w.within(soon, "Bob is in", func() bool { return bob.role(g) != "" })
	})
}
