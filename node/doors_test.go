package node

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// recall is one by her in a log of its own of a conversation, signed.
func (m *mallory) recall(c event.Conversation, target event.ID) event.Event {
	m.w.t.Helper()
	h := event.Header{Conversation: c, Device: m.key.ID(), Sequence: 1, Card: m.card.Head(), Kind: event.KindRecall, Target: target}
	_, _ = rand.Read(h.Instance[:])
	_, _ = rand.Read(h.Key[:])
	e, err := event.New(h, event.Body{})
	if err != nil {
		m.w.t.Fatal(err)
	}
	e.Sign(m.key)
	return e
}

// A recall that is enclosed must be by the author of the run, whatever else the one who brings it
// may do.
func TestEnclosedRecallByAnotherIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, 121, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m, eve := w.mallory("Mallory"), w.mallory("Eve")
		eve.greet(ann)
		m.greet(ann)
		m.offer()
		m.send(m.run(m.event("first")))
		m.until(ann, "the first is held", func(s *seen) bool { return s.holds(m, 1) })
		gone := func(by *mallory) wire.Frame {
			e := m.event("gone")
			f := m.run(e)
			f.Run.Events[0].Body, f.Run.Events[0].Absent = nil, event.Recalled
			f.Run.Recalls = []event.Event{by.recall(m.conversation(), e.ID)}
			return f
		}
		m.send(gone(m))
		m.until(ann, "what she took back herself is held", func(s *seen) bool { return s.holds(m, 2) })
		m.send(gone(eve))
		m.until(ann, "what Eve took back is refused", func(s *seen) bool { return s.refused() == wire.NotPermitted })
	})
}

// Nobody brings what two others have said to each other, says anything there, or brings a third to
// say something.
func TestRunBroughtByAThirdPerson(t *testing.T) {
	t.Parallel()
	inWorld(t, 125, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		m := w.mallory("Mallory")
		m.greet(ann)
		w.cut(ann.addr(), bob.addr())
		time.Sleep(30 * time.Second)
		bob.say(ann, "words")
		c := event.Direct(ann.who.person, bob.who.person)
		logs, err := bob.store.Logs(c)
		if err != nil || len(logs) != 1 {
			t.Fatal(logs, err)
		}
		for log := range logs {
			run, err := bob.store.LoadRun(log, 1, 1, event.MaxRunSent)
			if err != nil {
				t.Fatal(err)
			}
			if in := ann.door.Ingest(t.Context(), run, m.person); !errors.Is(in.Err, ingest.ErrStranger) {
				t.Errorf("brought by Mallory: %v", in.Err)
			}
			if in := ann.door.Ingest(t.Context(), run, bob.who.person); in.Err != nil {
				t.Errorf("brought by Bob: %v", in.Err)
			}
		}
		eve := w.mallory("Eve")
		eve.greet(ann)
		for what, f := range map[string]wire.Frame{
			"in the conversation of two others": m.run(m.event("words", func(h *event.Header) { h.Conversation = c })),
			"of a third":                        eve.run(eve.event("words", func(h *event.Header) { h.Conversation = m.conversation() })),
		} {
			if in := ann.door.Ingest(t.Context(), *f.Run, m.person); !errors.Is(in.Err, ingest.ErrStranger) {
				t.Errorf("%s: %v", what, in.Err)
			}
		}
	})
}

// waits sends a message whose cause never comes.
func (m *mallory) waits(ann *machine) {
	never := event.Position{Device: ann.who.device, Instance: event.Instance{1}, Sequence: 7, ID: event.ID{7}}
	m.send(m.run(m.event("waits", func(h *event.Header) { h.Seen = []event.Position{never} })))
	m.until(ann, "it is held", func(s *seen) bool { return s.holds(m, m.last.Header.Sequence) })
}

