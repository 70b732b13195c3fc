package blob

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto/canon"
)

// rawEntry are the fields of an entry, as anybody may write them.
type rawEntry struct {
	path                       string
	size, modified, executable uint64
	more                       []byte
}

func rawIndex(entries ...rawEntry) []byte {
	var w canon.Writer
	for _, e := range entries {
		var one canon.Writer
		one.String(1, e.path)
		one.Uint(2, e.size)
		one.Uint(3, e.modified)
		one.Uint(4, e.executable)
		w.Element(1, append(one.Out(), e.more...))
	}
	return w.Out()
}

// proves returns the manifest of a folder with an index and so many bytes of files.
func proves(index []byte, files uint64) *Manifest {
	return &Manifest{Kind: Folder, Size: uint64(len(index)) + files, Index: uint64(len(index))}
}

func at(paths ...string) (all []rawEntry) {
	for _, p := range paths {
		all = append(all, rawEntry{path: p})
	}
	return all
}

func TestIndexRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("d/", n-1) + "f" }
	for _, c := range []struct {
		name    string
		entries []rawEntry
	}{
		{"no path", at("")},
		{"root", at("/")},
		{"absolute", at("/etc/passwd")},
		{"parent", at("..")},
		{"parent as a folder", at("../")},
		{"through a parent", at("a/../../b")},
		{"to a parent", at("a/..")},
		{"this folder", at(".")},
		{"this folder as a folder", at("./")},
		{"through this folder", at("a/./b")},
		{"empty part", at("a//b")},
		{"empty part at the end", at("a//")},
		{"backslash", at(`a\b`)},
		{"drive of backslashes", at(`C:\x`)},
		{"NUL", at("a\x00b")},
		{"not UTF-8", at("a\xff")},
		{"half a surrogate", at("a\xed\xa0\x80")},
		{"overlong slash", at("a\xc0\xafb")},
		{"too long", at(strings.Repeat("x", MaxPath+1))},
		{"65 parts", at(deep(MaxDepth + 1))},
		{"65 parts, a folder", at(strings.Repeat("d/", MaxDepth+1))},
		{"twice", at("a", "a")},
		{"descending", at("b", "a")},
		{"descending by slash", at("a!", "a/b")},
		{"file as a folder", at("a", "a/b")},
		{"file as an empty folder", at("a", "a/")},
		{"file as a folder, deep", at("a/b", "a/b/c/d")},
		{"empty folder with a file", at("a/", "a/b")},
		{"empty folder with a folder", at("a/", "a/b/")},
		{"empty folder twice", at("a/", "a/")},
		{"folder with a size", []rawEntry{{path: "a/", size: 1}}},
		{"executable folder", []rawEntry{{path: "a/", executable: 1}}},
		{"executable 2", []rawEntry{{path: "a", executable: 2}}},
		{"past 9999", []rawEntry{{path: "a", modified: MaxTime + 1}}},
		{"field 5", []rawEntry{{path: "a", more: []byte{0x28, 1}}}},
		{"more behind it", []rawEntry{{path: "a", more: []byte{0}}}},
		{"path twice", []rawEntry{{path: "a", more: []byte{0x0a, 1, 'b'}}}},
	} {
		b := rawIndex(c.entries...)
		var files uint64
		for _, e := range c.entries {
			files += e.size
		}
		if _, err := ParseIndex(b, proves(b, files)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.entries[0].more != nil || c.entries[0].executable > 1 {
			continue
		}
		var entries []Entry
		for _, e := range c.entries {
			entries = append(entries, Entry{e.path, e.size, e.modified, e.executable == 1})
		}
		if _, err := MarshalIndex(entries); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s, written: %v", c.name, err)
		}
	}
}

