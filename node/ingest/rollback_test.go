package ingest

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// A claim that the disk went back is believed once an hour in each conversation.
func TestRollbackIsBelievedOnceAnHour(t *testing.T) {
	var c claims
	at := time.Unix(1000, 0)
	one, other := event.Conversation{1}, event.Conversation{2}
	believes := func(of event.Conversation, after time.Duration, want bool) {
		t.Helper()
		if got := c.believes(of, at.Add(after)); got != want {
			t.Errorf("after %v: believed %t, want %t", after, got, want)
		}
	}
	believes(one, -20*365*24*time.Hour, true) // whatever the clock says
	c.rolledBack(one, at)
	believes(one, 0, false)
	believes(one, time.Hour-1, false)
	believes(one, time.Hour, true)
	believes(other, 0, true)
}
