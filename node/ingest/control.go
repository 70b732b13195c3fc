package ingest

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/crypto"
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

	// maxWelcome bounds in bytes what is kept of a welcome that is not whole yet, and
	// event.MaxControls the number of its events: the largest control set that a group may have
	// fits.
	maxWelcome = event.MaxControlSet

	// welcomesBudget bounds in bytes what is kept of all such welcomes by contacts, and of all by
	// everybody else.
	welcomesBudget = 2 * maxWelcome

	// maxShort bounds the frames of a welcome that are short: below half of what a node sends at
	// once. Only the last need be, and a few more may bring what happens meanwhile. Each frame has
	// all that is kept judged anew, so nobody may have that done for a few bytes, again and again.
	maxShort   = 8
	shortFrame = 128 << 10
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
	mine := f.welcome.mine && len(events) > len(e.Events) || f.door.bringsIn(e.Events)
	err := error(groups.ErrNotInvited)
	if mine || f.door.cfg.Groups.Known(e.Conversation) {
		err = f.door.cfg.Groups.Admit(ctx, e.Conversation, events, f.door.mayInvite)
	}
	var invitation *groups.InvitationError
	switch {
	case errors.Is(err, groups.ErrNotInvited):
		f.welcome.keep(welcome{group: e.Conversation, events: events, mine: mine, short: f.welcome.shorts(e)}, f.welcomes())
		return nil
	case errors.As(err, &invitation):
		f.door.cfg.Invited(e.Conversation, invitation.By, invitation.Name)
		err = errUninvited
		fallthrough
	case err == nil:
		if f.welcome.group == e.Conversation {
			f.welcome.forget()
		}
	}
	return err
}

// bringsIn says whether control events may bring the owner into a group. Without that, it is not
// worth a proof to find out whether they do.
func (d *Door) bringsIn(events []event.Event) bool {
	return slices.ContainsFunc(events, func(e event.Event) bool {
		body, err := e.ParseBody()
		if err != nil {
			return true // it is the peer's fault, as will be found
		}
		act, err := event.ParseControl(e.Header.Kind, body.Content)
		switch act := act.(type) {
		case event.Create:
			return act.Person == d.self
		case event.Invite:
			return slices.Contains(act.Persons, d.self)
		}
		return err != nil
	})
}

// welcome is what has come so far of a welcome that takes several frames.
type welcome struct {
	group  event.Conversation
	events []event.Event
	mine   bool // some of them may bring the owner in
	short  int  // how many of the frames were short

	size   int64 // of events, taken from budget
	budget *semaphore.Weighted
}

// shorts returns how many frames were short of the welcome that a further frame goes on with.
func (w *welcome) shorts(e sync.IngestControl) (n int) {
	if w.group == e.Conversation {
		n = w.short
	}
	if len(e.Events) < wire.MaxControl && sizeOf(e.Events) < shortFrame {
		n++
	}
	return n
}

func sizeOf(events []event.Event) (n int64) {
	for i := range events {
		n += int64(len(events[i].HeaderBytes) + len(events[i].Body))
	}
	return n
}

// with returns the control events of a frame, after those that earlier frames of the same welcome
// brought.
func (w *welcome) with(e sync.IngestControl) []event.Event {
	if len(w.events) == 0 || w.group != e.Conversation {
		return e.Events
	}
	return append(w.events, e.Events...)
}

// keep holds control events until the rest of their welcome comes, for one group at a time, as long
// as the budget has room for them.
func (w *welcome) keep(next welcome, budget *semaphore.Weighted) {
	w.forget()
	next.size = sizeOf(next.events)
	fits := next.size <= maxWelcome && len(next.events) <= event.MaxControls && next.short <= maxShort
	if fits && next.events[0].Header.Kind == event.KindCreate && budget.TryAcquire(next.size) {
		next.budget = budget
		*w = next
	}
}

// forget lets go of what is kept.
func (w *welcome) forget() {
	if w.budget != nil {
		w.budget.Release(w.size)
	}
	*w = welcome{}
}

// welcomes returns the budget for what the peer brings.
func (f *From) welcomes() *semaphore.Weighted {
	if them, _ := f.door.cfg.People.Get(f.person); them.Contact {
		return f.door.ofContacts
	}
	return f.door.ofStrangers
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