// When a peer has brought all that it was asked for, what had come before it was asked is shown;
// what came since, and what came in other conversations, waits on.
func TestEndOfARoundShowsOnlyWhatCameBeforeIt(t *testing.T) {
	t.Parallel()
	inWorld(t, 122, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m, eve := w.mallory("Mallory"), w.mallory("Eve")
		for _, x := range []*mallory{eve, m} {
			x.greet(ann)
			x.offer()
		}
		time.Sleep(100 * time.Millisecond)
		m.waits(ann)
		eve.waits(ann)
		for _, x := range []*mallory{m, eve} {
			x.send(wire.Frame{Settled: &wire.Settled{}})
		}
		time.Sleep(time.Second)
		if rows := slices.Concat(m.rowsAt(ann), eve.rowsAt(ann)); len(rows) != 0 {
			t.Fatalf("what came since is shown at the end of the round: %+v", rows)
		}
		m.greet(ann)
		m.offer()
		time.Sleep(100 * time.Millisecond)
		m.send(wire.Frame{Settled: &wire.Settled{}})
		time.Sleep(100 * time.Millisecond)
		if rows := m.rowsAt(ann); len(rows) != 1 || !rows[0].Gap {
			t.Fatalf("what came before the round is not shown when it ends: %+v", rows)
		}
		if rows := eve.rowsAt(ann); len(rows) != 0 {
			t.Fatalf("what waits in another conversation is shown: %+v", rows)
		}
	})
}

// Who comes back to a group where newcomers may read everything still is not given what was said
// between.
func TestSaidWhileOutIsNotServed(t *testing.T) {
	t.Parallel()
	inWorld(t, 123, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Dora")
		ann, bob, dora := all[0], all[1], all[2]
		ann.meets(soon, bob, dora)
		bob.meets(soon, dora)
		g := ann.makes("lunch", bob, dora)
		if _, err := ann.Groups().SetHistory(t.Context(), "lunch", contacts.HistoryAll); err != nil {
			t.Fatal(err)
		}
		ann.tell(g, "with Dora")
		dora.hears(g, "with Dora")
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Dora"); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Dora is out", func() bool { return dora.role(g) == "" })
		ann.tell(g, "without Dora")
		bob.hears(g, "with Dora", "without Dora")
		ann.invites(g, dora)
		w.within(soon, "Dora is in again", func() bool { return dora.role(g) != "" })
		ann.tell(g, "welcome back")
		w.within(time.Minute, "Dora hears it", func() bool { return slices.Contains(dora.heard(g), "welcome back") })
		time.Sleep(time.Minute)
		dora.hears(g, "with Dora", "welcome back")
	})
}

// A node that ended between a removal and the cut that it makes shows nothing past the cut when it
// starts again.
func TestCutIsMadeAtTheStart(t *testing.T) {
	t.Parallel()
	inWorld(t, 124, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		bob.tell(g, "before")
		ann.hears(g, "before")
		w.cut(ann.addr(), bob.addr())
		w.cut(ann.addr(), cleo.addr())
		time.Sleep(time.Minute)
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Bob"); err != nil {
			t.Fatal(err)
		}
		bob.tell(g, "beyond")
		cleo.hears(g, "before", "beyond")
		w.heal(ann.addr(), cleo.addr())
		ann.announce()
		cleo.announce()
		cleo.members(g, 2)
		cleo.hears(g, "before")
		bob.stop()
		ann.stop()
		cleo.stop()
		cleo.changeStore(func(s *store.Store) error { return s.SetLimits(t.Context(), g, nil) })
		cleo.start()
		if heard := cleo.heard(g); !slices.Equal(heard, []string{"before"}) {
			t.Errorf("Cleo shows %q", heard)
		}
	})
}

// changeStore changes the store of a machine that is off.
func (m *machine) changeStore(change func(*store.Store) error) {
	t := m.w.t
	t.Helper()
	s, err := store.Open(store.Config{Dir: m.dir, Now: m.now,
		Identify: func(string) (store.FileIdentity, error) { return store.FileIdentity("file " + m.file), nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	if err := change(s); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
