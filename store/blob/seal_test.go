package blob

import (
	"bytes"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

func TestSeal(t *testing.T) {
	chunk, page := []byte("chunk"), Page{Leaf([]byte("x"))}
	manifest := (&Manifest{Kind: File}).Marshal()
	for part, c := range map[Part]struct {
		b    []byte
		hash crypto.Hash
	}{
		Chunks:    {chunk, Leaf(chunk)},
		Pages:     {page.Bytes(), page.Hash()},
		Manifests: {manifest, (&Manifest{Kind: File}).Hash()},
	} {
		s := NewSealer([32]byte{1}, part)
		sealed, err := s.Seal([]byte("before"), c.hash, c.b)
		if err != nil || len(sealed) != len("before")+len(c.b)+SealOverhead || !bytes.HasPrefix(sealed, []byte("before")) {
			t.Fatalf("%s: %x, %v", part, sealed, err)
		}
		sealed = sealed[len("before"):]
		if hash, same := s.SealNew(nil, c.b); hash != c.hash || !bytes.Equal(same, sealed) {
			t.Errorf("%s: sealed in two ways", part)
		}
		if got, err := s.Open([]byte("before"), c.hash, sealed); err != nil || string(got) != "before"+string(c.b) {
			t.Errorf("%s: %q, %v", part, got, err)
		}
		in := bytes.Clone(sealed)
		if got, err := s.Open(in[:0], c.hash, in); err != nil || !bytes.Equal(got, c.b) {
			t.Errorf("%s in place: %q, %v", part, got, err)
		}
		flipped := bytes.Clone(sealed)
		flipped[0] ^= 1
		other := c.hash
		other[31] ^= 1 // the nonce is the same
		for name, err := range map[string]error{
			"a flipped bit":           second(s.Open(nil, c.hash, flipped)),
			"cut short":               second(s.Open(nil, c.hash, sealed[:len(sealed)-1])),
			"nothing":                 second(s.Open(nil, c.hash, nil)),
			"as if of another hash":   second(s.Open(nil, other, sealed)),
			"under another key":       second(NewSealer([32]byte{2}, part).Open(nil, c.hash, sealed)),
			"as another kind of part": second(NewSealer([32]byte{1}, Part("other")).Open(nil, c.hash, sealed)),
		} {
			if !errors.Is(err, ErrProof) {
				t.Errorf("%s, %s: %v", part, name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestNoNonceTwice: a file changes after its leaf was taken. Sealing what it has now under that leaf
// would give the same nonce to two contents; whoever has both then knows the difference of the two.
func TestNoNonceTwice(t *testing.T) {
	s := NewSealer([32]byte{1}, Chunks)
	before, after := bytes.Repeat([]byte("a"), ChunkSize), bytes.Repeat([]byte("b"), ChunkSize)
	leaf := Leaf(before)
	if _, err := s.Seal(nil, leaf, before); err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal([]byte("nothing"), leaf, after)
	if err != ErrProof || string(sealed) != "nothing" {
		t.Fatalf("sealed %d bytes: %v", len(sealed), err)
	}
	_, was := s.SealNew(nil, before)
	now, is := s.SealNew(nil, after)
	if now == leaf || bytes.Equal(now[:12], leaf[:12]) {
		t.Fatal("one nonce for two contents")
	}
	// Under one nonce both would be the key stream and their content.
	same := 0
	for i := range ChunkSize {
		if was[i]^is[i] == 'a'^'b' {
			same++
		}
	}
	if same > ChunkSize/128 {
		t.Errorf("%d of %d bytes tell the difference of two contents", same, ChunkSize)
	}
}
