package link

import (
	"testing"
	"time"
)

// TestLinksAreLookedAtTogether: however long after the host each link began, the next look at it is at
// the same moment.
func TestLinksAreLookedAtTogether(t *testing.T) {
	for _, since := range []time.Duration{0, 1, 5 * time.Second, idleAgain - 1, idleAgain, idleAgain + 1, 7*idleAgain + time.Second} {
		wait := untilLook(since)
		if wait < idleAgain || wait > 2*idleAgain || (since+wait)%idleAgain != 0 {
			t.Errorf("after %v it is %v to the next look", since, wait)
		}
	}
}
