package blob

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

// endless is a stream of any size, as chunks are read of it: the first byte of each is its number.
type endless uint64

func (s endless) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(s) {
		return 0, io.EOF
	}
	n := min(len(b), int(int64(s)-at))
	b[0] = byte(at / ChunkSize)
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// cheap takes the place of Leaf where a test is about many chunks.
func cheap(i int, chunk []byte) (crypto.Hash, error) {
	return crypto.Hash{byte(i), byte(i >> 8), chunk[0], byte(len(chunk) - 1)}, nil
}

func TestBuild(t *testing.T) {
	for _, size := range []uint64{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, 5*ChunkSize + 7} {
		content := make([]byte, size)
		rand.NewChaCha8([32]byte{}).Read(content)
		var want Page
		for chunk := range slices.Chunk(content, ChunkSize) {
			want = append(want, Leaf(chunk))
		}
		m := Manifest{Kind: File, Size: size}
		var seen sync.Map
		var pages []Page
		if err := Build(&m, bytes.NewReader(content), func(i int, chunk []byte) (crypto.Hash, error) {
			if _, twice := seen.LoadOrStore(i, true); twice {
				t.Errorf("chunk %d twice", i)
			}
			return Leaf(chunk), nil
		}, func(i int, p Page) error {
			pages = append(pages, p)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(pages) != m.Shape().Pages() || len(m.Pages) != len(pages) {
			t.Fatalf("%d bytes: %d pages", size, len(pages))
		}
		if size > 0 && (!slices.Equal(pages[0], want) || m.Pages[0] != want.Hash()) {
			t.Errorf("%d bytes: other leaves", size)
		}
		if _, err := ParseManifest(m.Marshal(), m.Hash()); err != nil {
			t.Error(err)
		}
	}
}

func TestBuildPages(t *testing.T) {
	const size = 3*pageSpan + 5*ChunkSize + 7
	m := Manifest{Kind: File, Size: size}
	pages := map[int]Page{}
	if err := Build(&m, endless(size), cheap, func(i int, p Page) error {
		pages[i] = p
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(pages) != 4 || len(m.Pages) != 4 || len(pages[3]) != 6 {
		t.Fatalf("%d pages, the last of %d", len(pages), len(pages[3]))
	}
	for n, p := range pages {
		if m.Pages[n] != p.Hash() {
			t.Errorf("page %d has another hash", n)
		}
		for k, leaf := range p {
			i := n*PageLeaves + k
			want := crypto.Hash{byte(i), byte(i >> 8), byte(i), 0xff}
			if i == m.Shape().Chunks()-1 {
				want[3] = 6
			}
			if leaf != want {
				t.Fatalf("leaf %d is %x", i, leaf[:4])
			}
		}
	}
}

func TestBuildFails(t *testing.T) {
	broken := errors.New("broken")
	fine := func(int, Page) error { return nil }
	for _, c := range []struct {
		name   string
		size   uint64
		source io.ReaderAt
		leaf   func(int, []byte) (crypto.Hash, error)
		page   func(int, Page) error
		want   error
	}{
		{"too short", 3 * ChunkSize, endless(3*ChunkSize - 1), cheap, fine, io.ErrUnexpectedEOF},
		{"nothing there", 1, endless(0), cheap, fine, io.ErrUnexpectedEOF},
		{"too large", MaxSize + 1, endless(0), cheap, fine, ErrMalformed},
		{"leaf", 5 * ChunkSize, endless(5 * ChunkSize), func(i int, b []byte) (crypto.Hash, error) {
			if i == 2 {
				return crypto.Hash{}, broken
			}
			return cheap(i, b)
		}, fine, broken},
		{"page", 5 * ChunkSize, endless(5 * ChunkSize), cheap, func(int, Page) error { return broken }, broken},
	} {
		m := Manifest{Kind: File, Size: c.size}
		if err := Build(&m, c.source, c.leaf, c.page); !errors.Is(err, c.want) || m.Pages != nil {
			t.Errorf("%s: %v, %d pages", c.name, err, len(m.Pages))
		}
	}
	// It stops soon.
	var called atomic.Int32
	m := Manifest{Kind: File, Size: MaxSize}
	_ = Build(&m, endless(MaxSize), func(int, []byte) (crypto.Hash, error) {
		called.Add(1)
		return crypto.Hash{}, broken
	}, fine)
	if called.Load() > 1024 {
		t.Errorf("went on for %d chunks", called.Load())
	}
}

func BenchmarkBuild(b *testing.B) {
	const size = 256 * ChunkSize
	content := make([]byte, size)
	for _, c := range []struct {
		name string
		leaf func(int, []byte) (crypto.Hash, error)
	}{
		{"hash", func(_ int, chunk []byte) (crypto.Hash, error) { return Leaf(chunk), nil }},
		{"hash and seal", func() func(int, []byte) (crypto.Hash, error) {
			s := NewSealer([32]byte{1}, Chunks)
			return func(_ int, chunk []byte) (crypto.Hash, error) {
				out := NewBuffer()
				defer out.Free()
				leaf, _ := s.SealNew(out[:0], chunk)
				return leaf, nil
			}
		}()},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				m := Manifest{Kind: File, Size: size}
				if err := Build(&m, bytes.NewReader(content), c.leaf, func(int, Page) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
