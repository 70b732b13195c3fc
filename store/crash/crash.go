// Package crash shows what a crash may leave of a directory. It is for tests only.
//
// A Recorder is a disk.Files over a real directory. It passes every call on and records it: what was
// written where, what was synced, and what the test says with Mark. Afterwards States gives the
// directories that a power cut at any moment may leave, and the test opens each of them.
//
// A file is the 512-byte sectors that it consists of, and its size. After a crash each of them is, by
// itself, as it was at some moment since the last sync of the file: as synced, as written last, or as
// anything in between. So writes are lost, torn and reordered. The names of the files are as they were
// at some moment since the last sync of the names: each prefix of what was created, renamed and removed
// since then may be there. To sync a file doesn't make its name durable. What was in the directory when
// the recording began is durable.
//
// A sync that fails leaves doubt for good, as systems do that then forget what was not written: a later
// sync makes durable only the sectors that were written again, and of the names nothing any more.
//
// bbolt writes its file by itself, so Commit records what it has done, by the difference and by the
// order in its source. Only regular files in the directory itself are seen, and nothing that was
// opened beside the recorder is, but what Commit finds.
package crash

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/earshot-im/earshot/store/disk"
)

// Recorder records what is done to the files of a directory. Calls that change something wait for each
// other.
type Recorder struct {
	dir   disk.Dir
	first map[string]*content // what was there, as durable

	mu    sync.Mutex // guards everything below
	ops   []op
	now   *model // after all of ops
	calls int
	fail  struct {
		at  int // the number of the call
		how Fault
		err error
	}
}

// Fault says what a call that fails has done.
type Fault int

const (
	Nothing Fault = iota // nothing is written, synced or renamed
	Half                 // a write has written the first half of its bytes; all else as Nothing
	All                  // everything is done, and yet the error is told
)

// NewRecorder records what is done to the files in dir from now on.
func NewRecorder(dir string) (*Recorder, error) {
	r := &Recorder{dir: disk.Dir(dir), first: make(map[string]*content)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		f := newFile(&content{})
		f.write(new(int), 0, b)
		f.sync()
		r.first[e.Name()] = f.durable
	}
	r.now = newModel(r.first)
	return r, nil
}

// Calls is how many calls there were that can be made to fail: what creates, truncates, writes, syncs,
// renames and removes. A Commit counts as two.
func (r *Recorder) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// FailAt lets the n-th call from now fail with err; the next one is the first. Of a Commit, the first
// of its two calls fails before anything is done; the second at its last sync, when all was written.
func (r *Recorder) FailAt(n int, how Fault, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail.at, r.fail.how, r.fail.err = r.calls+n, how, err
}

// Mark puts something into the sequence, such as what was acknowledged; see State.Marks.
func (r *Recorder) Mark(x any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record(op{kind: mark, mark: x})
}

// record adds to the sequence. The caller holds mu, as for everything below.
func (r *Recorder) record(o op) {
	r.ops = append(r.ops, o)
	r.now.apply(o)
}

// next counts a call, and returns the error if it is to fail.
func (r *Recorder) next() (Fault, error) {
	r.calls++
	if r.calls != r.fail.at {
		return All, nil
	}
	return r.fail.how, r.fail.err
}

// do makes a call and records it if it is done. A sync that fails is recorded as well.
func (r *Recorder) do(o op, call func() error) error {
	how, fault := r.next()
	err := fault
	if how == All {
		err = call()
	}
	switch {
	case how == All && err == nil:
		r.record(o)
		return fault
	case o.kind == syncFile || o.kind == syncNames:
		o.failed = true
		r.record(o)
	}
	return err
}

var errBehind = errors.New("was made behind the recorder's back")

// Open implements disk.Files.
func (r *Recorder) Open(name string, flag int) (disk.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, known := r.now.now[name]
	var opened disk.File
	open := func() (err error) {
		if opened, err = r.dir.Open(name, flag); err != nil || known {
			return err
		}
		if size, err := opened.Size(); err != nil || size > 0 || flag&os.O_CREATE == 0 {
			return errors.Join(fmt.Errorf("%s %w", name, errBehind), opened.Close())
		}
		return nil
	}
	var err error
	switch {
	case !known && flag&os.O_CREATE != 0:
		id = len(r.now.files)
		err = r.do(op{kind: create, name: name, file: id}, open)
	case known && flag&os.O_TRUNC != 0:
		err = r.do(op{kind: truncate, name: name, file: id}, open)
	default:
		err = open()
	}
	if err != nil {
		if opened != nil {
			opened.Close()
		}
		return nil, err
	}
	return &recorded{opened, r, name, id}, nil
}

// Rename implements disk.Files.
func (r *Recorder) Rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.now.now[from]; !known {
		if _, err := os.Lstat(filepath.Join(string(r.dir), from)); err == nil {
			return fmt.Errorf("%s %w", from, errBehind)
		}
	}
	return r.do(op{kind: rename, name: from, to: to}, func() error { return r.dir.Rename(from, to) })
}

// Remove implements disk.Files.
func (r *Recorder) Remove(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.do(op{kind: remove, name: name}, func() error { return r.dir.Remove(name) })
}

// Sync implements disk.Files.
func (r *Recorder) Sync() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.do(op{kind: syncNames}, r.dir.Sync)
}

// NamesInDoubt reports whether a sync of the names has failed. After it a crash may bring any name back, whatever is
// done, and so no program can promise more than that it writes nothing until it was started again.
func (r *Recorder) NamesInDoubt() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.names.doubtful
}

// recorded is an open file. Reading goes past the recorder.
type recorded struct {
	disk.File
	r    *Recorder
	name string // by which it was opened, for those who read about it
	id   int
}

// WriteAt implements disk.File.
func (f *recorded) WriteAt(b []byte, at int64) (int, error) {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	how, fault := f.r.next()
	switch how {
	case Nothing:
		return 0, fault
	case Half:
		b = b[:len(b)/2]
	}
	n, err := f.File.WriteAt(b, at)
	if n > 0 {
		f.r.record(op{kind: write, name: f.name, file: f.id, at: at, data: bytes.Clone(b[:n])})
	}
	if err == nil {
		err = fault
	}
	return n, err
}

// Truncate implements disk.File.
func (f *recorded) Truncate(size int64) error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	return f.r.do(op{kind: truncate, name: f.name, file: f.id, at: size}, func() error { return f.File.Truncate(size) })
}

// Sync implements disk.File.
func (f *recorded) Sync() error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	return f.r.do(op{kind: syncFile, name: f.name, file: f.id}, f.File.Sync)
}
