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

// maxInvitations bounds the invitations that wait for the owner to accept the inviter.
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
func (c *Contacts) PutInvitation(group event.Conversation, by crypto.PersonID, name string) {
	if p, _ := c.people.Get(by); p.Blocked {
		return
	}
	c.mu.Lock()
	if _, known := c.invitations[group]; known || len(c.invitations) < maxInvitations {
		c.invitations[group] = invitation{by, name, c.cfg.Now()}
	}
	c.mu.Unlock()
	c.cfg.Invited(false)
}

// forgetInvitations takes out the invitations by a person, and says whether there were any.
func (c *Contacts) forgetInvitations(by crypto.PersonID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.invitations)
	maps.DeleteFunc(c.invitations, func(_ event.Conversation, i invitation) bool { return i.by == by })
	return len(c.invitations) < before
}

// Requests lists who has written and waits to be accepted, the newest last.
func (c *Contacts) Requests(context.Context) ([]Request, error) {
	kept, err := c.cfg.Store.Book().Requests()
	if err != nil {
		return nil, err
	}
	var out []Request
	for _, k := range kept {
		run, err := event.ParseRun(k.Run)
		if err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		p, _ := c.people.Get(k.Person)
		out = append(out, Request{Person: k.Person, Name: p.Claimed, Device: run.Log().Device,
			Received: k.Received, Text: firstText(run)})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.invitations {
		p, _ := c.people.Get(i.by)
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
func (c *Contacts) Accept(ctx context.Context, who, petname string) (Person, error) {
	p, err := c.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	if p.Blocked {
		return Person{}, ErrBlocked
	}
	accepted, err := c.accept(ctx, p, petname, nil)
	if err != nil {
		return Person{}, err
	}
	return accepted, c.admit(ctx, p.ID)
}

// admit lets in what a person wrote before they were accepted, if that is anything.
func (c *Contacts) admit(ctx context.Context, id crypto.PersonID) error {
	kept, err := c.cfg.Store.Book().TakeRequest(ctx, id)
	if errors.Is(err, book.ErrNoRequest) {
		return nil
	}
	if err != nil {
		return err
	}
	run, err := event.ParseRun(kept.Run)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return c.cfg.Ingest(ctx, run, id)
}
