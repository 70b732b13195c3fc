package tx

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/earshot-im/earshot/store/disk"
)

// ErrClosed is returned when the directory was closed, and for what the Writer can't do any more
// because its Run has ended.
var ErrClosed = errors.New("store is closed")

// DB is the database of an open data directory.
type DB struct {
	disk      *disk.Disk
	ascending map[Bucket]bool
}

// New returns the database of a directory. The keys of the buckets named here mostly ascend: new
// ones are greater than those that are there.
func New(d *disk.Disk, ascending ...Bucket) *DB {
	db := &DB{disk: d, ascending: map[Bucket]bool{}}
	for _, b := range ascending {
		db.ascending[b] = true
	}
	return db
}

func (db *DB) reader(tx *bbolt.Tx) Reader {
	return Reader{db: db, tx: tx, buckets: map[Bucket]*bbolt.Bucket{}}
}

// View runs f on a snapshot. It should be short: as long as it lasts, the space of what is deleted
// or replaced meanwhile can't be used again. What f returns must be copies.
func (db *DB) View(f func(*Reader) error) error {
	err := db.disk.View(func(tx *bbolt.Tx) error {
		r := db.reader(tx)
		return f(&r)
	})
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// Update runs f in a batch of its own, and commits unless f or a write fails. It is for the time
// before a Writer runs.
func (db *DB) Update(f func(*Batch) error) error {
	return db.disk.Write(func(tx *bbolt.Tx) error {
		b := &Batch{Reader: db.reader(tx)}
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

func (b *Batch) commit() error {
	if b.err != nil {
		return b.err
	}
	if err := b.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
