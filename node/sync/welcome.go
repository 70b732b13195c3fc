package sync

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// welcomes tells the peer of groups into which this node's person has brought the peer's: the peer
// may not know of them. It waits for the peer's offer of such a group. If that does not come with
// the peer's first offers, or in openingPause, the peer is welcomed, once in a session.
type welcomes struct {
	*turn
	*pair
	pace      *pace
	expecting []*conversation
	loading   bool // LoadWelcome is not answered
	sent      int  // welcomes so far; the peer takes no more than maxWelcomes
}

// welcoming is what welcomes keeps of a group.
type welcoming struct {
	at   time.Time // when the peer is welcomed in any case
	done bool      // it was, or is about to be
}

// expect waits for the peer's offer of a group.
func (w *welcomes) expect(c *conversation) {
	c.welcome.at = w.now.Add(openingPause)
	if !c.welcome.done && !slices.Contains(w.expecting, c) {
		w.expecting = append(w.expecting, c)
	}
}

// goOn welcomes the peer to one of the groups of which its offer did not come, if there is room.
func (w *welcomes) goOn() {
	w.expecting = slices.DeleteFunc(w.expecting, func(c *conversation) bool { return c.open || c.left })
	if w.loading || !w.pace.room() {
		return
	}
	if w.sent == maxWelcomes { // the rest comes in a later session
		w.expecting = nil
	}
	i := slices.IndexFunc(w.expecting, func(c *conversation) bool {
		return !c.fresh && (w.peerStore != nil || w.due(c.welcome.at))
	})
	if i < 0 {
		return
	}
	c := w.expecting[i]
	w.expecting = slices.Delete(w.expecting, i, i+1)
	c.welcome.done, w.loading = true, true
	w.emit(LoadWelcome{c.id})
}

// loaded sends the welcome that was asked for.
func (w *welcomes) loaded(c *conversation, in LoadedWelcome) {
	if !w.loading || c == nil {
		return
	}
	w.loading = false
	if in.Welcome == nil || c.open || c.left {
		return
	}
	w.sent++
	w.pace.say(wire.Frame{Welcome: in.Welcome}, weighWelcome(in.Welcome))
}

// wakes returns when goOn has something to do.
func (w *welcomes) wakes() (at time.Time) {
	for _, c := range w.expecting {
		at = earliest(at, c.welcome.at)
	}
	return at
}

func weighWelcome(m *wire.Welcome) int {
	return weighEvents([]event.Event{m.Create, m.Join}) + 2*event.Around + len(m.Card)
}
