// Package receipts is what is told and what is heard about delivery: the signed receipts and holdings of
// this node's owner and of others, and the acknowledgements that peers give over their links.
//
// [Receipts] signs what this node has received, what its owner has read and what has become of
// attachments, each at most once a second for each author and conversation, and takes in the receipts and
// holdings of others. [Acks] writes down what
// peers say they have on their disks. Each has one goroutine, Run, and a queue that is bounded by
// the persons and logs that are dealt with. A write that failed is tried again. Nothing is lost
// when the node ends: the store knows what is unsigned, and a peer says again what it
// has when it is next met.
//
// The package sends nothing: the caller decides who is told of a new receipt. It believes records
// that the caller has proven.
package receipts

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// receiptPause is the least time between two receipts, or two holdings, of one subject.
	receiptPause = time.Second

	// receiptDelay gathers what happens at once before the first receipt of a burst.
	receiptDelay = 100 * time.Millisecond
)

// Store is what this package needs of the store.
type Store interface {
	SignReceipt(ctx context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error)
	NoteDelivered(context.Context, []store.Delivery) error
	NoteDeliveredLater(ctx context.Context, later time.Duration, pending func() []store.Delivery) error
	Unsigned() ([]store.Subject, error)

	SignHoldings(context.Context, store.Subject) (event.Record, bool, error)
	TakeHoldings(ctx context.Context, from crypto.PersonID, record event.Record) error
	Unsaid() ([]store.Subject, error)
}

// Records is where proven records are kept.
type Records interface {
	PutRecord(context.Context, event.Record) (bool, error)
}

// Groups says which conversations are groups and who was ever in one.
type Groups interface {
	Known(event.Conversation) bool
	Ever(event.Conversation, crypto.PersonID) bool
}

// Config is what Receipts are made of.
type Config struct {
	Store   Store
	Records Records
	Groups  Groups
	Self    crypto.PersonID
	Signed  func(event.Conversation, event.Record) // is told new receipts and holdings of the owner's after the commit
	Log     *slog.Logger
}

// Receipts signs the receipts and holdings of the owner, and takes in those of others.
type Receipts struct {
	cfg Config

	mu   gosync.Mutex
	due  map[due]time.Time // when to sign; bounded by the persons whom the owner talks with
	last map[due]time.Time // of the last one, forgotten after receiptPause
	wake notify.Signal
}

// due is what is to be signed: a receipt or holdings.
type due struct {
	store.Subject
	kind event.RecordKind
}

// New returns Receipts that have nothing to sign.
func New(cfg Config) *Receipts {
	return &Receipts{cfg: cfg, due: make(map[due]time.Time), last: make(map[due]time.Time), wake: notify.NewSignal()}
}

// Mark says that something of an author's was received or read.
func (r *Receipts) Mark(c event.Conversation, author crypto.PersonID) {
	r.mark(due{store.Subject{Conversation: c, Author: author}, event.KindReceipt})
}

// MarkHoldings says that something has become of attachments of an author's messages.
func (r *Receipts) MarkHoldings(of store.Subject) { r.mark(due{of, event.KindHoldings}) }

func (r *Receipts) mark(s due) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, waits := r.due[s]; waits {
		return
	}
	at := time.Now().Add(receiptDelay)
	if next := r.last[s].Add(receiptPause); next.After(at) {
		at = next
	}
	r.due[s] = at
	r.wake.Give()
}

// next takes out what is due and says when the rest is.
func (r *Receipts) next(now time.Time) (out []due, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, last := range r.last {
		if now.Sub(last) > receiptPause {
			delete(r.last, s)
		}
	}
	for s, when := range r.due {
		switch {
		case !when.After(now):
			out = append(out, s)
			delete(r.due, s)
			r.last[s] = now
		case at.IsZero() || when.Before(at):
			at = when
		}
	}
	return out, at
}

// Run signs until ctx ends. What was marked and not signed by then is signed after the next start: the
// store knows it.
func (r *Receipts) Run(ctx context.Context) {
	r.MarkUnsigned()
	r.markUnsaid()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now, at := r.next(time.Now())
		for _, s := range now {
			if err := r.sign(ctx, s); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("sign receipt", "conv", s.Conversation, "err", err)
				r.mark(s) // to be tried again
			}
		}
		if !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
	}
}

// MarkUnsigned is Mark for everything that was received or read and has no receipt yet, as the store
// knows. It is for after something was read, and for the start: the last run of the node may have
// ended before it had signed.
func (r *Receipts) MarkUnsigned() {
	left, err := r.cfg.Store.Unsigned()
	if err != nil {
		r.cfg.Log.Warn("look for receipts to sign", "err", err)
	}
	for _, s := range left {
		r.Mark(s.Conversation, s.Author)
	}
}

