package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// A power cut during an Erase, at any of its calls, and while a batch is written: what it leaves is opened,
// and what was acknowledged is there.
func TestEraseIsCutOff(t *testing.T) {
	for _, direct := range []bool{false, true} {
		for at, last := 1, false; !last; at++ {
			t.Run(fmt.Sprintf("direct=%v/%d", direct, at), func(t *testing.T) {
				cfg, f := onFaulty(t)
				must(t, Create(cfg))
				e := quiet(t, cfg)
				for i := range 3 {
					must(t, put(e, fmt.Sprint("k", i), "v"))
				}
				if direct {
					must(t, put(e, "large", string(make([]byte, 20_000))))
				}
				last = true
				f.set(func(call int, op, name string) error {
					if call != at {
						return nil
					}
					last = false
					f.set(func(_ int, op, name string) error { // the next batch is written in part
						if op == "write" {
							return syscall.EIO
						}
						return nil
					})
					return nil
				})
				_ = e.Erase(t.Context())
				if last {
					return
				}
				if e.Err() == nil {
					wants(t, put(e, "torn", "v"), disk.ErrUnknown)
				}
				cfg.Dir, cfg.Files, cfg.Commit = copied(t, cfg.Dir), nil, nil
				e = opened(t, cfg)
				for i := range 3 {
					has(t, e, fmt.Sprint("k", i), "v")
				}
				has(t, e, "torn", "none")
			})
		}
	}
}

// A batch that is written while an Erase runs and that a power cut tears.
func TestBatchIsTornWhileErased(t *testing.T) {
	for at, last := 1, false; !last; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			cfg, f := onFaulty(t)
			must(t, Create(cfg))
			e := quiet(t, cfg)
			must(t, put(e, "k", "v"))
			must(t, put(e, "large", string(make([]byte, 20_000))))
			last = true
			var dir string
			var busy bool
			f.set(func(call int, op, name string) error {
				switch {
				case busy:
					if op == "sync" { // the batch is in the file
						dir = copied(t, cfg.Dir)
						tear(t, filepath.Join(dir, name))
					}
				case call == at && (op == "commit" || op == "committed"):
					last = false
					busy = true
					err := put(e, "torn", "v")
					busy = false
					return err
				case call == at:
					last = false
				}
				return nil
			})
			must(t, e.Erase(t.Context()))
			if dir == "" {
				return
			}
			cfg.Dir, cfg.Files, cfg.Commit = dir, nil, nil
			e = opened(t, cfg)
			has(t, e, "k", "v")
			has(t, e, "torn", "none")
		})
	}
}

// tear changes the body of the first record of a file of the journal.
func tear(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("torn"), journal.HeaderSize)
	must(t, errors.Join(err, f.Close()))
}

// A file of the journal that was overwritten only in part, in any order of its sectors.
func TestJournalIsOverwrittenInPart(t *testing.T) {
	cfg, f := onFaulty(t)
	must(t, Create(cfg))
	e := quiet(t, cfg)
	n, err := fill(e, "k", 6)
	must(t, err)
	var dir string
	f.set(during("write "+journal.Names[0], func() { dir = copied(t, cfg.Dir) }))
	must(t, e.Erase(t.Context()))
	for sector := int64(0); sector < cfg.JournalBytes/512; sector++ {
		c := cfg
		c.Dir, c.Files, c.Commit = copied(t, dir), nil, nil
		j, err := os.OpenFile(filepath.Join(c.Dir, journal.Names[0]), os.O_RDWR, 0)
		must(t, err)
		_, err = j.WriteAt(make([]byte, 512), sector*512)
		must(t, errors.Join(err, j.Close()))
		e := quiet(t, c)
		hasFilled(t, e, "k", n)
		must(t, put(e, "after", "it"))
		must(t, e.journal.Close()) // as a kill
		must(t, e.db.Close())
		e = quiet(t, c)
		has(t, e, "after", "it")
		hasFilled(t, e, "k", n)
		must(t, e.Close())
	}
}
