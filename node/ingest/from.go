package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Session is the session by which something comes.
type Session interface {
	// Silence returns for how long no byte has come from the peer.
	Silence() time.Duration
	// End ends the session.
	End(reason error)
	// Log returns the logger of the session.
	Log() *slog.Logger
}

// From is the side of a Door that one session uses, once its peer's person is known.
type From struct {
	door    *Door
	session Session
	person  crypto.PersonID
	visible func(event.Log, event.Segments) event.Segments
	welcome welcome
}

// From returns the door for what a session brings. visible returns the segments of a log that the
// peer may know about.
func (d *Door) From(s Session, person crypto.PersonID, visible func(event.Log, event.Segments) event.Segments) *From {
	return &From{door: d, session: s, person: person, visible: visible}
}

// Run begins to let in a run. wait returns the answer after the commit.
func (f *From) Run(ctx context.Context, e sync.Ingest) (wait func() sync.Input) {
	commit := f.door.begin(ctx, e.Run, f.person)
	return func() sync.Input {
		result := commit()
		if result.New {
			f.door.rounds.stored(f.session, e.Run.Log())
		}
		return f.answer(e.Ticket, e.Run.Log(), result)
	}
}

// answer returns what the machine is told about a run that was let in or refused.
func (f *From) answer(ticket sync.Ticket, log event.Log, r Ingested) sync.Input {
	stored := sync.Stored{Ticket: ticket, Segments: f.visible(log, r.Segments)}
	var needs *groups.NeedsCardError
	switch {
	case r.Err == nil:
		return stored
	case errors.As(r.Err, &needs):
		return sync.NeedCard{Ticket: ticket, Head: needs.Head}
	case errors.Is(r.Err, authority.ErrParent):
		return sync.NeedControl{Ticket: ticket}
	case errors.Is(r.Err, store.ErrTooManySegments):
		stored.Refused, stored.Once = wire.TooManySegments, true
	case errors.Is(r.Err, ErrEarly):
		stored.Refused, stored.Once = wire.TooEarly, true
	case errors.Is(r.Err, store.ErrBudget):
		stored.Refused = wire.OverBudget
	case errors.Is(r.Err, store.ErrForked):
		stored.Refused = wire.Forked
	case errors.Is(r.Err, ErrStranger), errors.Is(r.Err, authority.ErrNotPermitted),
		errors.Is(r.Err, authority.ErrCut), errors.Is(r.Err, store.ErrCut):
		stored.Refused = wire.NotPermitted
	case errors.Is(r.Err, ErrUnproven):
		stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, r.Err)
	default:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, r.Err)
	}
	if !errors.Is(r.Err, context.Canceled) { // a cancelled context means only that the session has ended
		f.session.Log().Warn("run not taken", "conv", log.Conversation, "err", r.Err)
	}
	return stored
}

// Record lets in a record.
func (f *From) Record(ctx context.Context, e sync.IngestRecord) sync.Input {
	d, r := f.door, e.Record
	stored := sync.Stored{Ticket: e.Ticket}
	signer, ok := d.cfg.People.Of(r.Device)
	switch {
	case !ok || signer.ID != f.person && signer.ID != d.self:
		stored.Refused = wire.NotPermitted
		return stored
	case !signer.Parsed.Includes(r.Card):
		return sync.NeedCard{Ticket: e.Ticket, Head: r.Card}
	case !signer.Parsed.SpeaksAt(r.Card, r.Device) || !r.Verify():
		stored.Err = fmt.Errorf("%w: record not proven", sync.ErrProtocol)
		return stored
	}
	var err error
	switch r.Kind {
	case event.KindProfile:
		if people.IsProfile(&r, signer.Parsed) {
			if err = d.cfg.People.Rename(ctx, signer.ID, people.NameIn(&r)); err == nil {
				err = d.cfg.People.PutProfile(ctx, signer.ID, r)
			}
			d.cfg.Changed()
		}
	case event.KindReceipt:
		if signer.Contact || d.cfg.Groups.Known(e.Conversation) { // the owner has written to nobody else, so others have nothing to receipt
			err = d.cfg.Receipts.Take(ctx, signer.ID, e.Conversation, r)
		}
	}
	switch {
	case errors.Is(err, store.ErrBudget):
		stored.Refused = wire.OverBudget
	case err != nil:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	}
	return stored
}

// Profile keeps the proven profile that came with the peer's card, to give it to whoever asks for
// that card.
func (f *From) Profile(ctx context.Context, profile event.Record) sync.Input {
	f.failed("keep profile", f.door.cfg.People.PutProfile(ctx, f.person, profile))
	return nil
}

// Card takes in the card that the peer was asked for.
func (f *From) Card(ctx context.Context, e sync.LearnCard) sync.Input {
	f.failed("learn card", f.door.card(ctx, e))
	return sync.CardLearned{}
}

func (d *Door) card(ctx context.Context, e sync.LearnCard) error {
	card, err := crypto.ParseCard(e.Card)
	if err != nil || !card.Includes(e.Head) && card.Person() != e.Person {
		return nil // the run that waits for the card is refused when it asks for the card again
	}
	if e.Profile != nil && !people.IsProfile(e.Profile, card) {
		e.Profile = nil
	}
	if err := d.cfg.People.Learn(ctx, card, people.NameIn(e.Profile)); err != nil {
		return err
	}
	if e.Profile != nil {
		if err := d.cfg.People.PutProfile(ctx, card.Person(), *e.Profile); err != nil {
			return err
		}
	}
	if !d.cfg.Groups.Fellows(d.self, card.Person()) {
		return nil
	}
	if err := d.cfg.People.Keep(ctx, card.Person()); err != nil {
		return err
	}
	d.cfg.Met(card.Person())
	return nil
}

// Request keeps the opening run of a peer that is not served.
func (f *From) Request(ctx context.Context, run event.Run) sync.Input {
	f.failed("keep request", f.door.request(ctx, f.person, run))
	return nil
}

// RoundBegan notes that the peer was asked for everything in a conversation.
func (f *From) RoundBegan(c event.Conversation) { f.door.rounds.begin(c, f.session) }

// RoundDropped notes that the peer will not bring what it was asked for.
func (f *From) RoundDropped(c event.Conversation) { f.door.rounds.end(c, f.session) }

// RoundEnded notes that the peer has brought everything that it had in a conversation. The returned
// task shows the rows that waited for that peer; it is nil if the peer was not asked.
func (f *From) RoundEnded(c event.Conversation) (show func(context.Context) sync.Input) {
	began, ok := f.door.rounds.end(c, f.session)
	if !ok {
		return nil
	}
	return func(ctx context.Context) sync.Input {
		f.failed("show what waited", f.door.cfg.Store.Release(ctx, &c, began, func(cause event.Log, since time.Time) bool {
			return f.door.rounds.waits(cause, since, f.session)
		}))
		return nil
	}
}

// Left notes that the session has ended.
func (f *From) Left() { f.door.rounds.left(f.session) }

// failed logs an error that the peer is not told about.
func (f *From) failed(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		f.session.Log().Warn(what, "err", err)
	}
}
