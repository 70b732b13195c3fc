package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/crypto"
)

// Examination is what Examine has found.
type Examination struct {
	New     bool     // there is no directory, or nothing in it yet: the first start makes it
	Exposed []string // paths that other users may enter or read, the directory itself first

	// Keyring is nil, or matches ErrNoKeyring, ErrNotPrivate, ErrNewer, crypto.ErrDamaged,
	// crypto.ErrPassphraseNeeded or crypto.ErrWrongPassphrase, or is the system's. Keys is nil if
	// Keyring is not.
	Keyring error
	Keys    *crypto.Keyring

	// Database is nil, or matches ErrDamaged, ErrNotPrivate or what look returned, or is the
	// system's. It is the context's error if that ended first: what was read until then is whole.
	Database error
}

// Examine says what Open would find in a directory, and why it would fail. It changes nothing: it
// makes no file, takes no rights away, compacts nothing, and keeps the lock from nobody. If the file
// of the database is whole, look sees inside, as a transaction does; what it returns is of the
// database.
//
// It fails if the directory can't be read, and with ErrLocked if another process has it open, has
// opened it meanwhile or has changed it: then nothing can be said of the files.
func Examine(ctx context.Context, cfg Config, look func(*Examination, *bbolt.Tx) error) (Examination, error) {
	info, err := os.Stat(cfg.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Examination{New: true}, nil
	case err != nil:
		return Examination{}, err
	case !info.IsDir():
		return Examination{}, &fs.PathError{Op: "open", Path: cfg.Dir, Err: syscall.ENOTDIR}
	}
	if err := checkOwner(cfg.Dir, info); err != nil {
		return Examination{}, err
	}
	lock, database := filepath.Join(cfg.Dir, lockName), filepath.Join(cfg.Dir, databaseName)
	if err := free(lock); err != nil {
		return Examination{}, err
	}
	before, err := stateOf(database)
	if err != nil {
		return Examination{}, err
	}
	x := examineFiles(ctx, cfg, before.size, look)
	if err := free(lock); err != nil {
		return Examination{}, err
	}
	if after, err := stateOf(database); err != nil || after != before {
		return Examination{}, errors.Join(&LockedError{}, err)
	}
	return x, nil
}

// examineFiles is Examine without the lock. The database has a size.
func examineFiles(ctx context.Context, cfg Config, size int64, look func(*Examination, *bbolt.Tx) error) (x Examination) {
	keyring, database := filepath.Join(cfg.Dir, keyringName), filepath.Join(cfg.Dir, databaseName)
	x.Keys, x.Keyring = readKeyring(keyring, cfg.Passphrase)
	if errors.Is(x.Keyring, ErrNoKeyring) && size <= initialPages*int64(os.Getpagesize()) {
		return Examination{New: true}
	}
	x.Database = x.lookInto(ctx, database, size, look)
	for _, path := range []string{cfg.Dir, keyring, database} {
		if info, err := os.Stat(path); err == nil && othersMay && info.Mode().Perm()&0o077 != 0 {
			x.Exposed = append(x.Exposed, path)
		}
	}
	return x
}

// state tells whether a file has been written meanwhile.
type state struct {
	size int64 // 0: it is not there, or empty
	at   time.Time
}

func stateOf(path string) (state, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	return state{info.Size(), info.ModTime()}, nil
}

// free returns a LockedError if another process has the lock. It takes it for a moment, and writes
// nothing. Another that examines the directory may have it for a moment too, so it looks again.
func free(path string) error {
	f, err := openOnly(path, os.O_RDWR) // as network file systems want it
	if errors.Is(err, fs.ErrPermission) {
		f, err = openOnly(path, os.O_RDONLY)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	const looks = 3
	for i := 1; ; i++ {
		err := tryLock(f)
		if err == nil || !errors.Is(err, errHeld) {
			return err
		}
		if i == looks {
			return &LockedError{PID: holder(f)}
		}
		time.Sleep(lockPoll)
	}
}

// openOnly opens a file of this user, and leaves it as it is.
func openOnly(path string, flag int) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrNotPrivate, path)
	}
	if err := checkOwner(path, info); err != nil {
		return nil, err
	}
	return os.OpenFile(path, flag, 0)
}

// readKeyring is openKeyring, but changes nothing.
func readKeyring(path string, passphrase []byte) (*crypto.Keyring, error) {
	f, err := openOnly(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoKeyring
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, crypto.MaxKeyring+1))
	if err != nil {
		return nil, err
	}
	k, err := parseKeyring(b, passphrase)
	if err != nil {
		return nil, err
	}
	return &k, nil
}

// lookInto checks the file of the database as prepare does, and then has look see inside.
func (x *Examination) lookInto(ctx context.Context, path string, size int64, look func(*Examination, *bbolt.Tx) error) (err error) {
	if size == 0 {
		return errNoDatabase(path)
	}
	f, err := openOnly(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, err := check(until{ctx, f}, size, false); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	o := options()
	o.ReadOnly = true
	db, err := openDatabase(path, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	defer recovered(&err, func() {})()
	return db.View(func(tx *bbolt.Tx) error { return look(x, tx) })
}

// until is a file that can't be read any more when ctx has ended.
type until struct {
	ctx  context.Context
	file io.ReaderAt
}

func (u until) ReadAt(b []byte, at int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.file.ReadAt(b, at)
}
