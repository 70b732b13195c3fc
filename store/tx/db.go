package tx

import (
	"context"

	"github.com/earshot-im/earshot/store/engine"
)

// ErrClosed is returned when the directory was closed, and for what the Writer can't do any more
// because its Run has ended.
var ErrClosed = engine.ErrClosed

// DB is the database of an open data directory.
type DB struct{ engine *engine.Engine }

// New returns the database of a directory.
func New(e *engine.Engine) *DB { return &DB{e} }

// View runs f on a snapshot. It should be short: as long as it lasts, the space of what is deleted
// or replaced meanwhile can't be used again. What f returns must be copies.
func (db *DB) View(f func(*Reader) error) error {
	return db.engine.View(func(s *engine.Snapshot) error { return f(NewReader(s)) })
}

// Update runs f in a batch of its own, and commits unless f or a write fails. It is for the time
// before a Writer runs.
func (db *DB) Update(f func(*Batch) error) error {
	return db.write(func(b *Batch) error {
		if err := f(b); err != nil {
			return err
		}
		if err := b.commit(); err != nil {
			return err
		}
		b.ended()
		return nil
	})
}

// Checkpoint writes everything that was committed before into the database, so that the file has it
// without the journal.
func (db *DB) Checkpoint(ctx context.Context) error { return db.engine.Checkpoint(ctx) }

// write runs f in a batch, which f commits.
func (db *DB) write(f func(*Batch) error) error {
	return db.engine.Write(func(b *engine.Batch) error { return f(&Batch{Reader: *NewReader(&b.Snapshot), batch: b}) })
}

func (b *Batch) commit() error {
	if b.err != nil {
		return b.err
	}
	return b.batch.Commit()
}

// Names returns the names of buckets.
func Names(buckets []Bucket) (names []string) {
	for _, b := range buckets {
		names = append(names, string(b))
	}
	return names
}
