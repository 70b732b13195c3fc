package groups

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store/event"
)

// taking is what came of control events that were given to an engine.
type taking struct {
	fresh   []event.Event // those that it took
	authors []crypto.PersonID

	refused error // one may not be taken, ever
	left    error // there is no room for one here
	parent  error // one builds on something that is not here
	card    error // one needs a card
}

// err says what is to be done about those that were not taken: first what may help.
func (t *taking) err() error {
	switch {
	case t.card != nil:
		return t.card
	case t.parent != nil && t.left == nil && t.refused == nil: // else it may be waiting for what was not taken
		return t.parent
	case t.left != nil:
		return t.left
	}
	return t.refused
}

// take proves events and gives them to an engine, parents first. One that isn't taken leaves the
// others as they are. The error is one after which nothing more is looked at: ErrUnproven,
// ErrSuspended, or that of a store.
func (g *Groups) take(ctx context.Context, id event.Conversation, next *authority.Group, events []event.Event) (t taking, err error) {
	for i := range events {
		e := &events[i]
		switch {
		case ctx.Err() != nil:
			return t, ctx.Err()
		case next.Has(crypto.Hash(e.ID)):
			continue
		case g.refused.has(e.ID):
			t.refused = authority.ErrNotPermitted
			continue
		case !g.mayJudge(id):
			return t, ErrSuspended
		}
		start := g.shares.now()
		author, err := g.permit(id, next, e)
		g.shares.spend(id, g.shares.now().Sub(start))
		switch {
		case err == nil:
			t.fresh, t.authors = append(t.fresh, *e), append(t.authors, author)
		case errors.Is(err, authority.ErrNotPermitted):
			t.refused = err
		case errors.Is(err, authority.ErrParent):
			t.parent = err
		case errors.Is(err, authority.ErrFull):
			t.left = err
		case errors.As(err, new(*NeedsCardError)):
			t.card = err
		default:
			return t, err
		}
	}
	if len(t.fresh) > 0 {
		start := g.shares.now()
		next.State()
		g.shares.spend(id, g.shares.now().Sub(start))
	}
	return t, nil
}

// permit proves an event and gives it to an engine, which takes it if its author was permitted to
// write it.
func (g *Groups) permit(id event.Conversation, next *authority.Group, e *event.Event) (author crypto.PersonID, err error) {
	if err := prove(id, e); err != nil {
		return author, err
	}
	understood, err := g.understand(e)
	if err != nil {
		return author, err
	}
	if err = next.Add(understood); errors.Is(err, authority.ErrNotPermitted) {
		g.refused.add(e.ID)
	}
	return understood.Author, err
}

// mayJudge says whether something of a group may be judged now. If not, the owner is told.
func (g *Groups) mayJudge(id event.Conversation) bool {
	may, news := g.shares.may(id)
	if news {
		g.cfg.Strained(id)
	}
	return may
}

// Resume tells Config.Resumed of each group that was suspended and may go on. Call it every second
// or so.
func (g *Groups) Resume() {
	for _, id := range g.shares.resumed() {
		g.cfg.Resumed(id)
	}
}
