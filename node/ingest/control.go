package ingest

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
)

// Control lets in control events of a group. It returns when they are on the disk and count.
func (f *From) Control(ctx context.Context, e sync.IngestControl) sync.Input {
	err := f.door.cfg.Store.Room()
	if err == nil {
		err = f.door.cfg.Groups.Admit(ctx, e.Conversation, e.Events)
	}
	return f.outcome(e.Ticket, "control events not taken", err)
}

// Welcome takes in that somebody has brought the owner into a group. The answer does not depend on
// who has brought that, nor on what becomes of it, but for a disk that is full.
func (f *From) Welcome(ctx context.Context, e sync.IngestWelcome) sync.Input {
	by, err := f.door.welcome(ctx, e.Welcome, f.door.Address(f.session))
	switch {
	case errors.Is(err, store.ErrFull):
		return f.outcome(e.Ticket, "welcome not taken", err)
	case errors.Is(err, store.ErrBudget):
		f.door.overBudget(by)
	}
	f.failed("welcome not taken", err)
	return sync.Stored{Ticket: e.Ticket}
}

// Void takes in that the peer's person says which of the owner's joins don't count.
func (f *From) Void(ctx context.Context, e sync.Void) sync.Input {
	f.failed("void invitation not taken in", f.door.cfg.Groups.Void(ctx, e.Conversation, e.Joins, f.person))
	return nil
}

func (d *Door) welcome(ctx context.Context, w *wire.Welcome, via string) (by crypto.PersonID, err error) {
	if err := d.cfg.Store.Room(); err != nil {
		return by, err
	}
	if by, err := d.learnAuthor(ctx, w); err != nil {
		return by, err
	}
	return d.cfg.Groups.Welcome(ctx, w, via)
}

// learnAuthor takes in the card of a join's author, if the author is not known yet. A card proves
// itself.
func (d *Door) learnAuthor(ctx context.Context, w *wire.Welcome) (by crypto.PersonID, err error) {
	h := &w.Join.Header
	if known, ok := d.cfg.People.WithHead(h.Card); ok && known.Parsed.Includes(h.Card) || len(w.Card) == 0 {
		return known.ID, nil
	}
	card, err := crypto.ParseCard(w.Card)
	if err != nil || !card.SpeaksAt(h.Card, h.Device) {
		return by, ErrUnproven
	}
	return card.Person(), d.cfg.People.Learn(ctx, card, "")
}
