package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// Config says what to open. Only Dir is required.
type Config struct {
	Dir        string
	Passphrase []byte           // of the keyring; empty for one without protection
	Now        func() time.Time // the wall clock
	Rand       io.Reader        // of identities, instances, salts and keys
	Log        *slog.Logger

	// Identify replaces what the system says of which file the database is, in tests.
	Identify func(path string) (FileIdentity, error)

	// Authority answers for groups; nil if there are none.
	Authority Authority

	// Changed is called by the writer after each commit that changed something. It
	// must not block, nor call the store.
	Changed func(Change)
}

// FileIdentity tells a file from its copies.
type FileIdentity = disk.Identity

// Change says what a commit changed. N is the change counter now; it moves with
// everything that people could see.
type Change struct {
	N    uint64
	Logs []LogChange // that grew or got another limit, in the order of event.Log.Compare

	// Strange is not zero if events of this device came that this disk did not have: by the device's clock, when the latest of them
	// was written. This disk has gone back to an earlier time, or another runs with the same key.
	Strange time.Time
}

// LogChange is how far a log is held now, as Logs would say.
type LogChange struct {
	Log      event.Log
	Segments event.Segments
}

// Own is who this store belongs to.
type Own struct {
	Device crypto.DeviceKey
	Card   crypto.Card
	Person crypto.PersonID
	Store  event.Instance // random, as old as the database or as the era
}

// Store is an open data directory. Create it with Open, then call Run.
type Store struct {
	cfg  Config
	disk *disk.Disk
	own  Own
	self event.Conversation // of one's own devices

	era    uint32 // of the own logs that are written on; moves when the database is a copy
	copied bool   // it has moved when the store was opened

	last atomic.Uint64 // change counter of the last commit

	db      *tx.DB
	writer  *tx.Writer
	book    *book.Book
	writing writing
}

// Open opens the directory, making it, a new person and an empty database if there
// is nothing. It starts nothing.
func Open(cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d, err := disk.Open(disk.Config{Dir: cfg.Dir, Passphrase: cfg.Passphrase, Rand: cfg.Rand,
		IdentityBucket: []byte(bucketMeta), IdentityKey: metaFile, Identify: cfg.Identify})
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, disk: d, db: tx.New(d, bucketsAscending...)}
	s.writing.s = s
	s.writer = tx.NewWriter(s.db, &s.writing, cfg.Log)
	err = s.load()
	if err == nil {
		err = d.Reclaim()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return s, nil
}

func (s *Store) load() error {
	card := s.disk.Keyring.Card
	if card.Bytes() == nil {
		return damaged("keyring without a card")
	}
	s.own = Own{Device: s.disk.Keyring.Device, Card: card, Person: card.Person()}
	s.self = event.Self(s.own.Person)
	if err := s.prepare(formatVersion, migrations); err != nil {
		return err
	}
	if err := s.view(func(r *reader) error {
		instance, mac := r.Get(bucketMeta, metaInstance), r.Get(bucketMeta, metaMAC)
		if len(instance) != len(s.own.Store) {
			return damaged("no store instance")
		}
		s.own.Store = event.Instance(instance)
		plain, err := s.disk.Keyring.Open(mac, metaMAC)
		if err != nil || len(plain) != macSize {
			return damaged("the keyring is that of another database")
		}
		s.book = s.newBook([macSize]byte(plain))
		s.last.Store(r.Sequence(bucketArrivals))
		return nil
	}); err != nil {
		return err
	}
	return s.recognise() // which may write, so it comes after what finds damage
}

// Own returns who this store belongs to.
func (s *Store) Own() Own { return s.own }

// Book returns what is known of persons, and what the owner has chosen.
func (s *Store) Book() *book.Book { return s.book }

// Last returns the change counter.
func (s *Store) Last() uint64 { return s.last.Load() }

// Close lets go of the directory. Call it when Run has ended and no method is
// running.
func (s *Store) Close() error { return s.disk.Close() }

// migrations takes the database from the version that is the key to the next.
var migrations = map[uint64]func(*tx.Batch) error{}

// prepare fills an empty database and migrates an old one to the version.
func (s *Store) prepare(version uint64, steps map[uint64]func(*tx.Batch) error) error {
	var have uint64
	if err := s.db.View(func(r *tx.Reader) error {
		if r.Has(bucketMeta) {
			have = number(r.Get(bucketMeta, metaVersion))
		} else if !r.Blank() {
			return damaged("not a database of this program")
		}
		return nil
	}); err != nil {
		return err
	}
	switch {
	case have == version:
		return s.db.View(func(r *tx.Reader) error {
			for _, b := range buckets {
				if !r.Has(b) {
					return damaged("no %s", b)
				}
			}
			return nil
		})
	case have > version:
		return fmt.Errorf("%w: the database has version %d, this program knows %d", ErrNewer, have, version)
	}
	return s.db.Update(func(b *tx.Batch) error {
		if have == 0 {
			if b.Has(bucketMeta) {
				return damaged("no version")
			}
			return s.fill(b, version)
		}
		for ; have < version; have++ {
			if err := steps[have](b); err != nil {
				return fmt.Errorf("migrate from version %d: %w", have, err)
			}
		}
		b.Put(bucketMeta, metaVersion, u64(version))
		return nil
	})
}

// fill writes what an empty database has.
func (s *Store) fill(t *tx.Batch, version uint64) error {
	for _, b := range buckets {
		t.Create(b)
	}
	instance, err := s.newInstance()
	if err != nil {
		return err
	}
	mac := make([]byte, macSize)
	if _, err := io.ReadFull(s.cfg.Rand, mac); err != nil {
		return err
	}
	t.Put(bucketMeta, metaVersion, u64(version))
	t.Put(bucketMeta, metaInstance, instance[:])
	t.Put(bucketMeta, metaMAC, s.disk.Keyring.Seal(mac, metaMAC))
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
func (s *Store) newBook(mac [macSize]byte) *book.Book {
	return book.New(book.Config{
		DB: s.db, Writer: s.writer, Ledger: &s.writing, Keyring: &s.disk.Keyring, Mask: mac, Now: s.cfg.Now,
	})
}

// newInstance returns a random one.
func (s *Store) newInstance() (i event.Instance, err error) {
	_, err = io.ReadFull(s.cfg.Rand, i[:])
	return i, err
}

// view runs f in a short reading transaction. What f returns must be copies.
func (s *Store) view(f func(*reader) error) error {
	return s.db.View(func(t *tx.Reader) error {
		return f(newReader(s, t))
	})
}

// Run writes what methods ask for until the context ends. Whatever then still waits
// is answered with ErrClosed.
func (s *Store) Run(ctx context.Context) error { return s.writer.Run(ctx) }
