package directory

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/engine"
	"github.com/earshot-im/earshot/store/journal"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// directory is a data directory, open or not.
type directory struct {
	t   *testing.T
	cfg Config
	*Directory
}

// newDirectory returns one that was just made, and is open.
func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{t: t, cfg: Config{Dir: t.TempDir(), JournalBytes: 64 << 10, Rand: rand.Reader, IdentityBucket: "b", IdentityKey: []byte("file")}}
	d.open()
	t.Cleanup(d.close)
	return d
}

func (d *directory) open() {
	d.t.Helper()
	var err error
	d.Directory, err = Open(d.cfg)
	must(d.t, err)
}

func (d *directory) close() {
	d.t.Helper()
	if d.Directory != nil {
		must(d.t, d.Directory.Close())
		d.Directory = nil
	}
}

func (d *directory) path(name string) string { return filepath.Join(d.cfg.Dir, name) }

// put writes a value in a batch of its own.
func (d *directory) put(key string, value []byte) {
	d.t.Helper()
	must(d.t, d.Engine.Write(func(b *engine.Batch) error {
		must(d.t, b.Put("b", []byte(key), value))
		return b.Commit()
	}))
}

// get returns a value, copied.
func (d *directory) get(key string) (value []byte) {
	d.t.Helper()
	must(d.t, d.Engine.View(func(s *engine.Snapshot) error {
		value = bytes.Clone(s.Get("b", []byte(key)))
		return nil
	}))
	return value
}

func (d *directory) read(name string) []byte {
	d.t.Helper()
	b, err := os.ReadFile(d.path(name))
	must(d.t, err)
	return b
}

func (d *directory) refuses(what string, want error) {
	d.t.Helper()
	got, err := Open(d.cfg)
	if err == nil {
		got.Close()
	}
	if !errors.Is(err, want) {
		d.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestPrivate(t *testing.T) {
	d := newDirectory(t)
	d.close()
	must(t, os.Chmod(d.cfg.Dir, 0o755))
	for _, name := range []string{engine.Database, keyringName, lockName} {
		must(t, os.Chmod(d.path(name), 0o644))
	}
	d.open()
	for name, want := range map[string]fs.FileMode{"": fs.ModeDir | 0o700, engine.Database: 0o600, keyringName: 0o600, lockName: 0o600} {
		info, err := os.Stat(d.path(name))
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	d.close()
	must(t, os.Rename(d.path(engine.Database), d.path("elsewhere")))
	must(t, os.Symlink("elsewhere", d.path(engine.Database)))
	d.refuses("a link", disk.ErrNotPrivate)
}

func TestSecondOpener(t *testing.T) {
	d := newDirectory(t)
	_, err := Open(d.cfg)
	var locked *disk.LockedError
	if !errors.Is(err, disk.ErrLocked) || !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Fatal(err)
	}
	d.close()
	d.open()
}

// A keyring that is gone is not replaced by that of somebody new.
func TestKeyringIsNeverReplaced(t *testing.T) {
	d := newDirectory(t)
	d.put("a", []byte("x"))
	d.close()
	kept := d.read(keyringName)
	must(t, os.Remove(d.path(keyringName)))
	d.refuses("no keyring", disk.ErrNoKeyring)
	if _, err := os.Stat(d.path(keyringName)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("a new keyring was made")
	}
	must(t, os.WriteFile(d.path(keyringName), kept, 0o600))
	d.open()
}

// A database that is gone is not replaced by an empty one: forgetting everything is no way to go
// on.
func TestDatabaseIsMissed(t *testing.T) {
	for title, lose := range map[string]func(string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		d := newDirectory(t)
		d.close()
		must(t, lose(d.path(engine.Database)))
		d.refuses(title, disk.ErrDamaged)
	}
}

// A crash in the first start leaves a database with nothing in it, or that and the keyring. A file system may
// also leave an empty file, or one of zeros.
func TestFirstStartMayCrash(t *testing.T) {
	for what, left := range map[string]func(d *directory){
		"nothing":                       func(*directory) {},
		"an empty database":             func(d *directory) { must(t, os.WriteFile(d.path(engine.Database), nil, 0o600)) },
		"zeros":                         func(d *directory) { must(t, os.WriteFile(d.path(engine.Database), make([]byte, 5000), 0o600)) },
		"half a journal":                func(d *directory) { must(t, os.WriteFile(d.path(journal.Names[0]), make([]byte, 100), 0o600)) },
		"a database with nothing in it": func(d *directory) { must(t, engine.Create(d.cfg.engine())) },
		"the same with an older journal": func(d *directory) {
			must(t, engine.Create(d.cfg.engine()))
			must(t, os.WriteFile(d.path(engine.Database+disk.Temporary), []byte("half"), 0o600))
		},
	} {
		d := &directory{t: t, cfg: Config{Dir: t.TempDir(), JournalBytes: 64 << 10, Rand: rand.Reader}}
		d.cfg.fill()
		left(d)
		d.open()
		who := d.Keyring.Card.Person()
		if !d.New {
			t.Errorf("%s: it is not new", what)
		}
		d.close()
		d.open()
		if d.New || d.Keyring.Card.Person() != who {
			t.Errorf("%s: another person", what)
		}
		d.close()
	}
}

func TestPassphrase(t *testing.T) {
	d := &directory{t: t, cfg: Config{Dir: t.TempDir(), JournalBytes: 64 << 10, Rand: rand.Reader, Passphrase: []byte("x")}}
	d.open()
	d.close()
	for pass, want := range map[string]error{"": crypto.ErrPassphraseNeeded, "y": crypto.ErrWrongPassphrase} {
		d.cfg.Passphrase = []byte(pass)
		d.refuses(fmt.Sprintf("passphrase %q", pass), want)
	}
	d.cfg.Passphrase = []byte("x")
	d.open()
	d.close()
}

// What a crash has left of files that were to be renamed is removed.
func TestLeftoversAreRemoved(t *testing.T) {
	d := newDirectory(t)
	d.close()
	for _, name := range []string{engine.Database, keyringName} {
		must(t, os.WriteFile(d.path(name)+disk.Temporary, []byte("half of it"), 0o600))
	}
	d.open()
	for _, name := range []string{engine.Database, keyringName} {
		if _, err := os.Stat(d.path(name) + disk.Temporary); !errors.Is(err, fs.ErrNotExist) {
			t.Error(name, "is still there")
		}
	}
}

// Compaction moves the database into another file. One that knew its old file knows the new one
// then, and one that was a copy stays a copy.
func TestCompactionCarriesTheIdentityOver(t *testing.T) {
	d := newDirectory(t)
	d.close()
	d.cfg.Identify = func(path string) (disk.Identity, error) {
		if strings.HasSuffix(path, disk.Temporary) {
			return disk.Identity("new"), nil
		}
		return disk.Identity("old"), nil
	}
	d.open()
	for known, want := range map[string]string{"old": "new", "another": "another"} {
		d.put("file", []byte(known))
		must(t, d.Engine.Compact(t.Context()))
		if got := d.get("file"); string(got) != want {
			t.Errorf("%s became %s, want %s", known, got, want)
		}
	}
}
