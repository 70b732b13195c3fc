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
		charged := func(what string, want budget.Standing) {
			t.Helper()
			w.within(soon, what, func() bool {
				used := ann.budgets.Used()
				for s := range used {
					if budget.Standing(s) != want && used[s].Memory != 0 {
						return false
					}
				}
				return used[want].Accounts == 1 && used[want].Memory > 0
			})
		}
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
