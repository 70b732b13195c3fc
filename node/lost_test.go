package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// strip is what a relay makes of a run that keeps the words to itself.
func strip(r event.Run, why event.Absence) event.Run {
	r.Events = slices.Clone(r.Events)
	for i := range r.Events {
		if e := &r.Events[i]; !e.Header.Kind.SelfProven() {
			e.Body, e.Absent = nil, why
		}
	}
	return r
}

// again is Mallory in a new session with somebody else.
func (in *insider) again(victim *machine) *insider {
	other := &insider{mallory: in.mallory, group: in.group, secret: in.secret, nonce: randomNonce()}
	other.meets(victim)
	other.asks()
	return other
}

// relays sends a run of the group.
func (in *insider) relays(r event.Run) bool {
	r.Tag = in.tag(in.key.ID())
	return in.send(wire.Frame{Run: &r})
}

// answers has her answer every run that came, so that more come.
func (in *insider) answers() {
	for _, r := range in.seen.runs() {
		in.send(wire.Frame{Have: &wire.Have{Tag: in.tag(in.key.ID()), Store: in.store, Answers: r.Number}})
	}
}

// runsOf are the runs of a log of the group that came to her.
func (in *insider) runsOf(m *machine) (out []event.Run) {
	for _, r := range in.seen.runs() {
		if log := r.Log(); log.Conversation == in.group && log.Device == m.who.device {
			out = append(out, r)
		}
	}
	return out
}

// members waits until somebody knows how many are in a group.
func (m *machine) members(g event.Conversation, n int) {
	m.w.t.Helper()
	m.w.within(20*time.Second, fmt.Sprintf("%s knows of %d members", m.name, n), func() bool {
		group, err := m.Groups().Group(m.w.t.Context(), g.String())
		return err == nil && group.Members == n
	})
}

// delivers waits until a message has come to one of its readers.
func (m *machine) delivers(sent chat.Message, to *machine) {
	m.w.t.Helper()
	m.w.within(time.Minute, "it is delivered to "+to.name, func() bool {
		reached, err := m.Messages().Receipts(m.w.t.Context(), sent.ID)
		return err == nil && slices.ContainsFunc(reached, func(r chat.Reached) bool {
			return r.Person.ID == to.who.person && r.State != chat.StateQueued
		})
	})
}

// Mallory hands on what Ann has said without the words, and says that they were recalled, have
// expired, or nothing. Bob must neither acknowledge them nor go without.
func TestRelayThatStripsTheWords(t *testing.T) {
	t.Parallel()
	for _, why := range []event.Absence{event.Recalled, event.Dropped} {
		inWorld(t, 101, func(t *testing.T, w *world) {
			all := w.people("Ann", "Bob")
			ann, bob := all[0], all[1]
			ann.meets(soon, bob)
			g := ann.makes("lunch", bob)
			in := w.mallory("Mallory").joins(ann, g)
			in.asks()
			bob.members(g, 3)
			w.cut(ann.addr(), bob.addr())
			time.Sleep(30 * time.Second)
			sent := ann.tell(g, "the words")
			in.until(ann, "she hears", func(*seen) bool { return slices.Contains(in.read(), "the words") })
			stolen := in.runsOf(ann)
			other := in.again(bob)
			time.Sleep(2 * time.Second)
			for _, r := range stolen {
				other.relays(strip(r, why))
			}
			time.Sleep(10 * time.Second)
			w.heal(ann.addr(), bob.addr())
			ann.announce()
			bob.announce()
			w.within(2*time.Minute, "Bob has the words", func() bool { return slices.Contains(bob.heard(g), "the words") })
			ann.delivers(sent, bob)
		})
	}
}

