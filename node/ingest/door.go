// Package ingest lets events, records and cards from outside into the store. However they came,
// they have no other way in: what node/receipts and node/people take in comes from here or was
// proven when the peer was met. It also hears what peers claim about this device's own logs.
//
// Everything is proven first, then its author's place in the conversation is checked, and only then
// is it stored. The answer for the peer follows the commit. A [Door] is for the whole node;
// [Door.From] gives the side of it that one session uses. The package also knows which peers are
// bringing what was missed (rounds.go). From that follows which rows of a conversation still wait
// for an earlier message that they refer to; the goroutine Run shows those that have waited long
// enough.
//
// Names, clocks and addresses decide nothing here, since anyone can make them up. The package knows
// no streams and no screens. Its methods may be called by any goroutine. What the peer is told of an error depends on its kind. An error that
// the peer is to blame for, such as a false signature, ends the session. A run that its author was
// not permitted to write, or for which there is no budget or no room, is refused, and the session
// goes on. A store that fails otherwise ends the session, so that the peer begins again from what is
// on the disk. refusal.go has the table.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/receipts"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Why a run is not let in. Errors of groups, authority and the store come through as they are.
var (
	// ErrUnproven: it is not what its author signed. The peer that brought it is to blame.
	ErrUnproven = errors.New("not proven")
	// ErrStranger: its author has no place in the conversation.
	ErrStranger = errors.New("its author has no place in the conversation")
	// ErrEarly: the owner came later and has no right to any of it.
	ErrEarly = errors.New("all of it was said before what the owner may read")
)

// Config is what a Door is made of.
type Config struct {
	Store    *store.Store
	People   *people.People
	Owner    *people.Owner
	Groups   *groups.Groups
	Receipts *receipts.Receipts
	Now      func() time.Time // the owner's clock, which the store uses as well
	Log      *slog.Logger

	// Met is told that a person who is in a group with the owner is known now.
	Met func(crypto.PersonID)
	// MoreWaits is told that a person has written more than there is budget for here. They are no
	// contact.
	MoreWaits func(crypto.PersonID)
	// Link says whom an address stands for where strangers are counted; nil: each for itself.
	Link func(netip.Addr) netip.Prefix
	// Room is told that what others bring finds no room on the disk, and that there is room again:
	// then the sessions are to try again.
	Room func(again bool)
	// Again is told that strangers have room again, so that sessions try again what was refused.
	Again func()
	// Limited is told that what is kept of somebody has reached its limit, and that there is room again;
	// may be nil.
	Limited func(l Limit, again bool)
	// Changed is told when something that is shown of people has changed.
	Changed func()
}

// Door lets in what is proven and has a place here.
type Door struct {
	cfg    Config
	self   crypto.PersonID
	device crypto.DeviceID
	rounds *rounds
	claims claims
	room   room
	giving giving // Run's, but for wanted

	limited limited
}

// New returns a door to a store.
func New(cfg Config) *Door {
	if cfg.Limited == nil {
		cfg.Limited = func(Limit, bool) {}
	}
	if cfg.Link == nil {
		cfg.Link = func(at netip.Addr) netip.Prefix { return netip.PrefixFrom(at, at.BitLen()) }
	}
	own := cfg.Store.Own()
	return &Door{cfg: cfg, self: own.Person, device: own.Device.ID(), rounds: newRounds(cfg.Now)}
}

// Address returns the name of the link address by which a session's peer has come; "" if it has none.
func (d *Door) Address(s Session) string {
	at, _, ok := s.Remote()
	if !ok {
		return ""
	}
	return d.cfg.Link(at.Addr().Unmap().WithZone("")).String()
}

// Ingested is what became of one run.
type Ingested struct {
	Segments event.Segments  // of the run's log, as held after the commit
	Author   crypto.PersonID // once known
	New      bool            // the run brought something that was not had before
	Err      error
}

