package mesh

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxFollowed is how many peers tell this node everything that they get in one group. The
	// others tell it what they write themselves. In a small group that is everybody. In a large one
	// a message costs each node no more than in a small one, and is missed until the next
	// comparison only if all eight are lost at once.
	maxFollowed = 8

	// compareEvery is how often this node compares what it holds of a group with one of its peers,
	// taken at random. So an event that was missed for any reason does not stay missing.
	compareEvery = 10 * time.Minute
)

// choice is a decision of the register: the peer of a session is to be followed in a conversation.
type choice struct {
	conversation event.Conversation
	session      *session.Session
}

// tell carries decisions out. The lock of the register is not held.
func tell(choices []choice) {
	for _, c := range choices {
		c.session.Inbox.Follow(c.conversation)
	}
}

// Follow says whether the peer of a session is one of those that are followed in a conversation. If
// fewer than maxFollowed are, it becomes one.
func (r *Register) Follow(s *session.Session, c event.Conversation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[s] == nil {
		return false
	}
	if r.followed[c] == nil {
		r.followed[c] = make(map[*session.Session]struct{})
	}
	if len(r.followed[c]) < maxFollowed {
		r.followed[c][s] = struct{}{}
	}
	_, yes := r.followed[c][s]
	return yes
}

// unfollow takes a session out of those whose peers are followed in a conversation, and returns who
// takes its place. The caller holds the lock.
func (r *Register) unfollow(c event.Conversation, s *session.Session) (instead []choice) {
	followed := r.followed[c]
	if _, yes := followed[s]; !yes {
		return nil
	}
	delete(followed, s)
	for other, all := range r.hearing[c] { // in no order
		if _, already := followed[other]; all && other != s && !already && len(followed) < maxFollowed {
			followed[other] = struct{}{}
			instead = append(instead, choice{c, other})
		}
	}
	if len(followed) == 0 {
		delete(r.followed, c)
	}
	return instead
}

// Unfollow has the peer of a session followed in a conversation no more, and another in its place.
func (r *Register) Unfollow(s *session.Session, c event.Conversation) {
	r.mu.Lock()
	instead := r.unfollow(c, s)
	r.mu.Unlock()
	tell(instead)
}

// Compare compares each conversation with a peer from time to time, until ctx ends.
func (r *Register) Compare(ctx context.Context, conversations func() []event.Conversation) {
	timer := time.NewTimer(jittered(compareEvery))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(jittered(compareEvery))
		}
		for _, c := range conversations() {
			if in := r.In(c); len(in) > 0 {
				in[0].Inbox.Compare(c) // sessions are in no order, so this is a random one
			}
		}
	}
}

// jittered returns d give or take a quarter at random, so that nodes that were started together do
// not all act at the same time.
func jittered(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }
