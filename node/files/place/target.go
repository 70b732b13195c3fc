package place

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	gosync "sync"

	"github.com/earshot-im/earshot/node/files/fetch"
	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// Target is where an attachment is written while it is fetched. Put may be called by several goroutines,
// also while Commit runs; the rest by one.
type Target interface {
	// Put proves a part and writes it. The errors are blob.ErrProof and blob.ErrMalformed of what isn't
	// right, shelf.ErrForgotten, and those of the disk.
	Put(p fetch.Part, b []byte) error
	// Commit brings to the disk what Put has written before, and writes down that it is here.
	Commit(context.Context) error
	// Finish is called when all is committed. origin says from whom it is.
	Finish(ctx context.Context, origin string) error
	// Lead is how many of the first chunks are wanted before the others, as far as is known.
	Lead() int
	// Held is what is here already.
	Held() Held
	Close()
}

// ErrRefused: the stream is what its hash says, and no folder that anybody may have.
var ErrRefused = errors.New("the folder is refused")

// Held is which parts of a stream are here.
type Held struct {
	Manifest      bool
	Pages, Chunks blob.Set
}

// ForFetch is what a fetch begins with.
func (h *Held) ForFetch() fetch.Held {
	return fetch.Held{Manifest: h.Manifest, Pages: iter.Seq2[int, int](h.Pages.Stretches()), Chunks: h.Chunks.Stretches()}
}

// Seal returns a target on the shelf, which closes the blob.
func Seal(b *shelf.Blob) Target { return sealed{b} }

type sealed struct{ *shelf.Blob }

func (s sealed) Put(p fetch.Part, b []byte) error {
	switch p.Kind {
	case fetch.Manifest:
		return s.PutManifest(b)
	case fetch.Page:
		return s.PutPage(p.Index, b)
	}
	return s.PutChunk(p.Index, b)
}

func (s sealed) Commit(ctx context.Context) error     { return s.Blob.Commit(ctx, nil) }
func (s sealed) Finish(context.Context, string) error { return nil }
func (s sealed) Lead() int                            { return 0 }

func (s sealed) Held() Held {
	info := s.Info()
	return Held{info.Proven, info.Pages, info.Chunks}
}

// Saved is a Target in a folder of the owner's. What proves the stream, and of a folder what has come
// before its index is whole, is on the shelf all the same.
type Saved struct {
	*shelf.Blob
	folder string
	name   string // that it is to have there
	part   string // names what isn't finished
	to     *tree.Destination
	closed func()      // nil, or called by Close
	full   func() bool // nil, or says that the disk of the folder has no room left

	there *tree.Saved // it has its name already: a crash was after that

	mu     gosync.Mutex
	stream *tree.Stream  // nil until the index is here
	open   *tree.Partial // nil as long
	chunks blob.Set      // that are written to open
}

// OpenSaved opens a Target in a folder, and goes on with what is there.
func OpenSaved(ctx context.Context, b *shelf.Blob, folder, name string) (*Saved, error) {
	s := &Saved{Blob: b, folder: folder, name: naming.Own(name)}
	info := b.Info()
	if p := info.Partial; p != nil {
		s.folder, s.part = p.Folder, p.Part
	} else {
		s.part = newPart()
	}
	var err error
	if s.to, err = tree.OpenDestination(s.folder); err != nil {
		return nil, err
	}
	there, err := s.to.Partials()
	switch {
	case err != nil:
	case info.Partial != nil && slices.Contains(there, s.part):
		s.chunks = info.Partial.Chunks
	default:
		err = s.find(ctx)
	}
	if err == nil && s.there == nil && info.Partial == nil {
		err = s.Commit(ctx) // before anything is made there that a crash would leave for ever
	}
	if err == nil && s.there == nil {
		err = s.begin()
	}
	if errors.Is(err, tree.ErrForeign) { // somebody has put something there
		s.part, s.chunks = newPart(), blob.Set{}
		if err = s.Commit(ctx); err == nil {
			err = s.begin()
		}
	}
	if err != nil {
		_ = s.to.Close()
		return nil, err
	}
	return s, nil
}

