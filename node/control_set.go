package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// maxUninvited bounds the groups into which persons who are no contacts have brought the owner: who makes groups by the
// thousand is not let in.
const maxUninvited = 64

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
	err := s.node.groups.Admit(ctx, e.Conversation, e.Events, s.node.mayInvite)
	stored := sync.Stored{Ticket: e.Ticket}
	var needs *groups.NeedsCardError
	switch {
	case err == nil:
		return stored
	case errors.As(err, &needs):
		return sync.NeedCard{Ticket: e.Ticket, Head: needs.Head}
	case errors.Is(err, authority.ErrParent):
		return sync.NeedControl{Ticket: e.Ticket}
	case errors.Is(err, groups.ErrUnproven):
		stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, err)
	case errors.Is(err, authority.ErrNotPermitted), errors.Is(err, authority.ErrFull), errors.Is(err, groups.ErrNotInvited):
		stored.Refused = sync.NotPermitted
	default:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	}
	s.logErrand("control events not taken", err)
	return stored
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
		if g, err := n.group(c); err == nil && g.InvitedBy != nil && !g.InvitedBy.Contact {
			uninvited++
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
	if all {
		n.mu.Lock()
		n.cameIn[c.ID] = n.cfg.Now()
		n.mu.Unlock()
	}
	var unknown []crypto.PersonID
	for _, m := range c.After.Members {
		if them, _ := n.people.get(m.Person); them.card.Bytes() == nil {
			unknown = append(unknown, m.Person)
		} else if c.Before == nil || moved(m.Person) {
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
	n.gossips.changed()
	n.events.bump()
	n.presence.bump()
}

// pinMember has the devices of a fellow member of a group reached whoever else is there.
func (n *Node) pinMember(id crypto.PersonID) {
	if them, ok := n.people.get(id); ok && id != n.me.person {
		n.pin(them)
	}
}
