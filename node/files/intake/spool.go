package intake

import (
	"context"
	"io"
	"os"

	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store/blob"
)

// maxUnpacked is how many archives are read at once: of the largest, about 240 MiB are in memory.
const maxUnpacked = 4

// openSpooled writes a content of unknown length to a file that has no name any more: that of a file, or of
// all files of a folder, which comes as a tar archive.
func (t *Intake) openSpooled(ctx context.Context, s *stream, from io.Reader, folder bool) error {
	if folder {
		select {
		case t.unpack <- struct{}{}:
			defer func() { <-t.unpack }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f, err := os.CreateTemp(t.cfg.Dir, "upload-*.tmp")
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name()) // where that can't be done, close does
	s.close = func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	to := &spool{f: f, room: func(n uint64) (*space.Promise, error) { return t.cfg.Space.Take(t.cfg.Dir, n) }}
	if !folder {
		n, err := io.Copy(to, from)
		s.source, s.size = f, uint64(n)
		return err
	}
	a, left, skipped, err := tree.Unpack(from, to)
	if err != nil {
		return err
	}
	s.source, s.size, s.index, s.left, s.skipped = a, a.Size(), uint64(len(a.Index())), left, skipped
	return nil
}

// spool is a file that takes no more than there is room for, and no more than may be sent.
type spool struct {
	f    *os.File // not embedded: nothing is written past Write
	room func(bytes uint64) (*space.Promise, error)
	size uint64
}

func (s *spool) ReadAt(b []byte, offset int64) (int, error) { return s.f.ReadAt(b, offset) }

func (s *spool) Write(b []byte) (int, error) {
	if s.size += uint64(len(b)); s.size > blob.MaxSize {
		return 0, ErrTooLarge
	}
	room, err := s.room(uint64(len(b))) // nobody knows how much comes
	if err != nil {
		return 0, err
	}
	defer room.End()
	return s.f.Write(b)
}
