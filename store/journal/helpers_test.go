package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/earshot-im/earshot/store/disk"
)

// testKey is the secret of all journals here, but for those of somebody else.
var testKey = Key{1, 2, 3}

// memory are files in memory. They note what is done, and fail when they are told to.
type memory struct {
	content map[string][]byte
	done    []string              // what was done, as "write journal.0 12 3", "sync journal.0", "close journal.0"
	fail    func(op string) error // what is to be done fails with its error, before anything has changed
}

func newMemory(files ...[]byte) *memory {
	m := &memory{content: map[string][]byte{}}
	for i, b := range files {
		m.content[Names[i]] = bytes.Clone(b)
	}
	return m
}

func (m *memory) do(op string) error {
	if m.fail != nil {
		if err := m.fail(op); err != nil {
			return err
		}
	}
	m.done = append(m.done, op)
	return nil
}

func (m *memory) Open(name string, flag int) (disk.File, error) {
	if err := m.do("open " + name); err != nil {
		return nil, err
	}
	if _, is := m.content[name]; !is && flag&os.O_CREATE == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if flag&os.O_TRUNC != 0 {
		m.content[name] = nil
	}
	return &memoryFile{m, name, flag&(os.O_RDWR|os.O_WRONLY) != 0}, nil
}

func (*memory) Rename(string, string) error { panic("a journal renames nothing") }
func (*memory) Remove(string) error         { panic("a journal removes nothing") }
func (*memory) Sync() error                 { panic("whoever makes a journal syncs the directory") }

type memoryFile struct {
	m      *memory
	name   string
	writes bool
}

func (f *memoryFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.m.do(fmt.Sprintf("read %s %d %d", f.name, at, len(b))); err != nil {
		return 0, err
	}
	return bytes.NewReader(f.m.content[f.name]).ReadAt(b, at)
}

func (f *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	if !f.writes {
		return 0, fs.ErrPermission
	}
	if err := f.m.do(fmt.Sprintf("write %s %d %d", f.name, at, len(b))); err != nil {
		return 0, err
	}
	c := f.m.content[f.name]
	if more := at + int64(len(b)) - int64(len(c)); more > 0 {
		c = append(c, make([]byte, more)...)
	}
	copy(c[at:], b)
	f.m.content[f.name] = c
	return len(b), nil
}

func (f *memoryFile) Size() (int64, error) {
	return int64(len(f.m.content[f.name])), f.m.do("size " + f.name)
}
func (f *memoryFile) Truncate(int64) error { panic("a journal is never cut") }
func (f *memoryFile) Sync() error          { return f.m.do("sync " + f.name) }
func (f *memoryFile) Close() error         { return f.m.do("close " + f.name) }

// since returns what was done of some kinds after the first n things.
func (m *memory) since(n int, kinds ...string) (out []string) {
	for _, op := range m.done[n:] {
		for _, kind := range kinds {
			if len(op) > len(kind) && op[:len(kind)] == kind {
				out = append(out, op)
			}
		}
	}
	return out
}

// batch is a batch as a test knows it.
type batch struct {
	Link
	previous Sum
	body     string
	at, end  int64 // of its record in the file
}

// tester is a test, or one of rapid's.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func check(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes a journal in memory and opens it.
func create(t tester, size int64) (*memory, *Journal) {
	t.Helper()
	m := newMemory()
	check(t, Create(m, size))
	j, got, err := reopen(m, Last{})
	check(t, err)
	if len(got) > 0 {
		t.Fatalf("replays %d batches of nothing", len(got))
	}
	return m, j
}

// add appends a batch.
func add(t tester, j *Journal, body string) batch {
	t.Helper()
	b := batch{previous: j.Last().Sum, body: body, at: j.end}
	if need := int64(len(body)); need > j.Room() {
		t.Fatalf("no room for %d bytes in %d", need, j.Room())
	}
	check(t, j.Append(record(body)))
	b.Link, b.end = j.Last(), j.end
	return b
}

// record returns a record that is not sealed.
func record(body string) []byte { return append(make([]byte, HeaderSize), body...) }

// reopen opens a journal, and returns what it replays.
func reopen(files disk.Files, has Last) (*Journal, []Replay, error) {
	var got []Replay
	j, err := Open(files, os.O_RDWR, testKey, has, func(r Replay) error {
		r.Body = bytes.Clone(r.Body)
		got = append(got, r)
		return nil
	})
	return j, got, err
}

// replays checks that a journal replays these batches and no others.
func replays(t tester, files disk.Files, has Last, want ...batch) {
	t.Helper()
	j, got, err := reopen(files, has)
	if err != nil {
		t.Fatalf("has %v: %v", has, err)
	}
	check(t, j.Close())
	if !slices.EqualFunc(got, want, func(r Replay, b batch) bool { return r.Link == b.Link && string(r.Body) == b.body }) {
		t.Fatalf("has %v: replays %v, want %v", has, numbers(got), want)
	}
}

func numbers(all []Replay) (out []uint64) {
	for _, r := range all {
		out = append(out, r.Number)
	}
	return out
}

// refuses checks that a journal is called damaged, and nothing of it is replayed. It returns what it says.
func refuses(t tester, files disk.Files, has Last) string {
	t.Helper()
	j, got, err := reopen(files, has)
	if !errors.Is(err, disk.ErrDamaged) || j != nil {
		t.Fatalf("has %v: %v, replays %v", has, err, numbers(got))
	}
	if len(got) > 0 {
		t.Fatalf("has %v: replays %v and says %v", has, numbers(got), err)
	}
	return err.Error()
}

var errTest = errors.New("as the test wants it")
