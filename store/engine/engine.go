package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
	"github.com/earshot-im/earshot/store/memtable"
)

// Database is the name of the bbolt file.
const Database = "store.db"

// ErrClosed: the engine was closed.
var ErrClosed = errors.New("store is closed")

// Config says what to open.
type Config struct {
	Dir   string     // in which the files are
	Files disk.Files // of Dir, as the journal and what is renamed is written; nil: disk.Dir(Dir)
	Log   *slog.Logger

	// Ascending are buckets whose keys mostly ascend: new ones are greater than those that are there.
	Ascending []string

	// PlaceBucket and PlaceKey name the row that says in which file the database is, and Moved what is to stand
	// there, or nil, once it has got another file: it is given what stands there, and the paths of both.
	PlaceBucket string
	PlaceKey    []byte
	Moved       func(place []byte, old, now string) ([]byte, error)

	// JournalBytes and TableBytes bound a file of the journal and a table; 0: as usual. A journal that is
	// there keeps its size.
	JournalBytes, TableBytes int64

	// Commit replaces how a function is called that writes the file of that name through bbolt, in tests.
	Commit func(name string, f func() error) error
}

const (
	journalBytes = 4 << 20
	tableBytes   = 8 << 20

	// idle is how long a batch is in the journal alone at most, and in memory.
	idle = 30 * time.Second
)

func (c *Config) fill() {
	if c.Files == nil {
		c.Files = disk.Dir(c.Dir)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.JournalBytes == 0 {
		c.JournalBytes = journalBytes
	}
	if c.TableBytes == 0 {
		c.TableBytes = tableBytes
	}
	if c.Commit == nil {
		c.Commit = func(_ string, f func() error) error { return f() }
	}
}

// Engine is an open database with its journal.
type Engine struct {
	cfg       Config
	ascending map[string]bool
	journal   *journal.Journal // of whoever writes

	// maintaining is held by whoever runs a checkpoint, compacts or erases.
	maintaining chan struct{}
	durable     atomic.Bool        // all is that can be read of the database, see settle
	work        chan struct{}      // has room for one: the keeper has something to do
	stop        context.CancelFunc // nil before Start
	kept        sync.WaitGroup

	mu        sync.Mutex
	db        *bbolt.DB
	readers   int             // open snapshots
	active    *memtable.Table // what the journal has and the database doesn't; not changed while anybody reads, but replaced
	frozen    *memtable.Table // what a checkpoint is to write; nil: nothing, and the other file of the journal is free
	upTo      journal.Last    // what the database has once that is written
	last      journal.Link    // the last batch of active
	journaled uint64          // the number of the last batch that the journal has
	due       time.Time       // when active is to be written at the latest; zero: the journal has nothing of it
	drained   chan struct{}   // closed when frozen was written, or that has failed
	full      error           // why the last checkpoint has failed, if that was for lack of room
	failed    error
	failing   chan struct{} // closed with failed set
	closed    bool
	eraseAt   time.Time // when what was deleted is to be overwritten; zero: nothing is

	direct    bool       // a batch waits that is too large for the journal
	compactAt time.Time  // before it no compaction is tried again
	appending bool       // a record is written to the journal, whose changes are not in active yet
	settled   *sync.Cond // of mu: appending has become false
}

// The engine's own bucket in the database.
const (
	ownBucket = "journal"
	ownKey    = "key"   // journal.Key
	ownLast   = "last"  // lastSize
	ownErase  = "erase" // since when something that was deleted is to be overwritten: ms since 1970

	lastSize = 8 + len(journal.Sum{}) + 8
)

func marshalLast(l journal.Last) []byte {
	b := binary.BigEndian.AppendUint64(nil, l.Number)
	b = append(b, l.Sum[:]...)
	return binary.BigEndian.AppendUint64(b, l.Journaled)
}

func parseLast(b []byte) (l journal.Last, ok bool) {
	if len(b) != lastSize {
		return l, false
	}
	l.Number, l.Sum = binary.BigEndian.Uint64(b), journal.Sum(b[8:16])
	l.Journaled = binary.BigEndian.Uint64(b[16:])
	return l, true
}

// Open opens a database that Create has made. Nothing in it is changed before something is written, or Start.
func Open(cfg Config) (*Engine, error) {
	cfg.fill()
	return open(cfg, false)
}

// Start begins what is to be done in the background, until Close. Call it once, before others write, when it is
// certain that this database is wanted.
func (e *Engine) Start() {
	_ = e.settle() // what fails here is told to whoever writes
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.kept.Go(func() { e.keep(ctx) })
}

// open opens the files and reads the journal.
func open(cfg Config, readOnly bool) (*Engine, error) {
	e := &Engine{
		cfg: cfg, ascending: make(map[string]bool), active: memtable.New(),
		maintaining: make(chan struct{}, 1), work: make(chan struct{}, 1), drained: make(chan struct{}), failing: make(chan struct{}),
	}
	e.settled = sync.NewCond(&e.mu)
	for _, b := range cfg.Ascending {
		e.ascending[b] = true
	}
	var err error
	if e.db, err = openDatabase(cfg, Database, readOnly); err != nil {
		return nil, err
	}
	if err := e.replay(readOnly); err != nil {
		return nil, errors.Join(err, e.closeFiles())
	}
	return e, nil
}

// replay reads the journal.
func (e *Engine) replay(readOnly bool) error {
	flag := os.O_RDWR
	if readOnly {
		flag = os.O_RDONLY
	}
	key, last, err := own(e.db)
	if err != nil {
		return err
	}
	frozen := memtable.New()
	e.journal, err = journal.Open(e.cfg.Files, flag, key, last, func(r journal.Replay) error {
		into := e.active
		if r.Old {
			into, e.upTo, e.frozen = frozen, journal.Last{Link: r.Link, Journaled: r.Number}, frozen
		}
		for c, err := range memtable.Decode(r.Body) {
			if err != nil {
				return disk.Damaged("batch %d of the journal: %w", r.Number, err)
			}
			into.Note(c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.last, e.journaled = e.journal.Last(), e.journal.Written()
	if e.active.Len() > 0 {
		e.due = time.Now().Add(idle)
	}
	return guard(func() error {
		return e.db.View(func(tx *bbolt.Tx) error {
			e.eraseAt = eraseDue(newSnapshot(tx, e.active, e.frozen).Get(ownBucket, []byte(ownErase)))
			return nil
		})
	})
}

func (e *Engine) closeFiles() error {
	err := e.db.Close()
	if e.journal != nil {
		err = errors.Join(err, e.journal.Close())
	}
	return err
}

// own reads what the engine keeps for itself in the database.
func own(db *bbolt.DB) (key journal.Key, last journal.Last, err error) {
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(ownBucket))
			if b == nil {
				return disk.Damaged("not a database of this program")
			}
			k, l := b.Get([]byte(ownKey)), b.Get([]byte(ownLast))
			var ok bool
			if last, ok = parseLast(l); !ok || len(k) != len(key) {
				return disk.Damaged("the database does not know its journal")
			}
			key = journal.Key(k)
			return nil
		})
	})
	return key, last, err
}

