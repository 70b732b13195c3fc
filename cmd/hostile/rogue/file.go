package rogue

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/event"
)

const (
	chunkSize  = 1 << 20
	pageLeaves = 1024
	leafSize   = 32
)

// File is what an attachment stands for: a stream, and what proves it. Nothing in it need be true.
type File struct {
	event.Attachment
	Stream   []byte
	Pages    [][]byte
	Manifest []byte
}

// NewFile cuts a stream. It claims to have size bytes, of which index are an index; of a file that is 0.
func NewFile(name string, stream []byte, size, index uint64) *File {
	f := &File{Stream: stream}
	var page []byte
	for chunk := range slices.Chunk(stream, chunkSize) {
		leaf := crypto.Digest("chunk", chunk)
		if page = append(page, leaf[:]...); len(page) == pageLeaves*leafSize {
			f.Pages, page = append(f.Pages, page), nil
		}
	}
	if len(page) > 0 {
		f.Pages = append(f.Pages, page)
	}
	var w canon.Writer
	w.Uint(1, 1)
	if index > 0 {
		w.Uint(2, 2)
	} else {
		w.Uint(2, 1)
	}
	w.Uint(3, size)
	w.Uint(4, index)
	for _, p := range f.Pages {
		hash := crypto.Digest("page", p)
		w.Element(5, hash[:])
	}
	f.Manifest = w.Out()
	f.Attachment = event.Attachment{Manifest: crypto.Digest("manifest", f.Manifest), Size: uint64(len(stream)), Name: name}
	if index > 0 {
		f.Flags = event.AttachedFolder
	}
	Random(f.Key[:])
	return f
}

// Entry is a line of a folder's index.
type Entry struct {
	Path    string
	Content []byte
}

// NewFolder makes a folder of entries in the order in which they stand, and what is behind them.
func NewFolder(name string, entries []Entry, more []byte) *File {
	var w canon.Writer
	var contents []byte
	for _, e := range entries {
		var one canon.Writer
		one.String(1, e.Path)
		one.Uint(2, uint64(len(e.Content)))
		w.Element(1, one.Out())
		contents = append(contents, e.Content...)
	}
	index := append(w.Out(), more...)
	stream := append(slices.Clone(index), contents...)
	return NewFile(name, stream, uint64(len(stream)), uint64(len(index)))
}

// part is what a request asks for, as far as there is any.
func (f *File) part(q *Request) []byte {
	switch q.What {
	case AskManifest:
		return f.Manifest
	case AskPages:
		return slices.Concat(within(f.Pages, q.First, q.Count)...)
	case AskBytes:
		return within(f.Stream, q.First, q.Count)
	}
	return nil
}

func within[T any](all []T, first, count uint64) []T {
	first = min(first, uint64(len(all)))
	return all[first:min(first+count, uint64(len(all)))]
}

// Attached is a message with files. Text has none.
func (l *Log) Attached(files ...event.Attachment) event.Event {
	return l.with(event.KindText, 0, Must(event.Text{}.Marshal()), files)
}
