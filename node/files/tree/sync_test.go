package tree

import (
	"maps"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
)

// What is durable can't be tested without pulling a plug. So this is about what a Sync is told to do.
func TestWhatHasToBecomeDurable(t *testing.T) {
	d := destinationIn(t, t.TempDir())
	s, content := streamOf(t, spec{path: "a", content: "of a"}, spec{path: "x/y/b", content: "of b"}, spec{path: "x/y/c", content: "of c"})
	start := len(s.Index())
	p := begin(t, d, "1", s)
	want := func(files []int, folders ...string) {
		t.Helper()
		var grown []string
		for i := range p.grown {
			switch i {
			case destination:
				grown = append(grown, "..")
			default:
				grown = append(grown, p.names.FolderPath(i))
			}
		}
		slices.Sort(grown)
		if got := slices.Sorted(maps.Keys(p.written)); !slices.Equal(got, files) || !slices.Equal(grown, folders) {
			t.Errorf("files %d and folders %q, want %d and %q", got, grown, files, folders)
		}
	}
	write := func(from, to int) {
		t.Helper()
		if _, err := p.WriteAt(content[start+from:start+to], int64(start+from)); err != nil {
			t.Fatal(err)
		}
	}
	sync := func() {
		t.Helper()
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	want(nil, "..")
	write(0, 6)
	want([]int{0, 1}, ".", "..", "x", "x/y")
	sync()
	want(nil)
	write(6, 8)
	want([]int{1})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Sync(); err == nil {
		t.Error("nothing is open")
	}
	want([]int{1}) // still

	p = begin(t, d, "1", s) // who goes on can't know whether these are durable
	want(nil, "..")
	write(8, 12)
	want([]int{2}, ".", "..", "x", "x/y") // x may be new as well: it is found by making it
	if err := p.complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	want([]int{0, 1, 2}, ".", "..", "x", "x/y") // their times
	sync()
	want(nil)
	finish(t, p, "x", never(t))

	p = begin(t, d, "2", File(blob.Entry{Size: 1}))
	want(nil, "..")
	if _, err := p.WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	want([]int{0}, "..")
	sync()
	want(nil)
	finish(t, p, "y", never(t))
}
