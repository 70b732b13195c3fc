package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/earshot-im/earshot/crypto"
)

const (
	lockName     = "lock"
	keyringName  = "keyring"
	databaseName = "store.db"
	temporary    = ".tmp"

	// minCompact is the size in bytes below which a file is not worth compacting.
	minCompact = 1 << 20
	// compactTx bounds a transaction of the copy in bytes, and with it the memory.
	compactTx = 4 << 20
)

// Disk is an open data directory.
type Disk struct {
	Keyring  crypto.Keyring // without the recovery key, see Recovery
	New      bool           // this opening has made the keyring
	lock     *os.File
	db       *bbolt.DB
	tx       *bbolt.Tx // the last one for writing
	identity Identity
	crashed  bool // the last run before it was opened
	written  bool
	broken   atomic.Bool // bbolt has met damage
	dir      string
	space    func(dir string) (s Space, known bool)

	passphrase []byte                          // of the keyring, if it is protected
	recovery   atomic.Pointer[crypto.Recovery] // nil: it is not kept
	rewriting  sync.Mutex                      // held by whoever writes the keyring
}

// Config says what to open.
type Config struct {
	Dir        string
	Passphrase []byte    // of the keyring; empty for one without protection
	Rand       io.Reader // what a new person is made from

	// IdentityBucket and IdentityKey say where in the database its owner keeps the identity of the
	// file that it is in. Compacting moves the database into another file, and corrects that.
	IdentityBucket, IdentityKey []byte

	// Identify replaces identityOf in tests.
	Identify func(path string) (Identity, error)

	// Space replaces what the system says of the file system, in tests.
	Space func(dir string) (s Space, known bool)
}

func (c *Config) identify(path string) (Identity, error) {
	if c.Identify != nil {
		return c.Identify(path)
	}
	return identityOf(path)
}

// Open opens the directory, and makes what is not there yet. If the database is empty, the caller
// fills it.
func Open(cfg Config) (*Disk, error) {
	d, err := open(cfg)
	return d, AsFull(err)
}

