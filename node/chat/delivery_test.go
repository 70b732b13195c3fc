package chat

import (
	"testing"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/wire"
)

// What the peer's node has refused comes before what would be guessed. Blocking is about the direct
// conversation only.
func TestWhyRefusedMessagesWait(t *testing.T) {
	for _, c := range []struct {
		blocked, inGroup bool
		refused          wire.Reason
		waitingFor, says string
	}{
		{false, false, wire.NoRoom, WaitNoRoom, "their disk is full"},
		{false, false, wire.OverBudget, WaitRefused, "their limit is used up: they have to accept you first"},
		{false, true, wire.OverBudget, WaitRefused, "their limit is used up: they have to accept you first"},
		{false, false, wire.TooManyLogs, WaitRefused, "their node takes no more logs of yours"},
		{true, false, wire.NoRoom, WaitUnanswered, "blocked here"},
		{true, true, wire.NoRoom, WaitNoRoom, "their disk is full"},
		{true, true, 0, WaitUnanswered, "connected, but not taken yet"},
	} {
		r := reader{them: &contacts.Person{Online: true, Blocked: c.blocked}, refused: c.refused, inGroup: c.inGroup, network: true}
		if waitingFor, says := r.why(); waitingFor != c.waitingFor || says != c.says {
			t.Errorf("%+v: %s, %q", c, waitingFor, says)
		}
	}
}
