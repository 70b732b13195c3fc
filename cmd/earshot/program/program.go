// Package program is about the file that holds this program: where it is, and whether another one has
// been put in its place, as an upgrade does.
//
// Path is the path by which the program was started, so that a unit or a child process that is given
// it has the new program after an upgrade. Replaced waits for an upgrade, and returns when the new
// file is whole and can be run: it has not changed for as long as Replaced waits between two looks,
// may be executed, and its own `version` ends with status 0.
//
// The package ends no process but the one that it starts to ask for the version. It is for
// `earshot up`, which ends itself then and is started again by its unit, and for whoever starts a
// node.
package program

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

const (
	// lookEvery is how often Replaced looks at the file. An upgrade takes effect after two to three
	// looks, and looking costs nothing to speak of.
	lookEvery = 5 * time.Second

	// versionTimeout is how long a new program may take to print its version.
	versionTimeout = 10 * time.Second
)

// Path returns the path of this program: as it was called, if that is where it is, since what stands
// there may be a link that leads to the newest version.
func Path() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err == nil {
		called, err = filepath.Abs(called)
	}
	if err == nil && same(called, path) {
		return called, nil
	}
	return path, nil
}

func same(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// Replaced returns nil when the program at path has been replaced by one that can be run, and
// otherwise the error of ctx. Of one that can't be run it tells refused, once.
func Replaced(ctx context.Context, path string, refused func(error)) error {
	return replaced(ctx, file{path}, refused)
}

// source is where a program comes from; a file is one.
type source interface {
	look() fs.FileInfo             // nil: there is none now
	try(ctx context.Context) error // runs it
}

func replaced(ctx context.Context, from source, refused func(error)) error {
	seen := sightings{first: from.look()}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !seen.isNew(from.look()) {
			continue
		}
		err := from.try(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		refused(err)
	}
}

// sightings is what was seen of a file.
type sightings struct {
	first   fs.FileInfo // which one runs; nil: not known
	last    fs.FileInfo
	settled bool // last is first, or was told to be new
}

// isNew reports, once for each, that now is another file than the first and has not changed since
// the look before.
func (s *sightings) isNew(now fs.FileInfo) bool {
	if now == nil || !alike(now, s.last) {
		s.last, s.settled = now, alike(now, s.first)
		return false
	}
	told := s.settled
	s.settled = true
	return !told
}

// alike reports whether two looks saw the same file, unchanged.
func alike(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return false
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

type file struct{ path string }

func (f file) look() fs.FileInfo {
	info, err := os.Stat(f.path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return info
}

// errNotExecutable is told of a file that is not meant to be run.
var errNotExecutable = errors.New("it may not be executed")

func (f file) try(ctx context.Context) error {
	info := f.look()
	if info == nil {
		return fs.ErrNotExist
	}
	if runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
		return errNotExecutable
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	return exec.CommandContext(ctx, f.path, "version").Run()
}
