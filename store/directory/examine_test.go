package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/engine"
)

// examined examines a directory, and checks that nothing in it was changed.
func (d *directory) examined(look func(*Examination, *engine.Snapshot) error) (Examination, error) {
	d.t.Helper()
	if look == nil {
		look = func(*Examination, *engine.Snapshot) error { return nil }
	}
	before := d.snapshot()
	x, err := Examine(context.Background(), d.cfg, look)
	if after := d.snapshot(); !slices.Equal(before, after) {
		d.t.Errorf("changed:\n%q\n%q", before, after)
	}
	return x, err
}

// snapshot says all that can be seen of the files.
func (d *directory) snapshot() (all []string) {
	d.t.Helper()
	must(d.t, filepath.WalkDir(d.cfg.Dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		must(d.t, err)
		info, err := e.Info()
		must(d.t, err)
		content := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			must(d.t, err)
			content = string(b)
		}
		all = append(all, path, info.Mode().String(), info.ModTime().String(), content)
		return nil
	}))
	return all
}

func TestExaminingAWholeDirectoryFindsNothing(t *testing.T) {
	d := newDirectory(t)
	d.put("k", []byte("v"))
	d.close()
	looked := false
	x, err := d.examined(func(x *Examination, s *engine.Snapshot) error {
		looked = x.Keys != nil && string(s.Get("b", []byte("k"))) == "v"
		return nil
	})
	if err != nil || x.Keyring != nil || x.Database != nil || x.New || x.Exposed != nil || !looked {
		t.Errorf("%+v, %v", x, err)
	}
	d.open()
}

func TestExaminingSaysThatNothingIsThereYet(t *testing.T) {
	d := &directory{t: t, cfg: Config{Dir: filepath.Join(t.TempDir(), "none")}}
	for _, make := range []func(){
		func() {},
		func() { must(t, os.Mkdir(d.cfg.Dir, 0o755)) },
		func() { // a first start that has crashed
			d.cfg.fill()
			must(t, engine.Create(d.cfg.engine()))
		},
	} {
		make()
		if x, err := d.examined(nil); err != nil || !x.New || x.Keyring != nil || x.Database != nil {
			t.Errorf("%+v, %v", x, err)
		}
	}
}

func TestExaminingFindsWhatOpenWouldRefuse(t *testing.T) {
	d := &directory{t: t, cfg: Config{Dir: t.TempDir(), JournalBytes: 64 << 10, Passphrase: []byte("right"), Rand: rand.Reader}}
	d.open()
	d.put("k", []byte("v"))
	d.close()
	whole := map[string][]byte{keyringName: d.read(keyringName), engine.Database: d.read(engine.Database)}
	cut := slices.Clone(whole[engine.Database])
	cut[16]++ // the magic number of the first meta page
	inside := errors.New("what is inside is wrong")
	for _, c := range []struct {
		what              string
		do                func()
		keyring, database error
	}{
		{"a wrong passphrase", func() { d.cfg.Passphrase = []byte("wrong") }, crypto.ErrWrongPassphrase, nil},
		{"no passphrase", func() { d.cfg.Passphrase = nil }, crypto.ErrPassphraseNeeded, nil},
		{"no keyring", func() { must(t, os.Remove(d.path(keyringName))) }, disk.ErrNoKeyring, nil},
		{"neither", func() {
			must(t, os.Remove(d.path(keyringName)))
			must(t, os.WriteFile(d.path(engine.Database), cut[:2*os.Getpagesize()], 0o600))
		}, disk.ErrNoKeyring, disk.ErrDamaged},
		{"a damaged keyring", func() { must(t, os.WriteFile(d.path(keyringName), []byte("x"), 0o600)) }, crypto.ErrDamaged, nil},
		{"a keyring that is a link", func() {
			must(t, os.Rename(d.path(keyringName), d.path("k")))
			must(t, os.Symlink("k", d.path(keyringName)))
		}, disk.ErrNotPrivate, nil},
		{"no database", func() { must(t, os.Remove(d.path(engine.Database))) }, nil, disk.ErrDamaged},
		{"an empty database", func() { must(t, os.WriteFile(d.path(engine.Database), nil, 0o600)) }, nil, disk.ErrDamaged},
		{"a damaged database", func() { must(t, os.WriteFile(d.path(engine.Database), cut, 0o600)) }, nil, disk.ErrDamaged},
		{"a database that is a directory", func() {
			must(t, os.Remove(d.path(engine.Database)))
			must(t, os.Mkdir(d.path(engine.Database), 0o700))
			must(t, os.WriteFile(filepath.Join(d.path(engine.Database), "x"), nil, 0o600))
		}, nil, disk.ErrNotPrivate},
		{"what is inside", func() {}, nil, inside},
	} {
		d.cfg.Passphrase = []byte("right")
		for name, b := range whole {
			must(t, os.RemoveAll(d.path(name)))
			must(t, os.WriteFile(d.path(name), b, 0o600))
		}
		c.do()
		x, err := d.examined(func(*Examination, *engine.Snapshot) error {
			if c.database == inside {
				return inside
			}
			return nil
		})
		if err != nil || x.New || !errors.Is(x.Keyring, c.keyring) || !errors.Is(x.Database, c.database) || (x.Keys == nil) != (c.keyring != nil) {
			t.Errorf("%s: %+v, %v", c.what, x, err)
		}
	}
}

