package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

// maxOpen is how many files a Partial keeps open that no one is writing.
const maxOpen = 8

// Partial is something unfinished, that is being written.
type Partial struct {
	*Stream
	to    *os.Root // the destination
	id    string
	name  string
	root  *os.Root      // where its files are: to, or the folder in it
	names *naming.Names // of a folder

	mu   sync.Mutex
	open map[int]*handle // by entry
	used uint64          // counts how often one was asked for

	// What was written since the last Sync: files, and folders in which something is new.
	made    map[int]bool // folders that are there
	written map[int]struct{}
	grown   map[int]struct{}
}

// handle is an open file.
type handle struct {
	*os.File
	users int
	used  uint64
}

// Folders that have no number in naming.Names.
const (
	topFolder   = -1 // of the names
	destination = -2
)

func (p *Partial) forget() {
	p.open, p.made = make(map[int]*handle), make(map[int]bool)
	p.written, p.grown = make(map[int]struct{}), map[int]struct{}{destination: {}}
}

// WriteAt writes what was proven, at an offset of the stream. What of it is in the index is not
// written. Any goroutine may call it, until Finish, Discard or Close.
func (p *Partial) WriteAt(b []byte, offset int64) (int, error) {
	if offset < 0 || uint64(offset) > p.size || uint64(len(b)) > p.size-uint64(offset) {
		return 0, fmt.Errorf("%d bytes at %d in a stream of %d", len(b), offset, p.size)
	}
	return p.each(b, uint64(offset), p.write)
}

func (p *Partial) write(part piece) error {
	if part.entry == inIndex {
		return nil
	}
	f, err := p.file(part.entry)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(part.bytes, part.at)
	return errors.Join(err, p.release(part.entry, true, p.whole(part)))
}

// path of an entry below root.
func (p *Partial) path(i int) string {
	if p.kind == blob.File {
		return p.name
	}
	return p.names.Path(i)
}

// file opens a file and makes it if it is not there. Whoever has it calls release.
func (p *Partial) file(i int) (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used++
	h := p.open[i]
	if h == nil {
		f, err := p.create(i)
		if err != nil {
			return nil, err
		}
		h = &handle{File: f}
		p.open[i] = h
	}
	h.users++
	h.used = p.used
	return h.File, nil
}

// release ends the use of a file, in which something was written or not. With done, no one is expected
// to ask for it soon.
func (p *Partial) release(i int, wrote, done bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wrote { // only now: a Sync that has begun before may not have seen it
		p.written[i] = struct{}{}
	}
	h := p.open[i]
	if h.users--; h.users > 0 {
		return nil
	}
	if done {
		delete(p.open, i)
		return h.Close()
	}
	return p.evict()
}

// evict closes files that no one uses, the longest unused first.
func (p *Partial) evict() (err error) {
	for len(p.open) > maxOpen {
		oldest := -1
		for i, h := range p.open {
			if h.users == 0 && (oldest < 0 || h.used < p.open[oldest].used) {
				oldest = i
			}
		}
		if oldest < 0 {
			return err
		}
		err = errors.Join(err, p.open[oldest].Close())
		delete(p.open, oldest)
	}
	return err
}

// create opens a file for file.
func (p *Partial) create(i int) (*os.File, error) {
	path, mode := p.path(i), fs.FileMode(fileMode)
	if p.entries[i].Executable {
		mode = openMode
	}
	if p.kind == blob.Folder {
		_, folder := p.names.Entry(i)
		if err := p.makeFolder(folder); err != nil {
			return nil, err
		}
		p.grown[folder] = struct{}{} // also if the file is there: a crash may have been before the Sync
	}
	f, err := p.root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	was, err := p.root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !was.Mode().IsRegular() || p.kind == blob.File && !isOurs(was) {
		return nil, foreign(path)
	}
	f, err = p.root.OpenFile(path, os.O_WRONLY|dontWait, 0)
	if err != nil {
		return nil, err
	}
	is, err := f.Stat()
	if err == nil && (!os.SameFile(was, is) || links(is) > 1) {
		err = foreign(path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// makeFolder makes a folder, with those that it is in.
func (p *Partial) makeFolder(i int) error {
	if i == topFolder || p.made[i] {
		return nil
	}
	_, in := p.names.Folder(i)
	if err := p.makeFolder(in); err != nil {
		return err
	}
	if err := p.root.Mkdir(p.names.FolderPath(i), openMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	p.made[i] = true
	p.grown[in] = struct{}{}
	return nil
}

// ReadAt reads what was written, to be handed on. It is an io.ReaderAt. What was not written may be read
// as zeros or be ErrIncomplete.
func (p *Partial) ReadAt(b []byte, offset int64) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := p.checkRange(offset); err != nil {
		return 0, err
	}
	n, err := p.each(b, uint64(offset), p.read)
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

func (p *Partial) read(part piece) error {
	if part.entry == inIndex {
		copy(part.bytes, p.index[part.at:])
		return nil
	}
	f, err := p.root.OpenFile(p.path(part.entry), os.O_RDONLY|dontWait, 0)
	if err == nil {
		_, err = f.ReadAt(part.bytes, part.at)
		f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) || err == io.EOF {
		return incomplete(p.path(part.entry))
	}
	return err
}

// Missing returns which chunks can't be there of those that are said to be written: the file is gone, or
// shorter. Whoever goes on after a restart asks, since somebody may have tidied up meanwhile.
func (p *Partial) Missing(written func(chunk int) bool) (chunks []int, err error) {
	for i := range p.entries {
		size, start := p.entries[i].Size, p.starts[i]
		if size == 0 {
			continue
		}
		info, err := p.root.Lstat(p.path(i))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case uint64(info.Size()) >= size:
			continue
		default:
			start, size = start+uint64(info.Size()), size-uint64(info.Size())
		}
		for c := int(start / blob.ChunkSize); c <= int((start+size-1)/blob.ChunkSize); c++ {
			if (len(chunks) == 0 || chunks[len(chunks)-1] != c) && written(c) {
				chunks = append(chunks, c)
			}
		}
	}
	return chunks, nil
}

// Close closes all files. What was written since the last Sync is not lost by that.
func (p *Partial) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, h := range p.open {
		err = errors.Join(err, h.Close())
	}
	clear(p.open)
	if p.kind == blob.Folder {
		err = errors.Join(err, p.root.Close())
	}
	return err
}
