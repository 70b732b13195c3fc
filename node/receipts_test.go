package node

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/store"
)

// What was read before the program ended in the wrong moment is told after the next start, and
// nothing else is looked at.
func TestReceiptThatWasLeftIsSigned(t *testing.T) {
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
