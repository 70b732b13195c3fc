package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
	"github.com/earshot-im/earshot/store/tx"
)

// Config says what to open. Only Dir is required.
type Config struct {
	Dir        string
	Passphrase []byte           // of the keyring; empty for one without protection
	Now        func() time.Time // the wall clock
	Rand       io.Reader        // of identities, instances, salts and keys
	Log        *slog.Logger

	// Identify replaces what the system says about which file the database is in; for tests.
	Identify func(path string) (FileIdentity, error)

	// Space replaces what the system says about the file system; for tests.
	Space func(dir string) (s Space, known bool)

	// JournalBytes is the size of each file of a journal that is made; 0: as usual; for tests.
	JournalBytes int64

	// Disk and Commit replace how the database is written and synced; for tests. See engine.Config.
	Disk   Disk
	Commit func(name string, f func() error) error

	// Authority answers for groups; nil if there are none.
	Authority Authority

	// Changed is called by the writer after each commit that changed something. It must not block
	// and must not call the store.
	Changed func(Change)
}

// FileIdentity tells a file from its copies.
type FileIdentity = disk.Identity

// Space is what is left of a file system.
type Space = disk.Space

// Disk writes and syncs the files of a directory.
type Disk = disk.Files

// SpaceOf returns what the system says is left of the file system of a directory.
func SpaceOf(dir string) (s Space, known bool) { return disk.SpaceOf(dir) }

// AsFull returns an error that matches ErrFull as well if it is the system's that there is no room.
func AsFull(err error) error { return disk.AsFull(err) }

// Change says what a commit changed. N is the change counter, which moves with everything that
// people could see.
type Change struct {
	N    uint64
	Logs []LogChange // those that grew or got another limit, in the order of event.Log.Compare

	// Forgotten are persons of whom nothing is kept any more. They had said nothing, or nothing that
	// is still here.
	Forgotten []crypto.PersonID

	Attached bool      // messages with attachments have come, which are FileNew
	Dropped  []BlobID  // to which no attachment refers any more: what is kept under them goes
	Holdings []Subject // on which holdings would say something new, see SignHoldings

	// Taken are own messages with attachments that somebody has now, or of which somebody holds or has declined
	// more than before: they may be settled. With TakenMore there may be others.
	Taken     []event.ID
	TakenMore bool

	// Strange is set if others brought events of this device that this disk did not have: this disk
	// has gone back to an earlier time, or another one is used with the same key. It is the time at
	// which the latest of these events was written, by the clock of the device that wrote it.
	Strange time.Time
}

// LogChange is how far a log is held now, as Logs says it.
type LogChange struct {
	Log      event.Log
	Segments event.Segments
}

// Own is who this store belongs to.
type Own struct {
	Device crypto.DeviceKey
	Card   crypto.Card
	Person crypto.PersonID
	Store  event.Instance // random; a new one for each database and each era of it
	New    bool           // this opening of the directory has made the person
}

// Store is an open data directory. Create it with Open, then call Run.
type Store struct {
	cfg  Config
	dir  *directory.Directory
	own  Own
	self event.Conversation // the conversation of the owner's devices

	era    uint32 // of own logs: a log of an earlier era is not written on; see restored.go
	copied bool   // the era has begun when the store was opened

	last   atomic.Uint64 // change counter of the last commit
	idleAt atomic.Uint64 // Batches()+1 when it was last seen that nothing waits; 0: not known

	db      *tx.DB
	writer  *tx.Writer
	book    *book.Book
	desk    desk.Desk
	shelf   *shelf.Shelf
	writing writing

	searching *searching
	pendings  pendings
	skipped   disk.Skipped // rows with attachments that can't be read
}

// Open opens the directory. If there is nothing in it, it makes a person and a database. It starts
// nothing.
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
	d, err := directory.Open(directory.Config{Dir: cfg.Dir, Passphrase: cfg.Passphrase, Rand: cfg.Rand, Log: cfg.Log,
		Ascending: tx.Names(bucketsAscending), IdentityBucket: string(bucketMeta), IdentityKey: metaFile, Identify: cfg.Identify, Space: cfg.Space,
		JournalBytes: cfg.JournalBytes, Files: cfg.Disk, Commit: cfg.Commit})
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, dir: d, db: tx.New(d.Engine), desk: desk.Desk{Keyring: &d.Keyring}}
	s.writing.s = s
	s.writer = tx.NewWriter(s.db, &s.writing, cfg.Log)
	err = (&opening{s}).load()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Engine.Start()
	s.searching = newSearching(s)
	return s, nil
}

// Own returns who this store belongs to.
func (s *Store) Own() Own { return s.own }

// Recovery returns the recovery key of the owner, nil if it is not kept any more.
func (s *Store) Recovery() *crypto.Recovery { return s.dir.Recovery() }

// ForgetRecovery takes the recovery key off the disk. It returns when it is gone from there.
func (s *Store) ForgetRecovery() error { return s.dir.ForgetRecovery() }

// Book returns what is known of persons, and what the owner has chosen.
func (s *Store) Book() *book.Book { return s.book }

// Shelf returns what is kept of files and folders.
func (s *Store) Shelf() *shelf.Shelf { return s.shelf }

// Room returns nil if there is room for what others write. Else it returns ErrFull: the rest is for
// what the owner writes.
func (s *Store) Room() error { return s.dir.Room() }

// Batches returns how often something was written since the database was made: what that costs is a sync of
// the disk each time.
func (s *Store) Batches() uint64 { return s.dir.Engine.Batches() }

// InMemory returns how many bytes the database keeps in memory until it has written them where they belong.
func (s *Store) InMemory() int { return s.dir.Engine.InMemory() }

// Last returns the change counter.
func (s *Store) Last() uint64 { return s.last.Load() }

// Close lets go of the directory. Call it when Run has ended and no method is running.
func (s *Store) Close() error {
	return errors.Join(s.searching.cache.Close(), s.shelf.Close(), s.dir.Close())
}

// newInstance returns a random instance.
func newInstance(random io.Reader) (i event.Instance, err error) {
	_, err = io.ReadFull(random, i[:])
	return i, err
}

// view runs f in a short transaction that reads. What f returns must be copies.
func (s *Store) view(f func(*reader) error) error {
	return s.db.View(func(t *tx.Reader) error {
		return f(newReader(s, t))
	})
}

// Run writes what methods ask for until the context ends, keeps the search cache up to date, and
// removes files of what is forgotten.
// Methods that wait then return ErrClosed.
func (s *Store) Run(ctx context.Context) error {
	var beside sync.WaitGroup // all until ctx ends
	defer beside.Wait()
	beside.Go(func() { s.searching.run(ctx) })
	beside.Go(func() { s.shelf.Run(ctx) })
	return s.writer.Run(ctx)
}
