package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

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
	DB      *bbolt.DB
	Keyring crypto.Keyring
	lock    *os.File
}

// Config says what to open.
type Config struct {
	Dir        string
	Passphrase []byte    // of the keyring; empty for one without protection
	Rand       io.Reader // what a new identity is made from
}

// Open opens the directory, and makes what is not there yet. An empty database is
// the caller's to fill.
func Open(cfg Config) (*Disk, error) {
	if err := makePrivate(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	held, err := lock(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, err
	}
	d := &Disk{lock: held}
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
	var err error
	if d.Keyring, err = openKeyring(keyring, database, cfg); err != nil {
		return err
	}
	if err := prepare(database); err != nil {
		return err
	}
	d.DB, err = openDatabase(database)
	return err
}

// Close lets go of the directory. Transactions must have ended.
func (d *Disk) Close() error { return errors.Join(d.DB.Close(), d.lock.Close()) }

// openKeyring reads the keyring, or makes one for an empty directory.
func openKeyring(path, database string, cfg Config) (crypto.Keyring, error) {
	b, err := readPrivate(path, crypto.MaxKeyring)
	if err == nil {
		k, err := crypto.ParseKeyring(b, cfg.Passphrase)
		if errors.Is(err, crypto.ErrNewer) {
			err = fmt.Errorf("%w: %w", ErrNewer, err)
		}
		return k, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return crypto.Keyring{}, fmt.Errorf("read keyring: %w", err)
	}
	if info, err := os.Lstat(database); err == nil && info.Size() > 0 {
		return crypto.Keyring{}, fmt.Errorf("%w: %s is there, %s is not", ErrNoKeyring, database, path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return crypto.Keyring{}, err
	}
	k, err := newKeyring(cfg.Rand)
	if err != nil {
		return crypto.Keyring{}, err
	}
	if b, err = k.Marshal(cfg.Passphrase); err != nil {
		return crypto.Keyring{}, err
	}
	if err := replace(path, b); err != nil {
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

// prepare checks the database file, if it has any content, and compacts it if it is
// mostly free.
func prepare(path string) error {
	f, err := openPrivate(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		return f.Close()
	}
	var used int64
	if err == nil {
		used, err = check(f, info.Size())
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if info.Size() >= minCompact && used < info.Size()/2 {
		if err := compact(path); err != nil {
			os.Remove(path + temporary)
			return fmt.Errorf("compact database: %w", err)
		}
	}
	return nil
}

// openDatabase opens a file that was checked. bbolt still panics on what the check
// may have missed; that must not take the program with it.
func openDatabase(path string) (db *bbolt.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, damaged("%v", r)
		}
	}()
	db, err = bbolt.Open(path, fileMode, options())
	switch {
	case errors.Is(err, bbolt.ErrInvalid), errors.Is(err, bbolt.ErrChecksum), errors.Is(err, bbolt.ErrVersionMismatch):
		err = damaged("%w", err)
	case errors.Is(err, bbolt.ErrTimeout): // by a program that doesn't know of our lock
		err = &LockedError{}
	}
	return db, err
}

func options() *bbolt.Options {
	return &bbolt.Options{
		Timeout:        lockWait,
		FreelistType:   bbolt.FreelistMapType, // constant time in large files
		NoFreelistSync: true,                  // found again at the start, for less in each commit
		NoStatistics:   true,
	}
}

func compact(path string) error {
	from, err := openDatabase(path)
	if err != nil {
		return err
	}
	defer from.Close()
	o := options()
	o.NoSync = true // synced once, below
	to, err := bbolt.Open(path+temporary, fileMode, o)
	if err != nil {
		return err
	}
	err = bbolt.Compact(to, from, compactTx)
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
