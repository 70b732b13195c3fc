package node

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/membership"
)

// ends waits until a message is delivered or can't be any more, and holds all that the node says of
// it against each other.
func (m *machine) ends(sent chat.Message, want chat.Progress) {
	m.w.t.Helper()
	ctx, cancel := context.WithTimeout(m.w.t.Context(), time.Hour)
	defer cancel()
	got, err := m.Messages().Wait(ctx, sent.ID, chat.StateDelivered)
	if err != nil || got.Progress != want {
		m.w.t.Fatalf("%s: %q ends as %v, %v; want %v", m.name, sent.Text, got.Progress, err, want)
	}
	settled, err := m.Messages().WaitLeading(ctx, []*chat.Message{&sent}, chat.StateRead)
	if want.State == chat.StateUndelivered && (err != nil || !slices.Equal(settled, []chat.Progress{want})) {
		m.w.t.Errorf("%s: settled as %v, %v", m.name, settled, err)
	}
	m.Messages().Settle(ctx)
	reached, err := m.Messages().Receipts(m.w.t.Context(), sent.ID)
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, r := range reached {
		if r.State == chat.StateQueued {
			m.w.t.Errorf("%s: the receipts say that %q is still on its way", m.name, sent.Text)
		}
	}
	if n := m.pending(); n != 0 {
		m.w.t.Errorf("%s: %d lines in the outbox", m.name, n)
	}
}

// Bob writes to a group while Ann removes him from it: he is told that nobody gets it. When the
// removal turns out not to count, since Ann herself had been removed before, it goes out.
func TestWrittenWhileBeingRemoved(t *testing.T) {
	t.Parallel()
	inWorld(t, 61, func(t *testing.T, w *world) {
		all := w.people("Cleo", "Ann", "Bob")
		cleo, ann, bob := all[0], all[1], all[2]
		cleo.meets(soon, ann, bob)
		ann.meets(soon, bob)
		g := cleo.makes("lunch", ann, bob)
		if _, err := cleo.Groups().SetRole(t.Context(), "lunch", ann.who.person.String(), membership.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Ann may remove Bob", func() bool { return ann.role(g) == membership.RoleAdmin })
		before := bob.tell(g, "before")
		bob.reaches(soon, before, chat.StateDelivered)
		for _, o := range []*machine{ann, bob} {
			w.cut(cleo.addr(), o.addr())
			w.cut(o.addr(), cleo.addr())
		}
		w.cut(ann.addr(), bob.addr())
		w.cut(bob.addr(), ann.addr())
		time.Sleep(time.Minute)
		if _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Bob"); err != nil {
			t.Fatal(err)
		}
		sent := bob.tell(g, "meanwhile")
		w.heal(ann.addr(), bob.addr())
		w.heal(bob.addr(), ann.addr())
		ann.announce()
		bob.announce()
		bob.ends(sent, chat.Progress{State: chat.StateUndelivered, Reason: chat.ReasonRemoved})
		bob.ends(before, chat.Progress{State: chat.StateDelivered})
		if _, err := bob.Messages().Cancel(t.Context(), sent.ID); !errors.Is(err, chat.ErrUndelivered) {
			t.Errorf("cancelled: %v", err)
		}
		if rows := bob.heard(g); !slices.Equal(rows, []string{"before", "meanwhile"}) {
			t.Errorf("Bob's own history: %q", rows)
		}
		// Cleo, who is senior, has removed Ann without knowing of what Ann did.
		if _, err := cleo.Groups().RemoveMember(t.Context(), "lunch", "Ann"); err != nil {
			t.Fatal(err)
		}
		w.heal(cleo.addr(), bob.addr())
		w.heal(bob.addr(), cleo.addr())
		cleo.announce()
		bob.announce()
		w.within(time.Minute, "Bob is in again", func() bool { return bob.role(g) != "" })
		bob.reaches(time.Minute, sent, chat.StateDelivered)
		cleo.hears(g, "before", "meanwhile")
		bob.ends(sent, chat.Progress{State: chat.StateDelivered})
	})
}

// Who leaves a group before everybody has what they wrote is told that it ends there.
func TestWrittenBeforeLeaving(t *testing.T) {
	t.Parallel()
	inWorld(t, 62, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		cleo.stop()
		sent := bob.tell(g, "farewell")
		ann.hears(g, "farewell")
		waiting := make(chan error, 1)
		go func() {
			got, err := bob.Messages().Wait(t.Context(), sent.ID, chat.StateRead)
			if err == nil && got.Progress != (chat.Progress{State: chat.StateUndelivered, Reason: chat.ReasonLeft}) {
				err = errors.New(got.State + " " + got.Reason)
			}
			waiting <- err
		}()
		time.Sleep(time.Minute)
		if _, err := bob.Groups().Leave(t.Context(), "lunch"); err != nil {
			t.Fatal(err)
		}
		if err := <-waiting; err != nil {
			t.Errorf("who waits when Bob leaves gets: %v", err)
		}
		bob.ends(sent, chat.Progress{State: chat.StateUndelivered, Reason: chat.ReasonLeft})
		status, err := bob.Status(t.Context())
		if err != nil || status.Outbox != 0 {
			t.Errorf("status: %d in the outbox, %v", status.Outbox, err)
		}
	})
}

// A message to a group that nobody else is in is with all of them, whoever asks and how.
func TestNobodyElseIsInTheGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, 63, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		sent := ann.tell(ann.makes("lunch"), "hello?")
		ann.ends(sent, chat.Progress{State: chat.StateDelivered})
		settled, err := ann.Messages().WaitLeading(t.Context(), []*chat.Message{&sent}, chat.StateDelivered)
		if err != nil || !slices.Equal(settled, []chat.Progress{{State: chat.StateDelivered}}) {
			t.Errorf("settled as %v, %v", settled, err)
		}
	})
}
