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
	// comparison only if its author and all four are lost at once. A node tells them that it has what others have
	// written, and hears the same from those who follow it: of each message, or every few seconds of all that have
	// come from their authors themselves.
	maxFollowed = 4

	// A node that has been away follows one peer first: four would each bring what it has missed. It follows
	// the others when that one has brought it, has been silent for firstSilence, or takes longer than firstAtLast.
	firstSilence = 5 * time.Second
	firstAtLast  = 20 * time.Second

	// compareEvery is how often this node compares what it holds of a group with one of its peers,
	// taken at random. So an event that was missed for any reason does not stay missing.
	compareEvery = 10 * time.Minute
)

// following is who is followed in one conversation.
type following struct {
	peers   map[*session.Session]struct{}
	since   time.Time
	brought bool        // as many as may be are followed, and not one
	look    *time.Timer // whether the first one goes on bringing
}

func (f *following) most() int {
	if f.brought {
		return maxFollowed
	}
	return 1
}

// choice is a decision of the register: the peer of a session is to be followed in a conversation.
type choice struct {
	conversation event.Conversation
	session      *session.Session
}

// tell carries decisions out. The lock of the register is not held.
func (r *Register) tell(choices []choice) {
	for _, c := range choices {
		c.session.Inbox.Follow(c.conversation)
		c.session.Inbox.Direct(true, r.comesTo(c.conversation)...)
	}
}

// Follow says whether the peer of a session is one of those that are followed in a conversation. If
// fewer are than may be, it becomes one.
func (r *Register) Follow(s *session.Session, c event.Conversation) bool {
	yes := r.follows(s, c)
	if yes {
		s.Inbox.Direct(true, r.comesTo(c)...)
	}
	return yes
}

func (r *Register) follows(s *session.Session, c event.Conversation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[s] == nil {
		return false
	}
	f := r.followed[c]
	if f == nil {
		f = &following{peers: make(map[*session.Session]struct{}), since: time.Now()}
		f.look = time.AfterFunc(firstSilence, func() { r.tell(r.lookAt(c, f)) })
		r.followed[c] = f
	}
	if len(f.peers) < f.most() {
		f.peers[s] = struct{}{}
	}
	_, yes := f.peers[s]
	return yes
}

// unfollow takes a session out of those whose peers are followed in a conversation, and returns who
// takes its place. The caller holds the lock.
func (r *Register) unfollow(c event.Conversation, s *session.Session) (instead []choice) {
	f := r.followed[c]
	if f == nil {
		return nil
	}
	if _, yes := f.peers[s]; !yes {
		return nil
	}
	delete(f.peers, s)
	instead = r.fill(c, f, s)
	if len(f.peers) == 0 {
		f.look.Stop()
		delete(r.followed, c)
	}
	return instead
}

// fill has as many peers followed as may be, but for one, and returns the new ones. The caller holds the lock.
func (r *Register) fill(c event.Conversation, f *following, but *session.Session) (chosen []choice) {
	for s, all := range r.hearing[c] { // in no order
		if _, already := f.peers[s]; all && s != but && !already && len(f.peers) < f.most() {
			f.peers[s] = struct{}{}
			chosen = append(chosen, choice{c, s})
		}
	}
	return chosen
}

// Brought notes that the peer of a session has brought what this node missed in a conversation, or can't: others
// are followed as well, if the peer is. It reports whether any are now, who may bring more of it.
func (r *Register) Brought(s *session.Session, c event.Conversation) (more bool) {
	chosen := r.brought(s, c)
	r.tell(chosen)
	return len(chosen) > 0
}

func (r *Register) brought(s *session.Session, c event.Conversation) []choice {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.followed[c]
	if f == nil || f.brought {
		return nil
	}
	if _, yes := f.peers[s]; !yes {
		return nil
	}
	return r.follow(c, f)
}

// follow has as many followed as may be. The caller holds the lock.
func (r *Register) follow(c event.Conversation, f *following) []choice {
	f.brought = true
	f.look.Stop()
	return r.fill(c, f, nil)
}

// lookAt has others followed as well if the first one does not go on bringing.
func (r *Register) lookAt(c event.Conversation, f *following) []choice {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.followed[c] != f || f.brought {
		return nil
	}
	for s := range f.peers {
		if left := firstSilence - r.silence(s); left > 0 && time.Since(f.since) < firstAtLast {
			f.look.Reset(left)
			return nil
		}
	}
	return r.follow(c, f)
}

// Unfollow has the peer of a session followed in a conversation no more, and another in its place.
func (r *Register) Unfollow(s *session.Session, c event.Conversation) {
	r.mu.Lock()
	instead := r.unfollow(c, s)
	r.mu.Unlock()
	r.tell(instead)
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
