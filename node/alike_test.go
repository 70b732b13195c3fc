package node

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// attempts are what somebody may say to find out what the owner has decided about them.
var attempts = []struct {
	name string
	say  func(m *mallory) []wire.Frame
}{
	{"nothing", func(m *mallory) []wire.Frame { return nil }},
	{"an opening run", func(m *mallory) []wire.Frame { return []wire.Frame{m.run(m.event("hello"))} }},
	{"a second opening run", func(m *mallory) []wire.Frame {
		return []wire.Frame{m.run(m.event("hello")), m.run(m.event("hello?"))}
	}},
	{"a forged opening run", func(m *mallory) []wire.Frame {
		f := m.run(m.event("hello"))
		f.Run.Events[0].Signature[3] ^= 1
		return []wire.Frame{f}
	}},
	{"an opening run in another's name", func(m *mallory) []wire.Frame {
		return []wire.Frame{m.run(m.event("hello", func(h *event.Header) { h.Card = crypto.Hash{7} }))}
	}},
	{"a numbered run", func(m *mallory) []wire.Frame {
		f := m.run(m.event("hello"))
		f.Run.Number = 1
		return []wire.Frame{f}
	}},
	{"a run of no group", func(m *mallory) []wire.Frame {
		f := m.run(m.event("hello"))
		f.Run.Tag = bytes.Repeat([]byte{3}, 32)
		return []wire.Frame{f}
	}},
	{"a record", func(m *mallory) []wire.Frame { return []wire.Frame{{Record: &wire.Record{Record: m.profile(7)}}} }},
	{"a forged record", func(m *mallory) []wire.Frame {
		r := m.profile(8)
		r.Signature = bytes.Clone(r.Signature)
		r.Signature[3] ^= 1
		return []wire.Frame{{Record: &wire.Record{Record: r}}}
	}},
	{"an offer of everything", func(m *mallory) []wire.Frame {
		one := wire.LogSegments{Device: m.key.ID(), Instance: m.instance, Segments: event.Segments{{First: 1, Last: 9, ID: event.ID{1}}}}
		return []wire.Frame{{Offers: &wire.Offers{Offers: []wire.Offer{{Store: m.store, Logs: []wire.LogSegments{one}}}}}}
	}},
	{"an offer by another store", func(m *mallory) []wire.Frame {
		return []wire.Frame{{Offers: &wire.Offers{Offers: []wire.Offer{{Store: event.Instance{1}}}}}}
	}},
	{"an offer of no group", func(m *mallory) []wire.Frame {
		return []wire.Frame{{Offers: &wire.Offers{Offers: []wire.Offer{{Tag: bytes.Repeat([]byte{3}, 32), Store: m.store}}}}}
	}},
	{"an acknowledgement", func(m *mallory) []wire.Frame { return []wire.Frame{{Have: &wire.Have{Store: m.store, Answers: 1}}} }},
	{"an answer to nothing", func(m *mallory) []wire.Frame { return []wire.Frame{{Settled: &wire.Settled{Number: 5}}} }},
	{"a refusal", func(m *mallory) []wire.Frame {
		return []wire.Frame{{Refused: &wire.Refused{Device: m.key.ID(), Reason: wire.OverBudget}}, {Refused: &wire.Refused{Reason: wire.NoRoom, Run: 1}}}
	}},
	{"a request for a card", func(m *mallory) []wire.Frame {
		return []wire.Frame{{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: m.victim.who.person}}}}
	}},
	{"two requests for cards", func(m *mallory) []wire.Frame {
		f := wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Head: m.card.Head()}}}
		return []wire.Frame{f, f}
	}},
	{"a card", func(m *mallory) []wire.Frame { return []wire.Frame{{Card: &wire.Card{Card: m.card.Bytes()}}} }},
	{"sightings", func(m *mallory) []wire.Frame {
		return []wire.Frame{{Sightings: &wire.Sightings{Sightings: []wire.Sighting{{Device: m.key.ID()}}}}}
	}},
	{"control events of no group", func(m *mallory) []wire.Frame {
		w := m.asks(m.person)
		return []wire.Frame{{Control: &wire.Control{Tag: bytes.Repeat([]byte{3}, 32), Events: []event.Event{w.Create, w.Join}}}}
	}},
	{"a key of no group", func(m *mallory) []wire.Frame {
		return []wire.Frame{{Epoch: &wire.Epoch{Tag: bytes.Repeat([]byte{3}, 32), Control: []crypto.Hash{{1}}}}}
	}},
	{"a welcome", func(m *mallory) []wire.Frame { return []wire.Frame{{Welcome: m.asks(m.victim.who.person)}} }},
	{"a welcome for somebody else", func(m *mallory) []wire.Frame { return []wire.Frame{{Welcome: m.asks(m.person)}} }},
	{"a forged welcome", func(m *mallory) []wire.Frame {
		w := m.asks(m.victim.who.person)
		w.Join.Signature[3] ^= 1
		return []wire.Frame{{Welcome: w}}
	}},
	{"a welcome by somebody whose card is not there", func(m *mallory) []wire.Frame {
		w := m.w.mallory("Eve").asks(m.victim.who.person)
		w.Card = nil
		return []wire.Frame{{Welcome: w}}
	}},
	{"a welcome by somebody else", func(m *mallory) []wire.Frame {
		return []wire.Frame{{Welcome: m.w.mallory("Eve").asks(m.victim.who.person)}}
	}},
	{"a welcome with a card that is none", func(m *mallory) []wire.Frame {
		w := m.w.mallory("Eve").asks(m.victim.who.person)
		w.Card = []byte("card")
		return []wire.Frame{{Welcome: w}}
	}},
	{"as many welcomes as there may be", func(m *mallory) []wire.Frame {
		return slices.Repeat([]wire.Frame{{Welcome: m.asks(m.victim.who.person)}}, 256)
	}},
	{"too many welcomes", func(m *mallory) []wire.Frame {
		return slices.Repeat([]wire.Frame{{Welcome: m.asks(m.person)}}, 257)
	}},
	{"a greeting twice", func(m *mallory) []wire.Frame { return m.greeting()[:1] }},
}

