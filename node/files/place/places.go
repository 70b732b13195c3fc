package place

import (
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// Places has what is open. Any goroutine may use it.
type Places struct {
	shelf  *shelf.Shelf
	opened opened
	live   gosync.Map // shelf.ID to *Saved: what is being written and shared
}

// New returns Places with nothing open. idle is called when there is something for Tidy; it must not wait.
func New(s *shelf.Shelf, idle func()) *Places {
	return &Places{shelf: s, opened: opened{idle: idle, by: make(map[shelf.ID]*openPlaces)}}
}

// Share has what is being written read by others meanwhile. full says that the disk of the folder has no room left.
func (p *Places) Share(s *Saved, full func() bool) {
	s.full = full
	p.live.Store(s.ID(), s)
	s.closed = func() { p.live.Delete(s.ID()) }
}

// Writing reports whether something is being written and shared.
func (p *Places) Writing(id shelf.ID) bool {
	_, writing := p.live.Load(id)
	return writing
}

// Tidy closes what nobody has read for a while, and returns when to call it again; zero: when idle was called.
func (p *Places) Tidy(now time.Time) time.Time { return p.opened.tidy(now) }

// End closes what nobody reads, and has all else closed when it is.
func (p *Places) End() { p.opened.end() }

// streamOf returns what is in the stream of a blob and where: nil if it is a folder whose index isn't here. Of
// a file it is the entry that is given, with the size.
func streamOf(b *shelf.Blob, e blob.Entry) (*tree.Stream, error) {
	info := b.Info()
	if info.Kind == blob.File {
		e.Size = info.Size
		return tree.File(e), nil
	}
	if !info.Proven {
		return nil, nil
	}
	m, err := b.Manifest()
	if err != nil {
		return nil, err
	}
	last := IndexChunks(&m)
	index, buffer := make([]byte, 0, last*blob.ChunkSize), blob.NewBuffer()
	defer buffer.Free()
	if first, count := info.Chunks.Gap(0, last); count > 0 && first < last {
		return nil, nil
	}
	for i := range last {
		chunk, err := b.ReadChunk(i, buffer)
		if err != nil {
			return nil, err
		}
		index = append(index, chunk...)
	}
	index = index[:m.Index]
	entries, err := blob.ParseIndex(index, &m)
	if err != nil {
		return nil, err
	}
	return tree.Folder(index, entries), nil
}

// IndexChunks is how many chunks have a part of the index.
func IndexChunks(m *blob.Manifest) int { return int((m.Index + blob.ChunkSize - 1) / blob.ChunkSize) }

// same reports whether a source reads what a blob is of.
func same(b *shelf.Blob, src *tree.Source) (bool, error) {
	shape, buffer := blob.Shape{Size: b.Info().Size}, blob.NewBuffer()
	defer buffer.Free()
	for i := range shape.Chunks() {
		offset, size := shape.Chunk(i)
		leaf, err := b.Leaf(i)
		if err != nil {
			return false, err
		}
		if _, err := src.ReadAt(buffer[:size], int64(offset)); err != nil {
			return false, err
		}
		if blob.Leaf(buffer[:size]) != leaf {
			return false, nil
		}
	}
	return true, nil
}

// Add notes where an attachment was saved, in place of the wish to save it in that folder. Of too many
// places the oldest goes.
func Add(i *shelf.Info, p shelf.Place, folder string) {
	i.Places = slices.DeleteFunc(i.Places, func(o shelf.Place) bool {
		return o.Path == p.Path || !o.Whole && o.Path == folder
	})
	if len(i.Places) >= shelf.MaxPlaces {
		i.Places = i.Places[1:]
	}
	i.Places = append(i.Places, p)
}
