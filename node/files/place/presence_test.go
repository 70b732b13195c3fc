package place

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// A place takes that of the wish for it, and of an older one at the same path; of too many the oldest goes.
func TestAdd(t *testing.T) {
	i := &shelf.Info{Places: []shelf.Place{{Path: "/a"}, {Path: "/b"}, {Path: "/a/x", Whole: true, Size: 1}}}
	Add(i, shelf.Place{Path: "/a/x", Whole: true, Size: 2}, "/a")
	if len(i.Places) != 2 || i.Places[0].Path != "/b" || i.Places[1].Size != 2 {
		t.Errorf("%+v", i.Places)
	}
	for n := range shelf.MaxPlaces {
		Add(i, shelf.Place{Path: fmt.Sprint("/", n), Whole: true}, "/")
	}
	if len(i.Places) != shelf.MaxPlaces || i.Places[0].Path != "/0" {
		t.Errorf("%d, from %s", len(i.Places), i.Places[0].Path)
	}
}

// What is to be saved in a folder, or is there as it was saved, is not saved there again.
func TestSavedIn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := os.WriteFile(path, make([]byte, 5), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := shelf.Place{Path: path, Size: 5, Modified: file.ModTime().UnixMilli(), Whole: true}
	other, original := whole, whole
	other.Size, original.Original = 6, true
	for name, c := range map[string]struct {
		place shelf.Place
		want  bool
	}{
		"saved": {whole, true}, "wanted": {shelf.Place{Path: dir}, true}, "wanted elsewhere": {shelf.Place{Path: path}, false},
		"changed": {other, false}, "the original": {original, false},
	} {
		if got := SavedIn(&shelf.Info{Of: shelf.Of{Size: 5, Kind: blob.File}, Places: []shelf.Place{c.place}}, dir); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestBytesOf(t *testing.T) {
	const size = 2*blob.ChunkSize + 5
	var some blob.Set
	some.Add(0, 1)
	some.Add(2, 1)
	for got, want := range map[uint64]uint64{
		BytesOf(size, 0, 1): blob.ChunkSize, BytesOf(size, 2, 1): 5, BytesOf(size, 0, 3): size, BytesIn(size, &some): blob.ChunkSize + 5,
		BytesHeld(&shelf.Info{Of: shelf.Of{Size: size}, Chunks: some, Partial: &shelf.Partial{Chunks: some}}): blob.ChunkSize + 5,
	} {
		if got != want {
			t.Errorf("%d bytes, not %d", got, want)
		}
	}
}
