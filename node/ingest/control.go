package ingest

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
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

// errUninvited: somebody who may not bring the owner into groups has invited them. The owner is
// told.
var errUninvited = errors.New("invited by somebody who is not accepted")

// Control lets in control events, of a group that is known here or that the peer welcomes this node
// to. It returns when they are on the disk and count.
func (f *From) Control(ctx context.Context, e sync.IngestControl) sync.Input {
	return f.outcome(e.Ticket, "control events not taken", f.control(ctx, e))
}

func (f *From) control(ctx context.Context, e sync.IngestControl) error {
	if err := f.door.cfg.Store.Room(); err != nil {
		return err
	}
	events := f.welcome.with(e)
	err := f.door.cfg.Groups.Admit(ctx, e.Conversation, events, f.door.mayInvite)
	var invitation *groups.InvitationError
	switch {
	case errors.Is(err, groups.ErrNotInvited):
		f.welcome.keep(e.Conversation, events)
		return nil
	case errors.As(err, &invitation):
		f.door.cfg.Invited(e.Conversation, invitation.By, invitation.Name)
		return errUninvited
	}
	return err
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
