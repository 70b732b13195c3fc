package blob

import (
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/earshot-im/earshot/crypto"
)

// Build reads the stream that m has the Kind, Size and Index of, once, and sets its Pages. Several
// chunks are read and hashed at a time, one on each processor, each in a Buffer.
//
// For each chunk it calls leaf, which returns what Leaf does and may use the bytes until then, and for
// each page, when all of its leaves are there, page. leaf is called from several goroutines at once and
// in any order, page for one page at a time. An error of theirs or of the source ends the work, and is
// returned; a source that is too short gives io.ErrUnexpectedEOF.
func Build(m *Manifest, source io.ReaderAt, leaf func(i int, chunk []byte) (crypto.Hash, error), page func(i int, p Page) error) error {
	if m.Size > MaxSize {
		return malformed("stream of %d bytes", m.Size)
	}
	b := building{
		shape:  m.Shape(),
		source: source,
		leaf:   leaf,
		page:   page,
		hashes: make([]crypto.Hash, m.Shape().Pages()),
		open:   map[int]*openPage{},
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), b.shape.Chunks()) {
		workers.Go(b.work) // until no chunk is left
	}
	workers.Wait()
	if b.err == nil {
		m.Pages = b.hashes
	}
	return b.err
}

// building is a Build that is under way.
type building struct {
	shape  Shape
	source io.ReaderAt
	leaf   func(int, []byte) (crypto.Hash, error)
	page   func(int, Page) error

	mu     sync.Mutex // guards what follows; held while page is called
	next   int        // the chunk that is read next
	hashes []crypto.Hash
	open   map[int]*openPage
	err    error // the first one
}

// openPage is a page of which some leaves are missing.
type openPage struct {
	page    Page
	missing int
}

func (b *building) work() {
	buffer := NewBuffer()
	defer buffer.Free()
	for {
		i, ok := b.take()
		if !ok {
			return
		}
		leaf, err := b.chunk(i, buffer)
		if !b.put(i, leaf, err) {
			return
		}
	}
}

// take returns the chunk that is next, unless none is left or something has failed.
func (b *building) take() (i int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i = b.next
	if b.err != nil || i == b.shape.Chunks() {
		return 0, false
	}
	b.next++
	return i, true
}

func (b *building) chunk(i int, buffer *Buffer) (crypto.Hash, error) {
	offset, size := b.shape.Chunk(i)
	chunk := buffer[:size]
	if n, err := b.source.ReadAt(chunk, int64(offset)); n < size {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return crypto.Hash{}, fmt.Errorf("read at %d: %w", offset, err)
	}
	return b.leaf(i, chunk)
}

// put takes the leaf of a chunk, and reports whether to go on.
func (b *building) put(i int, leaf crypto.Hash, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return false
	}
	if b.err = err; err != nil {
		return false
	}
	n := i / PageLeaves
	open := b.open[n]
	if open == nil {
		_, count := b.shape.Page(n)
		open = &openPage{make(Page, count), count}
		b.open[n] = open
	}
	open.page[i%PageLeaves] = leaf
	if open.missing--; open.missing > 0 {
		return true
	}
	delete(b.open, n)
	b.hashes[n] = open.page.Hash()
	b.err = b.page(n, open.page)
	return b.err == nil
}
