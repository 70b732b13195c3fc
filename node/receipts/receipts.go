// Package receipts is what is told and what is heard about delivery: the signed receipts of this
// node's owner and of others, and the acknowledgements that peers give over their links.
//
// [Receipts] signs what this node has received and what its owner has read, at most once a second
// for each author and conversation, and takes in the receipts of others. [Acks] writes down what
// peers say they have on their disks. Each has one goroutine, Run, and a queue that is bounded by
// the persons and logs that are dealt with. A write that failed is tried again. Nothing is lost
// when the node ends: the store knows which receipts are unsigned, and a peer says again what it
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
	// receiptPause is the least time between two receipts of one subject.
	receiptPause = time.Second

	// receiptDelay gathers what happens at once before the first receipt of a burst.
	receiptDelay = 100 * time.Millisecond
)

// Store is what this package needs of the store.
type Store interface {
	SignReceipt(ctx context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error)
	NoteDelivered(context.Context, []store.Delivery) error
	Unsigned() ([]store.Subject, error)
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
	Signed  func(event.Conversation, event.Record) // is told a new receipt of the owner's after the commit
	Log     *slog.Logger
}

// Receipts signs the receipts of the owner, and takes in those of others.
type Receipts struct {
	cfg Config

	mu   gosync.Mutex
	due  map[store.Subject]time.Time // when to sign; bounded by the persons whom the owner talks with
	last map[store.Subject]time.Time // of the last receipt, forgotten after receiptPause
	wake notify.Signal
}

// New returns Receipts that have nothing to sign.
func New(cfg Config) *Receipts {
	return &Receipts{cfg: cfg, due: make(map[store.Subject]time.Time), last: make(map[store.Subject]time.Time), wake: notify.NewSignal()}
}

// Mark says that something of an author's was received or read.
func (r *Receipts) Mark(c event.Conversation, author crypto.PersonID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := store.Subject{Conversation: c, Author: author}
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
func (r *Receipts) next(now time.Time) (due []store.Subject, at time.Time) {
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
			due = append(due, s)
			delete(r.due, s)
			r.last[s] = now
		case at.IsZero() || when.Before(at):
			at = when
		}
	}
	return due, at
}

// Run signs until ctx ends. Receipts that were marked and not signed by then are signed after the
// next start: the store knows them.
func (r *Receipts) Run(ctx context.Context) {
	r.MarkUnsigned()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, at := r.next(time.Now())
		for _, s := range due {
			if err := r.sign(ctx, s); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("sign receipt", "conv", s.Conversation, "err", err)
				r.Mark(s.Conversation, s.Author) // to be tried again
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

// sign signs and commits a receipt of what has been received and read by now, and then tells it.
func (r *Receipts) sign(ctx context.Context, s store.Subject) error {
	inGroup := r.cfg.Groups.Known(s.Conversation)
	record, signed, err := r.cfg.Store.SignReceipt(ctx, s, func(state event.Receipt) bool {
		// In a group acknowledgements tell what was received. So a receipt is signed there only if
		// something was read, or if a log is forked, which an acknowledgement can't say.
		forked := slices.ContainsFunc(state.Delivered, func(g event.LogSegment) bool { return g.Other })
		return len(state.Delivered) > 0 && (len(state.Read) > 0 || forked || !inGroup)
	})
	if signed && err == nil {
		r.cfg.Signed(s.Conversation, record)
	}
	return err
}

// Take lets in a proven receipt of a person's device, which came in a conversation.
func (r *Receipts) Take(ctx context.Context, from crypto.PersonID, in event.Conversation, record event.Record) error {
	c, author, _, err := event.ParseReceiptSubject(record.Subject)
	if err == nil && from == r.cfg.Self && c == in {
		return r.takeOwn(ctx, c, author, record)
	}
	if err != nil || author != r.cfg.Self || from == r.cfg.Self || c != in || c != event.Direct(r.cfg.Self, from) && !r.cfg.Groups.Ever(c, from) {
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
	if err != nil || author == r.cfg.Self || c != event.Direct(r.cfg.Self, author) && !r.cfg.Groups.Ever(c, author) {
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
