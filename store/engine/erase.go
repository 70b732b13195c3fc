package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
	"github.com/earshot-im/earshot/store/memtable"
)

const (
	// eraseAfter is how long something that was deleted may stay on the disk until it is overwritten.
	eraseAfter = 55 * time.Minute

	// eraseAgain is how long it waits where that has failed.
	eraseAgain = 10 * time.Minute

	scratchBucket = "scratch"
	scratchBytes  = 1 << 20
)

func marshalTime(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixMilli()))
}

// eraseDue returns when what was deleted is to be overwritten, given the value of ownErase; zero: nothing is.
func eraseDue(b []byte) time.Time {
	if len(b) != 8 {
		return time.Time{}
	}
	due := time.UnixMilli(int64(binary.BigEndian.Uint64(b))).Add(eraseAfter)
	if latest := time.Now().Add(eraseAfter); due.After(latest) { // by a clock that was wrong
		return latest
	}
	return due
}

// Erase overwrites on the disk what was deleted before: in both files of the journal, and in the free pages
// of the database.
func (e *Engine) Erase(ctx context.Context) error {
	return e.locked(ctx, func() error {
		for range journal.Names {
			if err := (erasing{e}).turn(); err != nil {
				return err
			}
		}
		if err := (erasing{e}).unread(ctx); err != nil {
			return err
		}
		again, err := (erasing{e}).scratch(ctx)
		if err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.eraseAt = time.Time{}
		if again {
			e.eraseAt = time.Now().Add(eraseAfter)
		}
		for _, t := range []*memtable.Table{e.frozen, e.active} { // what was deleted meanwhile
			if t != nil {
				e.noteErase(t)
			}
		}
		return nil
	})
}

// erasing is what Erase does, by whoever maintains the files.
type erasing struct{ *Engine }

// unread waits for a moment at which nobody reads: what was deleted before may be in pages that stay as they are for
// somebody who has begun to read before.
func (e erasing) unread(ctx context.Context) error {
	for deadline := time.Now().Add(swapWait); ; {
		e.mu.Lock()
		readers, waits := e.readers, e.frozen != nil || e.direct
		e.mu.Unlock()
		switch {
		case readers == 0:
			return nil
		case waits || time.Now().After(deadline):
			return errBusy
		}
		select {
		case <-time.After(swapPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// noteErase notes when what was deleted is to be overwritten, if a table says so. The caller holds mu.
func (e *Engine) noteErase(t *memtable.Table) {
	if since, _, said := t.Get(ownBucket, []byte(ownErase)); said && e.eraseAt.IsZero() {
		e.eraseAt = eraseDue(since)
		e.kick()
	}
}

// turn has everything written into the database that was committed before, and overwrites the file of the
// journal in which that was.
func (e erasing) turn() error {
	if err := e.drain(); err != nil {
		return err
	}
	if err := e.update(forgetJournaled); err != nil {
		return err
	}
	e.mu.Lock()
	for e.appending {
		e.settled.Wait()
	}
	if e.frozen == nil {
		e.freeze()
	}
	if e.journaled == e.upTo.Journaled { // nothing was written since
		e.journaled = 0
	}
	e.upTo.Journaled = 0
	e.mu.Unlock()
	return e.drainThen(func(active int) error { return wrap("overwrite journal", e.journal.Wipe(active)) })
}

// forgetJournaled has the database not say any more what the journal has: the file in which that is may be
// overwritten next, though nothing was written to the other one.
func forgetJournaled(tx *bbolt.Tx) error {
	last, ok := parseLast(tx.Bucket([]byte(ownBucket)).Get([]byte(ownLast)))
	if !ok {
		return disk.Damaged("the database does not know its journal")
	}
	last.Journaled = 0
	return putOwn(tx, ownLast, marshalLast(last))
}

// scratch overwrites the free pages of the database. It returns whether more is to be overwritten, that was
// deleted meanwhile.
func (e erasing) scratch(ctx context.Context) (again bool, err error) {
	again, err = e.fillFree(ctx)
	if e.Err() != nil {
		return again, err
	}
	return again, errors.Join(err, e.update(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(scratchBucket)) != nil {
			if err := tx.DeleteBucket([]byte(scratchBucket)); err != nil {
				return err
			}
		}
		if err != nil || again { // it is still to be done
			return nil
		}
		return tx.Bucket([]byte(ownBucket)).Delete([]byte(ownErase))
	}))
}

// fillFree fills the free pages with zeros, until there are none left. A checkpoint that is due meanwhile has its
// turn, so that no writer waits for all of this; again is set if it has brought something that is to be
// overwritten.
func (e erasing) fillFree(ctx context.Context) (again bool, err error) {
	zeros := make([]byte, 900) // four of them fill a page
	for n := uint64(0); ; {
		e.mu.Lock()
		frozen := e.frozen
		e.mu.Unlock()
		if frozen != nil {
			_, _, erases := frozen.Get(ownBucket, []byte(ownErase))
			again = again || erases
			if err := e.drain(); err != nil {
				return again, err
			}
		}
		free := e.db.Stats().FreePageN
		if free == 0 || ctx.Err() != nil {
			return again, ctx.Err()
		}
		err := e.update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(scratchBucket))
			if err != nil {
				return err
			}
			b.FillPercent = 1
			for range min(4*free, scratchBytes/len(zeros)) {
				n++
				if err := b.Put(binary.BigEndian.AppendUint64(nil, n), zeros); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return again, err
		}
	}
}
