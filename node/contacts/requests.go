package contacts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxWaiting bounds the persons of whom it is known that more waits than is kept here.
	maxWaiting = 64
)

// Request is somebody who has written, or has invited the owner to a group, and waits to be
// accepted.
type Request struct {
	Person   crypto.PersonID
	Name     string
	Device   crypto.DeviceID
	Received time.Time
	Text     string  // of the first message; empty for an invitation, and if none is kept here
	Group    *Target // to which they invite the owner, as its founder called it; nil for a message
	Members  uint64  // how many are in the group, as they say
	// MoreWaits says that the person has written more than is kept here of people whom the owner
	// has not accepted. It comes when they are.
	MoreWaits bool
	Namesake  *Person // a contact whose name looks like Name; nil: none
}

// PutMoreWaits notes that a person who is no contact has written more than there is budget for. It
// is kept in memory: their next session says it again. Of too many persons, of those who came by the
// address with the most who has waited longest goes.
func (c *Contacts) PutMoreWaits(id crypto.PersonID) {
	if p, _ := c.people.Get(id); p.Blocked || p.Contact {
		return
	}
	address := c.people.Via(id)
	c.mu.Lock()
	_, known := c.waiting[id]
	if !known {
		if len(c.waiting) == maxWaiting {
			delete(c.waiting, longest(c.waiting, address))
		}
		c.waiting[id] = waiting{c.cfg.Now(), address}
	}
	c.mu.Unlock()
	if !known {
		c.cfg.Requested()
	}
}

// waiting is since when more of a person waits, and by which link address they came.
type waiting struct {
	since   time.Time
	address string
}

// longest returns who has waited longest of those who came by the address with the most, given that
// one more has come by an address.
func longest(all map[crypto.PersonID]waiting, address string) (first crypto.PersonID) {
	count := map[string]int{address: 1}
	for _, w := range all {
		count[w.address]++
	}
	for id, w := range all {
		best, ok := all[first]
		if more := count[w.address] - count[best.address]; !ok || more > 0 || more == 0 && w.since.Before(best.since) {
			first = id
		}
	}
	return first
}

// TriedAgain forgets of whom more waits: what was refused is tried again, and who is refused again is
// told of again.
func (c *Contacts) TriedAgain() {
	c.mu.Lock()
	some := len(c.waiting) > 0
	clear(c.waiting)
	c.mu.Unlock()
	if some {
		c.cfg.Requested()
	}
}

func (c *Contacts) forgetWaiting(id crypto.PersonID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// Requests lists who has written or invited the owner and waits to be accepted, the newest last.
func (c *Contacts) Requests(context.Context) ([]Request, error) {
	kept, err := c.cfg.Store.Book().Requests()
	if err != nil {
		return nil, err
	}
	var out []Request
	for _, k := range kept {
		if k.Group != (event.Conversation{}) {
			continue
		}
		run, err := event.ParseRun(k.Run)
		if err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		p, _ := c.people.Get(k.Person)
		text, more := firstText(run)
		out = append(out, Request{Person: k.Person, Name: p.Claimed, Device: run.Log().Device,
			Received: k.Received, Text: text, MoreWaits: more})
	}
	invitations, err := c.cfg.Names.cfg.Groups.Requests()
	if err != nil {
		return nil, err
	}
	for _, i := range invitations {
		r := c.requestOf(i.Person, i.Received)
		r.Group = &Target{Kind: "group", ID: i.Group.String(), Name: c.GroupName(i.Name)}
		r.Members = i.Members
		out = append(out, r)
	}
	c.mu.Lock()
	for id, w := range c.waiting {
		if p, _ := c.people.Get(id); p.Contact || p.Blocked { // since a moment ago
			continue
		}
		if !slices.ContainsFunc(out, func(r Request) bool { return r.Person == id }) {
			out = append(out, c.requestOf(id, w.since))
		}
	}
	for i := range out {
		_, more := c.waiting[out[i].Person]
		out[i].MoreWaits = out[i].MoreWaits || more
	}
	c.mu.Unlock()
	namesakes := c.namesakes()
	for i := range out {
		p, _ := c.people.Get(out[i].Person)
		if like := namesakes(&p); len(like) > 0 {
			out[i].Namesake = &like[0]
		}
	}
	slices.SortStableFunc(out, func(a, b Request) int { return a.Received.Compare(b.Received) })
	return out, nil
}

// requestOf returns a request of somebody of whom nothing is kept.
func (c *Contacts) requestOf(by crypto.PersonID, at time.Time) Request {
	p, _ := c.people.Get(by)
	r := Request{Person: by, Name: p.Claimed, Received: at}
	if devices := p.Parsed.Devices(); len(devices) > 0 {
		r.Device = devices[0]
	}
	return r
}

// firstText returns the first message of a run, and whether there are more.
func firstText(run event.Run) (first string, more bool) {
	found := false
	for i := range run.Events {
		if e := &run.Events[i]; e.Header.Kind == event.KindText && e.Absent == event.Present {
			if body, err := e.ParseBody(); err == nil {
				if text, err := event.ParseText(body.Content); err == nil {
					if found {
						return first, true
					}
					first, found = text.Text, true
				}
			}
		}
	}
	return first, false
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
	kept, err := c.cfg.Store.Book().TakeRequest(ctx, id, event.Conversation{})
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
	if err = c.cfg.Ingest(ctx, run, id); errors.Is(err, store.ErrFull) { // they bring it again
		return nil
	}
	return err
}