// A member gives a newcomer scattered events of Cleo's log, from before the newcomer came and from
// after. What Cleo says must arrive and be acknowledged.
func TestScatteredPiecesShutNoAuthorOut(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 102, func(t *testing.T, w *world) {
		all := w.people("Ann", "Cleo", "Bob")
		ann, cleo, bob := all[0], all[1], all[2]
		ann.meets(soon, cleo, bob)
		cleo.meets(soon, bob)
		g := ann.makes("lunch", cleo)
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		cleo.members(g, 3)
		other := in.again(cleo)
		for i := range 2 * event.MaxSegments {
			cleo.tell(g, fmt.Sprint("old ", i))
			time.Sleep(2 * time.Second) // so that each is a run of its own
			other.answers()
		}
		time.Sleep(10 * time.Second)
		old := other.runsOf(cleo)
		bob.trusts(ann)
		w.cut(ann.addr(), bob.addr())
		w.cut(cleo.addr(), bob.addr())
		time.Sleep(30 * time.Second)
		ann.asks(g, bob)
		time.Sleep(10 * time.Second)
		for i := range 3 * event.MaxSegments {
			cleo.tell(g, fmt.Sprint("new ", i))
			time.Sleep(2 * time.Second)
			other.answers()
		}
		time.Sleep(10 * time.Second)
		all2 := other.runsOf(cleo)
		// Bob hears of the group from Mallory alone, and then what she likes.
		last := in.again(bob)
		last.welcomes(ann)
		bob.members(g, 4)
		last.asks()
		time.Sleep(2 * time.Second)
		for i, r := range all2 {
			if i%2 == 0 && len(r.Events) == 1 {
				last.relays(r)
			}
		}
		time.Sleep(10 * time.Second)
		if len(old) < event.MaxSegments {
			t.Fatalf("only %d runs", len(old))
		}
		w.heal(ann.addr(), bob.addr())
		w.heal(cleo.addr(), bob.addr())
		for _, m := range all {
			m.announce()
		}
		sent := cleo.tell(g, "important")
		w.within(2*time.Minute, "Bob has it all", func() bool {
			heard := bob.heard(g)
			return len(heard) == 3*event.MaxSegments+1 && slices.Contains(heard, "important")
		})
		cleo.delivers(sent, bob)
	})
}

// welcomes gives the victim somebody's welcome, and then the whole control set.
func (in *insider) welcomes(from *machine) {
	in.w.t.Helper()
	events, _, err := from.groups.Missing(in.group, in.victim.who.person, nil, 256, 1<<20)
	if err != nil {
		in.w.t.Fatal(err)
	}
	w, err := from.groups.WelcomeOf(in.group, in.victim.who.person)
	if err != nil {
		in.w.t.Fatal(err)
	}
	in.send(wire.Frame{Welcome: w})
	in.until(in.victim, "the group is arriving", func(*seen) bool { return len(in.victim.groups.Arriving()) > 0 })
	in.asks()
	in.send(wire.Frame{Control: &wire.Control{Tag: in.tag(in.key.ID()), Events: events}})
}

// Who was away catches up over a slow link: what answers is shown after what it answers, without a
// false gap, however long that takes and whatever the clocks say.
func TestLongCatchUpKeepsTheOrder(t *testing.T) {
	long(t)
	t.Parallel()
	for _, skew := range []time.Duration{2 * time.Second, 0, -2 * time.Second} {
		inWorld(t, 106, func(t *testing.T, w *world) {
			all := w.people("Ann", "Bob", "Cleo")
			ann, bob, cleo := all[0], all[1], all[2]
			ann.meets(soon, bob, cleo)
			bob.meets(soon, cleo)
			g := ann.makes("lunch", bob, cleo)
			time.Sleep(10 * time.Second)
			bob.tell(g, "first of Bob")
			ann.tell(g, "first of Ann")
			time.Sleep(10 * time.Second)
			cleo.stop()
			bob.skew.Store(int64(skew))
			for i := range 100 {
				ann.tell(g, fmt.Sprint(i, strings.Repeat("x", 60_000)))
			}
			ann.tell(g, "the question")
			w.within(time.Minute, "Bob has it", func() bool { return slices.Contains(bob.heard(g), "the question") })
			time.Sleep(time.Second)
			bob.tell(g, "the answer")
			time.Sleep(time.Minute)
			for _, o := range []*machine{ann, bob} {
				w.net.Delay(cleo.addr(), o.addr(), 400*time.Millisecond)
				w.net.Delay(o.addr(), cleo.addr(), 400*time.Millisecond)
			}
			cleo.start(ann.address(), bob.address())
			w.within(time.Minute, "Cleo has both", func() bool {
				heard := cleo.heard(g)
				return slices.Contains(heard, "the answer") && slices.Contains(heard, "the question")
			})
			heard := cleo.heard(g)
			if slices.Index(heard, "the answer") < slices.Index(heard, "the question") {
				t.Error("the answer is shown before the question")
			}
			for _, r := range cleo.groupRows(g) {
				if r.Gap {
					t.Errorf("a gap before %.20q", r.Text)
				}
			}
		})
	}
}