// Who examines a directory neither looks at what another process writes nor keeps one from starting.
func TestExaminingLeavesTheDirectoryToItsNode(t *testing.T) {
	d := newDirectory(t)
	var locked *disk.LockedError
	if _, err := d.examined(nil); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("an open directory: %v", err)
	}
	d.close()
	if _, err := Examine(context.Background(), d.cfg, func(*Examination, *engine.Snapshot) error {
		held, err := disk.Lock(d.path(lockName))
		must(t, err)
		return held.Close()
	}); err != nil {
		t.Errorf("the lock was kept from another: %v", err)
	}
	if _, err := Examine(context.Background(), d.cfg, func(*Examination, *engine.Snapshot) error {
		held, err := disk.Lock(d.path(lockName))
		must(t, err)
		t.Cleanup(func() { must(t, held.Close()) })
		return disk.Damaged("as half written files are")
	}); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("a node that has started meanwhile: %v", err)
	}
}

func TestExaminingSaysWhenTheDatabaseHasChangedMeanwhile(t *testing.T) {
	d := newDirectory(t)
	d.close()
	if x, err := Examine(context.Background(), d.cfg, func(*Examination, *engine.Snapshot) error {
		f, err := os.OpenFile(d.path(engine.Database), os.O_WRONLY|os.O_APPEND, 0)
		must(t, err)
		_, err = f.Write(make([]byte, 1))
		must(t, errors.Join(err, f.Close()))
		return nil
	}); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestExaminingEndsWithItsContext(t *testing.T) {
	d := newDirectory(t)
	d.close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	look := func(*Examination, *engine.Snapshot) error { return nil }
	if x, err := Examine(ctx, d.cfg, look); err != nil || !errors.Is(x.Database, context.Canceled) || errors.Is(x.Database, disk.ErrDamaged) {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestExaminingTellsWhatOthersMayRead(t *testing.T) {
	d := newDirectory(t)
	d.close()
	must(t, os.Chmod(d.cfg.Dir, 0o755))
	must(t, os.Chmod(d.path(keyringName), 0o640))
	x, err := d.examined(nil)
	if want := []string{d.cfg.Dir, d.path(keyringName)}; err != nil || !slices.Equal(x.Exposed, want) || x.Keyring != nil {
		t.Errorf("%+v, %v, want %q", x, err, want)
	}
}

// Damage in the pages that are not read before is met by who looks inside.
func TestExaminingSurvivesDamage(t *testing.T) {
	d := newDirectory(t)
	d.close()
	x, err := d.examined(func(*Examination, *engine.Snapshot) error { panic("as bbolt does") })
	if err != nil || !errors.Is(x.Database, disk.ErrDamaged) {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestExaminingRefusesWhatIsNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	for _, dir := range []string{path, filepath.Join(path, "node")} {
		if x, err := Examine(context.Background(), Config{Dir: dir}, nil); err == nil || errors.Is(err, disk.ErrLocked) {
			t.Errorf("%s: %+v, %v", dir, x, err)
		}
	}
}
