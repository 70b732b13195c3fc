package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// introduction is what this node says of itself to every peer.
func (n *Node) introduction() sync.Open {
	return sync.Open{Card: n.me.card.Bytes(), Profile: n.ownProfile()}
}

// identify proves whose device the peer is.
func (s *session) identify(ctx context.Context, e sync.Identify) (sync.Input, error) {
	card, err := crypto.ParseCard(e.Card)
	if err != nil {
		return sync.Joined{Err: fmt.Errorf("%w: card: %w", sync.ErrPeerProof, err)}, nil
	}
	if !card.Speaks(s.peer) {
		return sync.Joined{Err: fmt.Errorf("%w: the card does not name the device", sync.ErrPeerProof)}, nil
	}
	if e.Profile != nil && !profileOf(e.Profile, card) {
		return sync.Joined{Err: fmt.Errorf("%w: profile", sync.ErrPeerProof)}, nil
	}
	// Before it is met, so that the end of the session takes back what was done of that.
	s.person, s.known, s.peerNonce = card.Person(), true, e.Nonce
	if err := s.node.people.met(ctx, s, card, profileName(e.Profile)); ctx.Err() != nil {
		return nil, context.Cause(ctx)
	} else if err != nil {
		return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrPeerProof, err)}, nil
	}
	if e.Profile != nil {
		s.jobs.put(job{effect: keepProfile{*e.Profile}})
	}
	s.node.fellows.Give()
	s.log.Debug("session", "opened", s.opened)
	s.node.hub.do(func() { s.node.hub.introduce(s) })
	return s.join(), nil
}

// profileOf says that a record is the profile of a card's person, signed by a device of it.
func profileOf(r *event.Record, card crypto.Card) bool {
	person := card.Person()
	return r.Kind == event.KindProfile && string(r.Subject) == string(event.ProfileSubject(person)) &&
		card.SpeaksAt(r.Card, r.Device) && r.Verify()
}

// join says what the peer may have, by what holds now. The news are joined first, so that what is committed between
// the two is told twice rather than not at all.
func (s *session) join() sync.Input {
	n := s.node
	them, ok := n.people.get(s.person)
	if !ok {
		return sync.Joined{Err: fmt.Errorf("%w: not known any more", sync.ErrPeerProof)}
	}
	in := sync.Joined{Own: n.me.card.Devices(), Blocked: them.Blocked}
	in.Serve = !them.Blocked && (them.Contact || n.accepts() == AcceptEveryone)
	if !them.Blocked {
		direct, err := s.shareDirect()
		if err != nil {
			return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrStore, err)}
		}
		in.Conversations = append(in.Conversations, direct)
	}
	for _, g := range n.groups.Shared(s.person) {
		shared, err := s.shareGroup(g)
		if err != nil {
			return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrStore, err)}
		}
		in.Conversations = append(in.Conversations, shared)
	}
	return in
}

// shareDirect is what this node holds of the direct conversation with the peer.
func (s *session) shareDirect() (sync.Conversation, error) {
	n := s.node
	c := event.Direct(n.me.person, s.person)
	s.news.join(c, true)
	out := sync.Conversation{ID: c}
	var err error
	if out.Logs, err = n.store.Logs(c); errors.Is(err, store.ErrNoConversation) {
		return out, nil
	} else if err != nil {
		return out, err
	}
	if out.Doubted, err = s.doubted(out.Logs); err != nil {
		return out, err
	}
	if out.Records, err = n.store.Records(event.KindReceipt, c[:]); err != nil {
		return out, err
	}
	if profile := n.ownProfile(); profile != nil {
		out.Records = append(out.Records, *profile)
	}
	out.Opening.Log, out.Opening.First, err = n.store.FirstPending(c)
	return out, err
}

