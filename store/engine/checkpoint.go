package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
	"github.com/earshot-im/earshot/store/memtable"
)

const (
	// checkpointKeys and checkpointBytes bound a transaction of a checkpoint. A batch that is committed while
	// one is synced waits for the disk too: a transaction is so many times smaller as checkpointPart says
	// while there is room for batches.
	checkpointKeys  = 4096
	checkpointBytes = 1 << 20
	checkpointPart  = 8

	// again is how long the keeper waits after a checkpoint that has failed for lack of room.
	again = time.Second

	// fillAscending is how full pages get in buckets whose keys mostly ascend. bbolt otherwise splits a page
	// in the middle, and the half that is left behind is never filled.
	fillAscending = 0.9
)

// keep does what is to be done in the background, until the context ends.
func (e *Engine) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	told := "" // what was logged last, if that is still so
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.failing:
			return
		case <-e.work:
		case <-timer.C:
		}
		next, err := e.tend(ctx)
		switch {
		case err == nil:
			told = ""
		case err.Error() != told && !errors.Is(err, context.Canceled):
			told = err.Error()
			e.cfg.Log.Error("store: in the background", "err", err)
		}
		timer.Stop()
		if next > 0 {
			timer.Reset(next)
		}
	}
}

// tend does what is due, and returns after how long something will be; 0: when the keeper is woken.
func (e *Engine) tend(ctx context.Context) (next time.Duration, err error) {
	e.mu.Lock()
	frozen, due := e.frozen != nil, !e.due.IsZero() && !time.Now().Before(e.due)
	e.mu.Unlock()
	switch {
	case due:
		err = e.Checkpoint(ctx)
	case frozen:
		err = e.locked(ctx, e.drain)
	}
	if errors.Is(err, disk.ErrFull) {
		return again, err
	}
	if err == nil {
		err = e.tidy(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.due.IsZero() {
		next = max(time.Until(e.due), time.Millisecond)
	}
	if e.frozen != nil { // one for which there was no room
		next = again
	}
	if !e.eraseAt.IsZero() {
		if left := max(time.Until(e.eraseAt), time.Millisecond); next == 0 || left < next {
			next = left
		}
	}
	return next, err
}

// tidy compacts the file, if that is worth it, and overwrites what was deleted, if that is due.
func (e *Engine) tidy(ctx context.Context) error {
	e.mu.Lock()
	erases, compacts := !e.eraseAt.IsZero() && !time.Now().Before(e.eraseAt), !time.Now().Before(e.compactAt)
	e.mu.Unlock()
	if compacts && e.sparse() {
		err := e.Compact(ctx)
		if errors.Is(err, disk.ErrFull) || errors.Is(err, errBusy) { // it stays as it is
			e.mu.Lock()
			e.compactAt = time.Now().Add(compactAgain)
			e.mu.Unlock()
		} else if err != nil {
			return err
		}
	}
	if erases {
		if err := e.Erase(ctx); err != nil {
			e.mu.Lock()
			e.eraseAt = time.Now().Add(eraseAgain)
			e.mu.Unlock()
			if errors.Is(err, errBusy) {
				return nil
			}
			return err
		}
	}
	return nil
}

// locked runs f when nobody else maintains the files.
func (e *Engine) locked(ctx context.Context, f func() error) error {
	select {
	case e.maintaining <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.maintaining }()
	return f()
}

// Checkpoint writes everything that was committed before into the database. After it the journal is not
// needed to read that. A backup, a compaction and an orderly end begin with it. An error that matches
// disk.ErrFull says that there is no room for it; nothing is lost.
func (e *Engine) Checkpoint(ctx context.Context) error { return e.locked(ctx, e.checkpoint) }

// checkpoint is Checkpoint for whoever maintains the files.
func (e *Engine) checkpoint() error {
	if err := e.drain(); err != nil {
		return err
	}
	e.mu.Lock()
	for e.appending {
		e.settled.Wait()
	}
	if e.frozen == nil && !e.due.IsZero() { // the writer may have frozen it meanwhile
		e.freeze()
	}
	e.mu.Unlock()
	return e.drain()
}

// drain writes the frozen table into the database, if there is one.
func (e *Engine) drain() error {
	return e.drainThen(func(int) error { return nil })
}

// drainThen is drain, and calls f before the file of the journal can be written again in which that table
// was. It gets the number of the other one.
func (e *Engine) drainThen(f func(active int) error) error {
	e.mu.Lock()
	t, upTo, active, err := e.frozen, e.upTo, e.journal.Active(), e.failed
	e.mu.Unlock()
	if t == nil || err != nil {
		return err
	}
	var then error
	if err = e.write(t, upTo); err == nil {
		then = f(active)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full = nil; err != nil {
		err = fmt.Errorf("checkpoint: %w", err)
		e.full = err
	} else {
		e.frozen = nil
	}
	close(e.drained)
	e.drained = make(chan struct{})
	return errors.Join(err, then)
}

// write writes a table into the database, in the order of its keys, and with the last of it what the
// database has then. A table that was written in part may be written again.
func (e *Engine) write(t *memtable.Table, last journal.Last) error {
	var group []memtable.Change
	bytes := 0
	flush := func(then func(*bbolt.Tx) error) error {
		err := e.update(func(tx *bbolt.Tx) error {
			if err := apply(tx, slices.Values(group), e.ascends); err != nil {
				return err
			}
			return then(tx)
		})
		group, bytes = group[:0], 0
		return err
	}
	part := e.part()
	for c := range t.All() {
		if len(group) >= checkpointKeys/part || bytes > checkpointBytes/part {
			if err := flush(func(*bbolt.Tx) error { return nil }); err != nil {
				return err
			}
			part = e.part()
		}
		group = append(group, c)
		bytes += len(c.Key) + len(c.Value)
	}
	return flush(func(tx *bbolt.Tx) error { return putOwn(tx, ownLast, marshalLast(last)) })
}

// part returns how many times smaller than the largest the next transaction of a checkpoint is. Once batches
// will soon have to wait for its end, a checkpoint hurries.
func (e *Engine) part() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if int64(e.active.Bytes()) > min(e.journal.Most(), e.cfg.TableBytes)/4 {
		return 1
	}
	return checkpointPart
}

// ascends reports whether the keys of a bucket mostly ascend.
func (e *Engine) ascends(bucket string) bool { return e.ascending[bucket] }

// apply makes changes in the database, those of one bucket one after the other. A bucket is made when something is first
// put into it.
func apply(tx *bbolt.Tx, changes iter.Seq[memtable.Change], ascends func(bucket string) bool) (err error) {
	var of string // the bucket of the change before
	var b *bbolt.Bucket
	for c := range changes {
		if c.Bucket != of {
			of, b = c.Bucket, tx.Bucket([]byte(c.Bucket))
		}
		if b == nil {
			if c.Deleted {
				continue
			}
			if b, err = tx.CreateBucket([]byte(of)); err != nil {
				return err
			}
		}
		if ascends(of) {
			b.FillPercent = fillAscending
		}
		switch {
		case c.Key == nil:
			err = b.SetSequence(c.Sequence)
		case c.Deleted:
			err = b.Delete(c.Key)
		default:
			err = b.Put(c.Key, c.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func putOwn(tx *bbolt.Tx, key string, value []byte) error {
	return tx.Bucket([]byte(ownBucket)).Put([]byte(key), value)
}

// settle makes durable what can be read of the database, once: before any of it is built on, and a file of the journal
// is written over that it may have to be made from again.
func (e *Engine) settle() error {
	if e.durable.Load() {
		return nil
	}
	if err := makeDurable(e.cfg.Files); errors.Is(disk.AsFull(err), disk.ErrFull) { // as where writing copies
		return disk.AsFull(err)
	} else if err != nil {
		err = fmt.Errorf("%w: %w", disk.ErrUnknown, err)
		e.fail(err)
		return err
	}
	e.durable.Store(true)
	return nil
}

// update runs f in a transaction of the database. An error that does not match disk.ErrFull is final: nobody
// knows what bbolt has written, and the system may have forgotten that it has not.
func (e *Engine) update(f func(*bbolt.Tx) error) error {
	err := e.guard(func() error {
		if err := e.settle(); err != nil {
			return err
		}
		id := -1
		err := disk.AsFull(e.cfg.Commit(Database, func() error {
			return e.db.Update(func(tx *bbolt.Tx) error {
				id = tx.ID()
				return f(tx)
			})
		}))
		if errors.Is(err, disk.ErrFull) && e.written(id) { // it was the last sync that found no room
			return fmt.Errorf("%w: %v", disk.ErrUnknown, err)
		}
		return err
	})
	if err != nil && !errors.Is(err, disk.ErrFull) {
		err = fmt.Errorf("%w: %w", disk.ErrUnknown, err)
		e.fail(err)
	}
	return err
}

// written reports whether readers see what a transaction of the database has written.
func (e *Engine) written(id int) (is bool) {
	_ = e.db.View(func(tx *bbolt.Tx) error {
		is = tx.ID() == id
		return nil
	})
	return is
}

// commitDirectly writes a batch that is too large for the journal into the database, after all that was
// before it.
func (e *Engine) commitDirectly(t *memtable.Table) error {
	e.wantsDirect(true)
	defer e.wantsDirect(false)
	return e.locked(context.Background(), func() error {
		if err := e.checkpoint(); err != nil {
			return err
		}
		last := journal.Last{Link: journal.Link{Number: e.last.Number + 1}, Journaled: e.journaled}
		if _, err := rand.Read(last.Sum[:]); err != nil {
			return err
		}
		if err := e.update(func(tx *bbolt.Tx) error {
			if err := apply(tx, t.All(), e.ascends); err != nil {
				return err
			}
			return putOwn(tx, ownLast, marshalLast(last))
		}); err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.journal.Skip(last.Link)
		e.last = last.Link
		e.noteErase(t)
		e.kick()
		return nil
	})
}

// wantsDirect notes whether a batch waits that is written directly: a compaction makes room for it.
func (e *Engine) wantsDirect(wants bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.direct = wants
}
