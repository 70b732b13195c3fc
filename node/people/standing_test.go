package people

import (
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// TestStanding: the owner and contacts, fellow members of the owner's groups, everybody else.
func TestStanding(t *testing.T) {
	h, bob, carol, dora := newHome(t), newSomebody(t), newSomebody(t), newSomebody(t)
	for _, s := range []*somebody{bob, carol, dora} {
		h.meets(s, "")
	}
	is := func(id crypto.PersonID, want budget.Standing) {
		t.Helper()
		if got := h.Standing(id); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	is(h.store.Own().Person, budget.Contact)
	is(bob.id(), budget.Stranger)
	is(newSomebody(t).id(), budget.Stranger)
	h.check(h.Update(t.Context(), bob.id(), func(p *book.Person) error { p.Contact = true; return nil }))
	is(bob.id(), budget.Contact)
	h.check(h.Update(t.Context(), bob.id(), func(p *book.Person) error { p.Blocked = true; return nil }))
	is(bob.id(), budget.Stranger)

	g, err := h.groups.Create(t.Context(), "lunch")
	h.check(err)
	for _, s := range []*somebody{bob, carol} {
		h.check(h.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) {
			return event.Invite{Persons: []crypto.PersonID{s.id()}}, nil
		}))
	}
	is(bob.id(), budget.Fellow)
	is(carol.id(), budget.Fellow)
	is(dora.id(), budget.Stranger)
}
