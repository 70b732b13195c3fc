package disk

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/crypto"
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
	*Disk
}

// newDirectory returns one that was just made, and is open.
func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{t: t, cfg: Config{Dir: t.TempDir(), Rand: rand.Reader, IdentityBucket: []byte("b"), IdentityKey: []byte("file")}}
	d.open()
	t.Cleanup(d.close)
	return d
}

func (d *directory) open() {
	d.t.Helper()
	var err error
	d.Disk, err = Open(d.cfg)
	must(d.t, err)
}

func (d *directory) close() {
	d.t.Helper()
	if d.Disk != nil {
		must(d.t, d.Disk.Close())
		d.Disk = nil
	}
}

func (d *directory) path(name string) string { return filepath.Join(d.cfg.Dir, name) }

// put writes a value in a transaction of its own.
func (d *directory) put(key string, value []byte) {
	d.t.Helper()
	must(d.t, d.Write(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("b"))
		if err == nil {
			err = b.Put([]byte(key), value)
		}
		if err == nil {
			err = tx.Commit()
		}
		return err
	}))
}

// get returns a value, copied.
func (d *directory) get(key string) (value []byte) {
	d.t.Helper()
	must(d.t, d.View(func(tx *bbolt.Tx) error {
		value = bytes.Clone(tx.Bucket([]byte("b")).Get([]byte(key)))
		return nil
	}))
	return value
}

// bloat leaves the database mostly free.
func (d *directory) bloat() {
	d.t.Helper()
	for range 2 {
		d.put("junk", make([]byte, 3*minCompact))
	}
	d.put("junk", nil)
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
	for _, name := range []string{databaseName, keyringName, lockName} {
		must(t, os.Chmod(d.path(name), 0o644))
	}
	d.open()
	for name, want := range map[string]fs.FileMode{"": fs.ModeDir | 0o700, databaseName: 0o600, keyringName: 0o600, lockName: 0o600} {
		info, err := os.Stat(d.path(name))
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	d.close()
	must(t, os.Rename(d.path(databaseName), d.path("elsewhere")))
	must(t, os.Symlink("elsewhere", d.path(databaseName)))
	d.refuses("a link", ErrNotPrivate)
}

func TestSecondOpener(t *testing.T) {
	d := newDirectory(t)
	_, err := Open(d.cfg)
	var locked *LockedError
	if !errors.Is(err, ErrLocked) || !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
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
	d.refuses("no keyring", ErrNoKeyring)
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
		must(t, lose(d.path(databaseName)))
		d.refuses(title, ErrDamaged)
	}
}

// A crash in the first start leaves a database with nothing in it, or that and the keyring.
func TestFirstStartMayCrash(t *testing.T) {
	d := &directory{t: t, cfg: Config{Dir: t.TempDir(), Rand: rand.Reader}}
	empty := func() {
		db, err := bbolt.Open(d.path(databaseName), 0o600, nil)
		must(t, err)
		must(t, db.Close())
	}
	empty()
	d.open()
	who := d.Keyring.Card.Person()
	d.close()
	must(t, os.Remove(d.path(databaseName)))
	empty()
	d.open()
	if d.Keyring.Card.Person() != who {
		t.Error("another person")
	}
	d.close()
}

func TestPassphrase(t *testing.T) {
	d := &directory{t: t, cfg: Config{Dir: t.TempDir(), Rand: rand.Reader, Passphrase: []byte("x")}}
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
	for _, name := range []string{databaseName, keyringName} {
		must(t, os.WriteFile(d.path(name)+temporary, []byte("half of it"), 0o600))
	}
	d.open()
	for _, name := range []string{databaseName, keyringName} {
		if _, err := os.Stat(d.path(name) + temporary); !errors.Is(err, fs.ErrNotExist) {
			t.Error(name, "is still there")
		}
	}
}

// hasFreelist reports whether the newer meta page of a database says where its free pages are.
func hasFreelist(file []byte) bool {
	meta := func(page int) []byte { return file[page*os.Getpagesize()+pageHeader:] }
	newest := meta(0)
	if binary.NativeEndian.Uint64(meta(1)[48:]) > binary.NativeEndian.Uint64(newest[48:]) {
		newest = meta(1)
	}
	return binary.NativeEndian.Uint64(newest[32:]) != noFreelist
}

// A file says whether it was closed: from the first commit of a run to the end of Close it has no
// list of its free pages. A run that writes nothing changes nothing.
func TestClosedCleanly(t *testing.T) {
	d := newDirectory(t)
	for i := range 5 {
		d.put(fmt.Sprint(i), []byte("x"))
		crashed := d.read(databaseName)
		if hasFreelist(crashed) {
			t.Fatal("freelist while running")
		}
		d.close()
		closed := d.read(databaseName)
		if !hasFreelist(closed) {
			t.Fatal("no freelist after the end")
		}
		d.open()
		d.get("0")
		d.close()
		if !bytes.Equal(d.read(databaseName), closed) {
			t.Fatal("changed by reading")
		}
		if i%2 == 0 {
			must(t, os.WriteFile(d.path(databaseName), crashed, 0o600))
		}
		d.open()
		if d.crashed != (i%2 == 0) {
			t.Errorf("a crash was seen: %t", d.crashed)
		}
		must(t, d.Reclaim())
		if !hasFreelist(d.read(databaseName)) || d.get(fmt.Sprint(i)) == nil {
			t.Fatal("no freelist before the first commit, or what was written is gone")
		}
	}
}

// A file that is mostly free is copied into a smaller one, which has all that was in it.
func TestCompaction(t *testing.T) {
	d := newDirectory(t)
	d.put("a", []byte("x"))
	d.bloat()
	before := len(d.read(databaseName))
	d.close()
	d.open()
	if after := len(d.read(databaseName)); after > before/10 {
		t.Fatalf("%d bytes of %d are left", after, before)
	}
	if string(d.get("a")) != "x" {
		t.Error("something was lost")
	}
}

// Compaction moves the database into another file. One that knew its old file knows the new one
// then, and one that was a copy stays a copy.
func TestCompactionCarriesTheIdentityOver(t *testing.T) {
	d := newDirectory(t)
	d.cfg.Identify = func(path string) (Identity, error) {
		if strings.HasSuffix(path, temporary) {
			return Identity("new"), nil
		}
		return Identity("old"), nil
	}
	for known, want := range map[string]string{"old": "new", "another": "another"} {
		d.put("file", []byte(known))
		d.bloat()
		d.close()
		d.open()
		if got := d.get("file"); string(got) != want {
			t.Errorf("%s became %s, want %s", known, got, want)
		}
	}
}

// A transaction that meets damage fails, and is the last that writes.
func TestDamageIsMet(t *testing.T) {
	d := newDirectory(t)
	d.put("a", []byte("x"))
	if err := d.View(func(*bbolt.Tx) error { panic("as bbolt does") }); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if err := d.Write(func(*bbolt.Tx) error { t.Error("it is still written"); return nil }); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if string(d.get("a")) != "x" {
		t.Error("it can't be read any more")
	}
}

// A writing transaction that is not committed leaves nothing.
func TestRollback(t *testing.T) {
	d := newDirectory(t)
	d.put("a", []byte("x"))
	for _, want := range []error{nil, errors.New("fault")} {
		if err := d.Write(func(tx *bbolt.Tx) error {
			must(t, tx.Bucket([]byte("b")).Put([]byte("a"), []byte("y")))
			return want
		}); err != want {
			t.Error(err)
		}
	}
	if string(d.get("a")) != "x" {
		t.Error("it was written")
	}
}
