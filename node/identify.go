package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
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
	s.person, s.known, s.joinedAt = card.Person(), true, s.node.cfg.Now()
	if err := s.node.people.met(ctx, s, card, profileName(e.Profile)); ctx.Err() != nil {
		return nil, context.Cause(ctx)
	} else if err != nil {
		return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrPeerProof, err)}, nil
	}
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
	conversation := event.Direct(n.me.person, s.person)
	s.news.join(conversation)
	in := sync.Joined{Own: n.me.card.Devices(), Blocked: them.Blocked}
	in.Serve = !them.Blocked && (them.Contact || n.accepts() == AcceptEveryone)
	shared, err := n.shared(conversation)
	if err != nil {
		return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrStore, err)}
	}
	if !them.Blocked {
		in.Conversations = []sync.Conversation{shared}
	}
	return in
}

// shared is what this node holds of a direct conversation.
func (n *Node) shared(c event.Conversation) (sync.Conversation, error) {
	out := sync.Conversation{ID: c}
	var err error
	if out.Logs, err = n.store.Logs(c); errors.Is(err, store.ErrNoConversation) {
		return out, nil
	} else if err != nil {
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

// cardFor is a card that a peer may have: one's own and the peer's, until there are groups.
func (n *Node) cardFor(of sync.CardOf, asker crypto.PersonID) []byte {
	for _, person := range []crypto.PersonID{n.me.person, asker} {
		if a, ok := n.people.get(person); ok && (person == of.Person || a.card.Includes(of.Head)) {
			return a.Card
		}
	}
	return nil
}

// told takes in what a peer says of where devices are.
func (n *Node) told(by *session, sightings []sync.Sighting) {
	for _, s := range sightings {
		if s.Device != n.me.device {
			n.hub.sighted(discovery.Sighting{Device: peerID(s.Device), Addrs: s.Addresses, Source: discovery.FromPeer})
		}
	}
	n.hub.do(func() { n.hub.remember(by.peer) })
}

// savedSightings are where the devices of persons in the store last were.
func (n *Node) savedSightings() (out []discovery.Sighting) {
	for _, a := range n.people.all() {
		for device, info := range a.Devices {
			s := discovery.Sighting{Device: peerID(device), Source: discovery.FromSaved}
			for _, text := range info.Addrs {
				if addr, err := netip.ParseAddrPort(text); err == nil {
					s.Addrs = append(s.Addrs, addr)
				}
			}
			if len(s.Addrs) > 0 {
				out = append(out, s)
			}
		}
	}
	return out
}
