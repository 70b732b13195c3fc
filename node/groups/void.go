package groups

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Arrival is a group that is arriving, as the owner sees it.
type Arrival struct {
	book.Accepted
	Name    string // as its founder called it
	Members uint64 // how many are in it, as whoever invited the owner said
}

// Arrivals returns the groups that are arriving, those first that have waited for longest.
func (g *Groups) Arrivals() (out []Arrival) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.oldest() {
		out = append(out, Arrival{Accepted: a.Accepted, Name: a.name, Members: a.members})
	}
	return out
}

// joinFor returns the join by which the owner is to be in a group that is arriving, for a member who has
// the events in known.
func (a *arriving) joinFor(known []crypto.Hash) []event.Event {
	if slices.Contains(known, a.Join) {
		return nil
	}
	return []event.Event{a.join}
}

// Void takes in that some joins of the owner's don't count in a group, as somebody says who knows its
// secret. If the owner has accepted one of these, they are told, once. It proves nothing, so they go on
// to be in the group, or to arrive there; but one that is arriving holds no place any more.
func (g *Groups) Void(ctx context.Context, id event.Conversation, joins []crypto.Hash, by crypto.PersonID) error {
	if a := g.arrivingOf(id); a != nil {
		if !slices.Contains(joins, a.Join) {
			return nil
		}
		a.changing.Lock()
		defer a.changing.Unlock()
		return g.voidArriving(ctx, a, by)
	}
	it, err := g.get(id)
	if err != nil {
		return nil // neither known nor arriving any more
	}
	it.changing.Lock()
	defer it.changing.Unlock()
	me, in := it.state.Member(g.self)
	if !in || it.void == it.accepted || !slices.Contains(joins, it.accepted) {
		return nil
	}
	of := book.Accepted{Group: id, Join: it.accepted, By: me.InvitedBy, Void: true}
	if err := g.tellVoid(ctx, of, it.state.Name, by); err != nil {
		return err
	}
	it.void = it.accepted
	return nil
}

// voidArriving takes in that the join does not count by which a group is to arrive: by is who says so,
// nobody where what has come of it does. The caller holds its changing.
func (g *Groups) voidArriving(ctx context.Context, a *arriving, by crypto.PersonID) error {
	if a.Void || g.arrivingOf(a.Group) != a {
		return nil
	}
	of := a.Accepted
	of.Void = true
	if err := g.tellVoid(ctx, of, a.name, by); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a.Void = true
	return nil
}

// tellVoid tells the owner that an invitation doesn't count, and keeps that they were told. Should the
// program end between the two, they are told again.
func (g *Groups) tellVoid(ctx context.Context, of book.Accepted, name string, by crypto.PersonID) error {
	n := store.Notice{Group: of.Group, What: store.GroupVoid, By: of.By, Name: name}
	if by != (crypto.PersonID{}) {
		n.Whom = []crypto.PersonID{by}
	}
	if err := g.store.TellOf(ctx, n); err != nil {
		return err
	}
	_, err := g.store.Book().Accept(ctx, of)
	return err
}

// GiveUp forgets the groups that have been arriving for too long, now being the store's time. The owner
// is told, but for those of which they know already that nothing comes of it.
func (g *Groups) GiveUp(ctx context.Context, now time.Time) (err error) {
	for _, of := range g.Arrivals() {
		if a := g.arrivingOf(of.Group); a != nil && now.Sub(of.Since) > arrivesWithin {
			err = errors.Join(err, g.giveUp(ctx, a))
		}
	}
	return err
}

func (g *Groups) giveUp(ctx context.Context, a *arriving) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	g.joining.Lock()
	defer g.joining.Unlock()
	if g.arrivingOf(a.Group) != a {
		return nil // it has arrived just now
	}
	if !a.Void {
		if err := g.store.TellOf(ctx, store.Notice{Group: a.Group, What: store.GroupLost, By: a.By, Name: a.name}); err != nil {
			return err
		}
	}
	if err := g.store.Book().DropAccepted(ctx, []event.Conversation{a.Group}); err != nil {
		return err
	}
	g.mu.Lock()
	delete(g.arriving, a.Group)
	g.mu.Unlock()
	g.cfg.Arriving(a.Group, false)
	return nil
}
