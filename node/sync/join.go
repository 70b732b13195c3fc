package sync

import (
	"bytes"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// join takes what the shell says about the peer, at first and whenever it changes.
func (s *Session) join(in Joined) {
	if !s.greeting.join(&in) {
		return
	}
	s.meet(&in)
	s.take.mayFit() // somebody may have been accepted
	given := map[event.Conversation]bool{}
	var fresh []*conversation
	for i := range in.Conversations {
		if len(in.Conversations[i].PeerTag) == 0 && !in.Serve {
			continue
		}
		given[in.Conversations[i].ID] = true
		if c := s.enter(&in.Conversations[i]); c != nil {
			fresh = append(fresh, c)
		}
	}
	var gone []*conversation
	for id, c := range s.byID {
		if !given[id] && !c.left {
			gone = append(gone, c)
		}
	}
	slices.SortFunc(gone, func(a, b *conversation) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, c := range gone {
		c.left = true
		s.abandon(c)
	}
	slices.SortFunc(fresh, func(a, b *conversation) int { return bytes.Compare(a.ourTag, b.ourTag) })
	s.heed(gone...)
	s.heed(fresh...)
	s.offer(asFollowed, fresh...)
	s.recognize()
}

// enter makes a conversation known, or known anew, and returns it if it is to be offered. It
// returns nil if the last offer still stands. It does not stand if a run was refused after it: the
// peer may send that again only after a new offer.
func (s *Session) enter(in *Conversation) *conversation {
	c := s.byID[in.ID]
	stands := c != nil && !c.left && c.quiet == in.Quiet && slices.Equal(c.void, in.Void) && !c.refused
	if c == nil {
		c = s.conversations.add(in)
	}
	c.join, c.void = in.Join, in.Void
	if stands {
		s.follow(Follow{c.id, in.Follow})
		s.control.hold(c, in.Locator)
		return nil
	}
	c.left, c.fresh = false, true
	if c.follow = in.Follow || !c.group; !c.follow {
		clear(c.near)
	}
	if c == s.direct {
		s.push.expectOffer(in.Opening)
	}
	s.draw(c, in)
	for i := range in.Records {
		s.records.hold(c, &in.Records[i])
	}
	s.control.hold(c, in.Locator)
	if c.quiet = in.Quiet; c.quiet {
		s.becomeQuiet(c)
	}
	if in.Welcome && !c.open {
		s.welcomes.expect(c)
	}
	return c
}

// draw makes pictures of those logs of a conversation that need some: the own person's, and those
// of which something is new.
func (s *Session) draw(c *conversation, in *Conversation) {
	var apart []event.Log
	for name, segments := range in.Logs {
		if c.logs[name] != nil || s.ownerWrote(name) || s.wrote(name) || !slices.Equal(segments, c.base[name]) {
			apart = append(apart, name)
		}
	}
	slices.SortFunc(apart, event.Log.Compare)
	for _, name := range apart {
		s.pictures.join(c.logOf(name), in.Logs[name])
	}
	for _, name := range slices.SortedFunc(maps.Keys(in.Doubted), event.Log.Compare) {
		c.logOf(name).distrust(in.Doubted[name])
	}
}

// becomeQuiet ends what was under way in a conversation that has become quiet, and the answer to
// the peer's offer.
func (s *Session) becomeQuiet(c *conversation) {
	s.abandon(c)
	s.push.settle(c)
}

// abandon forgets what was under way in a conversation in which messages don't move any more.
func (s *Session) abandon(c *conversation) {
	s.push.abandon(c)
	s.rounds.drop(c)
	s.control.forgetEpochs(c)
}

// follow changes whether everything is wanted from the peer.
func (s *Session) follow(in Follow) {
	c := s.byID[in.Conversation]
	if c == nil || !c.group || c.follow == in.On {
		return
	}
	if c.follow = in.On; !c.follow {
		clear(c.near)
	}
	s.heed(c)
	if !c.left && !c.quiet {
		s.offer(asFollowed, c)
	}
}

// compare begins a round in which everything is wanted.
func (s *Session) compare(in Compare) {
	if c := s.byID[in.Conversation]; c != nil && c.group && c.live() {
		s.offer(everything, c)
	}
}
