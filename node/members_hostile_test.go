package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// insider is Mallory as a member of a group: she knows its secret, and writes what she likes.
type insider struct {
	*mallory
	group  event.Conversation
	secret [32]byte
	nonce  [32]byte // of her session
	offers uint64
}

// joins has Ann, who is connected with Mallory, bring her into a group, and waits for the welcome.
func (m *mallory) joins(ann *machine, g event.Conversation) *insider {
	t := m.w.t
	t.Helper()
	in := &insider{mallory: m, group: g, nonce: randomNonce()}
	in.meets(ann)
	if _, err := ann.Groups().Invite(t.Context(), g.String(), []string{m.person.String()}); err != nil {
		t.Fatal(err)
	}
	m.until(ann, "she is welcomed", func(s *seen) (ok bool) {
		s.each(func(f *wire.Frame) { ok = ok || f.Welcome != nil && f.Welcome.Group() == g })
		return ok
	})
	in.secret, _ = ann.groups.Secret(g)
	return in
}

// meets opens a session.
func (in *insider) meets(victim *machine) {
	in.w.t.Helper()
	in.connect(victim)
	frames := in.greeting()
	frames[0].Hello.Nonce = in.nonce
	in.send(frames...)
	in.until(victim, "the victim knows her", func(*seen) bool {
		return victim.mesh.Here(in.person)
	})
	in.offer()
}

// tag is how a device names the group in the session.
func (in *insider) tag(sender crypto.DeviceID) []byte {
	var theirs [32]byte
	in.seen.each(func(f *wire.Frame) {
		if f.Hello != nil {
			theirs = f.Hello.Nonce
		}
	})
	return groups.Tag(in.secret, in.nonce, theirs, sender)
}

// asks offers the group as one who holds nothing and wants everything.
func (in *insider) asks(control ...crypto.Hash) bool {
	o := wire.Offer{Tag: in.tag(in.key.ID()), Store: in.store, Locator: control, Number: in.offers}
	in.offers++
	return in.send(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{o}}})
}

// writes sends an event of her log in the group.
func (in *insider) writes(text string, control []crypto.Hash, change ...func(*event.Header)) bool {
	e := in.event(text, append([]func(*event.Header){func(h *event.Header) { h.Conversation, h.Control = in.group, control }}, change...)...)
	f := in.run(e)
	f.Run.Tag = in.tag(in.key.ID())
	return in.send(f)
}

// read are the words that came to her.
func (in *insider) read() (words []string) {
	for _, r := range in.seen.runs() {
		if r.Log().Conversation == in.group {
			for i := range r.Events {
				if body, err := r.Events[i].ParseBody(); err == nil && r.Events[i].Header.Kind == event.KindText {
					if text, err := event.ParseText(body.Content); err == nil {
						words = append(words, text.Text)
					}
				}
			}
		}
	}
	return words
}

// Mallory is removed, stays connected and keeps asking, with the secret, under every head that she
// knew.
func TestRemovedMemberKeepsAsking(t *testing.T) {
	t.Parallel()
	inWorld(t, 20, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		ann.tell(g, "with Mallory")
		in.until(ann, "she hears what is said", func(*seen) bool { return slices.Contains(in.read(), "with Mallory") })
		heads := ann.groups.Heads(g)
		if _, err := ann.Groups().RemoveMember(t.Context(), g.String(), in.person.String()); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			ann.tell(g, fmt.Sprintf("secret %d", i))
			bob.tell(g, fmt.Sprintf("also secret %d", i))
			in.asks(heads...)
			in.asks()
			time.Sleep(time.Second)
		}
		again := &insider{mallory: in.mallory, group: g, secret: in.secret, nonce: randomNonce()}
		again.meets(bob) // and with others, in new sessions
		for range 20 {
			again.asks(heads...)
			time.Sleep(time.Second)
		}
		for _, read := range [][]string{in.read(), again.read()} {
			for _, words := range read {
				if words != "with Mallory" {
					t.Errorf("she reads %q", words)
				}
			}
		}
		told := false
		in.seen.each(func(f *wire.Frame) {
			if f.Control != nil {
				for i := range f.Control.Events {
					told = told || f.Control.Events[i].Header.Kind == event.KindRemove
				}
			}
		})
		if !told {
			t.Error("she was not told that she is out")
		}
	})
}