func (m *mallory) profile(counter uint64) event.Record {
	return m.record(event.KindProfile, event.ProfileSubject(m.person), counter, event.Profile{Name: m.name}.Marshal())
}

// asks is a welcome of somebody into a group of hers.
func (m *mallory) asks(whom crypto.PersonID) *wire.Welcome {
	m.w.t.Helper()
	control := func(h event.Header, act event.Control) event.Event {
		content, err := act.Marshal()
		if err != nil {
			m.w.t.Fatal(err)
		}
		h.Device, h.Card, h.Kind, h.Flags = m.key.ID(), m.card.Head(), act.Kind(), event.FlagCritical
		e, err := event.New(h, event.Body{Content: content})
		if err != nil {
			m.w.t.Fatal(err)
		}
		e.Sign(m.key)
		return e
	}
	create := control(event.Header{Sequence: 1, Instance: randomInstance()}, event.Create{Person: m.person, Name: "a group", Secret: randomNonce(), History: event.History{Policy: event.HistoryAll}})
	h := event.Header{Conversation: create.Header.Conversation, Instance: create.Header.Instance, Sequence: 2, Previous: create.ID, Control: []crypto.Hash{crypto.Hash(create.ID)}}
	return &wire.Welcome{Create: create, Join: control(h, event.Invite{Persons: []crypto.PersonID{whom}}), Card: m.card.Bytes(), Members: 2}
}

func randomInstance() event.Instance { n := randomNonce(); return event.Instance(n[:8]) }

// heard is what came back to an attempt, in order, and whether the session has ended. Nonces are left
// out.
func (m *mallory) heard() (out []string) {
	m.seen.each(func(f *wire.Frame) {
		g := *f
		if g.Hello != nil {
			hello := *g.Hello
			hello.Nonce = [32]byte{}
			g.Hello = &hello
		}
		out = append(out, fmt.Sprintf("%x", g.Marshal()))
	})
	if m.seen.over() {
		out = append(out, "ended")
	}
	return out
}

