package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// maxUninvited bounds the groups into which persons who are no contacts have brought the owner: who makes groups by the
// thousand is not let in.
const maxUninvited = 64

const (
	// maxInvitations bounds the invitations that wait for the owner to accept who has made them.
	maxInvitations = 64

	// maxWelcome bounds in bytes what is kept of a welcome that is not whole yet: some four thousand control events.
	maxWelcome = 2 << 20
)

// errInvited ends sessions that are to begin again with what is accepted now.
var errInvited = errors.New("invitation was accepted")

// keepProfile is the job of keeping what the peer calls itself, for those who ask for its card.
type keepProfile struct{ record event.Record }

// loadControl reads the control events that the peer lacks.
func (s *session) loadControl(e sync.LoadControl) sync.Input {
	events, more, err := s.node.groups.Missing(e.Conversation, s.person, e.Known, e.Events, e.Bytes)
	if err != nil {
		s.log.Warn("load control events", "conv", e.Conversation, "err", err)
	}
	return sync.LoadedControl{Conversation: e.Conversation, Events: events, More: more}
}

// ingestControl lets control events in, of a group that is known here or that the peer welcomes this node to. It returns
// when they are on the disk and count.
func (s *session) ingestControl(ctx context.Context, e sync.IngestControl) sync.Input {
	events := s.welcomed.with(e)
	err := s.node.groups.Admit(ctx, e.Conversation, events, s.node.mayInvite)
	stored := sync.Stored{Ticket: e.Ticket}
	var needs *groups.NeedsCardError
	var invitation *groups.InvitationError
	switch {
	case err == nil:
		return stored
	case errors.Is(err, groups.ErrNotInvited):
		s.welcomed.keep(e.Conversation, events)
		return stored
	case errors.As(err, &invitation):
		s.node.invited(s, e.Conversation, invitation)
		stored.Refused = sync.NotPermitted
		return stored
	case errors.As(err, &needs):
		return sync.NeedCard{Ticket: e.Ticket, Head: needs.Head}
	case errors.Is(err, authority.ErrParent):
		return sync.NeedControl{Ticket: e.Ticket}
	case errors.Is(err, groups.ErrUnproven):
		stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, err)
	case errors.Is(err, authority.ErrNotPermitted), errors.Is(err, authority.ErrFull):
		stored.Refused = sync.NotPermitted
	default:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	}
	s.logErrand("control events not taken", err)
	return stored
}

// welcome is what has come of a welcome that takes several frames.
type welcome struct {
	group  event.Conversation
	events []event.Event
}

// with returns control events with those of the same welcome before them.
func (w *welcome) with(e sync.IngestControl) []event.Event {
	if len(w.events) == 0 || w.group != e.Conversation {
		return e.Events
	}
	return append(w.events, e.Events...)
}

// keep waits for the rest of a welcome, of one group at a time.
func (w *welcome) keep(group event.Conversation, events []event.Event) {
	size := 0
	for i := range events {
		size += len(events[i].Head) + len(events[i].Body)
	}
	*w = welcome{}
	if size <= maxWelcome && events[0].Header.Kind == event.KindCreate {
		*w = welcome{group, events}
	}
}

// invitation is one that was not accepted, since who may bring the owner into groups is not everybody.
type invitation struct {
	by   crypto.PersonID
	name string
	at   time.Time
}

// invited remembers an invitation for the owner to see among the requests.
func (n *Node) invited(s *session, c event.Conversation, i *groups.InvitationError) {
	if by, _ := n.people.get(i.By); by.Blocked {
		return
	}
	n.mu.Lock()
	if _, known := n.invitations[c]; known || len(n.invitations) < maxInvitations {
		n.invitations[c] = invitation{i.By, i.Name, n.cfg.Now()}
	}
	n.mu.Unlock()
	n.presence.Bump()
}

// invitationsBy takes out the invitations by a person who may bring the owner into groups now, and has them made again:
// a peer welcomes once a session.
func (n *Node) invitationsBy(id crypto.PersonID) {
	if n.forgetInvitations(id) {
		n.eachSession(func(s *session) { s.cancel(errInvited) })
	}
}

// forgetInvitations takes out the invitations by a person, and says whether there were any.
func (n *Node) forgetInvitations(id crypto.PersonID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.invitations)
	maps.DeleteFunc(n.invitations, func(_ event.Conversation, i invitation) bool { return i.by == id })
	return len(n.invitations) < before
}

// mayInvite says whether somebody may bring the owner into a group: who may write to them may.
func (n *Node) mayInvite(inviter crypto.PersonID) bool {
	them, _ := n.people.get(inviter)
	switch {
	case them.Blocked:
		return false
	case them.Contact:
		return true
	case n.accepts() == AcceptContacts:
		return false
	}
	uninvited := 0
	for _, c := range n.groups.All() {
		// Also those that the owner is not in any more: they are kept.
		if by := n.groups.Founder(c); by != n.me.person {
			if them, _ := n.people.get(by); !them.Contact {
				uninvited++
			}
		}
	}
	return uninvited < maxUninvited
}

// groupChanged takes in that a control set has grown: whom it lets in or out is told, and everybody else in it.
func (n *Node) groupChanged(c groups.Change) {
	moved := func(p crypto.PersonID) bool {
		var was bool
		if c.Before != nil {
			_, was = c.Before.Member(p)
		}
		_, is := c.After.Member(p)
		return was != is
	}
	all := c.Before == nil || moved(n.me.person)
	unknown := n.unknown(c.After)
	for _, m := range c.After.Members {
		if c.Before == nil || moved(m.Person) {
			n.pinMember(m.Person)
		}
	}
	n.eachSession(func(s *session) {
		them, ok := n.people.of(s.peer)
		if !ok {
			return
		}
		if all || moved(them.ID) {
			s.news.policy()
		}
		s.news.change(c.ID)
		if _, member := c.After.Member(them.ID); member {
			s.news.want(unknown...)
		}
	})
	n.revealed.Add(1) // what was past a cut may count again
	n.fellows.Give()
	n.gossips.changed()
	n.events.Bump()
	n.presence.Bump()
}

// keepFellows has the store know whoever is in a group with the owner and was met as a stranger, until ctx ends: as a
// stranger they would be forgotten, and the name of a member with them.
func (n *Node) keepFellows(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.fellows:
		}
		for _, id := range n.people.unsaved() {
			if !n.groups.Fellows(n.me.person, id) {
				continue
			}
			if err := n.keep(ctx, id); err != nil && ctx.Err() == nil {
				n.log.Warn("keep a fellow member", "err", err)
			}
			n.pinMember(id)
		}
	}
}

// unknown are the members whose cards are missing here.
func (n *Node) unknown(state *authority.State) (out []crypto.PersonID) {
	for _, m := range state.Members {
		if them, _ := n.people.get(m.Person); them.card.Bytes() == nil {
			out = append(out, m.Person)
		}
	}
	return out
}

// pinMember has the devices of a fellow member of a group reached whoever else is there.
func (n *Node) pinMember(id crypto.PersonID) {
	if them, ok := n.people.get(id); ok && id != n.me.person {
		n.pin(them)
	}
}
