package node

import (
	"errors"
	"testing"

	"github.com/earshot-im/earshot/node/contacts"
)

func TestTaken(t *testing.T) {
	inWorld(t, 30, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		ann.say(bob, "hello")
		// petname has Ann call somebody by a name, whatever that was before.
		petname := func(who *machine, name string) error {
			t.Helper()
			_, err := ann.Accept(t.Context(), who.who.person.String(), name)
			return err
		}
		if err := petname(cleo, "ВОВ"); !errors.As(err, new(*contacts.NameTakenError)) {
			t.Errorf("a look-alike of a contact's name is free: %v", err)
		}
		if err := petname(bob, "Cleo"); err != nil {
			t.Errorf("a stranger's claim takes a name: %v", err)
		}
		if err := petname(bob, "Bob"); err != nil {
			t.Errorf("a person's own name is taken: %v", err)
		}
		if _, err := ann.NameContact(t.Context(), "Bob", "Bobby"); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.NameContact(t.Context(), "Cleo", "bobby"); !errors.As(err, new(*contacts.NameTakenError)) {
			t.Errorf("two persons have one petname: %v", err)
		}
		if _, err := ann.Accept(t.Context(), "Cleo", "Bob"); !errors.As(err, new(*contacts.NameTakenError)) {
			t.Errorf("a petname that is a contact's name: %v", err)
		}
		if _, err := ann.NameContact(t.Context(), "Bob", "bobby"); err != nil {
			t.Errorf("another spelling of the same petname: %v", err)
		}
	})
}
