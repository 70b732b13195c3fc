package node

import (
	"testing"

	"github.com/earshot-im/earshot/node/budget"
)

// TestSessionIsChargedToWhomItIs: who becomes a contact in the middle of a session costs the strangers
// nothing any more, and who is a contact already costs them nothing from the beginning.
func TestSessionIsChargedToWhomItIs(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Eve")
		charged := func(what string, want budget.Standing) { t.Helper(); w.charged(ann, what, want) }
		m.greet(ann)
		m.offer()
		m.send(m.run(m.event("may I?")))
		charged("a stranger is charged to the strangers", budget.Stranger)
		w.within(soon, "Ann knows her", func() bool {
			_, err := ann.Contacts().Accept(t.Context(), m.person.String(), "")
			return err == nil
		})
		charged("a contact is charged to the contacts", budget.Contact)
	})
}

// TestNamedIsNotChargedToItsAddress: a device that the owner named has no share with the strangers at
// its address, though its person is a stranger.
func TestNamedIsNotChargedToItsAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann, bob := w.machine("Ann"), w.machine("Bob")
		bob.start()
		ann.start(bob.address())
		ann.meets(soon, bob)
		w.charged(ann, "the named one is charged like a contact", budget.Contact)
		w.charged(bob, "the other is a stranger there", budget.Stranger)
	})
}

// charged waits until a machine's one session is charged to a standing and to nobody else.
func (w *world) charged(m *machine, what string, want budget.Standing) {
	w.t.Helper()
	w.within(soon, what, func() bool {
		used := m.budgets.Used()
		for s := range used {
			if budget.Standing(s) != want && used[s].Memory != 0 {
				return false
			}
		}
		return used[want].Accounts == 1 && used[want].Memory > 0
	})
}
