package node

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/store"
)

// What was read before the program ended in the wrong moment is told after the next start, and
// nothing else is looked at.
func TestReceiptThatWasLeftIsSigned(t *testing.T) {
	t.Parallel()
	inWorld(t, 34, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		g := ann.makes("lunch", bob, cleo)
		sent := ann.tell(g, "at one?")
		bob.hears(g, "at one?")
		time.Sleep(time.Minute)
		left := func() []store.Subject {
			t.Helper()
			due, err := bob.store.Unsigned()
			if err != nil {
				t.Fatal(err)
			}
			return due
		}
		if due := left(); len(due) != 0 {
			t.Errorf("to be signed: %v", due)
		}
		if err := bob.store.MarkRead(t.Context(), true, sent.ID); err != nil { // and there it ends
			t.Fatal(err)
		}
		if due := left(); len(due) != 1 || due[0] != (store.Subject{Conversation: g, Author: ann.who.person}) {
			t.Errorf("to be signed: %v", due)
		}
		bob.stop()
		bob.start(ann.address())
		w.within(time.Minute, "Ann learns that Bob has read it", func() bool {
			reached, err := ann.Messages().Receipts(t.Context(), sent.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reached {
				if r.Person.ID == bob.who.person {
					return r.State == store.Read.String()
				}
			}
			return false
		})
		if due := left(); len(due) != 0 {
			t.Errorf("to be signed: %v", due)
		}
	})
}

// Who is blocked saw that what others say in a group is read, and what they say themselves never is.
func TestBlockedMemberIsReadLikeOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, 35, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		ann.tell(g, "at one?")
		bob.hears(g, "at one?")
		cleo.hears(g, "at one?")
		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		state := func(by *machine, sent chat.Message) string {
			t.Helper()
			reached, err := by.Messages().Receipts(t.Context(), sent.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reached {
				if r.Person.ID == ann.who.person {
					return r.State
				}
			}
			return ""
		}
		unread := func() []string {
			t.Helper()
			page, err := ann.Messages().Unread(t.Context(), "", chat.Filter{}, 100)
			if err != nil {
				t.Fatal(err)
			}
			return said(page.Messages)
		}
		comes := func(by *machine, text string) chat.Message {
			t.Helper()
			sent := by.tell(g, text)
			w.within(soon, "Ann has it", func() bool { return state(by, sent) == chat.StateDelivered })
			return sent
		}
		read := func(sent ...chat.Message) {
			t.Helper()
			for _, m := range sent {
				if err := ann.Messages().MarkRead(t.Context(), m.ID); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		var bobs, cleos []chat.Message
		for i := range 3 {
			bobs = append(bobs, comes(bob, "Bob "+string(rune('0'+i))))
			cleos = append(cleos, comes(cleo, "Cleo "+string(rune('0'+i))))
		}
		last := comes(bob, "Bob at last")
		if got := state(bob, bobs[0]); got != chat.StateDelivered {
			t.Errorf("before Ann has read anything: %s", got)
		}
		read(cleos[:2]...)
		for i, m := range bobs {
			if got, want := state(bob, m), state(cleo, cleos[i]); got != want {
				t.Errorf("message %d of Bob is %s, that of Cleo %s", i, got, want)
			}
		}
		read(cleos[2])
		if got := state(bob, bobs[2]); got != chat.StateRead {
			t.Errorf("what came before what Ann has read is %s", got)
		}
		if got := state(bob, last); got != chat.StateDelivered {
			t.Errorf("what came after it is %s", got)
		}
		if _, err := ann.Contacts().Unblock(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if got, want := unread(), []string{"Bob 0", "Bob 1", "Bob 2", "Bob at last"}; !slices.Equal(got, want) {
			t.Errorf("what Bob wrote meanwhile: unread are %q", got)
		}
		read(bobs...)
		if got, want := unread(), []string{"Bob at last"}; !slices.Equal(got, want) {
			t.Errorf("and when Ann has seen it: unread are %q", got)
		}
	})
}
