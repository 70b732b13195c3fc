package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

// Reason says why something in a folder is not sent.
type Reason uint8

const (
	Link       Reason = 1 + iota // a symbolic link, wherever it leads
	Special                      // a pipe, socket or device
	Unreadable                   // the system doesn't let us read it
	Unfit                        // a path that is refused everywhere: too long, too deep, not UTF-8, a backslash
	Unfinished                   // something that earshot is receiving
)

// Skipped is something in a folder that is not sent.
type Skipped struct {
	Path   string // below the folder; may be any bytes
	Reason Reason
	Err    error // why it is Unreadable or Unfit
}

// maxSkipped is how many are told.
const maxSkipped = 1000

// scanBatch is how many names of a folder are read at once.
const scanBatch = 1024

// Scan makes the Source of a file or a folder that the owner names; if that is a link, it is followed,
// as no other is. It opens every file, to see whether that can be read, and reads none.
//
// Of a folder it also returns what is left out: up to maxSkipped of it, and how much there is in all.
func Scan(ctx context.Context, path string) (src *Source, left []Skipped, skipped int, err error) {
	path, name, err := resolve(path)
	if err != nil {
		return nil, nil, 0, err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, nil, 0, err
	case info.IsDir():
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, nil, 0, err
		}
		sc := scanner{ctx: ctx, root: root}
		s, err := sc.folder()
		if err != nil {
			root.Close()
			return nil, nil, 0, err
		}
		return &Source{Stream: s, name: name, root: root, path: func(i int) string { return s.entries[i].Path }}, sc.left, sc.skipped, nil
	case !info.Mode().IsRegular():
		return nil, nil, 0, fmt.Errorf("%w: %q", ErrKind, path)
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, nil, 0, err
	}
	base := filepath.Base(path)
	e, err := readable(root, base)
	if err != nil {
		root.Close()
		return nil, nil, 0, err
	}
	return &Source{Stream: File(e), name: name, root: root, path: func(int) string { return base }}, nil, 0, nil
}

// readable opens a file to see that it can be read, and what it is.
func readable(root *os.Root, path string) (blob.Entry, error) {
	f, err := root.OpenFile(path, os.O_RDONLY|dontWait, 0)
	if err != nil {
		return blob.Entry{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return blob.Entry{}, err
	case !info.Mode().IsRegular():
		return blob.Entry{}, fmt.Errorf("%w: %q", ErrKind, path)
	}
	return blob.Entry{Path: path, Size: uint64(info.Size()), Modified: modified(info.ModTime()), Executable: executable(info)}, nil
}

type scanner struct {
	ctx     context.Context
	root    *os.Root
	entries []blob.Entry
	folders []string // that were read
	todo    []string // folders to read; "" is the root
	left    []Skipped
	skipped int
}

// folder scans all of it.
func (sc *scanner) folder() (*Stream, error) {
	sc.todo = []string{""}
	for len(sc.todo) > 0 {
		next := sc.todo[len(sc.todo)-1]
		sc.todo = sc.todo[:len(sc.todo)-1]
		err := sc.open(next)
		switch {
		case err == nil && next != "":
			sc.folders = append(sc.folders, next)
		case err == nil:
		case sc.ctx.Err() != nil, errors.Is(err, ErrTooMany), next == "":
			return nil, err
		default:
			sc.skip(next, Unreadable, err)
		}
	}
	slices.SortFunc(sc.entries, compare)
	sc.entries = append(sc.entries, sc.empty()...)
	slices.SortFunc(sc.entries, compare)
	index, err := blob.MarshalIndex(sc.entries)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTooMany, err)
	}
	return Folder(index, sc.entries), nil
}

func compare(a, b blob.Entry) int { return blob.ComparePaths(a.Path, b.Path) }

// empty are the folders in which nothing is that is sent.
func (sc *scanner) empty() (empty []blob.Entry) {
	slices.SortFunc(sc.folders, blob.ComparePaths)
	below := "" // the last one that was found: if it is below a folder, that is not empty
	for _, folder := range slices.Backward(sc.folders) {
		e := blob.Entry{Path: folder + "/"}
		i, _ := slices.BinarySearchFunc(sc.entries, e, compare)
		if i < len(sc.entries) && strings.HasPrefix(sc.entries[i].Path, e.Path) || strings.HasPrefix(below, e.Path) {
			continue
		}
		below = e.Path
		empty = append(empty, e)
	}
	return empty
}

func (sc *scanner) open(folder string) error {
	path := folder
	if path == "" {
		path = "."
	}
	f, err := sc.root.OpenFile(path, os.O_RDONLY|dontWait, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		names, err := f.ReadDir(scanBatch)
		for _, e := range names {
			below := e.Name()
			if folder != "" {
				below = folder + "/" + below
			}
			if err := sc.take(below, e.Name(), e.Type()); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case sc.ctx.Err() != nil:
			return sc.ctx.Err()
		}
	}
}

// take decides about one name.
func (sc *scanner) take(path, name string, kind fs.FileMode) error {
	err := naming.Check(path)
	switch {
	case kind == fs.ModeSymlink:
		sc.skip(path, Link, nil)
	case !kind.IsRegular() && !kind.IsDir():
		sc.skip(path, Special, nil)
	case err != nil:
		sc.skip(path, Unfit, err)
	case isPartial(name):
		sc.skip(path, Unfinished, nil)
	case len(sc.entries) == blob.MaxEntries || len(sc.folders)+len(sc.todo) > naming.MaxPaths:
		return fmt.Errorf("%w: more than %d", ErrTooMany, blob.MaxEntries)
	case kind.IsDir():
		sc.todo = append(sc.todo, path)
	default:
		e, err := readable(sc.root, path)
		if err != nil {
			sc.skip(path, Unreadable, err)
			return nil
		}
		sc.entries = append(sc.entries, e)
	}
	return nil
}

func (sc *scanner) skip(path string, reason Reason, err error) {
	if sc.skipped++; len(sc.left) < maxSkipped {
		sc.left = append(sc.left, Skipped{path, reason, err})
	}
}
