package place

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	gosync "sync"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// Content reads the chunks of an attachment that are here, wherever they are: sealed on the shelf, or in
// the owner's own part of the disk. What it returns is proven. Any goroutine may use it, until Close.
type Content struct {
	*shelf.Blob
	Shape blob.Shape
	in    *Places

	mu     gosync.Mutex
	places *openPlaces // nil: not opened yet
}

// Open opens an attachment. The error is shelf.ErrNoBlob if nothing of it is here.
func (p *Places) Open(of shelf.Of) (*Content, error) {
	b, err := p.shelf.Open(of)
	if err != nil {
		return nil, err
	}
	return &Content{Blob: b, Shape: blob.Shape{Size: of.Size}, in: p}, nil
}

// Close ends all use of it.
func (c *Content) Close() {
	if c.places != nil {
		c.in.opened.release(c.ID(), c.places, time.Now())
	}
	c.Blob.Close()
}

// open opens the places where all of it is.
func (c *Content) open() *openPlaces {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places == nil {
		c.places = c.in.opened.take(c.Blob)
	}
	c.places.open()
	return c.places
}

// changed reports whether it says that something is not what it was that it can't be opened or read. All else, as
// that too many files are open, says nothing of it.
func changed(err error) bool {
	for _, one := range []error{tree.ErrChanged, tree.ErrKind, fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// openPlace opens a file or folder that was saved, or is sent in place.
func openPlace(b *shelf.Blob, p shelf.Place) (*tree.Source, error) {
	stream, err := streamOf(b, blob.Entry{Modified: uint64(p.Modified)})
	if err != nil {
		return nil, err
	}
	switch {
	case stream == nil && p.Original: // nobody has kept the index: it is made again, and proven as all else
		src, _, _, err := tree.Scan(context.Background(), p.Path)
		return src, err
	case stream == nil:
		return nil, shelf.ErrNotHeld
	case p.Original:
		return tree.OpenSource(p.Path, stream)
	}
	to, err := tree.OpenDestination(filepath.Dir(p.Path))
	if err != nil {
		return nil, err
	}
	defer to.Close()
	return to.Source(filepath.Base(p.Path), stream)
}

// Chunk reads a chunk. The errors are shelf.ErrNotHeld, tree.ErrChanged if it was here and the owner has
// changed it, and those of the disk, which may pass.
func (c *Content) Chunk(i int, buffer *blob.Buffer) ([]byte, error) {
	b, err := c.ReadChunk(i, buffer)
	if !errors.Is(err, shelf.ErrNotHeld) {
		return b, err
	}
	offset, size := c.Shape.Chunk(i)
	leaf, missing := c.Leaf(i)
	if missing != nil {
		return nil, missing
	}
	if s := c.Writing(); s != nil && s.read(i, buffer[:size]) && blob.Leaf(buffer[:size]) == leaf {
		return buffer[:size], nil
	}
	places := c.open()
	failed := places.failed
	for _, src := range places.sources {
		_, err := src.ReadAt(buffer[:size], int64(offset))
		if err == nil && blob.Leaf(buffer[:size]) == leaf {
			return buffer[:size], nil
		}
		if err != nil && !changed(err) {
			failed = err
		}
	}
	c.in.opened.doubt(c.ID(), places, time.Now())
	if failed != nil {
		return nil, failed
	}
	if len(places.sources) > 0 || c.original() {
		return nil, tree.ErrChanged
	}
	return nil, err
}

// Writing is where it is being written to, nil if it isn't.
func (c *Content) Writing() *Saved {
	s, _ := c.in.live.Load(c.ID())
	w, _ := s.(*Saved)
	return w
}

// Here is which chunks can be read, as far as is known; those of places are not among them.
func (c *Content) Here() blob.Set {
	set := c.Info().Chunks
	if s := c.Writing(); s != nil {
		written := s.written()
		for first, count := range written.Stretches() {
			set.Add(first, count)
		}
	}
	return set
}

// original reports whether it is, or was, served from where the owner has it.
func (c *Content) original() bool {
	for _, p := range c.Info().Places {
		if p.Original {
			return true
		}
	}
	return false
}

// Whole reports whether all of it is here, as it seems. Of what is sent in place it is taken for granted: who reads
// it is told if it has changed.
func (c *Content) Whole() bool {
	info := c.Info()
	p := PresenceOf(&info)
	return p.Sealed || p.Saved || p.Original
}

// Reader reads a content from end to end, or from anywhere. It is for one goroutine.
type Reader struct {
	content *Content
	name    string // as its sender calls it
	at      int64
	buffer  *blob.Buffer
	chunk   []byte // that was read last
	number  int
}

// NewReader returns a Reader, which closes the content. name is as its sender calls it.
func NewReader(c *Content, name string) *Reader {
	return &Reader{content: c, name: name, buffer: blob.NewBuffer(), number: -1}
}

// Read is that of io.Reader.
func (r *Reader) Read(b []byte) (int, error) {
	if r.at >= int64(r.content.Shape.Size) {
		return 0, io.EOF
	}
	if n := int(r.at / blob.ChunkSize); n != r.number {
		chunk, err := r.content.Chunk(n, r.buffer)
		if err != nil {
			return 0, err
		}
		r.chunk, r.number = chunk, n
	}
	n := copy(b, r.chunk[r.at%blob.ChunkSize:])
	r.at += int64(n)
	return n, nil
}

// Seek is that of io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += int64(r.content.Shape.Size)
	}
	if offset < 0 {
		return 0, errors.New("before the beginning")
	}
	r.at = offset
	return offset, nil
}

// Pack writes a folder as a tar archive.
func (r *Reader) Pack(to io.Writer) error {
	m, err := r.content.Manifest()
	if err != nil {
		return err
	}
	if m.Kind != blob.Folder {
		return tree.ErrKind
	}
	index := make([]byte, m.Index)
	r.at = 0
	if _, err := io.ReadFull(r, index); err != nil {
		return err
	}
	entries, err := blob.ParseIndex(index, &m)
	if err != nil {
		return err
	}
	return tree.Pack(to, r.name, tree.Folder(index, entries), r)
}

// Close closes the content.
func (r *Reader) Close() error {
	r.buffer.Free()
	r.content.Close()
	return nil
}