// markUnsaid is MarkHoldings for everything that holdings don't say yet.
func (r *Receipts) markUnsaid() {
	left, err := r.cfg.Store.Unsaid()
	if err != nil {
		r.cfg.Log.Warn("look for holdings to sign", "err", err)
	}
	for _, s := range left {
		r.MarkHoldings(s)
	}
}

// sign signs and commits what is so by now, and then tells it.
func (r *Receipts) sign(ctx context.Context, s due) (err error) {
	var out event.Record
	var signed bool
	if s.kind == event.KindHoldings {
		out, signed, err = r.cfg.Store.SignHoldings(ctx, s.Subject)
	} else {
		out, signed, err = r.signReceipt(ctx, s.Subject)
	}
	if signed && err == nil {
		r.cfg.Signed(s.Conversation, out)
	}
	return err
}

func (r *Receipts) signReceipt(ctx context.Context, s store.Subject) (event.Record, bool, error) {
	inGroup := r.cfg.Groups.Known(s.Conversation)
	return r.cfg.Store.SignReceipt(ctx, s, func(state event.Receipt) bool {
		// In a group acknowledgements tell what was received. So a receipt is signed there only if
		// something was read, or if a log is forked, which an acknowledgement can't say.
		forked := slices.ContainsFunc(state.Delivered, func(g event.LogSegment) bool { return g.Other })
		return len(state.Delivered) > 0 && (len(state.Read) > 0 || forked || !inGroup)
	})
}

// Take lets in a proven receipt of a person's device, which came in a conversation.
func (r *Receipts) Take(ctx context.Context, from crypto.PersonID, in event.Conversation, record event.Record) error {
	c, author, _, err := event.ParseReceiptSubject(record.Subject)
	if err == nil && from == r.cfg.Self && c == in {
		return r.takeOwn(ctx, c, author, record)
	}
	if err != nil || author != r.cfg.Self || from == r.cfg.Self || c != in || !r.in(c, from) {
		return nil // it is about nothing that the owner wrote: it is not kept, and is no fault either
	}
	receipt, err := event.ParseReceipt(record.Value)
	if err != nil {
		return nil
	}
	// In this order: a record that is held is not sent again. So what it says must be on the disk
	// first, in case the node dies in between.
	if err := r.cfg.Store.NoteDelivered(ctx, deliveries(c, from, receipt)); err != nil {
		return err
	}
	_, err = r.cfg.Records.PutRecord(ctx, record)
	return err
}

// takeOwn lets in a receipt that a device of the owner's has signed, which may be this one: peers give
// a disk that went back in time what it has forgotten. What the owner has read by it is read.
func (r *Receipts) takeOwn(ctx context.Context, c event.Conversation, author crypto.PersonID, record event.Record) error {
	receipt, err := event.ParseReceipt(record.Value)
	if err != nil || author == r.cfg.Self || !r.in(c, author) {
		return nil
	}
	receipt.Delivered = nil // by that disk, which is another one
	if err := r.cfg.Store.NoteDelivered(ctx, deliveries(c, r.cfg.Self, receipt)); err != nil {
		return err
	}
	if _, err = r.cfg.Records.PutRecord(ctx, record); errors.Is(err, store.ErrBudget) {
		err = nil // this device was restored so often that nobody needs to know
	}
	return err
}

// in reports whether a person is, or was, in a conversation with the owner.
func (r *Receipts) in(c event.Conversation, person crypto.PersonID) bool {
	return c == event.Direct(r.cfg.Self, person) || r.cfg.Groups.Ever(c, person)
}

// TakeHoldings lets in proven holdings of a person's device, which came in a conversation: those of others of
// what the owner wrote, and those of the owner's own devices, to give them to who wrote that.
func (r *Receipts) TakeHoldings(ctx context.Context, from crypto.PersonID, in event.Conversation, record event.Record) error {
	c, author, _, err := event.ParseReceiptSubject(record.Subject)
	own := from == r.cfg.Self
	other := from // than the owner
	if own {
		other = author
	}
	if err != nil || c != in || own == (author == r.cfg.Self) || !r.in(c, other) {
		return nil // as of a receipt
	}
	err = r.cfg.Store.TakeHoldings(ctx, from, record)
	if errors.Is(err, store.ErrNoConversation) || own && errors.Is(err, store.ErrBudget) {
		err = nil
	}
	return err
}

func deliveries(c event.Conversation, from crypto.PersonID, receipt event.Receipt) (out []store.Delivery) {
	add := func(segments []event.LogSegment, read bool) {
		for _, s := range segments {
			out = append(out, store.Delivery{Person: from, Log: s.Log(c), Read: read, Segments: []event.Segment{s.Segment}})
		}
	}
	add(receipt.Delivered, false)
	add(receipt.Read, true)
	return out
}
