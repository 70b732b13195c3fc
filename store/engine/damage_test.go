package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// filled returns the configuration of a database that has so many rows, and is closed.
func filled(t testing.TB, rows int) Config {
	t.Helper()
	cfg := small(t.TempDir())
	e := made(t, cfg)
	n, err := fill(e, "row", rows)
	must(t, err)
	must(t, put(e, "free", string(make([]byte, 30_000))))
	must(t, put(e, "free", "now"))
	must(t, e.Close())
	if n != rows {
		t.Fatal(n)
	}
	return cfg
}

const pageSize = 4096 // what bbolt takes on most systems

// pages are the pages of a database of a kind, by bbolt's flags.
func pages(t testing.TB, b []byte, flag uint16) (ids []int) {
	t.Helper()
	if size := int(binary.NativeEndian.Uint32(b[pageHeader+8:])); size != pageSize {
		t.Skipf("pages of %d bytes", size)
	}
	for at := 0; at+pageSize <= len(b); {
		page := b[at:]
		if binary.NativeEndian.Uint64(page) != uint64(at/pageSize) {
			at += pageSize
			continue
		}
		if binary.NativeEndian.Uint16(page[8:]) == flag {
			ids = append(ids, at/pageSize)
		}
		at += pageSize * (1 + int(binary.NativeEndian.Uint32(page[12:])))
	}
	return ids
}

const flagBranch, flagLeaf = 1, 2

// changed writes a database with other bytes in some place.
func changed(t testing.TB, cfg Config, at int, b ...byte) Config {
	t.Helper()
	cfg.Dir = copied(t, cfg.Dir)
	f, err := os.OpenFile(filepath.Join(cfg.Dir, Database), os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(b, int64(at))
	must(t, errors.Join(err, f.Close()))
	return cfg
}

func content(t testing.TB, cfg Config) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(cfg.Dir, Database))
	must(t, err)
	return b
}

// opens returns the error of Open and of Look, which both have to give.
func opens(t testing.TB, cfg Config) error {
	t.Helper()
	e, err := started(cfg)
	if err == nil {
		must(t, e.Close())
	}
	look := Look(t.Context(), cfg, func(*Snapshot) error { return nil })
	if (err == nil) != (look == nil) {
		t.Errorf("Open: %v; Look: %v", err, look)
	}
	return err
}

func TestDamagedMeta(t *testing.T) {
	cfg := filled(t, 5)
	must(t, opens(t, cfg))
	b := content(t, cfg)
	for _, page := range []int{0, 1} {
		for at := page*pageSize + pageHeader; at < page*pageSize+pageHeader+metaSize; at++ {
			wants(t, opens(t, changed(t, cfg, at, b[at]^4)), disk.ErrDamaged)
		}
	}
}

func TestDamagedListOfFreePages(t *testing.T) {
	cfg := filled(t, 5)
	b := content(t, cfg)
	newest, err := readMeta(fileOf(t, cfg), 0, 0)
	must(t, err)
	if other, err := readMeta(fileOf(t, cfg), 1, pageSize); err != nil || other.tx > newest.tx {
		newest = other
	}
	at := int(newest.freelist) * pageSize
	count := int(binary.NativeEndian.Uint16(b[at+10:]))
	if count < 3 {
		t.Fatalf("%d free pages", count)
	}
	ids := at + pageHeader
	for name, c := range map[string]Config{
		"id":       changed(t, cfg, at, b[at]+1),
		"kind":     changed(t, cfg, at+8, flagLeaf),
		"count":    changed(t, cfg, at+10, 0xf0, 0xf0),
		"overflow": changed(t, cfg, at+12, 0xff, 0xff, 0xff, 0xff),
		"meta":     changed(t, cfg, ids, 1, 0, 0, 0, 0, 0, 0, 0),
		"twice":    changed(t, cfg, ids+8, b[ids:ids+8]...),
		"order":    changed(t, cfg, ids, append(append([]byte(nil), b[ids+8:ids+16]...), b[ids:ids+8]...)...),
		"past":     changed(t, cfg, ids+8*(count-1), 0xff, 0xff),
	} {
		t.Run(name, func(t *testing.T) { wants(t, opens(t, c), disk.ErrDamaged) })
	}
}

