package blob

import (
	"bytes"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

// raw are the fields of a manifest, as anybody may write them.
type raw struct {
	version, kind, size, index uint64
	pages                      [][]byte
	more                       []byte
}

func (m raw) marshal() []byte {
	var w canon.Writer
	w.Uint(1, m.version)
	w.Uint(2, m.kind)
	w.Uint(3, m.size)
	w.Uint(4, m.index)
	for _, p := range m.pages {
		w.Element(5, p)
	}
	return append(w.Out(), m.more...)
}

func hashes(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = make([]byte, leafSize)
	}
	return all
}

func parseRaw(m raw) (Manifest, error) {
	b := m.marshal()
	return ParseManifest(b, crypto.Digest(domainManifest, b))
}

func TestManifestRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		m    raw
	}{
		{"empty", raw{}},
		{"no version", raw{kind: 1}},
		{"version 2", raw{version: 2, kind: 1}},
		{"no kind", raw{version: 1}},
		{"kind 3", raw{version: 1, kind: 3}},
		{"kind 257", raw{version: 1, kind: 257}},
		{"too large", raw{version: 1, kind: 1, size: MaxSize + 1, pages: hashes(MaxPages)}},
		{"size that overflows", raw{version: 1, kind: 1, size: 1<<64 - 1}},
		{"file with an index", raw{version: 1, kind: 1, size: 10, index: 1, pages: hashes(1)}},
		{"folder without an index", raw{version: 1, kind: 2, size: 10, pages: hashes(1)}},
		{"index larger than the stream", raw{version: 1, kind: 2, size: 10, index: 11, pages: hashes(1)}},
		{"index too large", raw{version: 1, kind: 2, size: MaxIndex + 1, index: MaxIndex + 1, pages: hashes(1)}},
		{"no pages", raw{version: 1, kind: 1, size: 1}},
		{"page of an empty file", raw{version: 1, kind: 1, pages: hashes(1)}},
		{"page too many", raw{version: 1, kind: 1, size: pageSpan, pages: hashes(2)}},
		{"page too few", raw{version: 1, kind: 1, size: pageSpan + 1, pages: hashes(1)}},
		{"short hash", raw{version: 1, kind: 1, size: 1, pages: [][]byte{make([]byte, 31)}}},
		{"long hash", raw{version: 1, kind: 1, size: 1, pages: [][]byte{make([]byte, 33)}}},
		{"empty hash", raw{version: 1, kind: 1, size: 1, pages: [][]byte{{}}}},
		{"more behind it", raw{version: 1, kind: 1, more: []byte{0}}},
		{"field 6", raw{version: 1, kind: 1, more: []byte{0x30, 1}}},
		{"pages without end", raw{version: 1, kind: 1, size: MaxSize, pages: hashes(MaxPages + 1)}},
	} {
		if _, err := parseRaw(c.m); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := ParseManifest(make([]byte, MaxManifest+1), crypto.Hash{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("longer than any: %v", err)
	}
	if _, err := ParseManifest(raw{version: 1, kind: 1}.marshal(), crypto.Hash{}); err != ErrProof {
		t.Errorf("another hash: %v", err)
	}
}

func TestManifestTakes(t *testing.T) {
	for _, c := range []struct {
		name string
		m    raw
	}{
		{"empty file", raw{version: 1, kind: 1}},
		{"empty folder", raw{version: 1, kind: 2}},
		{"byte", raw{version: 1, kind: 1, size: 1, pages: hashes(1)}},
		{"whole page", raw{version: 1, kind: 1, size: pageSpan, pages: hashes(1)}},
		{"largest", raw{version: 1, kind: 2, size: MaxSize, index: MaxIndex, pages: hashes(MaxPages)}},
		{"index only", raw{version: 1, kind: 2, size: 10, index: 10, pages: hashes(1)}},
	} {
		m, err := parseRaw(c.m)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		b := c.m.marshal()
		if !bytes.Equal(m.Marshal(), b) || m.Hash() != crypto.Digest(domainManifest, b) {
			t.Errorf("%s: does not come back", c.name)
		}
		if most := m.Shape().MaxManifest(); len(b) > most || len(b) > MaxManifest {
			t.Errorf("%s: %d bytes, more than %d", c.name, len(b), most)
		}
	}
}

// FuzzManifest checks that what parses has no second encoding, and that its shape can be walked.
func FuzzManifest(f *testing.F) {
	f.Add(raw{version: 1, kind: 1}.marshal())
	f.Add(raw{version: 1, kind: 2, size: pageSpan + 5, index: 7, pages: hashes(2)}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b, crypto.Digest(domainManifest, b))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(m.Marshal(), b) {
			t.Fatalf("%x came back as %x", b, m.Marshal())
		}
		checkShape(t, m.Shape())
	})
}
