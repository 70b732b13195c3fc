package sync

import (
	"slices"
	"time"
)

// expectancy is how a peer that doesn't know of a group comes to know of it.
type expectancy struct {
	soon     bool      // as soon as the peer has offered anything else
	at       time.Time // in any case; zero when the peer is being welcomed or need not be
	underWay bool      // it is being welcomed
}

// expect waits for the peer's offer of a group. If it does not come, this node welcomes the peer:
// soon if it knows that the peer was just invited, else later and at another time than other
// members, so that not all of them do.
func (k *control) expect(c *conversation, soon bool) {
	at := k.now.Add(openingPause)
	if !soon {
		at = at.Add(2 * k.spread)
	}
	c.control.welcome = expectancy{soon: soon, at: at}
	k.expecting = append(k.expecting, c)
}

// welcome welcomes the peer to the groups of which its offer did not come.
func (k *control) welcome() {
	k.expecting = slices.DeleteFunc(k.expecting, func(c *conversation) bool {
		w := &c.control.welcome
		switch {
		case w.at.IsZero() || c.open || c.left || c.quiet:
			return true
		case !k.due(w.at) && (!w.soon || k.peerStore == nil):
			return false
		}
		*w = expectancy{underWay: true}
		c.control.want()
		k.queue = append(k.queue, c)
		k.goOn()
		return true
	})
}

// wakes returns when welcome has something to do.
func (k *control) wakes() (at time.Time) {
	for _, c := range k.expecting {
		at = earliest(at, c.control.welcome.at)
	}
	return at
}