// Ingest proves a run that a person has brought, checks its author's place and stores it. It
// returns after the commit.
func (d *Door) Ingest(ctx context.Context, run event.Run, from crypto.PersonID) Ingested {
	return d.begin(ctx, run, store.Origin{By: from})()
}

// Gossiped is Ingest for a run that came by gossip.
func (d *Door) Gossiped(ctx context.Context, run event.Run, from crypto.PersonID) Ingested {
	in := d.Ingest(ctx, run, from)
	if in.New {
		d.rounds.stored(nil, run.Log())
	}
	return in
}

// begin proves a run and hands it to the store. wait returns after the commit. Runs of one
// person are stored in the order in which they began. A run that brings nothing is not proven again.
func (d *Door) begin(ctx context.Context, run event.Run, from store.Origin) (wait func() Ingested) {
	if in, repeats := d.repeats(&run, from.By); repeats {
		return func() Ingested { return in }
	}
	admitted, err := d.Admit(ctx, run, from.By)
	if err != nil {
		return func() Ingested { return Ingested{Author: admitted.Author, Err: err} }
	}
	admitted.from = from
	return admitted.Store(ctx)
}

// repeats answers for a run that brings nothing to the store: it is held, or its log is frozen.
func (d *Door) repeats(run *event.Run, from crypto.PersonID) (in Ingested, repeats bool) {
	if c := run.Log().Conversation; c != event.Direct(d.self, from) && !d.cfg.Groups.Known(c) {
		return in, false
	}
	held, repeats, err := d.cfg.Store.Repeats(run)
	author, _ := d.cfg.People.Owner(run.Log().Device)
	return Ingested{Segments: held.Segments, Author: author, Err: err}, repeats
}

// Admitted is a run that was found good.
type Admitted struct {
	Author crypto.PersonID
	door   *Door
	run    event.Run    // what of it is for the owner
	from   store.Origin // of its author nothing is said here
}

