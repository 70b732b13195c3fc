package people

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/store/book"
)

// Update commits a change to a person and shows it. A stranger who was only connected is saved by
// it, with all that was learnt of them before. The name that they claim is committed as it was when
// the commit began. A name that comes meanwhile stays shown, and has an update of its own.
func (p *People) Update(ctx context.Context, id crypto.PersonID, change func(*book.Person) error) error {
	return p.update(ctx, []crypto.PersonID{id}, func(s []*book.Person) error { return change(s[0]) })
}

// UpdateBoth is Update of two persons at once: after a crash both have changed, or neither has.
func (p *People) UpdateBoth(ctx context.Context, one, other crypto.PersonID, change func(one, other *book.Person) error) error {
	return p.update(ctx, []crypto.PersonID{one, other}, func(s []*book.Person) error { return change(s[0], s[1]) })
}

func (p *People) update(ctx context.Context, ids []crypto.PersonID, change func([]*book.Person) error) error {
	fresh, err := p.commit(ctx, ids, change)
	if err != nil {
		return err
	}
	return p.writeProfiles(ctx, fresh)
}

// commit is update without the profiles. It returns those whom the store did not have before.
func (p *People) commit(ctx context.Context, ids []crypto.PersonID, change func([]*book.Person) error) (fresh []crypto.PersonID, err error) {
	p.updating.Lock()
	defer p.updating.Unlock()
	lives := make([]Person, len(ids))
	for i, id := range ids {
		live, ok := p.Get(id)
		if !ok {
			return nil, &UnknownError{Who: id.String()}
		}
		if lives[i] = live; !live.saved {
			fresh = append(fresh, id)
		}
	}
	after := make([]book.Person, len(ids))
	show := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, id := range ids {
			p.edit(id, func(a *Person) {
				after[i].Card, after[i].Claimed = a.Card, a.Claimed
				a.Person, a.saved = after[i], true
			})
		}
	}
	err = p.store.Book().UpdatePersons(ctx, ids, func(stored []*book.Person) error {
		for i, s := range stored {
			s.Card = lives[i].Card
			if lives[i].Claimed != "" {
				s.Claimed = lives[i].Claimed
			}
			s.Met, s.Via = lives[i].Met, lives[i].via
		}
		if err := change(stored); err != nil {
			return err
		}
		for i, s := range stored {
			after[i] = *s
		}
		return nil
	}, show)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		p.hurry(id)
	}
	return fresh, nil
}

// Keep makes sure that the store has a person of whom it is about to hold something. Somebody who is or
// was in a group that the owner has accepted does not count as a stranger.
func (p *People) Keep(ctx context.Context, id crypto.PersonID) error {
	if a, ok := p.Get(id); ok && a.saved {
		return nil
	}
	return p.keep(ctx, id, p.groups.Concerns(id))
}

// KeepMember is Keep for somebody who is about to be a member of the owner's group. Who was stored as a
// stranger is none any more.
func (p *People) KeepMember(ctx context.Context, id crypto.PersonID) error {
	if a, ok := p.Get(id); ok && a.saved && (a.Member || a.Contact) {
		return nil
	}
	return p.keep(ctx, id, true)
}

func (p *People) keep(ctx context.Context, id crypto.PersonID, member bool) error {
	return p.Update(ctx, id, func(s *book.Person) error { s.Member = s.Member || member; return nil })
}

// Standing returns what a person is to the owner, who counts as a contact. Who is not known, or was
// blocked, is no contact.
func (p *People) Standing(id crypto.PersonID) budget.Standing {
	a, _ := p.Get(id)
	switch {
	case id == p.self, a.Contact && !a.Blocked:
		return budget.Contact
	case p.groups.Fellow(id):
		return budget.Fellow
	}
	return budget.Stranger
}