// shareGroup is what this node holds of a group that concerns the peer, as far as the peer may have it.
func (s *session) shareGroup(g groups.Shared) (sync.Conversation, error) {
	n := s.node
	s.news.join(g.ID, !g.Quiet)
	out := sync.Conversation{
		ID:      g.ID,
		Mine:    groups.Tag(g.Secret, s.nonce, s.peerNonce, s.self),
		Theirs:  groups.Tag(g.Secret, s.nonce, s.peerNonce, s.peer),
		Control: g.Locator,
		Quiet:   g.Quiet,
		Welcome: g.Fresh,
	}
	if g.Quiet {
		n.stopFollowing(g.ID, s)
		return out, nil
	}
	out.Follow = n.follow(g.ID, s)
	if state, err := n.groups.State(g.ID); err == nil {
		s.news.want(n.unknown(state)...)
	}
	s.shareEpoch(g.ID)
	logs, err := n.store.Logs(g.ID)
	if err != nil {
		return out, err
	}
	if out.Doubted, err = s.doubted(logs); err != nil {
		return out, err
	}
	out.Logs = make(map[event.Log]event.Segments, len(logs))
	for log, segments := range logs {
		if segments = s.visible(log, segments); len(segments) > 0 {
			out.Logs[log] = segments
		}
	}
	about := g.ID[:]
	if s.person != n.me.person { // others get the receipts about what they wrote
		about = slices.Concat(about, s.person[:])
	}
	out.Records, err = n.store.Records(event.KindReceipt, about)
	return out, err
}

// doubted returns what the peer is told of logs of this device that their person has contradicted.
func (s *session) doubted(logs map[event.Log]event.Segments) (map[event.Log]event.Segments, error) {
	var out map[event.Log]event.Segments
	for log := range logs {
		if log.Device != s.self || !s.node.contested.by(log, s.person) {
			continue
		}
		acked, in, err := s.node.store.Acknowledged(log, s.person)
		if err != nil {
			return nil, err
		}
		if in {
			if out == nil {
				out = make(map[event.Log]event.Segments)
			}
			out[log] = acked
		}
	}
	return out, nil
}

// found is where the part of a log begins that the peer may know, and where the log began here when that was found.
type found struct{ floor, begin uint64 }

// visible is what the peer may know of a log: in a group, nothing from before the history that they were given.
func (s *session) visible(log event.Log, segments event.Segments) event.Segments {
	if len(segments) == 0 || !s.node.groups.Known(log.Conversation) {
		return segments
	}
	if author, ok := s.node.people.of(log.Device); ok && author.ID == s.person {
		return segments
	}
	s.floorsMu.Lock()
	defer s.floorsMu.Unlock()
	known, ok := s.floors[log]
	begin := segments[0].First
	if !ok || begin < known.begin {
		floor, err := s.node.groups.Floor(log, segments, s.person)
		if err != nil {
			return nil
		}
		known = found{floor, begin}
		// Else what comes later may begin elsewhere.
		if segments.Covers(floor) && (floor == begin || segments.Covers(floor-1)) {
			s.floors[log] = known
		}
	}
	var out event.Segments
	for _, g := range segments {
		if g.First = max(g.First, known.floor); g.First <= g.Last {
			out = append(out, g)
		}
	}
	return out
}

// withhold marks in a run of a group which causes of its events the peer may not have: so it need not wait for them.
func (s *session) withhold(run *event.Run) {
	if !s.node.groups.Known(run.Log().Conversation) {
		return
	}
	hidden := make(map[event.Log]uint64) // looked up before
	var marked []event.Event             // the run may be shared with other sessions
	for i := range run.Events {
		if w := s.withheld(&run.Events[i].Header, i == 0, hidden); w != 0 {
			if marked == nil {
				marked = slices.Clone(run.Events)
			}
			marked[i].Withheld = w
		}
	}
	if marked != nil {
		run.Events = marked
	}
}

