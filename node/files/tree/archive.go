package tree

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

// Archive reads the stream of a folder that came as a tar archive. Any goroutine may read.
type Archive struct {
	*Stream
	contents io.ReaderAt
	at       []int64 // where there that of each entry begins
}

// spoolBuffer is how much of small files is written at once.
const spoolBuffer = 256 << 10

// Unpack makes the Archive of a tar archive, which is that of a folder without the folder itself: "./a" and
// "a" are the file a in it. It writes the contents to one file, one after the other; what an archive says
// of owners, and names that no disk could take, does no harm, since nothing is written under a name. Of two
// files with one path the latter counts. It returns what is left out as Scan does, and ErrArchive, ErrTooMany
// or the errors of from and to.
func Unpack(from io.Reader, to interface {
	io.Writer
	io.ReaderAt
}) (a *Archive, left []Skipped, skipped int, err error) {
	var sc scanner
	out := bufio.NewWriterSize(to, spoolBuffer)
	in := tar.NewReader(from)
	known := make(map[string]int) // where an entry is
	var at []int64
	written, paths := int64(0), 0
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, 0, broken(err)
		}
		e, ok := sc.member(h)
		if !ok {
			continue
		}
		i, again := known[e.Path]
		if !again {
			i = len(sc.entries)
			if paths += len(e.Path); i == blob.MaxEntries || paths > blob.MaxIndex {
				return nil, nil, 0, fmt.Errorf("%w: more than %d, or their paths are too long", ErrTooMany, blob.MaxEntries)
			}
			sc.entries, at = append(sc.entries, e), append(at, 0)
			known[e.Path] = i
		}
		n, err := io.Copy(out, in)
		if err != nil {
			return nil, nil, 0, broken(err)
		}
		e.Size = uint64(n)
		sc.entries[i], at[i] = e, written
		written += n
	}
	if err := out.Flush(); err != nil {
		return nil, nil, 0, err
	}
	a, err = sc.archive(to, known, at)
	return a, sc.left, sc.skipped, err
}

// broken is why an archive can't be read: it is none, or reading or writing has failed.
func broken(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong) {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return err
}

// member is the entry that a header stands for. It reports false for what is none.
func (sc *scanner) member(h *tar.Header) (e blob.Entry, ok bool) {
	p := strings.TrimPrefix(h.Name, "./")
	if h.Typeflag == tar.TypeXGlobalHeader || p == "" || p == "." {
		return e, false
	}
	folder := h.Typeflag == tar.TypeDir
	if folder {
		p = strings.TrimSuffix(p, "/") + "/"
	}
	err := naming.Check(p)
	if err == nil && !folder && strings.HasSuffix(p, "/") {
		err = fmt.Errorf("%w: a file that ends with /", naming.ErrPath)
	}
	switch {
	case h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink:
		sc.skip(p, Link, nil)
	case h.Typeflag != tar.TypeReg && !folder:
		sc.skip(p, Special, nil)
	case err != nil:
		sc.skip(p, Unfit, err)
	case slices.ContainsFunc(strings.Split(p, "/"), isPartial):
		sc.skip(p, Unfinished, nil)
	case folder:
		return blob.Entry{Path: p}, true
	default:
		return blob.Entry{Path: p, Modified: modified(h.ModTime), Executable: h.Mode&0o100 != 0}, true
	}
	return e, false
}

// archive puts the entries in their order, and leaves out folders that are not empty.
func (sc *scanner) archive(contents io.ReaderAt, known map[string]int, at []int64) (*Archive, error) {
	slices.SortFunc(sc.entries, compare)
	entries, after := make([]blob.Entry, 0, len(sc.entries)), ""
	for _, e := range slices.Backward(sc.entries) {
		if e.Folder() && strings.HasPrefix(after, e.Path) {
			continue
		}
		after = e.Path
		entries = append(entries, e)
	}
	slices.Reverse(entries)
	index, err := blob.MarshalIndex(entries)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	a := &Archive{Stream: Folder(index, entries), contents: contents, at: make([]int64, len(entries))}
	for i := range entries {
		a.at[i] = at[known[entries[i].Path]]
	}
	return a, nil
}

// ReadAt reads at an offset of the stream. It is an io.ReaderAt.
func (a *Archive) ReadAt(b []byte, offset int64) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := a.checkRange(offset); err != nil {
		return 0, err
	}
	n, err := a.each(b, uint64(offset), func(p piece) error {
		if p.entry == inIndex {
			copy(p.bytes, a.index[p.at:])
			return nil
		}
		_, err := a.contents.ReadAt(p.bytes, a.at[p.entry]+p.at)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

// Pack writes a tar archive of a folder, by the name and with the paths that it gets where it is saved. content
// is its stream, from behind the index on. The error is naming.ErrPath for a folder that no one may have;
// then nothing is written.
func Pack(to io.Writer, name string, s *Stream, content io.Reader) error {
	names, err := s.Names()
	if err != nil {
		return err
	}
	name = naming.Own(name) + "/"
	now := time.Now() // of what has no time
	out := tar.NewWriter(to)
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: now}); err != nil {
		return err
	}
	for i := range s.entries {
		e := &s.entries[i]
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name + names.Path(i), Size: int64(e.Size), Mode: 0o644, ModTime: now}
		if e.Modified != 0 {
			h.ModTime = time.UnixMilli(int64(e.Modified))
		}
		if e.Executable {
			h.Mode = 0o755
		}
		if e.Folder() {
			h.Typeflag, h.Name, h.Mode = tar.TypeDir, strings.TrimSuffix(h.Name, "/")+"/", 0o755
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.CopyN(out, content, h.Size); err != nil {
			return err
		}
	}
	return out.Close()
}
