package blob

import (
	"strings"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxIndex bounds the index of a folder in bytes. It is read whole.
	MaxIndex = 64 << 20
	// MaxEntries bounds the files of a folder.
	MaxEntries = 1_000_000
	// MaxPath bounds a path in bytes.
	MaxPath = 1024
	// MaxDepth bounds the parts of a path.
	MaxDepth = 64
	// MaxTime bounds a time, in ms since 1970: the end of the year 9999.
	MaxTime = 253_402_300_799_999

	// IndexMemory bounds what ParseIndex allocates, in bytes: 104 MiB for the largest index, whose own
	// 64 MiB its caller holds as well.
	IndexMemory = MaxIndex + 40*MaxEntries + 1<<20

	maxEntry   = MaxPath + 32 // bytes; the numbers take at most 24
	leastEntry = 4            // bytes beside the path
)

// Entry is a file in a folder, or a folder in it that is empty.
type Entry struct {
	// Path is relative to the folder, its parts are divided by "/". That of an empty folder ends with
	// "/". It is as the sender has it: valid UTF-8, without "..", but not fit to be used as a name.
	Path       string
	Size       uint64 // bytes; 0 of a folder
	Modified   uint64 // ms since 1970; 0: not known
	Executable bool
}

// Folder reports whether the entry is an empty folder.
func (e *Entry) Folder() bool { return strings.HasSuffix(e.Path, "/") }

// ComparePaths orders the entries of an index: by bytes, with "/" before all others. So what is in a
// folder stands together, and right behind a file that would have the folder's name.
func ComparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := a[i], b[i]; x != y {
			switch {
			case x == '/':
				return -1
			case y == '/' || x > y:
				return 1
			}
			return -1
		}
	}
	return len(a) - len(b)
}

// MarshalIndex returns the bytes of an index. The entries are in the order of ComparePaths.
func MarshalIndex(entries []Entry) ([]byte, error) {
	var w canon.Writer
	var c checker
	for i := range entries {
		e := &entries[i]
		if err := c.check(e); err != nil {
			return nil, err
		}
		var one canon.Writer
		one.String(1, e.Path)
		one.Uint(2, e.Size)
		one.Uint(3, e.Modified)
		if e.Executable {
			one.Uint(4, 1)
		}
		w.Element(1, one.Out())
		if len(w.Out()) > MaxIndex {
			return nil, malformed("index of more than %d bytes", MaxIndex)
		}
	}
	return w.Out(), nil
}

// ParseIndex takes the index of a stream that m proves. Its entries, and the index, are together as
// large as the stream. What it takes beside the index is never more than IndexMemory.
func ParseIndex(b []byte, m *Manifest) ([]Entry, error) {
	if m.Kind != Folder || uint64(len(b)) != m.Index {
		return nil, malformed("index of %d bytes", len(b))
	}
	count, err := countEntries(b)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, count)
	var paths strings.Builder // one allocation for all of them
	paths.Grow(len(b) - min(len(b), leastEntry*count))
	c := checker{total: m.Index}
	r := canon.NewReader(b)
	for element := range r.Elements(1, MaxEntries, maxEntry) {
		e, err := parseEntry(element, &paths)
		if err == nil {
			err = c.check(&e)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if c.total != m.Size {
		return nil, malformed("an index and files of %d bytes in a stream of %d", c.total, m.Size)
	}
	return entries, nil
}

func countEntries(b []byte) (count int, err error) {
	r := canon.NewReader(b)
	for range r.Elements(1, MaxEntries, maxEntry) {
		count++
	}
	if err := r.End(); err != nil {
		return 0, malformed("index: %w", err)
	}
	return count, nil
}

// parseEntry reads an entry, whose path it puts behind those of others.
func parseEntry(b []byte, paths *strings.Builder) (e Entry, err error) {
	r := canon.NewReader(b)
	path := r.Bytes(1, MaxPath)
	e.Size, e.Modified = r.Uint(2), r.Uint(3)
	executable := r.Uint(4)
	if err := r.End(); err != nil {
		return e, malformed("entry of an index: %w", err)
	}
	if executable > 1 {
		return e, malformed("entry of an index: executable %d", executable)
	}
	e.Executable = executable == 1
	begin := paths.Len()
	paths.Write(path)
	e.Path = paths.String()[begin:]
	return e, nil
}

// checker goes over the entries of an index, wherever they came from.
type checker struct {
	last  string // path of the entry before
	count int
	total uint64
}

func (c *checker) check(e *Entry) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	switch {
	case e.Folder() && (e.Size > 0 || e.Executable):
		return malformed("folder with a content: %q", e.Path)
	case e.Modified > MaxTime:
		return malformed("time %d of %q", e.Modified, e.Path)
	case e.Size > MaxSize || c.total+e.Size > MaxSize:
		return malformed("files of more than %d bytes", uint64(MaxSize))
	}
	if c.count++; c.count > MaxEntries {
		return malformed("more than %d files", MaxEntries)
	}
	if c.last != "" {
		if ComparePaths(c.last, e.Path) >= 0 {
			return malformed("%q stands behind %q", e.Path, c.last)
		}
		if below, ok := strings.CutPrefix(e.Path, strings.TrimSuffix(c.last, "/")); ok && strings.HasPrefix(below, "/") {
			return malformed("%q is a file or an empty folder, and has %q", c.last, e.Path)
		}
	}
	c.last = e.Path
	c.total += e.Size
	return nil
}

func checkPath(path string) error {
	if len(path) > MaxPath || !utf8.ValidString(path) || strings.ContainsAny(path, "\x00\\") {
		return malformed("path %.100q", path)
	}
	depth := 0
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return malformed("path %q", path)
		}
		if depth++; depth > MaxDepth {
			return malformed("path of more than %d parts", MaxDepth)
		}
	}
	return nil
}
