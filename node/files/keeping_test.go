package files

import (
	"testing"

	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Some messages are remembered as perhaps settled; of too many all are looked at.
func TestSettledMessages(t *testing.T) {
	r := &Room{wake: notify.NewSignal()}
	ids := func(n int) []event.ID { return make([]event.ID, n) }
	for _, c := range []struct {
		first, second int
		more          bool
		some          int
		all           bool
	}{{0, 0, false, 0, false}, {1, 2, false, 3, false}, {0, 3, true, 0, true}, {maxSettled, 0, false, maxSettled, false}, {maxSettled, 1, false, maxSettled, true}} {
		r.Taken(ids(c.first), false)
		r.Taken(ids(c.second), c.more)
		some, all := r.settled.take()
		if all != c.all || !all && len(some) != c.some {
			t.Errorf("%+v: %d, all %t", c, len(some), all)
		}
		if some, all := r.settled.take(); all || len(some) > 0 {
			t.Error("they are taken twice")
		}
	}
}

// A message waits as long as somebody may do something to what is attached, or lacks it.
func TestWaits(t *testing.T) {
	for state, want := range map[store.FileState][2]bool{ // of others', of own
		store.FileNew: {true, true}, store.FileOffered: {true, true}, store.FileFetching: {true, true}, store.FilePaused: {true, true},
		store.FileHeld: {}, store.FileDeclined: {}, store.FileChanged: {}, store.FileGone: {},
		store.FileKept: {false, true}, store.FileInPlace: {false, true},
	} {
		for i, own := range []bool{false, true} {
			row := &store.Row{Own: own, Files: []store.File{{FileStatus: store.FileStatus{State: store.FileHeld}}, {FileStatus: store.FileStatus{State: state}}}}
			if got := waits(row); got != want[i] {
				t.Errorf("%s, own %t: %t", state, own, got)
			}
		}
	}
	for _, c := range []struct {
		states []string
		want   bool
	}{{nil, false}, {[]string{StateHeld, StateDeclined}, false}, {[]string{StateHeld, StateFetching}, true}, {[]string{StateChanged}, true}} {
		if got := lacking([]Holder{{States: c.states}}); got != c.want {
			t.Errorf("%v: %t", c.states, got)
		}
	}
}