// What Mallory writes past her removal, under heads from before it, reaches nobody, whoever brings
// it.
func TestRemovedMemberWritesOn(t *testing.T) {
	t.Parallel()
	inWorld(t, 21, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		heads := ann.groups.Heads(g)
		in.writes("before", heads)
		ann.hears(g, "before")
		bob.hears(g, "before")
		if _, err := ann.Groups().RemoveMember(t.Context(), g.String(), in.person.String()); err != nil {
			t.Fatal(err)
		}
		in.writes("concurrently, as it were", heads)
		in.until(ann, "it is refused", func(s *seen) bool { return s.refused() == wire.NotPermitted })
		other := &insider{mallory: in.mallory, group: g, secret: in.secret, nonce: randomNonce()}
		other.meets(bob)
		other.asks()
		other.writes("in another log", heads, func(h *event.Header) { h.Instance, h.Sequence, h.Previous = event.Instance{1}, 1, event.ID{} })
		time.Sleep(time.Minute)
		for _, m := range all {
			m.hears(g, "before")
		}
	})
}

// What a member may not do is not taken, and the others go on.
func TestHostileMember(t *testing.T) {
	t.Parallel()
	attacks := map[string]func(t *testing.T, w *world, ann *machine, in *insider){
		"invents a member": func(t *testing.T, w *world, ann *machine, in *insider) {
			in.acts(ann, event.Invite{Persons: []crypto.PersonID{{1, 2, 3}}})
		},
		"makes herself owner": func(t *testing.T, w *world, ann *machine, in *insider) {
			in.acts(ann, event.RoleChange{Person: in.person, Role: event.RoleOwner})
		},
		"removes the founder": func(t *testing.T, w *world, ann *machine, in *insider) {
			in.acts(ann, event.Remove{Person: ann.who.person})
		},
		"acts under heads that nobody has": func(t *testing.T, w *world, ann *machine, in *insider) {
			in.writes("from nowhere", []crypto.Hash{{9}})
		},
		"writes under no heads": func(t *testing.T, w *world, ann *machine, in *insider) {
			in.writes("from nowhere", nil)
		},
		"forks her log": func(t *testing.T, w *world, ann *machine, in *insider) {
			heads := ann.groups.Heads(in.group)
			first := in.last
			in.writes("one", heads)
			other := &insider{mallory: in.mallory, group: in.group, secret: in.secret, nonce: randomNonce()}
			bob := w.machines[1]
			other.meets(bob)
			other.asks()
			other.last = first
			other.writes("other", heads)
			for _, m := range []*machine{ann, bob} {
				w.within(soon, m.name+" shows both, and that it is a fork", func() bool {
					rows := m.groupRows(in.group)
					return len(rows) == 2 && rows[0].Forked && rows[1].Forked
				})
				// An acknowledgement can tell one of them only, so there is a receipt, as nowhere
				// else in a group for what was not read.
				w.within(soon, m.name+" signs that both are there", func() bool {
					records, err := m.store.Book().Records(event.KindReceipt, event.ReceiptSubject(in.group, in.person, m.store.Own().Store))
					if err != nil || len(records) != 1 {
						return false
					}
					receipt, err := event.ParseReceipt(records[0].Value)
					return err == nil && len(receipt.Delivered) == 2 && receipt.Delivered[1].Other
				})
			}
		},
		"backdates by years": func(t *testing.T, w *world, ann *machine, in *insider) {
			in.writes("from long ago", ann.groups.Heads(in.group), func(h *event.Header) { h.Clock = 1 })
			w.within(soon, "it is shown", func() bool { return slices.Contains(ann.heard(in.group), "from long ago") })
		},
		"floods": func(t *testing.T, w *world, ann *machine, in *insider) {
			heads := ann.groups.Heads(in.group)
			for i := range 2000 {
				if !in.writes(fmt.Sprint(i), heads) {
					return
				}
			}
		},
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 22, func(t *testing.T, w *world) {
				all := w.people("Ann", "Bob")
				ann, bob := all[0], all[1]
				ann.meets(soon, bob)
				g := ann.makes("lunch", bob)
				in := w.mallory("Mallory").joins(ann, g)
				in.asks()
				bob.hears(g)
				w.within(soon, "Bob knows that she is in", func() bool {
					group, _ := bob.Groups().Group(t.Context(), g.String())
					return group.Members == 3
				})
				attack(t, w, ann, in)
				for i := range 3 {
					sent := ann.tell(g, fmt.Sprintf("Ann %d", i))
					w.within(soon, "Bob hears Ann", func() bool {
						reached, err := ann.Messages().Receipts(t.Context(), sent.ID)
						return err == nil && slices.ContainsFunc(reached, func(r chat.Reached) bool {
							return r.Person.ID == bob.who.person && r.State == chat.StateDelivered
						})
					})
					bob.tell(g, fmt.Sprintf("Bob %d", i))
					w.within(soon, "Ann hears Bob", func() bool { return slices.Contains(ann.heard(g), fmt.Sprintf("Bob %d", i)) })
				}
				w.within(time.Minute, "both show the same", func() bool { return slices.Equal(ann.heard(g), bob.heard(g)) })
				for _, m := range all {
					state, err := m.groups.State(g)
					if err != nil || len(state.Members) != 3 {
						t.Fatalf("%s: %d members, %v", m.name, len(state.Members), err)
					}
					if her, _ := state.Member(in.person); her.Role != event.RoleMember {
						t.Errorf("%s sees her as %s", m.name, her.Role)
					}
					if slices.Contains(m.heard(g), "from nowhere") {
						t.Errorf("%s shows what has no place", m.name)
					}
				}
			})
		})
	}
}