// A peer that brings a log bit by bit, but never what is waited for, holds a row up for a minute at
// most.
func TestDripFeedHoldsARowForAMinuteAtMost(t *testing.T) {
	t.Parallel()
	inWorld(t, 108, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		m.offer()
		m.event("never comes")
		waits := m.event("waits")
		m.send(m.run(waits))
		from := time.Now()
		for n := uint64(0); len(m.rowsAt(ann)) == 0; n++ {
			time.Sleep(time.Second)
			if waited := time.Since(from); waited > releaseAtLast+2*releaseEvery {
				t.Fatalf("not shown after %v", waited)
			}
			m.event("never comes either")
			m.send(m.run(m.event("drip")))
		}
		if waited := time.Since(from); waited < releaseAtLast {
			t.Fatalf("shown after %v: nothing was dripped", waited)
		}
		rows := m.rowsAt(ann)
		if rows[0].Text != "waits" || !rows[0].Gap {
			t.Errorf("%+v", rows[0])
		}
	})
}

// Who has just come into a group, for the first time or again, does not wait for what was said
// before: there is no right to it.
func TestNewcomerDoesNotWaitForFirstMessages(t *testing.T) {
	t.Parallel()
	inWorld(t, 109, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo", "Dora")
		ann, bob, cleo, dora := all[0], all[1], all[2], all[3]
		for i, m := range all {
			m.meets(time.Minute, all[:i]...)
		}
		g := ann.makes("lunch", bob, cleo)
		said := func(text string, at ...*machine) {
			for _, m := range []*machine{bob, cleo, ann} {
				m.tell(g, m.name+text)
				time.Sleep(5 * time.Second)
			}
			for _, m := range at {
				for _, from := range []*machine{bob, cleo, ann} {
					if !slices.Contains(m.heard(g), from.name+text) {
						t.Fatalf("%s lacks %q", m.name, from.name+text)
					}
				}
			}
		}
		said(": old")
		comes := func(text string) {
			ann.invites(g, dora)
			w.within(soon, "Dora is in", func() bool { return dora.role(g) != "" })
			time.Sleep(10 * time.Second)
			for _, m := range []*machine{bob, cleo, ann} {
				m.tell(g, m.name+text)
				w.within(500*time.Millisecond, "Dora hears it", func() bool { return slices.Contains(dora.heard(g), m.name+text) })
				time.Sleep(5 * time.Second)
			}
		}
		comes(": first")
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Dora"); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Dora is out", func() bool { return dora.role(g) == "" })
		said(": without Dora")
		comes(": again")
		for _, r := range dora.groupRows(g) {
			if r.Gap {
				t.Errorf("a gap before %q", r.Text)
			}
		}
	})
}

// Mallory was removed. What she signs afterwards, with her old rights and in a new log, takes her
// words from nobody, whoever encloses it.
func TestEnclosedRecallByRemovedMember(t *testing.T) {
	t.Parallel()
	inWorld(t, 110, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		g := ann.makes("lunch")
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		eve := w.mallory("Eve").joins(ann, g)
		eve.asks()
		heads := ann.groups.Heads(g)
		in.writes("her words", heads)
		w.within(soon, "Ann hears her", func() bool { return slices.Contains(ann.heard(g), "her words") })
		said := in.last
		if _, err := ann.Groups().RemoveMember(t.Context(), g.String(), in.person.String()); err != nil {
			t.Fatal(err)
		}
		recall, err := event.New(event.Header{
			Conversation: g, Device: in.key.ID(), Instance: event.Instance{9}, Sequence: 1, Card: in.card.Head(), Control: heads,
			Clock: said.Header.Clock + 1000, Kind: event.KindRecall, Target: said.ID,
		}, event.Body{})
		if err != nil {
			t.Fatal(err)
		}
		recall.Sign(in.key)
		said.Sign(in.key)
		gone := strip(event.Run{Events: []event.Event{said}}, event.Recalled)
		gone.Recalls = []event.Event{recall}
		eve.relays(gone)
		time.Sleep(time.Minute)
		if !slices.Contains(ann.heard(g), "her words") {
			t.Error("her words are gone")
		}
		if logs, err := ann.store.Logs(g); err != nil || len(logs[recall.Header.Log()]) > 0 {
			t.Errorf("the recall is kept: %v, %v", logs[recall.Header.Log()], err)
		}
	})
}
