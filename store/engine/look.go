package engine

import (
	"bytes"
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
)

// Look runs f on what Open would find, and changes nothing. Then it reads everything else too, until the
// context ends: it returns the context's error then, and what was read is whole.
func Look(ctx context.Context, cfg Config, f func(*Snapshot) error) (err error) {
	cfg.fill()
	e, err := open(cfg, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.closeFiles()) }()
	return guard(func() error {
		return e.db.View(func(tx *bbolt.Tx) error {
			if err := f(newSnapshot(tx, e.active, e.frozen)); err != nil {
				return err
			}
			return readAll(ctx, tx)
		})
	})
}

// readAll reads every row of the database.
func readAll(ctx context.Context, tx *bbolt.Tx) error {
	const look = 1000 // rows after which the context is asked
	n := 0
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		var last []byte
		return b.ForEach(func(k, v []byte) error {
			if n++; n%look == 1 && ctx.Err() != nil {
				return ctx.Err()
			}
			if v == nil || last != nil && bytes.Compare(last, k) >= 0 {
				return disk.Damaged("bucket %q: keys out of order", name)
			}
			last = k
			return nil
		})
	})
}
