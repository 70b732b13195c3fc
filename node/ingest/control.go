package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxUninvited bounds the groups into which persons who are no contacts have brought the owner.
	// So nobody can make groups by the thousand here.
	maxUninvited = 64

	// maxWelcome bounds in bytes what is kept of a welcome that is not whole yet: some four
	// thousand control events.
	maxWelcome = 2 << 20
)

// Control lets in control events, of a group that is known here or that the peer welcomes this node
// to. It returns when they are on the disk and count.
func (f *From) Control(ctx context.Context, e sync.IngestControl) sync.Input {
	events := f.welcome.with(e)
	err := f.door.cfg.Groups.Admit(ctx, e.Conversation, events, f.door.mayInvite)
	stored := sync.Stored{Ticket: e.Ticket}
	var needs *groups.NeedsCardError
	var invitation *groups.InvitationError
	switch {
	case err == nil:
		return stored
	case errors.Is(err, groups.ErrNotInvited):
		f.welcome.keep(e.Conversation, events)
		return stored
	case errors.As(err, &invitation):
		f.door.cfg.Invited(e.Conversation, invitation.By, invitation.Name)
		stored.Refused = wire.NotPermitted
		return stored
	case errors.As(err, &needs):
		return sync.NeedCard{Ticket: e.Ticket, Head: needs.Head}
	case errors.Is(err, authority.ErrParent):
		return sync.NeedControl{Ticket: e.Ticket}
	case errors.Is(err, groups.ErrUnproven):
		stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, err)
	case errors.Is(err, authority.ErrNotPermitted), errors.Is(err, authority.ErrFull):
		stored.Refused = wire.NotPermitted
	default:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	}
	f.failed("control events not taken", err)
	return stored
}

// welcome is what has come so far of a welcome that takes several frames.
type welcome struct {
	group  event.Conversation
	events []event.Event
}

// with returns the control events of a frame, after those that earlier frames of the same welcome
// brought.
func (w *welcome) with(e sync.IngestControl) []event.Event {
	if len(w.events) == 0 || w.group != e.Conversation {
		return e.Events
	}
	return append(w.events, e.Events...)
}

// keep holds control events until the rest of their welcome comes, for one group at a time.
func (w *welcome) keep(group event.Conversation, events []event.Event) {
	size := 0
	for i := range events {
		size += len(events[i].HeaderBytes) + len(events[i].Body)
	}
	*w = welcome{}
	if size <= maxWelcome && events[0].Header.Kind == event.KindCreate {
		*w = welcome{group, events}
	}
}

// mayInvite says whether somebody may bring the owner into a group: whoever may write to the owner
// may.
func (d *Door) mayInvite(inviter crypto.PersonID) bool {
	them, _ := d.cfg.People.Get(inviter)
	switch {
	case them.Blocked:
		return false
	case them.Contact:
		return true
	case d.cfg.Owner.Accepts() == people.AcceptContacts:
		return false
	}
	uninvited := 0
	for _, c := range d.cfg.Groups.All() {
		// Groups that the owner is not in any more are kept, so they count too.
		if by := d.cfg.Groups.Founder(c); by != d.self {
			if them, _ := d.cfg.People.Get(by); !them.Contact {
				uninvited++
			}
		}
	}
	return uninvited < maxUninvited
}
