package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// everyFile are the files of a database.
var everyFile = []string{Database, journal.Names[0], journal.Names[1]}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails the test unless an error matches what it should.
func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
}

// small is a configuration in which the journal and the tables are soon full.
func small(dir string) Config {
	return Config{Dir: dir, JournalBytes: 8 << 10, TableBytes: 16 << 10}
}

// made makes a database, and opens it until the test ends.
func made(t testing.TB, cfg Config) *Engine {
	t.Helper()
	must(t, Create(cfg))
	return opened(t, cfg)
}

// started is Open and Start.
func started(cfg Config) (*Engine, error) {
	e, err := Open(cfg)
	if err == nil {
		e.Start()
	}
	return e, err
}

func opened(t testing.TB, cfg Config) *Engine {
	t.Helper()
	e, err := started(cfg)
	must(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// quiet is Open without anything in the background.
func quiet(t testing.TB, cfg Config) *Engine {
	t.Helper()
	cfg.fill()
	e, err := open(cfg, false)
	must(t, err)
	e.stop = func() {}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// write commits what f changes.
func write(e *Engine, f func(*Batch) error) error {
	return e.Write(func(b *Batch) error {
		if err := f(b); err != nil {
			return err
		}
		return b.Commit()
	})
}

// put commits one row of the bucket "a".
func put(e *Engine, key, value string) error {
	return write(e, func(b *Batch) error { return b.Put("a", []byte(key), []byte(value)) })
}

// get returns the value of a key of the bucket "a", as text; "none" if there is none.
func get(t testing.TB, e *Engine, key string) (value string) {
	t.Helper()
	must(t, e.View(func(s *Snapshot) error {
		value = "none"
		if v := s.Get("a", []byte(key)); v != nil {
			value = string(v)
		}
		return nil
	}))
	return value
}

// has fails the test unless the bucket "a" has a value for a key.
func has(t testing.TB, e *Engine, key, value string) {
	t.Helper()
	if got := get(t, e, key); got != value {
		t.Fatalf("%s is %.40q, want %.40q", key, got, value)
	}
}

func checkpoint(e *Engine) error { return e.Checkpoint(context.Background()) }

// fill commits rows of about a kilobyte until that fails, and returns how many there are, and the error.
func fill(e *Engine, prefix string, most int) (n int, err error) {
	for n = range most {
		if err := put(e, fmt.Sprint(prefix, n), kilobyte(prefix, n)); err != nil {
			return n, err
		}
	}
	return most, nil
}

func kilobyte(prefix string, n int) string {
	return string(bytes.Repeat(fmt.Appendf(nil, "%s%07d", prefix, n), 1000/(len(prefix)+7)))
}

// hasFilled fails the test unless what fill has written is there.
func hasFilled(t testing.TB, e *Engine, prefix string, n int) {
	t.Helper()
	for i := range n {
		has(t, e, fmt.Sprint(prefix, i), kilobyte(prefix, i))
	}
}

// copied returns a copy of the files of a database, as a program finds them that starts after a kill.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range everyFile {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(to, name), b, 0o600))
	}
	return to
}

// kept reports which files of a directory have some bytes.
func kept(t testing.TB, dir string, some []byte) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) { // that of a compaction
			continue
		}
		must(t, err)
		if bytes.Contains(b, some) {
			names = append(names, entry.Name())
		}
	}
	return names
}

// faulty are files whose calls fail. What is written through bbolt is one call, "commit", before which
// nothing was written; or "committed", if everything was.
type faulty struct {
	disk.Files
	mu      sync.Mutex
	calls   int
	fails   func(call int, op, name string) error // nil: nothing fails
	refuses bool                                  // a write that fails writes nothing, in place of half
}

func (f *faulty) fault(op, name string) error {
	f.mu.Lock()
	f.calls++
	call, fails := f.calls, f.fails
	f.mu.Unlock()
	if fails == nil {
		return nil
	}
	return fails(call, op, name) // which may write
}

