package store

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/tx"
)

// writing is what the writer knows from one transaction to the next. Only its goroutine uses it.
type writing struct {
	s *Store

	// open is the ledger's part of the transaction that runs, as soon as it was asked for.
	open *batch

	// fresh has, by conversation, the logs that have placed an event since this device last wrote
	// there. A conversation that is missing is looked up.
	fresh map[uint32]map[uint32]bool

	waking waking
}

// batch returns the ledger's part of a transaction.
func (w *writing) batch(t *tx.Batch) *batch {
	if w.open == nil || w.open.Batch != t {
		w.open = newBatch(w.s, t, w.waking)
	}
	return w.open
}

// Idle belongs to tx.Hooks: what is left of waking goes on without being asked. If it fails,
// Release will find what waits.
func (w *writing) Idle() func(*tx.Batch) error {
	if len(w.waking.causes) == 0 {
		return nil
	}
	return func(t *tx.Batch) error {
		err := w.batch(t).order.wakeSome()
		if err != nil {
			w.waking = waking{}
		}
		return err
	}
}

// Finish belongs to tx.Hooks.
func (w *writing) Finish(t *tx.Batch) error { return w.batch(t).finish() }

// Committed belongs to tx.Hooks.
func (w *writing) Committed(t *tx.Batch) {
	b := w.batch(t)
	w.waking = b.order.waking
	if t.Changes() > 0 {
		w.s.pendings.committed(b.settles, b.change.N)
		w.s.last.Store(b.change.N)
	}
}

// Answered belongs to tx.Hooks.
func (w *writing) Answered(t *tx.Batch) {
	b := w.batch(t)
	w.open = nil
	w.s.searching.wake()
	if b.change.N != 0 && w.s.cfg.Changed != nil {
		w.s.cfg.Changed(b.change)
	}
}

// Undone belongs to tx.Hooks. It forgets what was noted in a transaction that was undone.
func (w *writing) Undone(failed bool) {
	w.open, w.fresh = nil, nil
	if failed {
		w.waking = waking{}
	}
}

// Meet belongs to book.Ledger.
func (w *writing) Meet(t *tx.Batch, p crypto.PersonID) error { return w.batch(t).meet(p) }

// Unmeet belongs to book.Ledger. Nothing is left of somebody who said nothing, in the journal
// neither.
func (w *writing) Unmeet(t *tx.Batch, p crypto.PersonID) (bool, error) { return w.batch(t).unmeet(p) }

// NotePerson belongs to book.Ledger. What is shown of the owner is what they have set.
func (w *writing) NotePerson(t *tx.Batch, p crypto.PersonID) {
	if b := w.batch(t); b.isOwn(p) {
		b.notes.Settings()
	} else {
		b.notes.Person(changes.ID(p))
	}
	t.Defer()
}

// NoteSettings belongs to book.Ledger.
func (w *writing) NoteSettings(t *tx.Batch) {
	w.batch(t).notes.Settings()
	t.Defer()
}

// NoteMessages belongs to book.Ledger.
func (w *writing) NoteMessages(t *tx.Batch, p crypto.PersonID) error {
	return w.batch(t).noteAuthor(p)
}

// do has the writer run f in one transaction, with whatever else waits, and returns when that is on
// the disk. If f fails, nothing that it did remains. f may run more than once.
func (s *Store) do(ctx context.Context, f func(*batch) error) error {
	return s.submit(ctx, f)()
}

// submit is do in two steps: f has its place after all that was submitted before, and wait returns
// as do does.
func (s *Store) submit(ctx context.Context, f func(*batch) error) (wait func() error) {
	return s.writer.Submit(ctx, func(t *tx.Batch) error { return f(s.writing.batch(t)) })
}

// submitBy is submit for what a person has brought, of about so many bytes.
func (s *Store) submitBy(ctx context.Context, by crypto.PersonID, bytes int, f func(*batch) error) (wait func() error) {
	return s.writer.SubmitBy(ctx, string(by[:]), bytes, func(t *tx.Batch) error { return f(s.writing.batch(t)) })
}
