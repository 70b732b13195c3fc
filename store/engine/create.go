package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// Create makes a database with nothing in it, and its journal, in place of what is there. When it returns,
// all of it is durable.
func Create(cfg Config) (err error) {
	cfg.fill()
	var key journal.Key
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = cfg.Files.Remove(Database + disk.Temporary)
			err = fmt.Errorf("make database: %w", disk.AsFull(err))
		}
	}()
	if err := journal.Create(cfg.Files, cfg.JournalBytes); err != nil {
		return err
	}
	err = cfg.newFile(func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			if _, err := tx.CreateBucket([]byte(ownBucket)); err != nil {
				return err
			}
			return errors.Join(putOwn(tx, ownKey, key[:]), putOwn(tx, ownLast, marshalLast(journal.Last{})))
		})
	})
	if err == nil {
		err = cfg.Files.Rename(Database+disk.Temporary, Database)
	}
	if err == nil {
		err = cfg.Files.Sync()
	}
	return err
}

// newFile makes the file that is to take the place of the database. When it returns, what is in it is durable.
func (c *Config) newFile(write func(*bbolt.DB) error) error {
	const name = Database + disk.Temporary
	if err := disk.RemoveTemporary(c.Files, Database); err != nil { // one that could not be removed before
		return err
	}
	if err := c.Commit(name, func() error {
		o := options(false)
		o.NoSync = true // synced at the end
		db, err := openBolt(path(c.Dir, name), o)
		if err != nil {
			return err
		}
		return errors.Join(write(db), db.Close())
	}); err != nil {
		return err
	}
	f, err := c.Files.Open(name, os.O_RDWR)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Blank reports whether a database has nothing in it, as Create leaves it.
func Blank(cfg Config) (bool, error) {
	errUsed := errors.New("something is in it")
	err := Look(context.Background(), cfg, func(s *Snapshot) error {
		if !s.Blank() {
			return errUsed
		}
		return nil
	})
	if errors.Is(err, errUsed) {
		return false, nil
	}
	return err == nil, err
}

// Gone reports whether there is no database: no file, or one with nothing in it but zeros.
func Gone(files disk.Files) (bool, error) {
	f, err := files.Open(Database, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	for at := int64(0); at < size; {
		n, err := f.ReadAt(b[:min(int64(len(b)), size-at)], at)
		for _, c := range b[:n] {
			if c != 0 {
				return false, nil
			}
		}
		if at += int64(n); err != nil && at < size {
			return false, err
		}
	}
	return true, nil
}
