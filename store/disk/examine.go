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

	// Settings are those that look was asked for and has found, by their names.
	Settings map[string]string
}

// Examine says what Open would find in a directory, and why it would fail. It changes nothing: it
// makes no file, takes no rights away, compacts nothing, and keeps the lock from nobody. If the file
// of the database is whole, look sees inside, as a transaction does; what it returns is of the
// database.
//
// It fails if the directory can't be read, and with ErrLocked if another process has it open, has
// opened it meanwhile or has changed it: then nothing can be said of the files, but who may read them.
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
	database := DatabaseFile(cfg.Dir)
	held := Examination{Exposed: exposed(cfg.Dir)}
	if err := Held(cfg.Dir); err != nil {
		return held, err
	}
	before, err := stateOf(database)
	if err != nil {
		return held, err
	}
	x := examineFiles(ctx, cfg, before.size, look)
	if err := Held(cfg.Dir); err != nil {
		return held, err
	}
	if after, err := stateOf(database); err != nil || after != before {
		return held, errors.Join(&LockedError{}, err)
	}
	x.Exposed = held.Exposed
	return x, nil
}

// exposed returns what of a directory others than its owner have rights to.
func exposed(dir string) (paths []string) {
	for _, path := range []string{dir, KeyringFile(dir), DatabaseFile(dir)} {
		if info, err := os.Stat(path); err == nil && othersMay && info.Mode().Perm()&0o077 != 0 {
			paths = append(paths, path)
		}
	}
	return paths
}

// KeyringFile returns the path of the keyring of a directory.
func KeyringFile(dir string) string { return filepath.Join(dir, keyringName) }

// DatabaseFile returns the path of the database of a directory.
func DatabaseFile(dir string) string { return filepath.Join(dir, databaseName) }

// examineFiles is Examine without the lock. The database has a size.
func examineFiles(ctx context.Context, cfg Config, size int64, look func(*Examination, *bbolt.Tx) error) (x Examination) {
	keyring, database := KeyringFile(cfg.Dir), DatabaseFile(cfg.Dir)
	x.Keys, x.Keyring = readKeyring(keyring, cfg.Passphrase)
	begun := errors.Is(x.Keyring, ErrNoKeyring) && size <= initialPages*int64(os.Getpagesize())
	if begun && size == 0 {
		return Examination{New: true}
	}
	x.Database = x.lookInto(ctx, database, size, look)
	if begun && x.Database == nil { // a first start that has crashed
		return Examination{New: true}
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

// Held returns a LockedError if another process has the directory. It takes the lock for a moment, and
// writes nothing. Another that asks may have it for a moment too, so it looks again.
func Held(dir string) error {
	path := filepath.Join(dir, lockName)
	f, err := openOnly(path, os.O_RDWR) // as network file systems want it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil { // it may not be written, or nothing may in this file system
		f, err = openOnly(path, os.O_RDONLY)
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