// Admit proves a run, leaves out what is not for the owner, and makes sure that the store knows who
// brought it. Nothing is admitted while the disk has no room for what others write.
func (d *Door) Admit(ctx context.Context, run event.Run, from crypto.PersonID) (Admitted, error) {
	if err := d.cfg.Store.Room(); err != nil {
		return Admitted{}, err
	}
	if err := run.Prove(); err != nil {
		return Admitted{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	author, err := d.mayWrite(&run, from)
	a := Admitted{Author: author, door: d, run: run, from: store.Origin{By: from}}
	if err != nil {
		return a, err
	}
	if !d.cfg.Groups.Known(run.Log().Conversation) {
		return a, d.cfg.People.Keep(ctx, from)
	}
	if author != d.self {
		// Events before the owner's floor are left out: they would be stored as pieces whose gaps
		// are never filled.
		if a.run, err = d.cfg.Groups.Readable(run, d.self); err != nil {
			return a, fmt.Errorf("%w: %w", ErrStranger, err)
		}
		if len(a.run.Events) == 0 {
			return a, ErrEarly
		}
	}
	return a, d.cfg.People.Keep(ctx, author)
}

// Store hands the run to the store. If its author was removed from the group since the run was
// admitted, what they were no longer permitted to write is cut off after the commit.
func (a Admitted) Store(ctx context.Context) (wait func() Ingested) {
	d, c := a.door, a.run.Log().Conversation
	inGroup := d.cfg.Groups.Known(c)
	a.from.Author = a.Author
	stored := d.cfg.Store.BeginIngest(ctx, a.run, a.from)
	return func() Ingested {
		result, err := stored()
		forked := errors.Is(err, store.ErrForked)
		// In a group the acknowledgement tells the author what has come, which costs no signature.
		if a.Author != d.self && (forked || err == nil && !inGroup) {
			d.cfg.Receipts.Mark(c, a.Author)
		}
		if err == nil && inGroup && d.cfg.Groups.Accepts(a.Author, &a.run) != nil {
			err = d.cfg.Groups.Limit(context.WithoutCancel(ctx), c)
		}
		return Ingested{Segments: result.Segments, Author: a.Author, New: err == nil && result.New, Err: err}
	}
}

// mayWrite returns the author of a proven run, or an error if they may not write it. The author's
// card must name the run's device at the card head that the run was written under. In a direct
// conversation the author must be one of the two persons, in a group a member.
func (d *Door) mayWrite(run *event.Run, from crypto.PersonID) (crypto.PersonID, error) {
	h := &run.Events[0].Header
	author, err := d.cfg.People.Author(h.Card, h.Device)
	if err != nil {
		return author, err
	}
	if err := d.mayRecall(run, author); err != nil {
		return author, err
	}
	switch {
	case d.cfg.Groups.Known(h.Conversation):
		return author, d.cfg.Groups.Accepts(author, run)
	case h.Conversation != event.Direct(d.self, from), author != from && author != d.self:
		return author, ErrStranger
	}
	return author, nil
}

// mayRecall checks that the recalls that a run encloses are by its author. It leaves out those that
// the author was not permitted to write; without them nothing explains why their targets are
// absent.
func (d *Door) mayRecall(run *event.Run, author crypto.PersonID) error {
	if len(run.Recalls) == 0 {
		return nil
	}
	inGroup := d.cfg.Groups.Known(run.Log().Conversation)
	var kept []event.Event
	for _, recall := range run.Recalls {
		h := &recall.Header
		by, err := d.cfg.People.Author(h.Card, h.Device)
		switch {
		case err != nil:
			return err
		case by != author:
			return ErrStranger
		case inGroup && d.cfg.Groups.Accepts(author, &event.Run{Events: []event.Event{recall}}) != nil:
			continue
		}
		kept = append(kept, recall)
	}
	run.Recalls = kept
	return nil
}

// request keeps the opening run of somebody who is not served. An unproven run is an error.
func (d *Door) request(ctx context.Context, from crypto.PersonID, run event.Run, address string) error {
	if err := d.cfg.Store.Room(); err != nil {
		return err
	}
	if d.cfg.People.Ignores(from) { // after what the peer could notice: that it is tried again when there is room
		return nil
	}
	if err := run.Prove(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	if author, err := d.mayWrite(&run, from); err != nil || author != from {
		return ErrStranger
	}
	kept := d.cfg.Store.Book()
	if err := kept.MayRequest(from, event.Conversation{}, address); err != nil {
		return err
	}
	if err := d.cfg.People.Keep(ctx, from); err != nil {
		return err
	}
	if err := kept.PutRequest(ctx, book.Request{Person: from, Run: run.Marshal()}, address); err != nil {
		return err
	}
	d.cfg.Changed()
	return nil
}

// Run shows rows whose causes have not come in time, and looks for room on the disk where there was
// none, and for groups that were suspended, until ctx ends.
func (d *Door) Run(ctx context.Context) {
	if err := d.discardBlocked(ctx); err != nil && ctx.Err() == nil {
		d.cfg.Log.Warn("give back what blocked persons have written", "err", err)
	}
	tick := time.NewTicker(releaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.lookForRoom()
			if err := d.keepTidy(ctx); err != nil && ctx.Err() == nil {
				d.cfg.Log.Warn("make room for strangers", "err", err)
			}
			if err := d.lookForLimits(); err != nil && ctx.Err() == nil {
				d.cfg.Log.Warn("look whose limit is reached", "err", err)
			}
			d.cfg.Groups.Resume()
			d.rounds.prune()
			waits := func(cause event.Log, since time.Time) bool { return d.rounds.waits(cause, since, nil) }
			if err := d.cfg.Store.Release(ctx, nil, d.cfg.Now().Add(-releaseAfter), waits); err != nil && ctx.Err() == nil {
				d.cfg.Log.Warn("show waiting messages", "err", err)
			}
		}
	}
}
