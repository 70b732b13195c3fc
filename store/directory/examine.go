package directory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/engine"
	"github.com/earshot-im/earshot/store/journal"
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
func Examine(ctx context.Context, cfg Config, look func(*Examination, *engine.Snapshot) error) (Examination, error) {
	info, err := os.Stat(cfg.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Examination{New: true}, nil
	case err != nil:
		return Examination{}, err
	case !info.IsDir():
		return Examination{}, &fs.PathError{Op: "open", Path: cfg.Dir, Err: syscall.ENOTDIR}
	}
	if err := disk.CheckOwner(cfg.Dir, info); err != nil {
		return Examination{}, err
	}
	cfg.Files = disk.Unchanged(cfg.Dir)
	held := Examination{Exposed: exposed(cfg.Dir)}
	if err := Held(cfg.Dir); err != nil {
		return held, err
	}
	before, err := statesOf(cfg.Dir)
	if err != nil {
		return held, err
	}
	x := examineFiles(ctx, cfg, look)
	if err := Held(cfg.Dir); err != nil {
		return held, err
	}
	if after, err := statesOf(cfg.Dir); err != nil || after != before {
		return held, errors.Join(&disk.LockedError{}, err)
	}
	x.Exposed = held.Exposed
	return x, nil
}

// exposed returns what of a directory others than its owner have rights to.
func exposed(dir string) (paths []string) {
	all := []string{dir, KeyringFile(dir), DatabaseFile(dir)}
	for _, name := range journal.Names {
		all = append(all, filepath.Join(dir, name))
	}
	for _, path := range all {
		if info, err := os.Stat(path); err == nil && disk.OthersMay && info.Mode().Perm()&0o077 != 0 {
			paths = append(paths, path)
		}
	}
	return paths
}

// KeyringFile returns the path of the keyring of a directory.
func KeyringFile(dir string) string { return filepath.Join(dir, keyringName) }

// DatabaseFile returns the path of the database of a directory.
func DatabaseFile(dir string) string { return filepath.Join(dir, engine.Database) }

// examineFiles is Examine without the lock.
func examineFiles(ctx context.Context, cfg Config, look func(*Examination, *engine.Snapshot) error) (x Examination) {
	keys, err := openKeyring(cfg.Files, cfg.Passphrase)
	if x.Keyring = err; err == nil {
		x.Keys = &keys
	}
	none := errors.Is(x.Keyring, disk.ErrNoKeyring)
	gone, err := engine.Gone(cfg.Files)
	switch {
	case err != nil:
		x.Database = err
		return x
	case gone && none:
		return Examination{New: true}
	case gone:
		x.Database = errNoDatabase(DatabaseFile(cfg.Dir))
		return x
	}
	blank := false
	x.Database = engine.Look(ctx, cfg.engine(), func(s *engine.Snapshot) error {
		blank = s.Blank()
		return look(&x, s)
	})
	if none && blank && x.Database == nil { // a first start that has crashed
		return Examination{New: true}
	}
	return x
}

// state tells whether a file has been written meanwhile.
type state struct {
	size int64 // 0: it is not there, or empty
	at   time.Time
}

// written are the files that a running node writes.
var written = [...]string{engine.Database, journal.Names[0], journal.Names[1]}

func statesOf(dir string) (all [len(written)]state, err error) {
	for i, name := range written {
		info, err := os.Lstat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return all, err
		}
		all[i] = state{info.Size(), info.ModTime()}
	}
	return all, nil
}

// Held returns a LockedError if another process has the directory, and changes nothing.
func Held(dir string) error { return disk.Held(filepath.Join(dir, lockName)) }
