package node

import (
	"slices"
	"testing"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store/event"
)

// TestRunLetInWhileItsAuthorIsRemoved: a run was found good, and before it was stored the removal
// of its author came. It stands past the end that the removal gives its log, which was not here yet
// when the ends were set.
func TestRunLetInWhileItsAuthorIsRemoved(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		w.cut(ann.addr(), cleo.addr())
		w.cut(bob.addr(), cleo.addr())
		cleo.tell(g, "said too late")
		logs, err := cleo.store.Logs(g)
		if err != nil {
			t.Fatal(err)
		}
		var run event.Run
		for l, segments := range logs {
			if l.Device == cleo.who.device {
				if run, err = cleo.store.LoadRun(l, segments.Last(), event.MaxRunEvents, event.MaxRunSize); err != nil {
					t.Fatal(err)
				}
			}
		}

		admitted, err := bob.door.Admit(t.Context(), run, cleo.who.person)
		if err != nil {
			t.Fatalf("it was not let in: %v", err)
		}
		if _, err := ann.Groups().RemoveMember(t.Context(), g.String(), cleo.who.person.String()); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Bob knows", func() bool {
			members, err := bob.Groups().Members(t.Context(), g.String())
			return err == nil && len(members) == 2
		})
		if stored := admitted.Store(t.Context())(); stored.Err != nil {
			t.Fatal(stored.Err)
		}
		if got := bob.heard(g); slices.Contains(got, "said too late") {
			t.Errorf("Bob shows %q", got)
		}
		if logs, err = bob.store.Logs(g); err != nil {
			t.Fatal(err)
		}
		if held := logs[run.Log()]; len(held) > 0 {
			t.Errorf("Bob offers %v of it", held)
		}
	})
}

// TestWhoIsOutRecallsNothing: nobody takes a recall of who is out of a group, so it must not look
// as if the words were taken back.
func TestWhoIsOutRecallsNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		w.cut(ann.addr(), cleo.addr())
		w.cut(ann.addr(), bob.addr())
		said := cleo.tell(g, "said too late").ID
		w.within(soon, "Bob has it", func() bool { return slices.Contains(bob.heard(g), "said too late") })
		if _, err := ann.Groups().RemoveMember(t.Context(), g.String(), cleo.who.person.String()); err != nil {
			t.Fatal(err)
		}
		w.heal(ann.addr(), cleo.addr())
		w.within(soon, "Cleo knows", func() bool {
			reached, err := cleo.Messages().Receipts(t.Context(), said)
			return err == nil && slices.ContainsFunc(reached, func(r chat.Reached) bool { return r.State == chat.StateUndelivered })
		})
		if _, err := cleo.Messages().Recall(t.Context(), said); err != contacts.ErrNotMember {
			t.Errorf("her recall: %v", err)
		}
	})
}
