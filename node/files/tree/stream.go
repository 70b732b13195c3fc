package tree

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"time"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

// Stream is what is in the stream of a file or a folder, and where. It never changes.
type Stream struct {
	kind    blob.Kind
	index   []byte
	entries []blob.Entry
	starts  []uint64 // where the content of each entry begins
	size    uint64
	names   func() (*naming.Names, error) // on a disk where it is saved
}

// File is the stream of a file. Of the entry, Path counts nothing. With Modified 0 any time will do.
func File(e blob.Entry) *Stream {
	return newStream(blob.File, nil, []blob.Entry{e})
}

// Folder is the stream of a folder whose index has these entries. They stay in use.
func Folder(index []byte, entries []blob.Entry) *Stream {
	return newStream(blob.Folder, index, entries)
}

func newStream(kind blob.Kind, index []byte, entries []blob.Entry) *Stream {
	s := &Stream{kind: kind, index: index, entries: entries, starts: make([]uint64, len(entries)), size: uint64(len(index))}
	for i := range entries {
		s.starts[i] = s.size
		s.size += entries[i].Size
	}
	s.names = sync.OnceValues(func() (*naming.Names, error) {
		paths := make([]string, len(entries))
		for i := range entries {
			paths[i] = entries[i].Path
		}
		return naming.Map(paths)
	})
	return s
}

// Kind says of what it is the stream.
func (s *Stream) Kind() blob.Kind { return s.kind }

// Size is the size of the stream in bytes.
func (s *Stream) Size() uint64 { return s.size }

// Index is with what the stream of a folder begins. It must not be changed.
func (s *Stream) Index() []byte { return s.index }

// Entries are the files, and the empty folders, in the order of the stream. They must not be changed.
func (s *Stream) Entries() []blob.Entry { return s.entries }

// Names are how the entries of a folder are called where it is saved, or naming.ErrPath. The first call
// makes them.
func (s *Stream) Names() (*naming.Names, error) { return s.names() }

// inIndex stands for the index instead of an entry.
const inIndex = -1

// piece is a part of one file, or of the index, in a part of the stream.
type piece struct {
	entry int
	at    int64 // where in the file it begins
	bytes []byte
}

// whole reports whether a piece is all of its file.
func (s *Stream) whole(p piece) bool {
	return p.entry != inIndex && uint64(len(p.bytes)) == s.entries[p.entry].Size
}

// each calls do with the pieces of b, which stands at an offset of the stream, until it fails. It
// returns how many bytes are done.
func (s *Stream) each(b []byte, offset uint64, do func(piece) error) (int, error) {
	done := 0
	for i := s.entryAt(offset); done < len(b) && i < len(s.entries); i++ {
		p := piece{entry: i}
		var left uint64
		at := offset + uint64(done)
		if i == inIndex {
			p.at, left = int64(at), uint64(len(s.index))-at
		} else {
			p.at = int64(at - s.starts[i])
			left = s.entries[i].Size - uint64(p.at)
		}
		p.bytes = b[done : done+int(min(left, uint64(len(b)-done)))]
		if len(p.bytes) == 0 {
			continue // an empty file
		}
		if err := do(p); err != nil {
			return done, err
		}
		done += len(p.bytes)
	}
	return done, nil
}

// entryAt returns in which entry an offset of the stream is.
func (s *Stream) entryAt(offset uint64) int {
	if offset < uint64(len(s.index)) {
		return inIndex
	}
	return max(sort.Search(len(s.entries), func(i int) bool { return s.starts[i] > offset })-1, 0)
}

// checkRange returns io.EOF for what begins at the end of the stream or later.
func (s *Stream) checkRange(offset int64) error {
	switch {
	case offset < 0:
		return fmt.Errorf("offset %d", offset)
	case uint64(offset) >= s.size:
		return io.EOF
	}
	return nil
}

// modified is a time as an index has it. What an index can't say is not known.
func modified(t time.Time) uint64 {
	if ms := t.UnixMilli(); ms > 0 && ms <= blob.MaxTime {
		return uint64(ms)
	}
	return 0
}

// sameTime reports whether a file that was given a time may have this one now: some file systems keep
// only every second second.
func sameTime(given, now uint64) bool {
	return given == 0 || given == now || now%1000 == 0 && given/2000 == now/2000
}
