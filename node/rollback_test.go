package node

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// TestRollbackClaimIsBelievedHourly: whoever says to hold more of Ann's log than Ann has her close
// it and begin another, and that once an hour, whatever they say. The session ends with it, since
// its machine holds that a log never shrinks.
func TestRollbackClaimIsBelievedHourly(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: m.person.String(), Text: "hello"}); err != nil {
			t.Fatal(err)
		}
		// own is the log in which Ann's words stand.
		own := func() event.Log {
			t.Helper()
			logs, err := ann.store.Logs(m.conversation())
			if err != nil {
				t.Fatal(err)
			}
			for l, segments := range logs {
				if l.Device == ann.who.device && len(segments) > 0 {
					return l
				}
			}
			t.Fatal("Ann has no log")
			return event.Log{}
		}
		claim := func() {
			l := own()
			m.greet(ann)
			m.offer(wire.LogSegments{Device: l.Device, Instance: l.Instance, Segments: event.Segments{{First: 1, Last: 1000, ID: event.ID{1}}}})
		}
		first := own()
		claim()
		m.dropped(soon)
		second := own()
		if second == first {
			t.Fatal("the claim was not believed")
		}
		for i := range 3 {
			claim()
			time.Sleep(rollbackPause / 4)
			// The first claim about a log has the peer told less of it, from the next session on.
			if m.seen.over() != (i == 0) {
				t.Errorf("claim %d: ended %t, though nothing was rolled back", i, m.seen.over())
			}
		}
		if own() != second {
			t.Error("believed again within an hour")
		}
		time.Sleep(rollbackPause / 2)
		claim()
		m.dropped(soon)
		if own() == second {
			t.Error("not believed after an hour")
		}
		if got := texts(m.rowsAt(ann)); len(got) != 1 {
			t.Errorf("Ann shows %q", got)
		}
	})
}
