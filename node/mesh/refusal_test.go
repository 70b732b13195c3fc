package mesh

import (
	"testing"

	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/wire"
)

// A refusal is of one conversation or of all, ends when it is taken back or the session ends, and
// counts only where every device of the person that is connected refuses.
func TestWhyNothingIsTaken(t *testing.T) {
	r := newTestRegister()
	check := func(what string, one, two wire.Reason) {
		t.Helper()
		of := r.Refusals()
		if a, b := of(personNumber(1), conversation(1)), of(personNumber(1), conversation(2)); a != one || b != two {
			t.Errorf("%s: %d and %d, want %d and %d", what, a, b, one, two)
		}
	}
	check("nobody is connected", 0, 0)
	phone, laptop := admitted(t, r, 1), admitted(t, r, 2)
	for _, err := range []error{r.Identify(phone, personNumber(1)), r.Identify(laptop, personNumber(1))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all := conversation(0)
	r.Refused(phone, conversation(1), wire.OverBudget)
	check("the laptop takes it", 0, 0)
	r.Refused(laptop, conversation(1), wire.OverBudget)
	check("no device takes it", wire.OverBudget, 0)
	r.Refused(phone, all, wire.NoRoom)
	r.Refused(laptop, all, wire.NoRoom)
	check("no device has room", wire.NoRoom, wire.NoRoom)
	r.Refused(laptop, all, 0)
	if of := r.Refusals(); of(personNumber(1), conversation(1)) == 0 || of(personNumber(1), conversation(2)) != 0 {
		t.Error("the laptop has room: it refuses one conversation alone")
	}
	leaves(r, laptop, dial.Lost)
	check("the laptop has gone", wire.NoRoom, wire.NoRoom)
	leaves(r, phone, dial.Lost)
	check("both have gone", 0, 0)
	r.Refused(phone, all, wire.NoRoom) // what its machine says last
	check("both have gone", 0, 0)
}
