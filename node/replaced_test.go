package node

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/waiting"
)

// Cleo has lost her directory and comes back as another person. Once Ann says that it is her, what
// waits for the old one reaches the new one, once, in the same order. The new one is in the groups
// in which Ann may say so, and Ann learns which others need somebody else.
func TestReplacedContactGetsWhatWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		p := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := p[0], p[1], p[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		staff := ann.makes("staff", bob, cleo)
		lunch := bob.makes("lunch", ann, cleo)
		ann.makes("other", bob)
		ann.reaches(soon, ann.say(cleo, "zero"), chat.StateDelivered)
		if _, err := ann.Groups().SetRole(t.Context(), "staff", "Cleo", membership.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		if new, err := ann.Contacts().Newcomers(t.Context(), "Cleo"); err != nil || len(new.First) != 0 {
			t.Fatalf("%v, %v", new, err)
		}
		cleo.stop()
		w.within(time.Minute, "Ann sees her go", func() bool { return !ann.mesh.Here(cleo.who.person) })
		one := ann.say(cleo, "one")
		ann.say(cleo, "two")
		ann.tell(staff, "where is Cleo?")
		time.Sleep(time.Minute)

		again := w.machine("Cleo")
		again.start(ann.address(), bob.address())
		ann.meets(soon, again)
		new, err := ann.Contacts().Newcomers(t.Context(), "Cleo")
		if err != nil || len(new.First) != 1 || new.First[0].ID != again.who.person || !new.First[0].Online {
			t.Fatalf("newcomers: %+v, %v", new, err)
		}
		// What was cut short after the first message had been sent is done again.
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: again.who.person.String(), Text: "one", Key: "again " + hex.EncodeToString(one.ID[:])}); err != nil {
			t.Fatal(err)
		}
		replacement := chat.Replacement{Old: cleo.who.person.String(), New: again.who.person.String(), Resend: true}
		if _, err := ann.Messages().ReplaceContact(t.Context(), replacement); !errors.Is(err, contacts.ErrWords) {
			t.Fatalf("without words: %v", err)
		}
		replacement.Unverified = true
		got, err := ann.Messages().ReplaceContact(t.Context(), replacement)
		if err != nil {
			t.Fatal(err)
		}
		names := func(groups []contacts.Target) (out []string) {
			for _, g := range groups {
				out = append(out, g.Name)
			}
			return out
		}
		if got.Person.ID != again.who.person || got.Person.Pinned != "Cleo" || got.Old.ID != cleo.who.person || got.Old.Contact || got.Resent != 2 || got.Waiting != 0 ||
			!slices.Equal(names(got.Groups), []string{"staff"}) || !slices.Equal(names(got.Others), []string{"lunch"}) ||
			len(got.Lost) != 1 || got.Lost[0].Group.Name != "staff" || got.Lost[0].Role != membership.RoleAdmin {
			t.Errorf("replaced: %+v", got)
		}
		again.got(soon, ann, "one", "two")
		again.trusts(ann)
		w.within(soon, "the new one is in the group", func() bool { return again.role(staff) != "" })
		if again.role(lunch) != "" || bob.role(lunch) == "" {
			t.Error("Ann has changed a group of Bob's")
		}
		state, err := ann.groups.State(staff)
		if err != nil {
			t.Fatal(err)
		}
		if _, in := state.Member(cleo.who.person); in || len(state.Members) != 3 {
			t.Errorf("members: %+v", state.Members)
		}
		w.within(soon, "nothing waits any more", func() bool { return ann.pending() == 0 })
	})
}

// A contact who is removed still gets what was written to them, and the owner learns how much that
// is.
func TestRemovedContactStillGetsWhatWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		p := w.people("Ann", "Bob")
		ann, bob := p[0], p[1]
		ann.meets(soon, bob)
		ann.reaches(soon, ann.say(bob, "one"), chat.StateDelivered)
		bob.stop()
		ann.say(bob, "two")
		ann.say(bob, "three")
		removed, waiting, err := ann.Messages().RemoveContact(t.Context(), "Bob")
		if err != nil || removed.Contact || waiting != 2 {
			t.Fatalf("removed: %+v, %d wait, %v", removed, waiting, err)
		}
		if len(ann.rows(bob)) != 3 {
			t.Error("what was said is gone")
		}
		bob.start(ann.address())
		bob.got(time.Minute, ann, "one", "two", "three")
	})
}

// What waits for somebody who was removed goes to them only if they may write to the owner. If they
// may not, it is not they who have to accept.
func TestOutboxSaysThatWhoWasRemovedGetsNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		p := w.people("Ann", "Bob")
		ann, bob := p[0], p[1]
		ann.meets(soon, bob)
		ann.reaches(soon, ann.say(bob, "one"), chat.StateDelivered)
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		bob.stop()
		ann.say(bob, "two")
		if _, _, err := ann.Messages().RemoveContact(t.Context(), "Bob"); err != nil {
			t.Fatal(err)
		}
		bob.start(ann.address())
		ann.meets(soon, bob)
		left, err := outboxOf(ann)
		if err != nil || len(left) != 1 || left[0].WaitingFor != waiting.WaitUnanswered || left[0].Reason != waiting.WaitNotContact {
			t.Errorf("%+v, %v", left, err)
		}
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptEveryone); err != nil {
			t.Fatal(err)
		}
		bob.got(time.Minute, ann, "one", "two")
	})
}
