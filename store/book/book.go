package book

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/tx"
)

// The buckets of FORMAT.md, section "Database", that the book owns.
const (
	bucketPersons  = tx.Bucket("persons")
	bucketDevices  = tx.Bucket("devices") // whose card names a device
	bucketRecords  = tx.Bucket("records")
	bucketRequests = tx.Bucket("requests")
	bucketAccepted = tx.Bucket("accepted") // by which join the owner is in a group
	bucketArriving = tx.Bucket("arriving") // what has come of groups in which the owner is not yet
	bucketSettings = tx.Bucket("settings")
	bucketCursors  = tx.Bucket("cursors")
	bucketBudgets  = tx.Bucket("budgets")
)

// Buckets lists the buckets that must exist.
var Buckets = []tx.Bucket{
	bucketPersons, bucketDevices, bucketRecords, bucketRequests, bucketAccepted, bucketArriving, bucketSettings, bucketCursors, bucketBudgets,
}

// Ledger is what the book needs of the ledger. Its methods are called in a batch.
type Ledger interface {
	// Meet makes the conversation with a person if there is none: the direct one, or for the owner
	// of the store the one of their own devices.
	Meet(*tx.Batch, crypto.PersonID) error
	// Unmeet takes away the conversation that Meet made, if nothing was ever said in it, and reports
	// whether it did.
	Unmeet(*tx.Batch, crypto.PersonID) (bool, error)

	// NotePerson notes that the batch changes what is shown of a person, NoteSettings what the owner
	// has set.
	NotePerson(*tx.Batch, crypto.PersonID)
	NoteSettings(*tx.Batch)

	// NoteMessages notes that the batch hides all messages of a person, or shows them again.
	NoteMessages(*tx.Batch, crypto.PersonID) error
}

// Config says what a book works on.
type Config struct {
	DB      *tx.DB
	Writer  *tx.Writer
	Ledger  Ledger
	Keyring *crypto.Keyring  // seals what is kept, and signs records of this device
	Mask    [32]byte         // a secret key: hides names that serve as keys
	Now     func() time.Time // the wall clock

	// Free returns how many bytes of the disk others may still fill, and whether that is known; nil:
	// it is not.
	Free func() (n uint64, known bool)
}

// Book is what is known of persons, and what the owner has chosen.
type Book struct {
	cfg   Config
	owner crypto.PersonID
}

// New returns the book in a database whose buckets exist, or will when it is used.
func New(cfg Config) *Book {
	if cfg.Free == nil {
		cfg.Free = func() (uint64, bool) { return 0, false }
	}
	return &Book{cfg: cfg, owner: cfg.Keyring.Card.Person()}
}

func (k *Book) do(ctx context.Context, f func(*tx.Batch) error) error { return k.cfg.Writer.Do(ctx, f) }

// thenAll gives functions to tx.Batch.Then.
func thenAll(b *tx.Batch, then []func()) {
	for _, f := range then {
		b.Then(f)
	}
}

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// number reads a value of eight bytes; 0 of any other.
func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
