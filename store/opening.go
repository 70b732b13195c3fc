package store

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/shelf"
	"github.com/earshot-im/earshot/store/tx"
)

// opening makes a database ready for use: it fills a new one, migrates an old one and recognises a
// copied one. Nothing else runs meanwhile.
type opening struct{ *Store }

// load prepares the database and reads what a Store always needs of it.
func (s *opening) load() error {
	card := s.dir.Keyring.Card
	if card.Bytes() == nil {
		return damaged("keyring without a card")
	}
	s.own = Own{Device: s.dir.Keyring.Device, Card: card, Person: card.Person(), New: s.dir.New}
	s.self = event.Self(s.own.Person)
	if err := s.prepare(formatVersion, migrations); err != nil {
		return err
	}
	if err := s.view(func(r *reader) error {
		instance := r.Get(bucketMeta, metaInstance)
		if len(instance) != len(s.own.Store) {
			return damaged("no store instance")
		}
		s.own.Store = event.Instance(instance)
		mac, err := maskIn(r.Reader, &s.dir.Keyring)
		if err != nil {
			return err
		}
		s.book, s.shelf = s.newBook(mac), s.newShelf(mac)
		s.last.Store(r.Sequence(bucketArrivals))
		return nil
	}); err != nil {
		return err
	}
	return s.recognise() // this may write, so it comes after everything that finds damage
}

// migrations has, for each version, what takes a database of that version to the next.
var migrations = map[uint64]func(*tx.Batch) error{}

// prepare fills an empty database, and migrates an old one to the version.
func (s *opening) prepare(version uint64, steps map[uint64]func(*tx.Batch) error) error {
	var have uint64
	if err := s.db.View(func(r *tx.Reader) (err error) {
		have, err = versionIn(r)
		return err
	}); err != nil {
		return err
	}
	if have == version {
		return nil
	}
	if err := known(have, version); err != nil {
		return err
	}
	return s.db.Update(func(b *tx.Batch) error {
		if have == 0 {
			return s.fill(b, version)
		}
		for ; have < version; have++ {
			if err := steps[have](b); err != nil {
				return fmt.Errorf("migrate from version %d: %w", have, err)
			}
		}
		b.Put(bucketMeta, metaVersion, layout.U64(version))
		return nil
	})
}

// versionIn returns the version of a database, 0 if nothing is in it yet.
func versionIn(r *tx.Reader) (uint64, error) {
	if r.Blank() {
		return 0, nil
	}
	version := layout.Number(r.Get(bucketMeta, metaVersion))
	if version == 0 {
		return 0, damaged("no version")
	}
	return version, nil
}

// known refuses a database of a later version than this program's.
func known(have, version uint64) error {
	if have > version {
		return fmt.Errorf("%w: the database has version %d, this program knows %d", ErrNewer, have, version)
	}
	return nil
}

// maskIn returns the key that hides names, which only the keyring of this database can open.
func maskIn(r *tx.Reader, keys *crypto.Keyring) (mac [macSize]byte, err error) {
	plain, err := keys.Open(r.Get(bucketMeta, metaMAC), metaMAC)
	if err != nil || len(plain) != macSize {
		return mac, damaged("the keyring is that of another database")
	}
	return [macSize]byte(plain), nil
}

// fill writes what an empty database has.
func (s *opening) fill(t *tx.Batch, version uint64) error {
	instance, err := newInstance(s.cfg.Rand)
	if err != nil {
		return err
	}
	mac := make([]byte, macSize)
	if _, err := io.ReadFull(s.cfg.Rand, mac); err != nil {
		return err
	}
	t.Put(bucketMeta, metaVersion, layout.U64(version))
	t.Put(bucketMeta, metaInstance, instance[:])
	t.Put(bucketMeta, metaMAC, s.dir.Keyring.Seal(mac, metaMAC))
	if err := s.newBook([macSize]byte(mac)).Add(t, &book.Person{
		ID:      s.own.Person,
		Card:    s.own.Card.Bytes(),
		Devices: map[crypto.DeviceID]book.DeviceInfo{s.own.Device.ID(): {}},
	}); err != nil {
		return err
	}
	return s.writing.Finish(t)
}

const macSize = 32

// newBook returns the book of this database, given the key that hides names.
func (s *opening) newBook(mac [macSize]byte) *book.Book {
	return book.New(book.Config{
		DB: s.db, Writer: s.writer, Ledger: &s.writing, Keyring: &s.dir.Keyring, Mask: mac, Now: s.cfg.Now,
		Free: s.dir.Free,
	})
}

// blobsDir is where the files of the shelf are, in the data directory.
const blobsDir = "blobs"

func (s *opening) newShelf(mac [macSize]byte) *shelf.Shelf {
	return shelf.New(shelf.Config{
		DB: s.db, Writer: s.writer, Keyring: &s.dir.Keyring, Mask: mac, Now: s.cfg.Now, Log: s.cfg.Log,
		Dir: filepath.Join(s.cfg.Dir, blobsDir),
	})
}

// recognise compares the file of the database with the one in which it was before.
func (s *opening) recognise() error {
	now := s.dir.Identity()
	same := false
	if err := s.view(func(r *reader) error {
		s.era = eraOf(r.Get(bucketMeta, metaEra))
		same = disk.Identity(r.Get(bucketMeta, metaFile)).Same(now)
		return nil
	}); err != nil || same {
		return err
	}
	return s.db.Update(func(t *tx.Batch) error {
		b := newBatch(s.Store, t, waking{})
		if b.Get(bucketMeta, metaFile) != nil {
			s.era++
			s.copied = true
			b.Put(bucketMeta, metaEra, layout.U32(s.era))
			b.putRestored(false)
			// Records that were signed since, under the name of this store, have higher counters
			// than those that are here.
			instance, err := newInstance(s.cfg.Rand)
			if err != nil {
				return err
			}
			b.Put(bucketMeta, metaInstance, instance[:])
			s.own.Store = instance
		}
		if now == nil {
			b.Delete(bucketMeta, metaFile)
		} else {
			b.Put(bucketMeta, metaFile, now)
		}
		return nil
	})
}
