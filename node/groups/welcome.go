package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Request is an invitation to a group by somebody who is no contact. It waits for the owner.
type Request struct {
	book.Request
	Name    string // of the group, as its founder called it
	Members uint64 // how many are in it, as whoever invited the owner says
}

// WelcomeOf returns what tells a person that the owner has brought them into a group; nil if it was
// not the owner.
func (g *Groups) WelcomeOf(id event.Conversation, person crypto.PersonID) (*wire.Welcome, error) {
	state, err := g.State(id)
	if err != nil {
		return nil, err
	}
	member, in := state.Member(person)
	if !in || member.InvitedBy != g.self {
		return nil, nil
	}
	return g.welcomeBy(id, member.Joined, g.store.Own().Card.Bytes(), len(state.Members))
}

// welcomeBy makes a welcome of what is on the disk.
func (g *Groups) welcomeBy(id event.Conversation, join crypto.Hash, card []byte, members int) (*wire.Welcome, error) {
	events, err := g.store.SomeControls(id, []crypto.Hash{crypto.Hash(id), join}, wire.MaxWelcome)
	if err != nil || len(events) != 2 {
		return nil, err
	}
	w := &wire.Welcome{Create: events[0], Join: events[1], Card: card, Members: max(2, uint64(members))}
	if !w.Fits() {
		w.Card = nil
	}
	return w, nil
}

// Welcome takes in that somebody has brought the owner into a group. If they are a contact, the group
// is arriving from then on. If not, it is a request. The author's card must be known. via is the
// address of the link by which the welcome came.
//
// It does nothing about a group that is known or arriving, or for which the same person's request
// waits, and about one who is blocked. Errors: ErrUnproven, book.ErrBudget (no room for the request)
// and those of Authors.Author and the store.
func (g *Groups) Welcome(ctx context.Context, w *wire.Welcome, via string) (by crypto.PersonID, err error) {
	id := w.Group()
	if g.Known(id) || g.arrivingOf(id) != nil {
		return by, nil
	}
	join, err := g.understand(&w.Join)
	if err != nil {
		return by, err
	}
	by = join.Author
	if invite, ok := join.Act.(event.Invite); !ok || by == g.self || !slices.Contains(invite.Persons, g.self) {
		return by, fmt.Errorf("%w: it is not for the owner", ErrUnproven)
	}
	brings := g.cfg.Authors.Brings(by)
	if !brings {
		if waits, err := g.store.Book().Waits(by, id); err != nil || waits || g.cfg.Authors.Ignores(by) {
			return by, err
		}
		if err := g.store.Book().MayRequest(by, id, via); err != nil {
			return by, err
		}
	}
	if err := errors.Join(prove(id, &w.Create), prove(id, &w.Join)); err != nil {
		return by, err
	}
	if brings {
		return by, g.arrive(ctx, w, by)
	}
	if err := g.keep(ctx, []crypto.PersonID{by}); err != nil {
		return by, err
	}
	return by, g.request(ctx, w, by, via)
}

// request keeps a request, and has the owner told.
func (g *Groups) request(ctx context.Context, w *wire.Welcome, by crypto.PersonID, via string) error {
	if err := g.store.Book().PutRequest(ctx, book.Request{Person: by, Group: w.Group(), Run: w.Marshal()}, via); err != nil {
		return err
	}
	g.cfg.Requested()
	return nil
}

// Requests returns the invitations that wait for the owner.
func (g *Groups) Requests() (out []Request, err error) {
	kept, err := g.store.Book().Requests()
	if err != nil {
		return nil, err
	}
	for _, q := range kept {
		if q.Group == (event.Conversation{}) {
			continue
		}
		w, err := wire.ParseWelcome(q.Run)
		if err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		create, err := createOf(&w.Create)
		if err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		out = append(out, Request{Request: q, Name: create.Name, Members: w.Members})
	}
	return out, nil
}

// AcceptDue has the groups arrive that wait for the owner though whoever has brought them in may do
// that by now. Call it when somebody has become a contact, and once more at the start: the program
// may have ended in between.
func (g *Groups) AcceptDue(ctx context.Context) error {
	waiting, err := g.Requests()
	if err != nil {
		return err
	}
	for _, q := range waiting {
		if !g.cfg.Authors.Brings(q.Person) {
			continue
		}
		w, err := wire.ParseWelcome(q.Run)
		if err == nil {
			err = g.arrive(ctx, w, q.Person)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asAccepted returns the state of a group as the owner has accepted it: without them, where they are
// in by a join that somebody wrote who is no contact, and did not accept it. It returns by which join
// they are in, and whether they are to be asked about another. The caller holds changing.
func (g *Groups) asAccepted(it *group, now *authority.State) (state *authority.State, join crypto.Hash, ask bool) {
	me, in := now.Member(g.self)
	if !in {
		return now, it.accepted, false
	}
	was := false
	if it.state != nil {
		_, was = it.state.Member(g.self)
	}
	if was || me.Joined == it.accepted || me.Joined == crypto.Hash(it.id) || g.cfg.Authors.Brings(me.InvitedBy) {
		return now, me.Joined, false
	}
	without := *now
	without.Members = slices.DeleteFunc(slices.Clone(now.Members), func(m authority.Member) bool { return m.Person == g.self })
	return &without, it.accepted, true
}

// ask makes a request of the join by which the owner would be in a group again, once. If there is no
// budget for that, it is tried again with the next change. The caller holds changing.
func (g *Groups) ask(ctx context.Context, it *group) error {
	me, in := it.engine.State().Member(g.self)
	if !it.asks || !in || it.asked == me.Joined || g.cfg.Authors.Ignores(me.InvitedBy) {
		return nil
	}
	waits, err := g.store.Book().Waits(me.InvitedBy, it.id)
	if err == nil && !waits {
		err = g.askNow(ctx, it, me)
	}
	switch {
	case err == nil:
		it.asked = me.Joined
	case errors.Is(err, store.ErrBudget):
		return nil
	}
	return err
}

func (g *Groups) askNow(ctx context.Context, it *group, me authority.Member) error {
	w, err := g.welcomeBy(it.id, me.Joined, g.cfg.Authors.Card(me.InvitedBy), len(it.state.Members)+1)
	if err != nil || w == nil {
		return err
	}
	return g.request(ctx, w, me.InvitedBy, "")
}

// keepAccepted writes down by which join the owner is in a group, if the disk does not know. The
// caller holds changing.
func (g *Groups) keepAccepted(ctx context.Context, it *group) error {
	if it.accepted == it.kept || it.accepted == crypto.Hash(it.id) {
		return nil
	}
	me, _ := it.state.Member(g.self)
	_, err := g.store.Book().Accept(ctx, book.Accepted{Group: it.id, Join: it.accepted, By: me.InvitedBy, Void: it.void == it.accepted})
	if err == nil {
		it.kept = it.accepted
	}
	return err
}