func open(cfg Config) (*Disk, error) {
	if err := MakePrivate(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	held, err := lock(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, err
	}
	d := &Disk{lock: held, dir: cfg.Dir, space: cfg.Space, passphrase: cfg.Passphrase}
	if d.space == nil {
		d.space = SpaceOf
	}
	if err := d.open(cfg); err != nil {
		held.Close()
		return nil, err
	}
	return d, nil
}

func (d *Disk) open(cfg Config) error {
	keyring, database := filepath.Join(cfg.Dir, keyringName), filepath.Join(cfg.Dir, databaseName)
	for _, left := range []string{keyring, database} {
		if err := os.Remove(left + temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a crash left: %w", err)
		}
	}
	info, err := os.Lstat(database)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var size int64
	if info != nil {
		size = info.Size()
	}
	d.Keyring, err = openKeyring(keyring, cfg)
	switch {
	case err == nil && size == 0:
		// No crash leaves this: the database is made before the keyring.
		return errNoDatabase(database)
	case errors.Is(err, ErrNoKeyring) && size > initialPages*int64(os.Getpagesize()):
		return fmt.Errorf("%w: %s is there, %s is not", ErrNoKeyring, database, keyring)
	case errors.Is(err, ErrNoKeyring):
		if d.Keyring, err = begin(keyring, database, cfg); err != nil {
			return err
		}
		d.New = true
	case err != nil:
		return err
	}
	d.recovery.Store(d.Keyring.Recovery)
	d.Keyring.Recovery = nil
	closed, err := prepare(&cfg, database)
	if err != nil {
		return err
	}
	d.crashed = !closed
	if d.db, err = openDatabase(database, options()); err != nil {
		return err
	}
	if d.identity, err = cfg.identify(database); err != nil {
		return errors.Join(err, d.db.Close())
	}
	return nil
}

// errNoDatabase says that a keyring is there without its database.
func errNoDatabase(path string) error {
	return Damaged("%s is gone or empty, its keyring is there; to begin anew as somebody else, remove that too", path)
}

// openKeyring reads the keyring, or returns ErrNoKeyring.
func openKeyring(path string, cfg Config) (crypto.Keyring, error) {
	b, err := readPrivate(path, crypto.MaxKeyring)
	if errors.Is(err, fs.ErrNotExist) {
		return crypto.Keyring{}, ErrNoKeyring
	}
	if err != nil {
		return crypto.Keyring{}, fmt.Errorf("read keyring: %w", err)
	}
	return parseKeyring(b, cfg.Passphrase)
}

func parseKeyring(b, passphrase []byte) (crypto.Keyring, error) {
	k, err := crypto.ParseKeyring(b, passphrase)
	if errors.Is(err, crypto.ErrNewer) {
		err = fmt.Errorf("%w: %w", ErrNewer, err)
	}
	return k, err
}

// initialPages is how many pages a database has in which nothing was ever written.
const initialPages = 4

// begin makes a database with nothing in it and then the keyring of a new person. If it crashes
// between the two, the next start takes the directory for an empty one.
func begin(path, database string, cfg Config) (crypto.Keyring, error) {
	db, err := openDatabase(database, options())
	if err != nil {
		return crypto.Keyring{}, fmt.Errorf("make database: %w", err)
	}
	if err := db.Close(); err != nil {
		return crypto.Keyring{}, fmt.Errorf("make database: %w", err)
	}
	k, err := newKeyring(cfg.Rand)
	if err != nil {
		return crypto.Keyring{}, err
	}
	b, err := k.Marshal(cfg.Passphrase)
	if err != nil {
		return crypto.Keyring{}, err
	}
	if err := replace(path, b); err != nil { // syncs the directory as well
		return crypto.Keyring{}, fmt.Errorf("write keyring: %w", err)
	}
	return k, nil
}

// newKeyring makes a person with one device.
func newKeyring(random io.Reader) (crypto.Keyring, error) {
	key, err := crypto.NewDeviceKey(random)
	if err != nil {
		return crypto.Keyring{}, err
	}
	card, recovery, err := crypto.NewPerson(random, key)
	if err != nil {
		return crypto.Keyring{}, err
	}
	return crypto.NewKeyring(random, key, card, &recovery)
}

// prepare checks the database file, if there is anything in it, and compacts it if it is mostly
// free. It reports whether the file is now one that was closed.
func prepare(cfg *Config, path string) (closed bool, err error) {
	f, err := OpenPrivate(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("open database: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		return true, f.Close()
	}
	var used int64
	var sparse bool
	if err == nil {
		used, closed, err = check(f, info.Size(), false)
		sparse = info.Size() >= minCompact && used < info.Size()/2
	}
	if err == nil && closed && sparse { // copying will read everything
		_, _, err = check(f, info.Size(), true)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return false, err
	}
	if sparse {
		err := compact(cfg, path)
		if err == nil {
			return true, nil
		}
		os.Remove(path + temporary)
		if err = AsFull(err); !errors.Is(err, ErrFull) { // on a full disk, the database stays as it is
			return false, fmt.Errorf("compact database: %w", err)
		}
	}
	return closed, nil
}

// openDatabase opens a file that was checked. Where bbolt panics on what the check may have missed,
// it returns an error.
func openDatabase(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	defer recovered(&err, func() { db = nil })()
	db, err = bbolt.Open(path, fileMode, o)
	switch {
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		err = Damaged("%w", err)
	case errors.Is(err, bolterrors.ErrTimeout): // by a program that doesn't know of our lock
		err = &LockedError{}
	}
	return db, err
}

func options() *bbolt.Options {
	return &bbolt.Options{
		Timeout:        lockWait,
		FreelistType:   bbolt.FreelistMapType, // constant time in large files
		NoFreelistSync: true,                  // written by Close, for less in each commit
		NoStatistics:   true,
	}
}

func compact(cfg *Config, path string) error {
	from, err := openDatabase(path, options())
	if err != nil {
		return err
	}
	defer from.Close()
	o := options()
	o.NoSync = true // synced once, below
	o.NoFreelistSync = false
	to, err := bbolt.Open(path+temporary, fileMode, o)
	if err != nil {
		return err
	}
	err = bbolt.Compact(to, from, compactTx)
	if err == nil {
		err = carryOver(cfg, to, path, path+temporary)
	}
	if err == nil {
		err = to.Sync()
	}
	if e := to.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := from.Close(); err != nil {
		return err
	}
	return rename(path+temporary, path)
}