func fileOf(t testing.TB, cfg Config) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(cfg.Dir, Database))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestNoDatabaseOfThisProgram(t *testing.T) {
	cfg := filled(t, 5)
	for name, b := range map[string][]byte{
		"empty": nil, "short": []byte("text"), "zeros": make([]byte, 1<<20), "text": make([]byte, 0), "cut": content(t, cfg)[:3*pageSize],
	} {
		if name == "text" {
			for range 5000 {
				b = append(b, "some text, and more of it\n"...)
			}
		}
		t.Run(name, func(t *testing.T) {
			c := cfg
			c.Dir = copied(t, cfg.Dir)
			must(t, os.WriteFile(filepath.Join(c.Dir, Database), b, 0o600))
			wants(t, opens(t, c), disk.ErrDamaged)
		})
	}
	t.Run("none", func(t *testing.T) {
		c := cfg
		c.Dir = t.TempDir()
		wants(t, opens(t, c), fs.ErrNotExist)
	})
	for name, change := range map[string]func(*bbolt.Tx) error{
		"no own bucket": func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(ownBucket)) },
		"no key":        func(tx *bbolt.Tx) error { return tx.Bucket([]byte(ownBucket)).Delete([]byte(ownKey)) },
		"short key":     func(tx *bbolt.Tx) error { return putOwn(tx, ownKey, make([]byte, journal.KeySize-1)) },
		"no last":       func(tx *bbolt.Tx) error { return tx.Bucket([]byte(ownBucket)).Delete([]byte(ownLast)) },
		"short last":    func(tx *bbolt.Tx) error { return putOwn(tx, ownLast, make([]byte, lastSize-1)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := cfg
			c.Dir = copied(t, cfg.Dir)
			db, err := bbolt.Open(filepath.Join(c.Dir, Database), 0o600, nil)
			must(t, err)
			must(t, errors.Join(db.Update(change), db.Close()))
			wants(t, opens(t, c), disk.ErrDamaged)
		})
	}
}

// A database with zeros in it is there as long as anything else is, wherever that stands: one that is gone is made
// anew.
func TestGone(t *testing.T) {
	const size = 300_000
	dir := t.TempDir()
	for at := -1; at <= size; at += size / 7 {
		b := make([]byte, size)
		if at >= 0 && at < size {
			b[at] = 1
		}
		must(t, os.WriteFile(filepath.Join(dir, Database), b, 0o600))
		gone, err := Gone(disk.Dir(dir))
		must(t, err)
		if want := at < 0 || at >= size; gone != want {
			t.Errorf("with a byte at %d: %v", at, gone)
		}
	}
}

// A page that is damaged is met when it is read. The others can still be read, and nothing is written.
func TestDamagedPage(t *testing.T) {
	cfg := filled(t, 40)
	b := content(t, cfg)
	leaves := pages(t, b, flagLeaf)
	if len(leaves) < 5 || len(pages(t, b, flagBranch)) == 0 {
		t.Fatalf("%d leaves", len(leaves))
	}
	met := 0
	for i, page := range append(leaves, pages(t, b, flagBranch)...) {
		at := page * pageSize
		for name, c := range map[string]Config{
			"kind":     changed(t, cfg, at+8, 0x77),
			"count":    changed(t, cfg, at+10, 0xff, 0x7f),
			"element":  changed(t, cfg, at+pageHeader+4, 0xff, 0xff, 0xff, 0x7f),
			"all ones": changed(t, cfg, at, ones...),
		} {
			before := content(t, c)
			e, err := started(c)
			if err != nil { // the root of all buckets
				wants(t, err, disk.ErrDamaged)
				continue
			}
			read := func() error {
				return e.View(func(s *Snapshot) error {
					for range s.From("a", nil) {
					}
					for range s.Below("a", []byte{0xff}) {
					}
					return nil
				})
			}
			if err := read(); err == nil {
				must(t, e.Close())
				continue
			}
			met++
			wants(t, read(), disk.ErrDamaged)
			<-e.Failed()
			wants(t, put(e, "k", "v"), disk.ErrDamaged)
			wants(t, checkpoint(e), disk.ErrDamaged)
			_ = e.View(func(s *Snapshot) error { _ = s.Get("a", []byte("row1")); return nil })
			must(t, e.Close())
			if string(content(t, c)) != string(before) {
				t.Errorf("page %d, %s: it was written", page, name)
			}
			// Only who looks for a key reads the keys of a branch.
			branch := name == "element" && i >= len(leaves)
			if err := Look(t.Context(), c, func(*Snapshot) error { return nil }); !branch && !errors.Is(err, disk.ErrDamaged) {
				t.Errorf("page %d, %s: Look: %v", page, name, err)
			}
		}
	}
	if met < 10 {
		t.Errorf("only %d were met", met)
	}
}

