package groups

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// understand finds out who wrote a control event, and what it does.
func (g *Groups) understand(e *event.Event) (authority.Event, error) {
	author, err := g.cfg.Authors.Author(e.Header.Card, e.Header.Device)
	if err != nil {
		return authority.Event{}, err
	}
	return actOf(author, e)
}

// actOf finds out what a control event does whose author is known.
func actOf(author crypto.PersonID, e *event.Event) (authority.Event, error) {
	body, err := e.ParseBody()
	if err != nil {
		return authority.Event{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	act, err := event.ParseControl(e.Header.Kind, body.Content)
	if err != nil {
		return authority.Event{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	if create, ok := act.(event.Create); ok && create.Person != author {
		return authority.Event{}, fmt.Errorf("%w: made in another's name", ErrUnproven)
	}
	return authority.Event{
		ID:       crypto.Hash(e.ID),
		Author:   author,
		Parents:  e.Header.Control,
		Clock:    e.Header.Clock,
		Size:     len(e.HeaderBytes) + len(e.Body),
		Act:      act,
		Critical: e.Header.Flags&event.FlagCritical != 0,
	}, nil
}

// maxControl bounds the body of a control event that lists no cuts, in bytes. The longest
// invitation fits, with room to spare for kinds that are not known yet.
const maxControl = 4 << 10

// prove checks that an event is a control event of a group, whole, and signed by its device.
func prove(id event.Conversation, e *event.Event) error {
	if e.Header.Conversation != id || e.Header.Kind.Class() != event.ClassControl || e.Absent != event.Present {
		return ErrUnproven
	}
	if k := e.Header.Kind; len(e.Body) > maxControl && k != event.KindLeave && k != event.KindRemove && k != event.KindCuts {
		return fmt.Errorf("%w: %d bytes", authority.ErrNotPermitted, len(e.Body))
	}
	alone := event.Run{Events: []event.Event{*e}}
	if err := alone.Prove(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return nil
}

// Admit takes in control events of a group, which must come parents first. Events that their
// authors were not permitted to write are left out, and the error says so, though the others are
// taken. It is ErrSuspended if judging the group has taken more of the processor than its share: then
// those that were not taken must come again, after Config.Resumed. What is held, or was refused
// before, costs a look. A group that is arriving becomes known if the owner is in it by what has come
// of it.
func (g *Groups) Admit(ctx context.Context, id event.Conversation, events []event.Event) error {
	if a := g.arrivingOf(id); a != nil {
		return g.takePiece(ctx, a, events)
	}
	it, err := g.get(id)
	if err != nil {
		return err
	}
	if news, refused := g.news(it, events); len(news) == 0 {
		return refused
	} else if !g.mayJudge(id) {
		return ErrSuspended
	}
	it.changing.Lock()
	defer it.changing.Unlock()
	next := it.engine.Clone()
	t, err := g.take(ctx, id, next, events)
	if len(t.fresh) > 0 {
		if err := g.put(ctx, id, t.fresh, t.authors); err != nil {
			return err
		}
		if err := g.commit(ctx, it, next); err != nil {
			return err
		}
	}
	if t.left != nil {
		g.cfg.Strained(id)
	}
	if err == nil {
		err = t.err()
	}
	return err
}

// news returns the events that are neither held nor were refused before, and an error if some were
// refused.
func (g *Groups) news(it *group, events []event.Event) (news []event.Event, refused error) {
	_ = it.with(func(it *group) error {
		for i := range events {
			if g.refused.has(events[i].ID) {
				refused = authority.ErrNotPermitted
			} else if !it.engine.Has(crypto.Hash(events[i].ID)) {
				news = append(news, events[i])
			}
		}
		return nil
	})
	return news, refused
}

func (g *Groups) put(ctx context.Context, id event.Conversation, events []event.Event, authors []crypto.PersonID) error {
	if err := g.keep(ctx, authors); err != nil {
		return err
	}
	return g.store.PutControls(ctx, id, events)
}

// keep makes sure that the store knows persons of whom it is about to hold something.
func (g *Groups) keep(ctx context.Context, persons []crypto.PersonID) error {
	for _, p := range slices.Compact(slices.Clone(persons)) {
		if err := g.cfg.Authors.Keep(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// commit makes a change count that is on the disk. From then on this device's events build on it,
// the store hides what it cuts off, the owner is told by notices, and so is Config.Changed. The
// caller holds changing.
func (g *Groups) commit(ctx context.Context, it *group, next *authority.Group) error {
	before := it.state
	g.publish(it, next)
	return g.finish(ctx, it, before)
}

// finish does what follows from a change that has been published: see commit.
func (g *Groups) finish(ctx context.Context, it *group, before *authority.State) error {
	ctx = context.WithoutCancel(ctx) // what is cut off must be hidden, also if the caller has given up
	err := g.limits(ctx, it)
	err = errors.Join(err, g.keepAccepted(ctx, it), g.ask(ctx, it))
	g.tell(ctx, it)
	g.cfg.Changed(Change{ID: it.id, Before: before, After: it.state})
	return err
}

// enter makes a new group known, which is on the disk. The caller holds joining.
func (g *Groups) enter(ctx context.Context, it *group, engine *authority.Group) error {
	it.changing.Lock()
	defer it.changing.Unlock()
	g.publish(it, engine)
	g.mu.Lock()
	g.groups[it.id] = it
	delete(g.arriving, it.id)
	g.mu.Unlock()
	return g.finish(ctx, it, nil)
}

// Create makes a group whose only member is the owner.
func (g *Groups) Create(ctx context.Context, name string) (event.Conversation, error) {
	g.joining.Lock()
	defer g.joining.Unlock()
	act := event.Create{Person: g.self, Name: name, History: event.History{Policy: event.HistoryJoined}}
	_, _ = rand.Read(act.Secret[:]) // never fails
	e, err := g.store.AppendControl(ctx, store.ControlDraft{Act: act})
	if err != nil {
		return event.Conversation{}, err
	}
	understood, err := g.understand(&e)
	if err != nil {
		return event.Conversation{}, err
	}
	it := &group{id: e.Header.Conversation}
	engine, err := authority.New(understood)
	if err != nil {
		return event.Conversation{}, err
	}
	it.secret = act.Secret
	return it.id, g.enter(ctx, it, engine)
}

// Do writes a control event in a group in the owner's name. decide returns its content, nil to
// write nothing. The state that decide is given can't change before the event is written.
func (g *Groups) Do(ctx context.Context, id event.Conversation, decide func(*authority.State) (event.Control, error)) error {
	return g.inTurn(id, func(it *group, before *authority.State) error {
		act, err := decide(before)
		if err != nil || act == nil {
			return err
		}
		return g.act(ctx, it, act)
	})
}

// inTurn runs change on a group while nothing else changes the group. before is the group's state
// until then.
func (g *Groups) inTurn(id event.Conversation, change func(it *group, before *authority.State) error) error {
	it, err := g.get(id)
	if err != nil {
		return err
	}
	it.changing.Lock()
	defer it.changing.Unlock()
	return change(it, it.state)
}

// act writes a control event in a group in the owner's name. The caller holds changing.
func (g *Groups) act(ctx context.Context, it *group, act event.Control) error {
	next := it.engine.Clone()
	if err := next.May(g.self, act); err != nil {
		return err
	}
	e, err := g.store.AppendControl(ctx, store.ControlDraft{Conversation: it.id, Act: act})
	if err != nil {
		return err
	}
	if _, err := g.permit(it.id, next, &e); err != nil {
		return err
	}
	return g.commit(ctx, it, next)
}
