package tree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/earshot-im/earshot/store/blob"
)

// Source reads the stream of what is on this disk. Any goroutine may read, until Close.
type Source struct {
	*Stream
	name string
	root *os.Root
	path func(i int) string // of an entry, below root
}

// OpenSource opens what is sent in place again, as Scan found it. It looks at nothing yet.
func OpenSource(path string, s *Stream) (*Source, error) {
	path, name, err := resolve(path)
	if err != nil {
		return nil, err
	}
	src := &Source{Stream: s, name: name}
	if s.kind == blob.Folder {
		src.path = func(i int) string { return s.entries[i].Path }
		src.root, err = os.OpenRoot(path)
		return src, err
	}
	src.path = func(int) string { return filepath.Base(path) }
	src.root, err = os.OpenRoot(filepath.Dir(path))
	return src, err
}

// resolve returns where a path leads that the owner gave, which may be a link, and what the owner calls
// it.
func resolve(path string) (real, name string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	real, err = filepath.EvalSymlinks(path)
	return real, filepath.Base(path), err
}

// Name is how the owner calls it, for the attachment. It may be any bytes.
func (s *Source) Name() string { return s.name }

// Close ends all use of it.
func (s *Source) Close() error { return s.root.Close() }

// ReadAt reads at an offset of the stream. It is an io.ReaderAt. The error is ErrChanged if a file is
// not what it was; nothing that was read counts then.
func (s *Source) ReadAt(b []byte, offset int64) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := s.checkRange(offset); err != nil {
		return 0, err
	}
	n, err := s.each(b, uint64(offset), s.read)
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

func (s *Source) read(p piece) error {
	if p.entry == inIndex {
		copy(p.bytes, s.index[p.at:])
		return nil
	}
	f, err := s.root.OpenFile(s.path(p.entry), os.O_RDONLY|dontWait, 0)
	if err != nil {
		return s.gone(p.entry, err)
	}
	defer f.Close()
	_, failed := f.ReadAt(p.bytes, p.at)
	info, err := f.Stat() // after the last byte, so that no change comes before
	if err == nil {
		err = s.check(p.entry, info)
	}
	return cmp.Or(err, failed)
}

// Check looks at all files, and returns ErrChanged if one is not what it was. Whoever has read all asks
// at the end, since what was read first may have changed meanwhile.
func (s *Source) Check(ctx context.Context) error {
	for i := range s.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := s.root.Lstat(s.path(i))
		if err == nil && s.entries[i].Folder() && info.IsDir() {
			continue
		}
		if err != nil {
			err = s.gone(i, err)
		} else {
			err = s.check(i, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check compares a file with its entry.
func (s *Source) check(i int, info fs.FileInfo) error {
	e := &s.entries[i]
	if !info.Mode().IsRegular() || uint64(info.Size()) != e.Size || !sameTime(e.Modified, modified(info.ModTime())) {
		return s.changed(i)
	}
	return nil
}

func (s *Source) changed(i int) error { return fmt.Errorf("%w: %q", ErrChanged, s.path(i)) }

// gone is what it means that a file can't be opened: something else may be there by now.
func (s *Source) gone(i int, err error) error {
	info, e := s.root.Lstat(s.path(i))
	if errors.Is(e, fs.ErrNotExist) || e == nil && s.check(i, info) != nil {
		return s.changed(i)
	}
	return err
}