// withheld returns it of one event, as in event.Event. Only the first of a run may have a previous one that is not for the
// peer.
func (s *session) withheld(h *event.Header, first bool, hidden map[event.Log]uint64) (w uint32) {
	early := func(log event.Log, sequence uint64) bool {
		last, ok := hidden[log]
		if !ok {
			last = s.hiddenTo(log)
			hidden[log] = last
		}
		return sequence <= last
	}
	if first && h.Sequence > 1 && early(h.Log(), h.Sequence-1) {
		w = event.WithholdPrevious
	}
	for i := range h.Seen {
		if p := &h.Seen[i]; early(p.Log(h.Conversation), p.Sequence) {
			w |= event.WithholdSeen(i)
		}
	}
	return w
}

// hiddenTo is the last sequence of a log that is held here and lies before the history that the peer was given; 0 if none
// does. Of what is not held here nothing is known but that what comes before that is hidden as well.
func (s *session) hiddenTo(log event.Log) uint64 {
	if author, ok := s.node.people.of(log.Device); ok && author.ID == s.person {
		return 0
	}
	s.floorsMu.Lock()
	known, ok := s.floors[log]
	s.floorsMu.Unlock()
	switch {
	case ok && known.floor > known.begin: // then what comes right before it is held
		return known.floor - 1
	case ok:
		return 0
	}
	segments, err := s.node.store.Held(log)
	if err != nil {
		return 0
	}
	floor, err := s.node.groups.Floor(log, segments, s.person)
	if err != nil {
		return 0
	}
	last := uint64(0)
	for _, g := range segments {
		if g.First < floor {
			last = min(g.Last, floor-1)
		}
	}
	return last
}

// forgetFloors has them found anew: who was brought in again has another history than before.
func (s *session) forgetFloors() {
	s.floorsMu.Lock()
	defer s.floorsMu.Unlock()
	clear(s.floors)
}

// served says that the peer may have a run.
func (s *session) served(run *event.Run) bool {
	c := run.Log().Conversation
	return !s.node.groups.Known(c) || s.node.groups.Serves(c, s.person, run.Events[0].Header.Control)
}

// fetchCard is the card that the peer asks for, if they may have it: the owner's, their own, and those of persons who are
// or were in a group with them; and the name that the person gives themselves.
func (n *Node) fetchCard(e sync.FetchCard, asker crypto.PersonID) sync.CardFetched {
	a, ok := n.people.withHead(e.Head)
	if !ok {
		a, ok = n.people.get(e.Person)
	}
	if !ok || a.ID != n.me.person && a.ID != asker && !n.groups.Fellows(asker, a.ID) {
		return sync.CardFetched{}
	}
	out := sync.CardFetched{Card: a.Card}
	if a.ID == n.me.person {
		out.Profile = n.ownProfile()
	} else if profiles, err := n.store.Records(event.KindProfile, event.ProfileSubject(a.ID)); err == nil {
		for i := range profiles {
			if out.Profile == nil || event.Newer(profiles[i], *out.Profile) {
				out.Profile = &profiles[i]
			}
		}
	}
	return out
}

// learnCard takes in the card that a peer was asked for.
func (n *Node) learnCard(ctx context.Context, e sync.LearnCard) error {
	card, err := crypto.ParseCard(e.Card)
	if err != nil || !card.Includes(e.Head) && card.Person() != e.Person {
		return nil // what waits for it asks once, and is refused then
	}
	if e.Profile != nil && !profileOf(e.Profile, card) {
		e.Profile = nil
	}
	if err := n.people.learnt(ctx, card, profileName(e.Profile)); err != nil {
		return err
	}
	if e.Profile != nil {
		if err := n.people.introduced(ctx, card.Person(), *e.Profile); err != nil {
			return err
		}
	}
	if !n.groups.Fellows(n.me.person, card.Person()) {
		return nil
	}
	if err := n.keep(ctx, card.Person()); err != nil {
		return err
	}
	n.pinMember(card.Person())
	n.gossips.changed()
	n.presence.Bump()
	return nil
}
