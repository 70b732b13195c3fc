package store

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/tx"
)

// writing is what the writer knows from one transaction to the next. Only its goroutine has it.
type writing struct {
	s *Store

	// open is the ledger's part of the transaction that runs, once one of its functions has asked for it.
	open *batch

	// fresh is, by conversation, which logs have placed an event since this device
	// last wrote there. It is found again when missing.
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

// Idle is tx.Hooks: what is left of waking goes on without being asked. If it can't, Release will.
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

// Finish is tx.Hooks.
func (w *writing) Finish(t *tx.Batch) error { return w.batch(t).finish() }

// Committed is tx.Hooks.
func (w *writing) Committed(t *tx.Batch) {
	b := w.batch(t)
	w.waking = b.order.waking
	if t.Changes() > 0 {
		w.s.last.Store(b.change.N)
	}
}

// Answered is tx.Hooks.
func (w *writing) Answered(t *tx.Batch) {
	b := w.batch(t)
	w.open = nil
	if b.change.N != 0 && w.s.cfg.Changed != nil {
		w.s.cfg.Changed(b.change)
	}
}

// Undone is tx.Hooks: what was noted in a transaction that was undone is not so.
func (w *writing) Undone(failed bool) {
	w.open, w.fresh = nil, nil
	if failed {
		w.waking = waking{}
	}
}

// Meet is book.Ledger.
func (w *writing) Meet(t *tx.Batch, p crypto.PersonID) error { return w.batch(t).meet(p) }

// Change is book.Ledger.
func (w *writing) Change(t *tx.Batch) { w.batch(t).visible = true }

// do has the writer run f in a transaction, with whatever else waits, and returns
// when that is on the disk. If f fails, nothing that it did remains.
func (s *Store) do(ctx context.Context, f func(*batch) error) error {
	return s.submit(ctx, f)()
}

// submit hands f to the writer, after whatever the caller has submitted before. wait returns as do does.
func (s *Store) submit(ctx context.Context, f func(*batch) error) (wait func() error) {
	return s.writer.Submit(ctx, func(t *tx.Batch) error { return f(s.writing.batch(t)) })
}