// newPart returns a name for something unfinished.
func newPart() string {
	var id [10]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// find looks whether it has its name already.
func (s *Saved) find(ctx context.Context) error {
	info, shape := s.Info(), blob.Shape{Size: s.Info().Size}
	if !info.Proven || info.Pages.Count() < shape.Pages() {
		return nil
	}
	stream, err := streamOf(s.Blob, blob.Entry{})
	if err != nil || stream == nil {
		return nil // begin says why
	}
	saved, found, err := s.to.Existing(ctx, s.name, stream, func(src *tree.Source) (bool, error) { return same(s.Blob, src) })
	if found {
		s.there = &saved
		s.chunks.Add(0, shape.Chunks())
	}
	return err
}

// begin begins to write, if the index is here. What is on the shelf by then is written first. s.mu is
// held, or nobody else knows s.
func (s *Saved) begin() error {
	stream, err := streamOf(s.Blob, blob.Entry{})
	if stream == nil && err == nil || s.open != nil {
		return err
	}
	var open *tree.Partial
	if err == nil {
		open, err = s.to.Begin(s.part, stream)
	}
	switch {
	case errors.Is(err, blob.ErrMalformed), errors.Is(err, naming.ErrPath):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return err
	}
	missing, err := open.Missing(s.chunks.Has) // somebody may have tidied up
	if err != nil {
		_ = open.Close()
		return err
	}
	for _, i := range missing {
		s.chunks.Remove(i, 1)
	}
	info, buffer := s.Info(), blob.NewBuffer()
	defer buffer.Free()
	for first, count := range info.Chunks.Stretches() {
		for i := first; i < first+count; i++ {
			if s.chunks.Has(i) {
				continue
			}
			b, err := s.ReadChunk(i, buffer)
			if err == nil {
				_, err = open.WriteAt(b, int64(i)*blob.ChunkSize)
			}
			if err != nil {
				_ = open.Close()
				return err
			}
			s.chunks.Add(i, 1)
		}
	}
	s.stream, s.open = stream, open
	return nil
}

// Put is that of Target.
func (s *Saved) Put(p fetch.Part, b []byte) error {
	if p.Kind != fetch.Chunk {
		return sealed{s.Blob}.Put(p, b)
	}
	s.mu.Lock()
	open := s.open
	s.mu.Unlock()
	if open == nil {
		return s.putEarly(p, b)
	}
	leaf, err := s.Leaf(p.Index)
	if err != nil {
		return err
	}
	if blob.Leaf(b) != leaf {
		return blob.ErrProof
	}
	if _, err := open.WriteAt(b, int64(p.Index)*blob.ChunkSize); err != nil {
		return err
	}
	s.mu.Lock()
	s.chunks.Add(p.Index, 1)
	s.mu.Unlock()
	return nil
}

// Lead is the chunks of the index, until there is something to write to.
func (s *Saved) Lead() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return 0
	}
	m, err := s.Manifest()
	if err != nil {
		return 0
	}
	return IndexChunks(&m)
}

// putEarly puts what comes before the index is whole on the shelf.
func (s *Saved) putEarly(p fetch.Part, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.PutChunk(p.Index, b); err != nil {
		return err
	}
	if s.open == nil {
		return s.begin()
	}
	if _, err := s.open.WriteAt(b, int64(p.Index)*blob.ChunkSize); err != nil {
		return err
	}
	s.chunks.Add(p.Index, 1)
	return nil
}

// read reads a chunk that is written, to be handed on while others come.
func (s *Saved) read(i int, b []byte) bool {
	s.mu.Lock()
	open, has := s.open, s.chunks.Has(i)
	s.mu.Unlock()
	if open == nil || !has {
		return false
	}
	n, err := open.ReadAt(b, int64(i)*blob.ChunkSize)
	return n == len(b) && err == nil
}

// written is which chunks can be read.
func (s *Saved) written() blob.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chunks.Clone()
}

// Commit is that of Target.
func (s *Saved) Commit(ctx context.Context) error {
	s.mu.Lock()
	open, chunks := s.open, s.chunks.Clone()
	s.mu.Unlock()
	if open != nil {
		if err := open.Sync(); err != nil {
			return err
		}
	}
	err := s.Blob.Commit(ctx, func(i *shelf.Info) { i.Partial = &shelf.Partial{Folder: s.folder, Part: s.part, Chunks: chunks} })
	if whole := (blob.Shape{Size: s.Info().Size}).Chunks() == chunks.Count(); err == nil && !whole && s.full != nil && s.full() {
		err = store.ErrFull // before it is: something has to stay free
	}
	return err
}

// Here is how many bytes need no room any more.
func (s *Saved) Here() uint64 {
	size := s.Info().Size
	s.mu.Lock()
	defer s.mu.Unlock()
	return BytesIn(size, &s.chunks)
}

// Finish is that of Target.
func (s *Saved) Finish(ctx context.Context, origin string) error {
	if s.there != nil {
		return s.finished(ctx, *s.there)
	}
	if s.open == nil { // an empty folder
		if err := s.begin(); err != nil {
			return err
		}
	}
	done, err := s.take().Finish(ctx, s.name, origin, func(src *tree.Source) (bool, error) { return same(s.Blob, src) })
	if err != nil {
		return err
	}
	return s.finished(ctx, done)
}

// finished writes down that it has its name.
func (s *Saved) finished(ctx context.Context, done tree.Saved) error {
	return s.Blob.Commit(ctx, func(i *shelf.Info) {
		i.Partial = nil
		Add(i, shelf.Place{Path: filepath.Join(s.folder, done.Name), Size: i.Size, Modified: int64(done.Modified), Whole: true}, s.folder)
	})
}

// Held is that of Target.
func (s *Saved) Held() Held {
	info := s.Info()
	for first, count := range s.chunks.Stretches() {
		info.Chunks.Add(first, count)
	}
	return Held{info.Proven, info.Pages, info.Chunks}
}

// take returns what is being written, which nobody reads from now on.
func (s *Saved) take() *tree.Partial {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.open
	s.open = nil
	return open
}

// Close is that of Target.
func (s *Saved) Close() {
	if s.closed != nil {
		s.closed()
	}
	if open := s.take(); open != nil {
		_ = open.Close()
	}
	_ = s.to.Close()
	s.Blob.Close()
}

// Folder is where it is written.
func (s *Saved) Folder() string { return s.folder }

// Has reports whether a chunk is written.
func (s *Saved) Has(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chunks.Has(i)
}

// Copy writes a chunk that is proven.
func (s *Saved) Copy(i int, chunk []byte) error {
	if s.open == nil { // a folder whose index is where its original is
		return s.putEarly(fetch.Part{Kind: fetch.Chunk, Index: i}, chunk)
	}
	_, err := s.open.WriteAt(chunk, int64(i)*blob.ChunkSize)
	return err
}
