package blob

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

// checkShape: the chunks lie side by side and are the stream, and so are the pages. Of large ones only
// the borders are looked at.
func checkShape(t *testing.T, s Shape) {
	t.Helper()
	chunks, pages := s.Chunks(), s.Pages()
	if chunks > MaxChunks || pages > MaxPages || (s.Size == 0) != (chunks == 0) || (chunks == 0) != (pages == 0) {
		t.Fatalf("%d bytes have %d chunks and %d pages", s.Size, chunks, pages)
	}
	for i := range chunks {
		if i == 3 && chunks > 6 {
			break
		}
		for _, i := range []int{i, chunks - 1 - i} {
			at, size := s.Chunk(i)
			if at != uint64(i)*ChunkSize || size < 1 || size > ChunkSize || i < chunks-1 && size != ChunkSize {
				t.Fatalf("%d bytes: chunk %d of %d has %d at %d", s.Size, i, chunks, size, at)
			}
			if i == chunks-1 && at+uint64(size) != s.Size {
				t.Fatalf("%d bytes: the last chunk ends at %d", s.Size, at+uint64(size))
			}
		}
	}
	next := 0
	for i := range pages {
		first, count := s.Page(i)
		if first != next || count < 1 || count > PageLeaves || i < pages-1 && count != PageLeaves {
			t.Fatalf("%d bytes: page %d of %d has %d from %d", s.Size, i, pages, count, first)
		}
		next = first + count
	}
	if next != chunks {
		t.Fatalf("%d bytes: pages have %d of %d chunks", s.Size, next, chunks)
	}
}

func TestShape(t *testing.T) {
	for _, around := range []uint64{0, 1, ChunkSize, 2 * ChunkSize, pageSpan, 2 * pageSpan, MaxSize} {
		for d := uint64(0); d < 3; d++ {
			if around >= d {
				checkShape(t, Shape{around - d})
			}
			if around+d <= MaxSize {
				checkShape(t, Shape{around + d})
			}
		}
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for range 1000 {
		checkShape(t, Shape{random.Uint64N(MaxSize+1) >> random.IntN(45)})
	}
}

func TestPage(t *testing.T) {
	p := Page{Leaf(nil), Leaf([]byte("a")), Leaf([]byte("b"))}
	b := p.Bytes()
	got, err := ParsePage(b, 3, p.Hash())
	if err != nil || !bytes.Equal(got.Bytes(), b) || got.Hash() != p.Hash() {
		t.Fatalf("%v, %v", got, err)
	}
	for _, c := range []struct {
		name  string
		b     []byte
		count int
		hash  crypto.Hash
		want  error
	}{
		{"a leaf too few", b[leafSize:], 3, p.Hash(), ErrMalformed},
		{"a leaf too many", b, 2, p.Hash(), ErrMalformed},
		{"half a leaf", b[:len(b)-1], 3, p.Hash(), ErrMalformed},
		{"nothing", nil, 3, p.Hash(), ErrMalformed},
		{"another page", b, 3, crypto.Hash{1}, ErrProof},
		{"another leaf", append(bytes.Clone(b[:len(b)-1]), ^b[len(b)-1]), 3, p.Hash(), ErrProof},
		{"a chunk's hash", b, 3, Leaf(b), ErrProof},
		{"a manifest's hash", b, 3, crypto.Digest(domainManifest, b), ErrProof},
	} {
		if _, err := ParsePage(c.b, c.count, c.hash); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzPage checks that what parses comes back as the same bytes.
func FuzzPage(f *testing.F) {
	f.Add(make([]byte, 64), 2)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, count int) {
		if count < 0 || count > PageLeaves {
			return
		}
		p, err := ParsePage(b, count, crypto.Digest(domainPage, b))
		if err == nil && (!bytes.Equal(p.Bytes(), b) || p.Hash() != crypto.Digest(domainPage, b)) {
			t.Fatalf("%x came back as %x", b, p.Bytes())
		}
		if (err == nil) != (len(b) == count*leafSize) {
			t.Fatalf("%d bytes as %d leaves: %v", len(b), count, err)
		}
	})
}
