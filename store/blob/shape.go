package blob

import "github.com/earshot-im/earshot/crypto"

const (
	// ChunkSize is the size of every chunk of a stream but the last, in bytes: what is proven,
	// written and fetched again at once.
	ChunkSize = 1 << 20
	// PageLeaves is how many leaves a page has, but for the last one: a page is 32 KiB, and proves
	// 1 GiB.
	PageLeaves = 1024
	// MaxPages bounds the pages of a stream: 16 TiB, whose manifest has half a MiB.
	MaxPages = 16384
	// MaxSize bounds a stream in bytes.
	MaxSize = MaxPages * PageLeaves * ChunkSize

	// PageSize is the size of every page but the last one, in bytes.
	PageSize = PageLeaves * leafSize

	pageSpan = PageLeaves * ChunkSize // bytes that a whole page proves
	leafSize = 32

	domainChunk    = "chunk"
	domainPage     = "page"
	domainManifest = "manifest"
)

// Shape is how a stream of some size is cut. Sizes are in bytes, chunks and pages are counted from 0.
// A stream of more than MaxSize has no Shape.
type Shape struct{ Size uint64 }

// Chunks is how many chunks there are.
func (s Shape) Chunks() int { return int((s.Size + ChunkSize - 1) / ChunkSize) }

// Chunk is where a chunk begins, and its size.
func (s Shape) Chunk(i int) (offset uint64, size int) {
	offset = uint64(i) * ChunkSize
	return offset, int(min(ChunkSize, s.Size-offset))
}

// Pages is how many pages there are.
func (s Shape) Pages() int { return int((s.Size + pageSpan - 1) / pageSpan) }

// Page is which chunks a page has the leaves of: the first, and how many.
func (s Shape) Page(i int) (first, count int) {
	first = i * PageLeaves
	return first, min(PageLeaves, s.Chunks()-first)
}

// MaxManifest bounds the manifest of such a stream in bytes.
func (s Shape) MaxManifest() int { return s.Pages()*(leafSize+2) + 32 }

// Leaf is the hash of a chunk.
func Leaf(chunk []byte) crypto.Hash { return crypto.Digest(domainChunk, chunk) }

// Page is the leaves of up to PageLeaves chunks.
type Page []crypto.Hash

// Bytes returns the page as it travels: its leaves, one after the other.
func (p Page) Bytes() []byte {
	b := make([]byte, 0, len(p)*leafSize)
	for i := range p {
		b = append(b, p[i][:]...)
	}
	return b
}

// Hash is what a manifest names the page by.
func (p Page) Hash() crypto.Hash { return crypto.Digest(domainPage, p.Bytes()) }

// ParsePage takes a page of count leaves that has a hash. The errors are ErrMalformed, of another
// size, and ErrProof.
func ParsePage(b []byte, count int, hash crypto.Hash) (Page, error) {
	if len(b) != count*leafSize {
		return nil, malformed("page of %d bytes, not %d leaves", len(b), count)
	}
	if crypto.Digest(domainPage, b) != hash {
		return nil, ErrProof
	}
	p := make(Page, count)
	for i := range p {
		p[i] = crypto.Hash(b[i*leafSize:])
	}
	return p, nil
}
