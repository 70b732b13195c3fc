package sync

import (
	"time"

	"github.com/earshot-im/earshot/node/wire"
)

// signs passes on what the two owners do at the moment: whether they write, and whether they are away.
// Nothing of it is acknowledged, waits or is sent again. What the peer says more often than its bounds
// let it is read and passed over.
type signs struct {
	*turn
	pace *pace

	away     bool // the peer was told that this node's owner is
	typing   allowance
	presence allowance
}

// shareTyping tells the peer that the owner writes in a conversation, or has stopped. Where there is no
// room, it isn't told: it would be old by then.
func (g *signs) shareTyping(c *conversation, on bool) {
	if c != nil && c.live() && g.pace.room() {
		g.pace.say(wire.Frame{Typing: &wire.Typing{Tag: c.ourTag, On: on}}, signBytes)
	}
}

// sharePresence tells the peer whether the owner is away, if it was told otherwise. At first they are
// here.
func (g *signs) sharePresence(away bool) {
	if g.away != away {
		g.away = away
		g.send(wire.Frame{Presence: &wire.Presence{Away: away}})
	}
}

// typed takes in that the peer's owner writes in a conversation, or has stopped.
func (g *signs) typed(c *conversation, on bool) {
	if c != nil && c.live() && g.typing.take(g.now, typingBurst, typingEvery) {
		g.emit(TypingShared{c.id, on})
	}
}

// went takes in whether the peer's owner is away.
func (g *signs) went(away bool) {
	if g.presence.take(g.now, presenceBurst, presenceEvery) {
		g.emit(PresenceShared{away})
	}
}

// allowance is how often the peer may say something: so many times at once, and once more after each
// pause.
type allowance struct{ spent time.Time } // what was said is paid for by then

func (a *allowance) take(now time.Time, burst int, every time.Duration) bool {
	if a.spent.Before(now) {
		a.spent = now
	}
	if a.spent.Sub(now) > time.Duration(burst-1)*every {
		return false
	}
	a.spent = a.spent.Add(every)
	return true
}