// Failed is closed when the engine has failed for good: Err says why. Nothing is written any more.
func (e *Engine) Failed() <-chan struct{} { return e.failing }

// Err returns why the engine has failed, nil while it has not.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed
}

// fail ends all writing.
func (e *Engine) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failLocked(err)
}

// failLocked is fail for whoever holds mu.
func (e *Engine) failLocked(err error) {
	if e.failed == nil {
		e.failed = err
		close(e.failing)
	}
}

// Close writes what is in memory into the database if it was started, so that the next start has nothing to
// replay, and closes the files. All snapshots must have ended.
func (e *Engine) Close() error {
	var err error
	if e.stop != nil {
		e.stop()
		e.kept.Wait()
		if e.Err() == nil { // else it was told before
			err = e.Checkpoint(context.Background())
		}
	}
	if errors.Is(err, disk.ErrFull) { // the journal has it
		err = nil
	}
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	return errors.Join(err, e.closeFiles())
}

// Batches returns how many batches were written since the database was made.
func (e *Engine) Batches() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last.Number
}

// InMemory returns how many bytes of keys and values are in memory until a checkpoint has written them.
func (e *Engine) InMemory() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.active.Bytes()
	if e.frozen != nil {
		n += e.frozen.Bytes()
	}
	return n
}

// Path returns the path of the bbolt file.
func (e *Engine) Path() string { return path(e.cfg.Dir, Database) }

// wrap says what was to be done.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
