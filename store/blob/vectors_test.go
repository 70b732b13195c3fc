package blob

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

var update = flag.Bool("update", false, "write testdata/vectors.txt anew")

const vectorsFile = "testdata/vectors.txt"

// stream is what the vectors are made of: each byte is its place modulo 251.
type stream int

func (s stream) bytes(from, to int) []byte {
	b := make([]byte, to-from)
	for i := range b {
		b[i] = byte((from + i) % 251)
	}
	return b
}

// makeVectors makes one of every format. Long ones are given by their hash.
func makeVectors(t *testing.T) string {
	var out strings.Builder
	add := func(name string, b []byte) { fmt.Fprintf(&out, "%s: %x\n", name, b) }
	key := [32]byte(stream(0).bytes(7, 39))
	chunks, pages, manifests := NewSealer(key, Chunks), NewSealer(key, Pages), NewSealer(key, Manifests)

	add("leaf of nothing", hashOf(Leaf(nil)))
	short := stream(0).bytes(0, 100)
	add("leaf of 100", hashOf(Leaf(short)))
	whole := stream(0).bytes(0, ChunkSize)
	add("leaf of a whole chunk", hashOf(Leaf(whole)))
	add("empty file", (&Manifest{Kind: File}).Marshal())
	add("empty file, hash", hashOf((&Manifest{Kind: File}).Hash()))

	last := stream(0).bytes(ChunkSize, ChunkSize+100)
	page := Page{Leaf(whole), Leaf(last)}
	file := Manifest{Kind: File, Size: ChunkSize + 100, Pages: []crypto.Hash{page.Hash()}}
	add("file of 1 MiB + 100", file.Marshal())
	add("file of 1 MiB + 100, page", page.Bytes())
	add("file of 1 MiB + 100, hash", hashOf(file.Hash()))

	entries := []Entry{
		{Path: "a", Size: 3, Modified: 1_700_000_000_123},
		{Path: "b/run", Size: 4, Executable: true},
		{Path: "b!/"},
		{Path: "é/empty"},
	}
	index, err := MarshalIndex(entries)
	if err != nil {
		t.Fatal(err)
	}
	content := append(bytes.Clone(index), "one"+"true"...)
	page = Page{Leaf(content)}
	folder := Manifest{Kind: Folder, Size: uint64(len(content)), Index: uint64(len(index)), Pages: []crypto.Hash{page.Hash()}}
	add("folder, index", index)
	add("folder, stream", content)
	add("folder, page", page.Bytes())
	add("folder", folder.Marshal())
	add("folder, hash", hashOf(folder.Hash()))
	if _, err := ParseIndex(index, &folder); err != nil {
		t.Fatal(err)
	}

	add("key", key[:])
	_, sealed := chunks.SealNew(nil, content)
	add("folder, sealed chunk", sealed)
	_, sealed = pages.SealNew(nil, page.Bytes())
	add("folder, sealed page", sealed)
	_, sealed = manifests.SealNew(nil, folder.Marshal())
	add("folder, sealed manifest", sealed)

	var s Set
	add("set of nothing", s.Marshal())
	s.Add(3, 5)
	s.Add(1000, 24)
	add("set of 3 to 7 and 1000 to 1023", s.Marshal())
	s = Set{}
	for n := 0; n < 100; n += 3 {
		s.Add(n, 1)
	}
	add("set of every third below 100", s.Marshal())
	return out.String()
}

func hashOf[T ~[32]byte](h T) []byte { return h[:] }

// TestVectors holds the formats. They are those of FORMAT.md: other programs have them too.
func TestVectors(t *testing.T) {
	got := makeVectors(t)
	if *update {
		if err := os.WriteFile(vectorsFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; the formats have:\n%s", vectorsFile, got)
	}
	for line := range strings.Lines(got) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if _, err := hex.DecodeString(strings.TrimSpace(value)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
