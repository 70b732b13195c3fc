package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/earshot-im/earshot/store/blob"
)

const (
	fileMode = 0o644 // under the umask
	openMode = 0o755 // of folders, and of what the sender can execute

	partialPrefix, partialSuffix = ".earshot-", ".part"

	// maxID bounds the ID of something unfinished in bytes.
	maxID = 64
)

// Destination is the folder in which files are saved.
type Destination struct {
	root *os.Root
}

// OpenDestination opens the folder, which may be reached by links, and makes it if it is not there.
func OpenDestination(dir string) (*Destination, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, openMode); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Destination{root}, nil
}

// Close closes it, after each Partial in it.
func (d *Destination) Close() error { return d.root.Close() }

// partialName is what something unfinished is called.
func partialName(id string) (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if id == "" || len(id) > maxID || strings.Trim(id, letters) != "" {
		return "", fmt.Errorf("ID %q", id)
	}
	return partialPrefix + id + partialSuffix, nil
}

func isPartial(name string) bool {
	return strings.HasPrefix(name, partialPrefix) && strings.HasSuffix(name, partialSuffix)
}

// Partials returns the IDs of all that is unfinished here, or looks like it.
func (d *Destination) Partials() (ids []string, err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		names, err := f.ReadDir(scanBatch)
		for _, e := range names {
			id := strings.TrimSuffix(strings.TrimPrefix(e.Name(), partialPrefix), partialSuffix)
			if name, err := partialName(id); err == nil && name == e.Name() {
				ids = append(ids, id)
			}
		}
		if err == io.EOF {
			return ids, nil
		} else if err != nil {
			return ids, err
		}
	}
}

// Begin opens something unfinished, and makes it if it is not there. It must not be open already. The
// error is naming.ErrPath for a folder that no one may have, and ErrForeign.
func (d *Destination) Begin(id string, s *Stream) (*Partial, error) {
	name, err := partialName(id)
	if err != nil {
		return nil, err
	}
	p := &Partial{Stream: s, to: d.root, id: id, name: name, root: d.root}
	p.forget()
	if s.kind == blob.File {
		_, err = p.file(0) // stays in use
	} else if p.names, err = s.Names(); err == nil {
		p.root, err = d.beginFolder(name)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// beginFolder opens the folder of something unfinished.
func (d *Destination) beginFolder(name string) (*os.Root, error) {
	if err := d.root.Mkdir(name, openMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	was, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !was.IsDir() || !isOurs(was) {
		return nil, foreign(name)
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	is, err := root.Stat(".")
	if err == nil && !os.SameFile(was, is) { // by now it is a link to another folder here
		err = foreign(name)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

func foreign(name string) error { return fmt.Errorf("%w: %q", ErrForeign, name) }

// Discard removes something unfinished, with all that is in it. It must not be open. It follows no
// link, and leaves what this program did not make, with ErrForeign.
func (d *Destination) Discard(id string) error {
	name, err := partialName(id)
	if err != nil {
		return err
	}
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !isOurs(info):
		return foreign(name)
	case info.IsDir():
		return d.root.RemoveAll(name)
	case info.Mode().IsRegular():
		return d.root.Remove(name)
	}
	return foreign(name)
}

// Source opens what was saved under a name, to be served on. It looks at nothing yet. Of a file, the
// stream has the time that Saved had.
func (d *Destination) Source(name string, s *Stream) (*Source, error) {
	src := &Source{Stream: s, name: name}
	var err error
	if s.kind == blob.File {
		src.path = func(int) string { return name }
		src.root, err = d.root.OpenRoot(".")
		return src, err
	}
	names, err := s.Names()
	if err != nil {
		return nil, err
	}
	src.path = names.Path
	src.root, err = d.root.OpenRoot(name)
	return src, err
}
