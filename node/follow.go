package node

import (
	"context"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxFollowed is how many peers tell this node everything that they get in one group. The others tell it what they
	// write themselves. In an office that is everybody; in a large group each message then costs every node as much as in
	// a small one, and it takes the loss of all eight at once to miss what nobody else brings before the next comparison.
	maxFollowed = 8

	// compareEvery is how often this node compares what it holds of a group with one of its peers, taken at random: what
	// was missed by whatever mistake does not stay missing.
	compareEvery = 10 * time.Minute
)

// followed is whom this node follows, by group. It is guarded by Node.mu.
type followed map[event.Conversation]map[*session]bool

// follow says whether a session is one of those that are followed in a group, and makes it one while they are few.
func (n *Node) follow(c event.Conversation, s *session) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.followed[c] == nil {
		n.followed[c] = make(map[*session]bool)
	}
	if len(n.followed[c]) < maxFollowed {
		n.followed[c][s] = true
	}
	return n.followed[c][s]
}

// unfollow takes a session out that has ended, and others in its place. The caller holds Node.mu.
func (n *Node) unfollow(s *session) {
	for c := range n.followed {
		n.replace(c, s)
	}
}

// stopFollowing takes a session out whose peer is in a group no more.
func (n *Node) stopFollowing(c event.Conversation, s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.replace(c, s)
}

// replace takes a session out of those that are followed in a group, and another in. The caller holds Node.mu.
func (n *Node) replace(c event.Conversation, s *session) {
	sessions := n.followed[c]
	if !sessions[s] {
		return
	}
	delete(sessions, s)
	for other := range n.sessions { // in no order
		if len(sessions) < maxFollowed && other != s && !sessions[other] && other.news.in(c) {
			sessions[other] = true
			other.news.follow(c)
		}
	}
	if len(sessions) == 0 {
		delete(n.followed, c)
	}
}

// compare compares each group with a peer from time to time, until ctx ends.
func (n *Node) compare(ctx context.Context) {
	timer := time.NewTimer(jittered(compareEvery))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(jittered(compareEvery))
		}
		for _, c := range n.groups.All() {
			n.mu.Lock()
			for s := range maps.Keys(n.sessions) { // in no order
				if s.news.in(c) {
					s.news.compare(c)
					break
				}
			}
			n.mu.Unlock()
		}
	}
}

// jittered keeps nodes that were started together from doing the same at the same time.
func jittered(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }
