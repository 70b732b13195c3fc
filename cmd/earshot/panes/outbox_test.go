package panes

import (
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A screen holds the oldest of what waits, and says so where there is more.
func TestOutboxShowsTheOldest(t *testing.T) {
	for _, n := range []int{0, 500, 501} {
		v := look(t, office(), 100, 24)
		for range n {
			v.api.waits = append(v.api.waits, &earshotv1.Pending{Id: lunch.Id, Person: cy, WaitingFor: "offline", Queued: cy.LastSeen})
		}
		v.press("enter", "'/outbox", "enter")
		if more := strings.Contains(v.text(), "earshot outbox"); v.s.Panel == nil || len(v.s.Panel.Items) != min(n, 500) || more != (n > 500) {
			t.Errorf("%d wait; the screen shows:\n%s", n, v.text())
		}
	}
}