func TestIndexRefusesSizes(t *testing.T) {
	one := rawIndex(rawEntry{path: "a", size: 5})
	huge := rawIndex(rawEntry{path: "a", size: MaxSize}, rawEntry{path: "b", size: 1})
	wraps := rawIndex(rawEntry{path: "a", size: 1<<64 - 1}, rawEntry{path: "b", size: 6})
	for _, c := range []struct {
		name  string
		index []byte
		m     *Manifest
	}{
		{"of a file", one, &Manifest{Kind: File, Size: 5}},
		{"index cut short", one[:len(one)-1], proves(one, 5)},
		{"more than the index", append(slices.Clone(one), 0), proves(one, 5)},
		{"stream too short", one, proves(one, 4)},
		{"stream too long", one, proves(one, 6)},
		{"no entries for a stream", nil, proves(nil, 5)},
		{"more than any stream", huge, proves(huge, 0)},
		{"sum that overflows", wraps, proves(wraps, 5)},
		{"another field", []byte{0x12, 0}, proves([]byte{0x12, 0}, 0)},
		{"truncated", []byte{0x0a, 9, 1}, proves([]byte{0x0a, 9, 1}, 0)},
		{"empty entry", []byte{0x0a, 0}, proves([]byte{0x0a, 0}, 0)},
		{"huge entry", rawIndex(rawEntry{path: "a", more: make([]byte, maxEntry)}), nil},
	} {
		if c.m == nil {
			c.m = proves(c.index, 0)
		}
		if _, err := ParseIndex(c.index, c.m); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if got, err := ParseIndex(nil, proves(nil, 0)); err != nil || len(got) != 0 {
		t.Errorf("empty folder: %v, %v", got, err)
	}
}

func TestIndexComesBack(t *testing.T) {
	entries := []Entry{
		{Path: "a", Size: 1, Modified: MaxTime, Executable: true},
		{Path: "a b/" + strings.Repeat("x", 900)},
		{Path: "a!"},
		{Path: "b/", Modified: 5},
		{Path: "b!/c", Size: MaxSize / 2},
		{Path: "b\x01"},
		{Path: strings.Repeat("d/", MaxDepth-1) + "e"},
		{Path: "é\n…"},
		{Path: "…/" + strings.Repeat("x", MaxPath-len("…/"))},
	}
	slices.SortFunc(entries, func(x, y Entry) int { return ComparePaths(x.Path, y.Path) })
	b, err := MarshalIndex(entries)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseIndex(b, proves(b, 1+MaxSize/2))
	if err != nil || !slices.Equal(got, entries) {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestIndexLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries")
	}
	entries := make([]Entry, MaxEntries+1)
	for i := range entries {
		entries[i].Path = fmt.Sprintf("%07d", i)
	}
	if _, err := MarshalIndex(entries); !errors.Is(err, ErrMalformed) {
		t.Errorf("written: %v", err)
	}
	b, err := MarshalIndex(entries[:MaxEntries])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseIndex(b, proves(b, 0)); err != nil {
		t.Error(err)
	}
	var w canon.Writer
	for i := range entries {
		w.Element(1, []byte{0x0a, 1, byte(i)})
	}
	if _, err := ParseIndex(w.Out(), proves(w.Out(), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("an entry too many: %v", err)
	}
	for i := range entries {
		entries[i].Path = fmt.Sprintf("%080d", i)
	}
	if _, err := MarshalIndex(entries[:MaxEntries]); !errors.Is(err, ErrMalformed) {
		t.Errorf("index too large: %v", err)
	}
}

// TestMemoryOfIndex parses what takes most: as many entries as there may be, with as much path as there
// is room for, of which the last is refused.
func TestMemoryOfIndex(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MiB")
	}
	var w canon.Writer
	for i := range MaxEntries {
		path := fmt.Sprintf("%061d", i)
		if i == MaxEntries-1 {
			path = ".."
		}
		w.Element(1, append([]byte{0x0a, byte(len(path))}, path...))
	}
	b := append([]byte(nil), w.Out()...)
	w = canon.Writer{}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := ParseIndex(b, proves(b, 0))
	runtime.ReadMemStats(&after)
	took := after.TotalAlloc - before.TotalAlloc
	t.Logf("an index of %d bytes took %d more: %v", len(b), took, err)
	if !errors.Is(err, ErrMalformed) || len(b) < MaxIndex*95/100 || took > IndexMemory {
		t.Errorf("%d bytes for %d, at most %d: %v", took, len(b), IndexMemory, err)
	}
}

// TestComparePaths: what ComparePaths says is what comparing by bytes says where "/" is below all other
// bytes; it is an order; and what leads through a path stands right behind it.
func TestComparePaths(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	path := func() string {
		b := make([]byte, random.IntN(6))
		for i := range b {
			b[i] = "/\x01!ab\xff"[random.IntN(6)]
		}
		return string(b)
	}
	lowest := strings.NewReplacer("/", "\x00")
	sign := func(n int) int {
		switch {
		case n < 0:
			return -1
		case n > 0:
			return 1
		}
		return 0
	}
	for range 20_000 {
		a, b := path(), path()
		if got, want := sign(ComparePaths(a, b)), strings.Compare(lowest.Replace(a), lowest.Replace(b)); got != want {
			t.Fatalf("%q and %q: %d, not %d", a, b, got, want)
		}
	}
	for range 200 {
		paths := make([]string, 30)
		for i := range paths {
			paths[i] = path()
		}
		slices.SortFunc(paths, ComparePaths)
		paths = slices.Compact(paths)
		for i, p := range paths {
			within := true
			for _, q := range paths[i+1:] {
				if strings.HasPrefix(q, p+"/") {
					if !within {
						t.Fatalf("%q does not stand right behind %q", q, p)
					}
				} else {
					within = false
				}
			}
		}
	}
}

// FuzzIndex checks that what parses has no second encoding, and obeys the rules, told in another way.
func FuzzIndex(f *testing.F) {
	f.Add(rawIndex(at("a", "b/", "c/d")...), uint64(0))
	f.Add(rawIndex(rawEntry{path: "é", size: 3, modified: 9, executable: 1}), uint64(3))
	f.Add(rawIndex(at("a", "a/b")...), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, files uint64) {
		if files > MaxSize || len(b) > MaxIndex {
			return
		}
		entries, err := ParseIndex(b, proves(b, files))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		again, err := MarshalIndex(entries)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x: %v", b, again, err)
		}
		files = 0
		is := map[string]bool{} // is a file, or a folder that is empty
		for _, e := range entries {
			name := strings.TrimSuffix(e.Path, "/")
			if is[name] {
				t.Fatalf("%q twice", name)
			}
			is[name] = true
			files += e.Size
		}
		for name := range is {
			for i, c := range name {
				if c == '/' && is[name[:i]] {
					t.Fatalf("%q leads through a file", name)
				}
			}
			for _, part := range strings.Split(name, "/") {
				if part == "" || part == "." || part == ".." {
					t.Fatalf("path %q", name)
				}
			}
		}
	})
}
