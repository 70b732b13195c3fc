package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Files are the files of one directory by their names, as whatever keeps its promises on the disk uses
// them: Dir, or in tests something that watches, or fails.
type Files interface {
	// Open opens a regular file of this user; see OpenPrivate.
	Open(name string, flag int) (File, error)

	// Rename puts a file in the place of another. It is durable after Sync.
	Rename(from, to string) error

	// Remove removes a file. It is durable after Sync.
	Remove(name string) error

	// Sync makes durable which files there are, by which names.
	Sync() error
}

// File is one of the files.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error

	// Sync returns when all that was written is durable, also through a power cut. After an error nobody
	// knows what is: the system may have forgotten that something was not written.
	Sync() error
}

// Dir are the files of a directory of the file system.
type Dir string

func (d Dir) path(name string) string { return filepath.Join(string(d), name) }

// Open implements Files.
func (d Dir) Open(name string, flag int) (File, error) {
	f, err := OpenPrivate(d.path(name), flag)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// Rename implements Files.
func (d Dir) Rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

// Remove implements Files.
func (d Dir) Remove(name string) error { return os.Remove(d.path(name)) }

// Sync implements Files.
func (d Dir) Sync() error { return SyncDir(string(d)) }

// file is a file of the file system.
type file struct{ *os.File }

func (f file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync implements File: without what only tells when the file was written, where the system can leave that out.
func (f file) Sync() error { return syncData(f.File) }

// Temporary ends the name of a file that is being written. A crash may leave one.
const Temporary = ".tmp"

// RemoveTemporary removes what a crash may have left of a file that was being written.
func RemoveTemporary(files Files, name string) error {
	if err := files.Remove(name + Temporary); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// WriteFile puts a whole file in the place of that of a name, or leaves what was there.
func WriteFile(files Files, name string, b []byte) error {
	f, err := files.Open(name+Temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = files.Remove(name + Temporary)
		return err
	}
	if err := files.Rename(name+Temporary, name); err != nil {
		return err
	}
	return files.Sync()
}

// ReadFile reads a file, but no more than one byte over limit.
func ReadFile(files Files, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, 0, limit+1))
}

// Unchanged are the files of a directory for one who only reads, and changes not even who may.
type Unchanged string

// Open implements Files.
func (d Unchanged) Open(name string, flag int) (File, error) {
	f, err := OpenOnly(Dir(d).path(name), flag)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// Rename implements Files.
func (Unchanged) Rename(string, string) error { return fs.ErrPermission }

// Remove implements Files.
func (Unchanged) Remove(string) error { return fs.ErrPermission }

// Sync implements Files.
func (Unchanged) Sync() error { return fs.ErrPermission }
