package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Session is the session by which something comes.
type Session interface {
	// Silence returns for how long no byte has come from the peer.
	Silence() time.Duration
	// End ends the session.
	End(reason error)
	// Remote returns the peer's end of the connection; ok is false if it has no IP.
	Remote() (at netip.AddrPort, dialled, ok bool)
	// Log returns the logger of the session.
	Log() *slog.Logger
}

// maxAttempts bounds the logs of which it is remembered that a run was refused. Past it all are forgotten: then
// a run may be taken that follows one for which there was no room.
const maxAttempts = 256

// From is the side of a Door that one session uses, once its peer's person is known.
type From struct {
	door    *Door
	session Session
	person  crypto.PersonID
	address string // of the link, by which strangers are counted
	visible func(event.Log, event.Segments) event.Segments

	mu       gosync.Mutex
	attempts map[event.Log]*store.Attempt // the last of each log that is under way or was refused
}

// From returns the door for what a session brings. visible returns the segments of a log that the
// peer may know about.
func (d *Door) From(s Session, person crypto.PersonID, visible func(event.Log, event.Segments) event.Segments) *From {
	return &From{
		door: d, session: s, person: person, address: d.Address(s), visible: visible,
		attempts: map[event.Log]*store.Attempt{},
	}
}

// Run begins to let in a run. wait returns the answer after the commit.
func (f *From) Run(ctx context.Context, e sync.Ingest) (wait func() sync.Input) {
	this := new(store.Attempt)
	from := store.Origin{By: f.person, Address: f.address, This: this, After: f.began(e.Run.Log(), this)}
	commit := f.door.begin(ctx, e.Run, from)
	return func() sync.Input {
		result := commit()
		f.ended(e.Run.Log(), this, result.Err)
		if result.New {
			f.door.rounds.stored(f.session, e.Run.Log())
		}
		return f.answer(ctx, e.Ticket, e.Run.Log(), result)
	}
}

// began notes that a run is to be stored, and returns the attempt before it, nil if there is none.
func (f *From) began(log event.Log, this *store.Attempt) (before *store.Attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before = f.attempts[log]
	if before == nil && len(f.attempts) >= maxAttempts {
		clear(f.attempts)
	}
	f.attempts[log] = this
	return before
}

// ended forgets an attempt that says nothing of the next one.
func (f *From) ended(log event.Log, this *store.Attempt, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.attempts[log] == this && !errors.Is(err, store.ErrBudget) {
		delete(f.attempts, log)
	}
}

// answer returns what the machine is told about a run that was let in or refused.
func (f *From) answer(ctx context.Context, ticket sync.Ticket, log event.Log, r Ingested) sync.Input {
	answer := f.outcome(ticket, "run not taken", r.Err)
	if errors.Is(r.Err, store.ErrBudget) {
		f.door.refused(ctx, Limit{r.Author, log.Conversation})
	}
	if stored, ok := answer.(sync.Stored); ok {
		stored.Segments = f.visible(log, r.Segments)
		return stored
	}
	return answer
}

// Record lets in a record.
func (f *From) Record(ctx context.Context, e sync.IngestRecord) sync.Input {
	return f.outcome(e.Ticket, "record not taken", f.record(ctx, e.Conversation, e.Record))
}

func (f *From) record(ctx context.Context, c event.Conversation, r event.Record) error {
	d := f.door
	signer, ok := d.cfg.People.Of(r.Device)
	switch {
	case !ok || signer.ID != f.person && signer.ID != d.self:
		return ErrStranger
	case !signer.Parsed.Includes(r.Card):
		return &groups.NeedsCardError{Head: r.Card}
	}
	// The owner has written to nobody else, so others have nothing to receipt.
	mayReceipt := signer.Contact || signer.ID == d.self || d.cfg.Groups.Known(c)
	receipts := r.Kind == event.KindReceipt || r.Kind == event.KindHoldings
	if r.Kind != event.KindProfile && !(receipts && mayReceipt) {
		return nil // it is not kept, and need not be proven
	}
	if known, err := d.knows(&signer, &r); known || err != nil {
		return err
	}
	if !signer.Parsed.SpeaksAt(r.Card, r.Device) || !r.Verify() {
		return fmt.Errorf("%w: record", ErrUnproven)
	}
	switch r.Kind {
	case event.KindReceipt:
		return d.cfg.Receipts.Take(ctx, signer.ID, c, r)
	case event.KindHoldings:
		return d.cfg.Receipts.TakeHoldings(ctx, signer.ID, c, r)
	}
	if !people.IsProfile(&r, signer.Parsed) {
		return nil
	}
	defer d.cfg.Changed()
	if err := d.cfg.People.Rename(ctx, signer.ID, people.NameIn(&r)); err != nil {
		return err
	}
	return d.cfg.People.PutProfile(ctx, signer.ID, r)
}

// knows reports whether a record is no newer than the one that is known of its signer. Such a record
// changes nothing and need not be proven.
func (d *Door) knows(signer *people.Person, r *event.Record) (bool, error) {
	if r.Kind == event.KindProfile {
		return signer.Knows(r), nil
	}
	held, err := d.cfg.Store.Book().Records(r.Kind, r.Subject)
	for i := range held {
		if held[i].Device == r.Device {
			return !event.Newer(*r, held[i]), nil
		}
	}
	return false, err
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
	if len(e.Card) == 0 {
		return nil // the run that waits for the card is refused when it asks for the card again
	}
	known, _ := d.cfg.People.Get(e.Person)
	if e.Person == (crypto.PersonID{}) {
		known, _ = d.cfg.People.WithHead(e.Head)
	}
	card, err := known.ParseCard(e.Card)
	if err != nil || !card.Includes(e.Head) && card.Person() != e.Person {
		return nil
	}
	profile, ok := known.Profile(e.Profile, card)
	if !ok {
		profile = nil
	}
	if err := d.cfg.People.Learn(ctx, card, people.NameIn(profile)); err != nil {
		return err
	}
	if profile != nil {
		if err := d.cfg.People.PutProfile(ctx, card.Person(), *profile); err != nil {
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
	err := f.door.request(ctx, f.person, run, f.address)
	switch {
	case errors.Is(err, store.ErrBudget):
		f.door.overBudget(f.person)
	case errors.Is(err, store.ErrFull):
		f.door.noRoom()
	}
	f.failed("keep request", err)
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