var ones = func() []byte {
	b := make([]byte, pageSize)
	for i := range b {
		b[i] = 0xff
	}
	return b
}()

// A checkpoint that meets a damaged page ends all writing, and the journal keeps what it has.
func TestCheckpointMeetsADamagedPage(t *testing.T) {
	cfg := filled(t, 40)
	for _, page := range pages(t, content(t, cfg), flagLeaf) {
		c := changed(t, cfg, page*pageSize+8, 0x77)
		e, err := started(c)
		if err != nil {
			continue
		}
		must(t, write(e, func(b *Batch) error {
			for i := range 40 {
				if err := b.Put("a", fmt.Append(nil, "row", i), nil); err != nil {
					return err
				}
			}
			return nil
		}))
		if err := checkpoint(e); err != nil {
			wants(t, err, disk.ErrDamaged)
			wants(t, e.Err(), disk.ErrDamaged)
			has(t, e, "row7", "")
		}
		must(t, e.Close())
	}
}

func TestLook(t *testing.T) {
	cfg := filled(t, 20)
	e := quiet(t, cfg)
	must(t, write(e, func(b *Batch) error { // more rows than are read before the context is asked
		for i := range 1500 {
			if err := b.Put("b", fmt.Append(nil, i), make([]byte, 10)); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, put(e, "journal", "has it"))
	cfg.Dir = copied(t, cfg.Dir)
	cfg.Files = disk.Unchanged(cfg.Dir)
	states := func() (s string) {
		for _, name := range everyFile {
			info, err := os.Stat(filepath.Join(cfg.Dir, name))
			must(t, err)
			s += fmt.Sprint(name, info.Size(), info.ModTime(), info.Mode(), " ")
		}
		return s
	}
	before := states()
	seen := ""
	must(t, Look(t.Context(), cfg, func(s *Snapshot) error {
		seen = string(s.Get("a", []byte("journal"))) + string(s.Get("a", []byte("free")))
		return nil
	}))
	if seen != "has itnow" {
		t.Error(seen)
	}
	wants(t, Look(t.Context(), cfg, func(*Snapshot) error { return disk.ErrNewer }), disk.ErrNewer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, Look(ctx, cfg, func(*Snapshot) error { return nil }), context.Canceled)
	if after := states(); after != before {
		t.Errorf("%s, before %s", after, before)
	}
}

// The database knows how far the journal went: one that was put back from a copy is refused, also where the
// database has all that it would need of it.
func TestJournalWasPutBack(t *testing.T) {
	large := string(make([]byte, 20_000))
	for name, then := range map[string]func(e *Engine) *Engine{
		"checkpoint": func(e *Engine) *Engine { return e },
		"direct":     func(e *Engine) *Engine { must(t, put(e, "large", large)); return e },
		"reopened": func(e *Engine) *Engine {
			must(t, e.Close())
			e = quiet(t, e.cfg)
			must(t, put(e, "large", large))
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t.TempDir())
			must(t, Create(cfg))
			e := quiet(t, cfg)
			must(t, put(e, "k", "1"))
			before := copied(t, cfg.Dir)
			must(t, put(e, "k", "2"))
			must(t, checkpoint(e))
			must(t, then(e).Close())
			must(t, opens(t, cfg))
			for _, name := range journal.Names {
				b, err := os.ReadFile(filepath.Join(before, name))
				must(t, err)
				must(t, os.WriteFile(filepath.Join(cfg.Dir, name), b, 0o600))
			}
			wants(t, opens(t, cfg), disk.ErrDamaged)
		})
	}
}

// Two copies of a database have gone on, each with a batch of that number that was too large for the journal: the
// journal of one does not go with the other.
func TestJournalOfAnotherCopy(t *testing.T) {
	cfg := small(t.TempDir())
	must(t, Create(cfg))
	other := cfg
	other.Dir = copied(t, cfg.Dir)
	e := quiet(t, cfg)
	must(t, put(e, "large", string(make([]byte, 20_000))))
	must(t, put(e, "k", "v")) // in the journal
	cfg.Dir = copied(t, cfg.Dir)
	must(t, opens(t, cfg))
	o := quiet(t, other)
	must(t, put(o, "large", string(make([]byte, 20_001))))
	must(t, o.Close())
	b, err := os.ReadFile(filepath.Join(other.Dir, Database))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(cfg.Dir, Database), b, 0o600))
	wants(t, opens(t, cfg), disk.ErrDamaged)
}
