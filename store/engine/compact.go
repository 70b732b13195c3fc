package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/memtable"
)

const (
	// minCompact is the size in bytes below which a file is not worth compacting.
	minCompact = 1 << 20

	// compactAgain is how long it takes until it is tried again where it was in the way, or had no room.
	compactAgain = time.Hour

	// compactBytes bounds a transaction of the copy, and with it the memory.
	compactBytes = 1 << 20

	// swapWait is how long a compacted file waits for a moment in which nobody reads.
	swapWait, swapPoll = 10 * time.Second, 10 * time.Millisecond
)

// sparse reports whether most of the file is free.
func (e *Engine) sparse() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	tx, err := e.db.Begin(false)
	if err != nil {
		return false
	}
	defer tx.Rollback()
	stats := e.db.Stats()
	used, free := tx.Size(), int64(stats.FreePageN+stats.PendingPageN)*int64(e.db.Info().PageSize)
	return used >= minCompact && free > used/2
}

// errBusy ends a compaction that would be in the way.
var errBusy = errors.New("the database is in use")

// Compact copies what is in use of the database into a new file, which takes the place of the old one. Then the
// old one is overwritten. What goes wrong before leaves the old one as it is.
func (e *Engine) Compact(ctx context.Context) error {
	var old disk.File
	err := e.locked(ctx, func() (err error) {
		if err := e.checkpoint(); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				_ = e.cfg.Files.Remove(Database + disk.Temporary)
				err = disk.AsFull(fmt.Errorf("compact: %w", err))
			}
		}()
		if err := (compaction{e}).copy(ctx); err != nil {
			return err
		}
		if runtime.GOOS == "windows" { // a file that is open keeps its name there
			return (compaction{e}).swap(ctx)
		}
		if old, err = e.cfg.Files.Open(Database, os.O_RDWR); err != nil {
			return err
		}
		return (compaction{e}).swap(ctx)
	})
	if old == nil {
		return err
	}
	defer old.Close()
	if err != nil {
		return err
	}
	return overwrite(ctx, old) // checkpoints go on meanwhile
}

// compaction is what Compact does, by whoever maintains the files.
type compaction struct{ *Engine }

// copy writes the new file.
func (e compaction) copy(ctx context.Context) error {
	return e.cfg.newFile(func(to *bbolt.DB) error {
		if err := e.guard(func() error {
			return e.db.View(func(from *bbolt.Tx) error { return e.copyInto(ctx, to, from) })
		}); err != nil || e.cfg.Moved == nil {
			return err
		}
		return to.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(e.cfg.PlaceBucket))
			if b == nil {
				return nil
			}
			place, err := e.cfg.Moved(b.Get(e.cfg.PlaceKey), path(e.cfg.Dir, Database), path(e.cfg.Dir, Database+disk.Temporary))
			if err != nil || place == nil {
				return err
			}
			return b.Put(e.cfg.PlaceKey, place)
		})
	})
}

func (e compaction) copyInto(ctx context.Context, to *bbolt.DB, from *bbolt.Tx) error {
	var group []memtable.Change
	bytes := 0
	flush := func() error {
		err := to.Update(func(tx *bbolt.Tx) error {
			return apply(tx, slices.Values(group), func(string) bool { return true })
		})
		group, bytes = group[:0], 0
		return err
	}
	err := from.ForEach(func(name []byte, b *bbolt.Bucket) error {
		bucket := string(name)
		if bucket == scratchBucket {
			return nil
		}
		group = append(group, memtable.Change{Bucket: bucket, Sequence: b.Sequence()})
		return b.ForEach(func(k, v []byte) error {
			group = append(group, memtable.Change{Bucket: bucket, Key: k, Value: v})
			if bytes += len(k) + len(v); bytes < compactBytes && len(group) < checkpointKeys {
				return nil
			}
			e.mu.Lock()
			waits := e.frozen != nil || e.direct
			e.mu.Unlock()
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case waits: // writers do, or soon will
				return errBusy
			}
			return flush()
		})
	})
	if err != nil {
		return err
	}
	return flush()
}

// swap puts the new file in the place of the old one, at a moment at which nobody reads.
func (e compaction) swap(ctx context.Context) error {
	for deadline := time.Now().Add(swapWait); ; {
		e.mu.Lock()
		if e.readers == 0 {
			defer e.mu.Unlock()
			return e.replace()
		}
		waits := e.frozen != nil || e.direct
		e.mu.Unlock()
		if waits || time.Now().After(deadline) {
			return errBusy
		}
		select {
		case <-time.After(swapPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// replace is swap for whoever holds mu, while there is no reader.
func (e compaction) replace() error {
	if err := e.db.Close(); err != nil {
		return e.gone(err)
	}
	err := e.cfg.Files.Rename(Database+disk.Temporary, Database)
	if err == nil {
		if err = e.cfg.Files.Sync(); err != nil { // nobody knows which file the next start finds
			err = fmt.Errorf("%w: %w", disk.ErrUnknown, err)
			e.failLocked(err)
		}
	}
	db, e2 := openDatabase(e.cfg, Database, false)
	if e2 != nil {
		return e.gone(errors.Join(err, e2))
	}
	e.db = db
	return err
}

// gone notes that there is no database any more that could be read: the next start may find one. The caller
// holds mu.
func (e *Engine) gone(err error) error {
	e.closed = true
	err = fmt.Errorf("%w: %w", disk.ErrUnknown, err)
	e.failLocked(err)
	return err
}

// overwrite fills a file with zeros that has no name any more.
func overwrite(ctx context.Context, f disk.File) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}
