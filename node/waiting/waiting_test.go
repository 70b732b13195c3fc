package waiting

import (
	"testing"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/wire"
)

// What the peer's node has refused comes before what would be guessed. Blocking is about the direct
// conversation only, and so is acceptance.
func TestWhyRefusedMessagesWait(t *testing.T) {
	for _, c := range []struct {
		blocked, inGroup   bool
		refused            wire.Reason
		waitingFor, reason string
	}{
		{false, false, wire.NoRoom, WaitNoRoom, ""},
		{false, false, wire.OverBudget, WaitRefused, WaitAcceptance},
		{false, true, wire.OverBudget, WaitRefused, WaitLimit},
		{false, true, wire.TooManyLogs, WaitRefused, WaitLogs},
		{false, false, wire.TooManyLogs, WaitRefused, WaitLogs},
		{true, false, wire.NoRoom, WaitUnanswered, WaitBlocked},
		{true, true, wire.NoRoom, WaitNoRoom, ""},
		{true, true, 0, WaitUnanswered, ""},
	} {
		r := reader{them: &contacts.Person{Online: true, Blocked: c.blocked}, refused: c.refused, inGroup: c.inGroup, served: true, network: true}
		var p Pending
		if r.why(&p); p.WaitingFor != c.waitingFor || p.Reason != c.reason {
			t.Errorf("%+v: %s, %q", c, p.WaitingFor, p.Reason)
		}
	}
}
