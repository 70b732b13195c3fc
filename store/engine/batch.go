package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
	"github.com/earshot-im/earshot/store/memtable"
)

// Batch is a snapshot that sees what is changed in it. All of its changes reach the disk together, or none
// does.
type Batch struct {
	Snapshot
	engine  *Engine
	changes *memtable.Table
}

// records is memory for records of the journal, which the collector of garbage takes when it is not used.
var records = sync.Pool{New: func() any { return new([]byte) }}

// Write runs f in a batch, which f commits; otherwise nothing of it remains. Only one goroutine may write at
// a time.
func (e *Engine) Write(f func(*Batch) error) error {
	if err := e.Err(); err != nil {
		return err
	}
	if !e.durable.Load() {
		if err := e.locked(context.Background(), e.settle); err != nil {
			return err
		}
	}
	s, err := e.begin()
	if err != nil {
		return err
	}
	b := &Batch{Snapshot: *s, engine: e, changes: memtable.New()}
	b.tables = append([]*memtable.Table{b.changes}, b.tables...)
	defer e.end(&b.Snapshot)
	return e.guard(func() error { return f(b) })
}

// Put sets the value of a key.
func (b *Batch) Put(bucket string, key, value []byte) error {
	switch {
	case len(key) == 0:
		return fmt.Errorf("%s: no key", bucket)
	case len(key) > bbolt.MaxKeySize || int64(len(value)) > bbolt.MaxValueSize:
		return fmt.Errorf("%s: key of %d bytes, value of %d", bucket, len(key), len(value))
	}
	b.changed(bucket).Put(bucket, key, value)
	return nil
}

// changed returns the table of the changes, to which a key of a bucket is about to be added.
func (b *Batch) changed(bucket string) *memtable.Table {
	b.bucket(bucket).known = false
	return b.changes
}

// Delete removes a key, if it is there.
func (b *Batch) Delete(bucket string, key []byte) {
	switch {
	case len(key) == 0:
	case b.vanishes(bucket, key):
		b.changed(bucket).Vanish(bucket, key)
	default:
		b.changed(bucket).Delete(bucket, key)
	}
}

// vanishes reports whether a key is in the latest table alone. If that is frozen before the batch is applied to it,
// the key is deleted in the next one.
func (b *Batch) vanishes(bucket string, key []byte) bool {
	if len(b.tables) < 2 { // there is only that of the changes
		return false
	}
	if _, deleted, said := b.tables[1].Get(bucket, key); !said || deleted {
		return false
	}
	return b.look(b.tables[2:], bucket, key) == nil
}

// Take deletes the keys of a bucket that begin with a prefix, and calls f for each before, ascending. Unlike Delete it does
// not look for each of them.
func (b *Batch) Take(bucket string, prefix []byte, f func(k, v []byte)) {
	var keys []byte // one after the other
	var ends, depths []int
	all := b.cursors(bucket, prefix, 1)
	for at := first(all, 1); at != nil && bytes.HasPrefix(at.Key(), prefix); at = first(all, 1) {
		k := at.Key()
		v, gone := at.Value()
		if !gone {
			f(k, v)
			keys = append(keys, k...)
			ends = append(ends, len(keys))
			depths = append(depths, depth(all, k))
		}
		stepFrom(all, k)
	}
	changes, start := b.changed(bucket), 0
	for i, end := range ends {
		k := keys[start:end]
		switch d := depths[i]; {
		case d == 0: // it came in this batch
			changes.Unsay(bucket, k)
		case d == 1 && len(b.tables) > 1: // see vanishes
			changes.Vanish(bucket, k)
		default:
			changes.Delete(bucket, k)
		}
		start = end
	}
}

// depth returns which is the last of the cursors that stand at a key.
func depth(all []cursor, key []byte) (last int) {
	for i, c := range all {
		if stands(c, key) {
			last = i
		}
	}
	return last
}

// SetSequence sets the sequence of a bucket.
func (b *Batch) SetSequence(bucket string, n uint64) { b.changes.SetSequence(bucket, n) }

// Erase has what the batch deletes or replaces overwritten on the disk, within about an hour.
func (b *Batch) Erase() {
	since := b.Get(ownBucket, []byte(ownErase))
	if now := time.Now(); !now.Before(eraseDue(since)) { // of the first, but for one that is being done now
		since = marshalTime(now)
	}
	b.changed(ownBucket).Put(ownBucket, []byte(ownErase), since)
}

