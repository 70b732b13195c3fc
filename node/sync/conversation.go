package sync

import (
	"bytes"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// conversation is one that Joined has given.
type conversation struct {
	id              event.Conversation
	ourTag, peerTag []byte // tags

	left   bool // Joined gives it no more
	fresh  bool // not offered since it was given: until then the peer's offer is kept aside
	open   bool // the peer has offered it as well: from then on things move
	group  bool
	quiet  bool // only control events move
	follow bool // everything is wanted from the peer, and it is told what is here

	// What is known of logs. Most logs of a large group are the same on both sides and stay
	// so for days: they have no pictures of their own.
	base  map[event.Log]event.Segments // what Joined gave
	same  bool                         // of what isn't in logs the peer holds what base says; else that isn't known
	logs  map[event.Log]*log           // what is new since, or differs, and all of this person's
	order []*log                       // logs, as they came

	records map[recordKey]*record

	// The peer's last offer.
	want     wire.Want
	number   uint64
	round    bool // it waits for Settled
	catching int  // logs with a target: at 0 Settled is sent

	// Own offers.
	offers   uint64   // made
	settled  uint64   // of these, up to the last that is answered
	wide     uint64   // of these, up to the last that asks for everything; 0: its round has ended
	short    bool     // the last was a short one
	settling Ticket   // RoundEnded when everything up to it is answered; 0: no round ends
	due      offering // in pacing.offers, unless notDue

	pushing bool // in pacing.records

	control control

	rolledBack bool // Rollback was given

	// For a peer that offers nothing.
	opening        Opening
	openingAt      time.Time
	opened         bool // the one run was asked for
	loadingOpening bool
}

// live reports whether messages move in the conversation.
func (c *conversation) live() bool { return c.open && !c.left && !c.quiet }

// log holds the two pictures of a log.
type log struct {
	name event.Log
	conv *conversation

	ours  event.Segments // on this node's disk
	doubt bool           // of an own log: the peer is told no more than
	known event.Segments // this
	peers event.Segments // on the peer's, as it said or by what it brought
	given event.Ranges   // what was pushed since the peer's last offer, whatever became of it
	apart event.Ranges   // what is not for the peer between what is, as far as that was found since the peer's last offer
	sent  event.Ranges   // peers, given and apart: not pushed again
	told  event.Ranges   // of ours, what the peer knows
	acked event.Ranges   // what Acked has said

	proof   uint64 // of others' logs: where the peer's has another event, until that is pushed as well
	proven  bool   // it was, or is to be: once a session is enough
	floor   uint64 // what is before it is not for the peer
	target  uint64 // Settled waits until everything up to it is pushed; 0: it doesn't
	queued  bool   // in ready
	delayed bool   // in delayed
	listed  bool   // in untold
	loading uint64 // where the Load under way begins; 0: none
	reach   uint64 // the last that is to be read there
	stopped bool   // the peer takes no more of it, or there is nothing true to give
	refused bool   // no more of it is taken from the peer
}

// join takes what the shell says about the peer, at first and whenever it changes.
func (s *Session) join(in Joined) {
	if s.phase != proving && s.phase != joined {
		return
	}
	if in.Err != nil {
		s.close(in.Err)
		return
	}
	s.phase = joined
	s.pair.join(&in)
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
	s.offer(asFollowed, fresh...)
}

// enter makes a conversation known that is to be offered. It returns nil if the offer
// before still holds: it does not where something was refused.
func (s *Session) enter(in *Conversation) *conversation {
	c := s.byID[in.ID]
	switch {
	case c == nil:
		c = &conversation{id: in.ID, ourTag: in.OurTag, peerTag: in.PeerTag, group: in.Locator != nil, base: in.Logs,
			logs: map[event.Log]*log{}, records: map[recordKey]*record{}}
		s.byID[c.id] = c
		s.byTag[string(c.peerTag)] = c
		if len(c.peerTag) == 0 {
			s.direct = c
		}
	case !c.left && c.quiet == in.Quiet && !slices.ContainsFunc(c.order, func(l *log) bool { return l.refused }):
		s.follow(Follow{c.id, in.Follow})
		s.controlHere(c, in.Locator)
		return nil
	}
	c.left, c.fresh = false, true
	c.follow = in.Follow || !c.group
	c.opening = in.Opening
	c.openingAt = s.now.Add(openingPause)
	var apart []event.Log // what needs pictures of its own
	for name, segments := range in.Logs {
		if c.logs[name] != nil || s.ownerWrote(name) || s.wrote(name) || !slices.Equal(segments, c.base[name]) {
			apart = append(apart, name)
		}
	}
	slices.SortFunc(apart, event.Log.Compare)
	for _, name := range apart {
		s.grow(s.logOf(c, name), in.Logs[name])
	}
	for name, known := range in.Doubted {
		l := s.logOf(c, name)
		l.doubt, l.known = true, known
	}
	for i := range in.Records {
		s.keepRecord(c, &in.Records[i])
	}
	s.controlHere(c, in.Locator)
	if c.quiet = in.Quiet; c.quiet {
		s.hush(c)
	} else if c.group && !c.open {
		s.expect(c, in.Welcome)
	}
	return c
}

// hush ends what was under way in a conversation that has become quiet.
func (s *Session) hush(c *conversation) {
	s.abandon(c)
	s.settle(c)
}

// abandon forgets what was under way in a conversation in which messages don't move any more.
func (s *Session) abandon(c *conversation) {
	for _, l := range c.order {
		l.target = 0
		s.recall(l)
	}
	c.catching = 0
	if c.wide != 0 || c.settling != 0 {
		s.emit(RoundDropped{c.id})
	}
	c.wide, c.settling = 0, 0
	c.control.epochs = nil
}

// logOf returns the pictures of a log, new ones if there are none.
func (s *Session) logOf(c *conversation, name event.Log) *log {
	l := c.logs[name]
	if l == nil {
		l = &log{name: name, conv: c, ours: c.base[name]}
		l.told = l.ours.Ranges()
		if c.same {
			l.peers, l.sent = l.ours, l.told
		}
		c.logs[name] = l
		c.order = append(c.order, l)
	}
	return l
}

// claimed is logOf for a log that the peer says it has n segments of. It returns nil
// if that is too much to remember.
func (s *Session) claimed(c *conversation, name event.Log, n int) *log {
	l := c.logs[name]
	if l == nil || len(l.ours) == 0 {
		if l != nil {
			n -= len(l.peers)
		}
		if s.claims+n > maxClaims {
			return nil
		}
	}
	return s.logOf(c, name)
}

// tellable returns what the peer may be told of l: what is here, or less where it has contradicted that.
func (l *log) tellable() event.Segments {
	if l.doubt {
		return l.known
	}
	return l.ours
}

// tells returns what the peer is told of l.
func (l *log) tells() event.Segments { return l.tellable().Told() }

// grow adds to ours, which never shrinks: inputs of two commits may change places on
// their way. It reports whether anything was new.
func (s *Session) grow(l *log, segments event.Segments) bool {
	if slices.Equal(l.ours, segments) {
		return false
	}
	merged, err := l.ours.Union(segments)
	if err != nil {
		merged = segments
	}
	if slices.Equal(merged, l.ours) {
		return false
	}
	if len(l.ours) == 0 {
		s.claims -= len(l.peers)
	}
	// What was pushed without its words can be pushed with them now.
	l.given = l.given.Subtract(merged.Missing(l.ours))
	l.ours = merged
	l.pushed()
	return true
}

// pushed renews sent.
func (l *log) pushed() { l.sent = l.peers.Ranges().Union(l.given).Union(l.apart) }

// lacks returns what is here, for the peer, and neither there nor on its way.
func (l *log) lacks() event.Ranges {
	lacks := l.ours.Ranges().Subtract(l.sent)
	if l.proof != 0 {
		lacks = lacks.Add(event.Range{First: l.proof, Last: l.proof})
	}
	if l.floor > 1 {
		lacks = lacks.Subtract(event.Ranges{{First: 1, Last: l.floor - 1}})
	}
	return lacks
}

// at returns the conversation of a frame that only makes sense where both have
// offered. It returns nil, after closing if the peer is to blame, where there is none.
func (s *Session) at(tag []byte) *conversation {
	c := s.byTag[string(tag)]
	switch {
	case c == nil && len(tag) == 0:
		// A peer that isn't served learns no more than one that is blocked.
	case c == nil || !c.open && !c.left:
		s.close(broken("conversation that was not offered"))
	case c.open:
		return c
	}
	return nil
}