// Whoever the owner has not accepted and whoever is blocked are answered alike, byte for byte, whatever
// they say, and their sessions end for the same.
func TestBlockedAndNotAcceptedLookAlike(t *testing.T) {
	t.Parallel()
	inWorld(t, 61, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		ctx := t.Context()
		if err := ann.Owner().SetAccept(ctx, people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		decide := map[string]func(who string) error{
			"not accepted": func(string) error { return nil },
			"blocked":      func(who string) error { _, err := ann.Contacts().Block(ctx, who); return err },
			"a contact who is blocked": func(who string) error {
				if _, err := ann.Contacts().Accept(ctx, who, ""); err != nil {
					return err
				}
				_, err := ann.Contacts().Block(ctx, who)
				return err
			},
			"a contact no more": func(who string) error {
				if _, err := ann.Contacts().Accept(ctx, who, ""); err != nil {
					return err
				}
				_, err := ann.Contacts().Unfriend(ctx, who)
				return err
			},
		}
		all := map[string]*mallory{}
		for name, does := range decide {
			m := w.mallory("M")
			m.name = "M " + m.person.String()[:6]
			m.greet(ann)
			if err := does(m.person.String()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all[name] = m
		}
		time.Sleep(time.Minute)
		answers := func(name string, before, after func(), say func(*mallory) []wire.Frame) {
			t.Helper()
			heard := map[string][]string{}
			for kind, m := range all {
				before()
				m.greet(ann)
				m.offer()
				time.Sleep(time.Second) // a reset may take away what she has not read yet
				m.send(say(m)...)
				time.Sleep(5 * time.Second)
				after()
				time.Sleep(30 * time.Second)
				heard[kind] = m.heard()
				_ = m.stream.Reset()
				w.within(10*time.Second, "she is gone", func() bool { return !ann.mesh.Here(m.person) })
			}
			for kind, got := range heard {
				if want := heard["not accepted"]; !slices.Equal(got, want) {
					t.Errorf("%s: to who is %s comes\n%q\nand to who is not accepted\n%q", name, kind, got, want)
				}
			}
		}
		nothing := func() {}
		for _, a := range attempts {
			answers(a.name, nothing, nothing, a.say)
		}
		full := func() {
			time.Sleep(time.Hour) // so that there is no memory of the last time
			ann.full.Store(true)
		}
		opening := func(m *mallory) []wire.Frame { return []wire.Frame{m.run(m.event("hello"))} }
		answers("an opening run while the disk is full", full, func() { ann.full.Store(false) }, opening)
		welcome := func(m *mallory) []wire.Frame { return []wire.Frame{{Welcome: m.asks(ann.who.person)}} }
		answers("a welcome while the disk is full", full, func() { ann.full.Store(false) }, welcome)
	})
}

// When somebody is blocked and when somebody is a contact no more, the same happens to their sessions.
func TestDecisionsLookAlike(t *testing.T) {
	t.Parallel()
	inWorld(t, 62, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		ctx := t.Context()
		if err := ann.Owner().SetAccept(ctx, people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		for name, does := range map[string]func(who string) error{
			"blocked":           func(who string) error { _, err := ann.Contacts().Block(ctx, who); return err },
			"a contact no more": func(who string) error { _, err := ann.Contacts().Unfriend(ctx, who); return err },
		} {
			m := w.mallory("M " + name[:3])
			m.greet(ann)
			if _, err := ann.Contacts().Accept(ctx, m.person.String(), ""); err != nil {
				t.Fatal(err)
			}
			m.offer()
			m.until(ann, "she is served", func(s *seen) (offered bool) {
				s.each(func(f *wire.Frame) { offered = offered || f.Offers != nil })
				return offered
			})
			if err := does(m.person.String()); err != nil {
				t.Fatal(err)
			}
			w.within(time.Second, name+": the session is ended", m.seen.over)
		}
		// Whoever is not served anyway notices nothing.
		m := w.mallory("Mel")
		m.greet(ann)
		if _, err := ann.Contacts().Block(ctx, m.person.String()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if m.seen.over() {
			t.Error("the session with a stranger who was not served ends when they are blocked")
		}
	})
}
