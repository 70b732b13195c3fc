package directory

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/engine"
)

// breaking are files of which one call fails, and all that come after it, as if the program were ended there;
// or only that one.
type breaking struct {
	disk.Files
	left int // calls until then
	ends bool
	err  error
	hit  string // which call it was
}

func (b *breaking) call(what, name string) error {
	b.left--
	if b.left == 0 {
		b.hit = what + " " + name
	}
	if b.left == 0 || b.left < 0 && b.ends {
		return b.err
	}
	return nil
}

func (b *breaking) Commit(name string, commit func() error) error {
	if err := b.call("commit", name); err != nil {
		return err
	}
	return errors.Join(commit(), b.call("committed", name))
}

func (b *breaking) Open(name string, flag int) (disk.File, error) {
	if flag&os.O_CREATE != 0 {
		if err := b.call("create", name); err != nil {
			return nil, err
		}
	}
	f, err := b.Files.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return &breakingFile{f, b, name}, nil
}

func (b *breaking) Rename(from, to string) error {
	if err := b.call("rename", to); err != nil {
		return err
	}
	return b.Files.Rename(from, to)
}

func (b *breaking) Remove(name string) error {
	if b.ends && b.left <= 0 {
		return b.err
	}
	return b.Files.Remove(name)
}

func (b *breaking) Sync() error {
	if err := b.call("sync", "names"); err != nil {
		return err
	}
	return b.Files.Sync()
}

type breakingFile struct {
	disk.File
	of   *breaking
	name string
}

// WriteAt writes a part if it fails.
func (f *breakingFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.of.call("write", f.name); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], at)
		return n, err
	}
	return f.File.WriteAt(b, at)
}

func (f *breakingFile) Sync() error {
	if err := f.of.call("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

// A first start that fails or is ended at any of its calls leaves a directory that the next one makes anew,
// or opens, and of which Examine does not say that it is damaged.
func TestFirstStartFailsAtAnyCall(t *testing.T) {
	for _, ends := range []bool{false, true} {
		for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
			for at, last := 1, false; !last; at++ {
				t.Run(fmt.Sprintf("ends=%v/%v/%d", ends, fault, at), func(t *testing.T) {
					dir := t.TempDir()
					b := &breaking{Files: disk.Dir(dir), left: at, ends: ends, err: fault}
					cfg := Config{Dir: dir, JournalBytes: 8 << 10, Rand: rand.Reader, Files: b, Commit: b.Commit}
					d, err := Open(cfg)
					if b.hit == "" {
						last = true
						must(t, err)
						must(t, d.Close())
						return
					}
					if err == nil {
						t.Fatalf("%s failed, and nobody was told", b.hit)
					}
					if full := errors.Is(err, disk.ErrFull); full != (fault == syscall.ENOSPC) {
						t.Errorf("%s: %v", b.hit, err)
					}
					if !ends {
						if _, err := os.Stat(filepath.Join(dir, "store.db.tmp")); err == nil {
							t.Errorf("after %s: a file is left", b.hit)
						}
					}
					cfg.Files, cfg.Commit = nil, nil
					x, err := Examine(t.Context(), cfg, func(*Examination, *engine.Snapshot) error { return nil })
					if err != nil || !x.New && (x.Database != nil || x.Keyring != nil) {
						t.Errorf("after %s: %v, database %v, keyring %v", b.hit, err, x.Database, x.Keyring)
					}
					d, err = Open(cfg)
					if err != nil {
						t.Fatalf("after %s: %v", b.hit, err)
					}
					must(t, d.Close())
					d, err = Open(cfg)
					must(t, err)
					if d.New {
						t.Error("another keyring was made")
					}
					must(t, d.Close())
				})
			}
		}
	}
}