func (f *faulty) set(fails func(call int, op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.fails = 0, fails
}

// on has every call of a kind fail.
func on(err error, want string) func(int, string, string) error {
	return func(_ int, op, name string) error {
		if op+" "+name == want {
			return err
		}
		return nil
	}
}

// full has everything fail that needs room. The files of the journal have theirs.
func full(_ int, op, name string) error {
	if op == "commit" || op == "write" && name != journal.Names[0] && name != journal.Names[1] {
		return &os.PathError{Op: op, Path: name, Err: syscall.ENOSPC}
	}
	return nil
}

func (f *faulty) Commit(name string, commit func() error) error {
	if err := f.fault("commit", name); err != nil {
		return err
	}
	if err := commit(); err != nil {
		return err
	}
	return f.fault("committed", name)
}

func (f *faulty) Open(name string, flag int) (disk.File, error) {
	if err := f.fault("open", name); err != nil {
		return nil, err
	}
	of, err := f.Files.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return &faultyFile{of, f, name}, nil
}

func (f *faulty) Rename(from, to string) error {
	if err := f.fault("rename", to); err != nil {
		return err
	}
	return f.Files.Rename(from, to)
}

func (f *faulty) Remove(name string) error {
	if err := f.fault("remove", name); err != nil {
		return err
	}
	return f.Files.Remove(name)
}

func (f *faulty) Sync() error {
	if err := f.fault("sync", "names"); err != nil {
		return err
	}
	return f.Files.Sync()
}

type faultyFile struct {
	disk.File
	of   *faulty
	name string
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.of.fault("write", f.name); err != nil {
		if f.of.refuses {
			return 0, err
		}
		n, _ := f.File.WriteAt(b[:len(b)/2], at)
		return n, err
	}
	return f.File.WriteAt(b, at)
}

func (f *faultyFile) Sync() error {
	if err := f.of.fault("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

// onFaulty returns a small configuration, and the files that it writes.
func onFaulty(t testing.TB) (Config, *faulty) {
	cfg := small(t.TempDir())
	f := &faulty{Files: disk.Dir(cfg.Dir)}
	cfg.Files, cfg.Commit = f, f.Commit
	return cfg, f
}

// words are what must not be left on the disk. They are shorter than a sector, so each page of a value has them.
var words = []byte("these are the words to forget ")

func forget(size int) []byte { return bytes.Repeat(words, size/len(words)+1) }

// TestWhatComesAndGoesLeavesNothing: to find the first of thousands that were put and deleted since the last
// checkpoint took passing over all of those before it, each time.
func TestWhatComesAndGoesLeavesNothing(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	must(t, Create(cfg))
	e := quiet(t, cfg)
	put := func(bucket, key string) {
		t.Helper()
		must(t, write(e, func(b *Batch) error { return b.Put(bucket, []byte(key), []byte("value")) }))
	}
	remove := func(bucket, key string) {
		t.Helper()
		must(t, write(e, func(b *Batch) error { b.Delete(bucket, []byte(key)); return nil }))
	}
	has := func(what string, want ...string) {
		t.Helper()
		must(t, e.View(func(s *Snapshot) error {
			var got []string
			for k := range s.From("work", nil) {
				got = append(got, string(k))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
			return nil
		}))
	}
	put("work", "in the database")
	must(t, e.Checkpoint(t.Context()))
	put("work", "comes and goes")
	put("work", "in the database")
	remove("work", "comes and goes")
	if n := e.active.Len(); n != 1 {
		t.Errorf("%d rows are left in memory, want the one that was written again", n)
	}
	remove("work", "in the database")
	has("all deleted")
	if n := e.active.Len(); n != 1 {
		t.Errorf("%d rows are left in memory, want the one that the database has still", n)
	}
	must(t, e.Checkpoint(t.Context()))

	// Nothing is left in memory, and the journal is given back all the same.
	put("work", "comes and goes")
	remove("work", "comes and goes")
	if n := e.active.Len(); n != 0 {
		t.Errorf("%d rows are left in memory", n)
	}
	must(t, e.Checkpoint(t.Context()))
	if !e.due.IsZero() || e.journal.Room() != e.journal.Most() {
		t.Errorf("the checkpoint has left something in the journal: %d of %d", e.journal.Room(), e.journal.Most())
	}
	has("after the checkpoint")

	// What a batch takes leaves nothing but what the database has.
	put("work", "kept by the database")
	must(t, e.Checkpoint(t.Context()))
	put("work", "in memory")
	must(t, write(e, func(b *Batch) error {
		if err := b.Put("work", []byte("in the batch"), []byte("value")); err != nil {
			return err
		}
		b.Take("work", nil, func(k, v []byte) {})
		return nil
	}))
	if n := e.active.Len(); n != 1 {
		t.Errorf("%d rows are left in memory, want the one that the database has still", n)
	}
	has("taken")
	must(t, e.Checkpoint(t.Context()))
	has("taken and written")

	// A table that is frozen in between has the key still, and so does the database after it.
	put("work", "frozen")
	put("work", "taken")
	must(t, e.Write(func(b *Batch) error {
		b.Take("work", []byte("t"), func(k, v []byte) {})
		b.Delete("work", []byte("frozen"))
		e.mu.Lock()
		e.freeze()
		e.mu.Unlock()
		return b.Commit()
	}))
	has("frozen meanwhile")
	must(t, e.Checkpoint(t.Context()))
	has("frozen and written")

	// One that is read back from the journal has all that was said.
	put("work", "comes and goes")
	remove("work", "comes and goes")
	put("work", "stays")
	must(t, e.closeFiles())
	e = quiet(t, cfg)
	has("at the next start", "stays")
}