// acts sends a control event of hers, apart and in her log.
func (in *insider) acts(ann *machine, act event.Control) {
	in.w.t.Helper()
	content, err := act.Marshal()
	if err != nil {
		in.w.t.Fatal(err)
	}
	h := event.Header{Conversation: in.group, Device: in.key.ID(), Instance: in.instance, Sequence: in.last.Header.Sequence + 1,
		Previous: in.last.ID, Card: in.card.Head(), Clock: time.Now().UnixMilli(), Kind: act.Kind(), Flags: event.FlagCritical,
		Control: ann.groups.Heads(in.group)}
	e, err := event.New(h, event.Body{Content: content})
	if err != nil {
		in.w.t.Fatal(err)
	}
	e.Sign(in.key)
	in.last = e
	in.send(wire.Frame{Control: &wire.Control{Tag: in.tag(in.key.ID()), Events: []event.Event{e}}})
	f := in.run(e)
	f.Run.Tag = in.tag(in.key.ID())
	in.send(f)
}

// A stranger who is connected, and one who was never in it, gets no frame about a group.
func TestStrangersLearnNothingOfGroups(t *testing.T) {
	t.Parallel()
	frames := func(group bool) (kinds []string, bytes int) {
		inWorld(t, 23, func(t *testing.T, w *world) {
			all := w.people("Ann", "Bob")
			ann, bob := all[0], all[1]
			ann.meets(soon, bob)
			m := w.mallory("Mallory")
			m.greet(ann)
			m.offer()
			if group {
				g := ann.makes("lunch", bob)
				for i := range 10 {
					ann.tell(g, fmt.Sprint(i))
					bob.tell(g, fmt.Sprint(i))
				}
				ann.counts(g, 20)
			}
			time.Sleep(time.Hour)
			m.seen.each(func(f *wire.Frame) {
				if f.Control != nil || f.Welcome != nil || f.Epoch != nil || f.Run != nil {
					kinds = append(kinds, fmt.Sprintf("%+v", f))
				}
				if f.Sightings == nil { // who is where is told to everybody, in one frame or in two
					bytes += len(f.Marshal())
				}
			})
		})
		return kinds, bytes
	}
	_, without := frames(false)
	kinds, with := frames(true)
	if len(kinds) > 0 {
		t.Errorf("she is told: %v", kinds)
	}
	if with != without {
		t.Errorf("she gets %d bytes where there is a group, %d where there is none", with, without)
	}
}

// counts waits until m shows so many messages of a group.
func (m *machine) counts(g event.Conversation, n int) {
	m.w.t.Helper()
	m.w.within(soon, fmt.Sprintf("%s shows %d", m.name, n), func() bool { return len(m.heard(g)) == n })
}

// TestRunUnderUnknownHeadsWaits: what names control events that have not come yet waits for them,
// and the session goes on.
func TestRunUnderUnknownHeadsWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		g := ann.makes("lunch")
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		heads := ann.groups.Heads(g)
		in.writes("too early", []crypto.Hash{{1}})
		time.Sleep(5 * time.Second)
		if in.seen.over() || in.seen.refused() != 0 {
			t.Errorf("the session has ended: %t, refused: %d", in.seen.over(), in.seen.refused())
		}
		in.instance, in.last = event.Instance{1}, event.Event{}
		in.writes("in time", heads)
		ann.hears(g, "in time")
	})
}
