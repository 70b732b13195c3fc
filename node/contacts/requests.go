package contacts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// maxInvitations bounds the invitations that wait for the owner to accept whoever made them.
const maxInvitations = 64

// Request is somebody who has written and waits to be accepted.
type Request struct {
	Person   crypto.PersonID
	Name     string
	Device   crypto.DeviceID
	Received time.Time
	Text     string // of the first message
}

// invitation is an invitation to a group that was not accepted, since its inviter may not bring the
// owner into groups.
type invitation struct {
	by   crypto.PersonID
	name string
	at   time.Time
}

// PutInvitation shows an invitation to a group among the requests.
func (n *Contacts) PutInvitation(group event.Conversation, by crypto.PersonID, name string) {
	if p, _ := n.Names.cfg.People.Get(by); p.Blocked {
		return
	}
	n.mu.Lock()
	if _, known := n.invitations[group]; known || len(n.invitations) < maxInvitations {
		n.invitations[group] = invitation{by, name, n.cfg.Now()}
	}
	n.mu.Unlock()
	n.cfg.Invited(false)
}

// forgetInvitations takes out the invitations by a person, and says whether there were any.
func (n *Contacts) forgetInvitations(by crypto.PersonID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.invitations)
	maps.DeleteFunc(n.invitations, func(_ event.Conversation, i invitation) bool { return i.by == by })
	return len(n.invitations) < before
}

// Requests lists who has written and waits to be accepted, the newest last.
func (n *Contacts) Requests(context.Context) ([]Request, error) {
	kept, err := n.cfg.Store.Book().Requests()
	if err != nil {
		return nil, err
	}
	var out []Request
	for _, k := range kept {
		run, err := event.ParseRun(k.Run)
		if err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		p, _ := n.Names.cfg.People.Get(k.Person)
		out = append(out, Request{Person: k.Person, Name: p.Claimed, Device: run.Log().Device,
			Received: k.Received, Text: firstText(run)})
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.invitations {
		p, _ := n.Names.cfg.People.Get(i.by)
		r := Request{Person: i.by, Name: p.Claimed, Received: i.at, Text: "invites you to #" + i.name}
		if devices := p.Parsed.Devices(); len(devices) > 0 {
			r.Device = devices[0]
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Request) int { return a.Received.Compare(b.Received) })
	return out, nil
}

func firstText(run event.Run) string {
	for i := range run.Events {
		if e := &run.Events[i]; e.Header.Kind == event.KindText && e.Absent == event.Present {
			if body, err := e.ParseBody(); err == nil {
				if text, err := event.ParseText(body.Content); err == nil {
					return text.Text
				}
			}
		}
	}
	return ""
}

// Accept makes a person a contact, and lets in what they wrote. petname is needed if their name is
// somebody else's here.
func (n *Contacts) Accept(ctx context.Context, who, petname string) (Person, error) {
	p, err := n.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	if p.Blocked {
		return Person{}, ErrBlocked
	}
	accepted, err := n.accept(ctx, p, petname, nil)
	if err != nil {
		return Person{}, err
	}
	kept, err := n.cfg.Store.Book().TakeRequest(ctx, p.ID)
	if errors.Is(err, book.ErrNoRequest) {
		return accepted, nil
	}
	if err != nil {
		return accepted, err
	}
	run, err := event.ParseRun(kept.Run)
	if err != nil {
		return accepted, fmt.Errorf("read request: %w", err)
	}
	return accepted, n.cfg.Ingest(ctx, run, p.ID)
}