// Commit writes what was changed, and returns when it is durable. The batch can't be read after it. An error
// that matches disk.ErrFull says that nothing was changed; one that matches disk.ErrUnknown, that nobody
// knows.
func (b *Batch) Commit() error {
	e := b.engine
	e.end(&b.Snapshot) // a checkpoint that is waited for may have to wait for readers
	if b.changes.Len() == 0 {
		return nil
	}
	kept := records.Get().(*[]byte)
	defer records.Put(kept)
	record := b.changes.Append(slices.Grow(*kept, journal.HeaderSize+b.changes.Bytes())[:journal.HeaderSize]) // hardly more than it takes
	body := int64(len(record) - journal.HeaderSize)
	if body > e.journal.Most() || int64(b.changes.Bytes()) > e.cfg.TableBytes {
		return e.commitDirectly(b.changes)
	}
	*kept = record[:0]
	active, err := e.room(body, b.changes.Bytes())
	if err != nil {
		return err
	}
	defer e.appended()
	if err := e.journal.Append(record); errors.Is(err, disk.ErrFull) {
		return err
	} else if err != nil {
		err = fmt.Errorf("%w: %w", disk.ErrUnknown, err)
		e.fail(err)
		return err
	}
	if e.adds(active, b.changes) {
		return nil
	}
	next := b.changes
	if active.Len() > 0 {
		next = active.Clone()
		next.Apply(b.changes)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.publish(next)
	return nil
}

// fewChanges is how many changes are made in the active table itself, while everybody who begins to read waits.
const fewChanges = 64

// adds makes a few changes in the active table if nobody reads it, and reports whether it has: a clone takes memory for
// whatever part of the table changes.
func (e *Engine) adds(active, changes *memtable.Table) bool {
	if changes.Len() > fewChanges || active.Len() == 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.readers > 0 {
		return false
	}
	active.Apply(changes)
	e.publish(active)
	return true
}

// publish has everybody see a table that has what the journal has. The caller holds mu.
func (e *Engine) publish(t *memtable.Table) {
	e.active, e.last, e.journaled = t, e.journal.Last(), e.journal.Last().Number
	if e.due.IsZero() {
		e.due = time.Now().Add(idle)
		e.kick()
	}
	e.noteErase(t)
}

// appended ends what room has begun.
func (e *Engine) appended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.appending = false
	e.settled.Broadcast()
}

// room returns the active table, when there is room for a record and for what it says; it is not frozen
// until appended is called. room freezes it if there is not enough, and waits for a checkpoint that has not
// written the one before.
func (e *Engine) room(body int64, bytes int) (*memtable.Table, error) {
	for waited := false; ; {
		e.mu.Lock()
		if e.failed != nil {
			defer e.mu.Unlock()
			return nil, e.failed
		}
		if body <= e.journal.Room() && int64(e.active.Bytes()+bytes) <= e.cfg.TableBytes {
			defer e.mu.Unlock()
			e.appending = true
			return e.active, nil
		}
		if e.frozen == nil {
			e.freeze()
			e.mu.Unlock()
			continue
		}
		if waited && e.full != nil {
			defer e.mu.Unlock()
			return nil, e.full
		}
		drained := e.drained
		e.mu.Unlock()
		if e.stop == nil { // nobody else does it
			if err := e.locked(context.Background(), e.drain); err != nil {
				return nil, err
			}
			continue
		}
		e.kick() // there may be room now, where the last one has failed
		select {
		case <-drained:
			waited = true
		case <-e.failing:
		}
	}
}

// freeze has a checkpoint write the active table. The caller holds mu; nothing is frozen, and nothing is
// being appended.
func (e *Engine) freeze() {
	e.frozen, e.active, e.due = e.active, memtable.New(), time.Time{}
	e.upTo = journal.Last{Link: e.last, Journaled: e.journaled}
	e.drained = make(chan struct{})
	e.journal.Turn()
	e.kick()
}

// kick wakes the keeper.
func (e *Engine) kick() {
	select {
	case e.work <- struct{}{}:
	default:
	}
}
