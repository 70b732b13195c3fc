package contacts

import (
	"context"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
)

// ForgetRequests takes away all that strangers have sent: of those whom WHO means or, with all, of
// everybody. It returns of whom it has. They are told nothing. What was taken in does not come
// again, and what they send from then on is taken as before.
func (c *Contacts) ForgetRequests(ctx context.Context, who []string, all bool) ([]Person, error) {
	ids, err := c.strangers(who)
	if all {
		ids, err = c.allStrangers()
	}
	if err != nil {
		return nil, err
	}
	var out []Person
	for _, id := range ids { // as they are known before
		out = append(out, c.Person(id))
	}
	if err := c.cfg.Store.Discard(ctx, ids...); err != nil {
		return nil, err
	}
	for _, id := range ids {
		c.forgetWaiting(id)
	}
	if len(ids) > 0 {
		c.cfg.Requested()
	}
	return out, nil
}

// strangers returns the persons whom WHO means, who must be strangers.
func (c *Contacts) strangers(who []string) (out []crypto.PersonID, err error) {
	for _, w := range who {
		p, err := c.Resolve(context.Background(), w)
		switch {
		case err != nil:
			return nil, err
		case p.Contact:
			return nil, ErrContact
		}
		out = append(out, p.ID)
	}
	return out, nil
}

// allStrangers returns all strangers who have sent something.
func (c *Contacts) allStrangers() ([]crypto.PersonID, error) {
	kept, err := c.cfg.Store.Strangers()
	if err != nil {
		return nil, err
	}
	all := make(map[crypto.PersonID]struct{})
	for _, id := range kept {
		all[id] = struct{}{}
	}
	requests, err := c.cfg.Store.Book().Requests()
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		all[r.Person] = struct{}{}
	}
	c.mu.Lock()
	for id := range c.waiting {
		all[id] = struct{}{}
	}
	c.mu.Unlock()
	maps.DeleteFunc(all, func(id crypto.PersonID, _ struct{}) bool {
		p, _ := c.people.Get(id)
		return p.Contact
	})
	return slices.SortedFunc(maps.Keys(all), func(a, b crypto.PersonID) int { return slices.Compare(a[:], b[:]) }), nil
}
