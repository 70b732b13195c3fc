package shelf

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

const (
	treeFile = ".tree" // manifest and pages
	dataFile = ".data" // chunks

	// maxOpen bounds the files that are open and idle, but for those that wait for a Commit.
	maxOpen = 64
)

// file is one of the two files of a blob while it is open.
type file struct {
	blob *Blob
	what string

	once sync.Once
	*os.File
	err error // of opening it

	// guarded by Shelf.mu
	users int
	used  uint64
	dirty bool // written since it was synced
}

func (s *Shelf) path(name fileName, what string) string {
	return filepath.Join(s.cfg.Dir, hex.EncodeToString(name[:])+what)
}

// acquire opens a file of a blob, or shares it. Call release.
func (s *Shelf) acquire(b *Blob, what string, write bool) (*file, error) {
	s.mu.Lock()
	if b.gone {
		s.mu.Unlock()
		return nil, ErrForgotten
	}
	f := b.files[what]
	if f == nil {
		f = &file{blob: b, what: what}
		b.files[what] = f
		s.files[f] = struct{}{}
	}
	f.users++
	f.dirty = f.dirty || write
	s.mu.Unlock()

	f.once.Do(func() {
		if f.err = disk.MakePrivate(s.cfg.Dir); f.err == nil {
			f.File, f.err = disk.OpenPrivate(s.path(b.name, what), os.O_RDWR|os.O_CREATE)
		}
	})
	if f.err != nil {
		s.release(f)
		return nil, disk.AsFull(f.err)
	}
	return f, nil
}

// release lets go of a file. Those that were idle for longest are closed if too many are open.
func (s *Shelf) release(f *file) {
	s.mu.Lock()
	s.clock++
	f.users, f.used = f.users-1, s.clock
	var idle []*file
	_, listed := s.files[f]
	switch {
	case f.users > 0:
	case f.err != nil && listed:
		s.unlist(f)
	case f.blob.gone && listed:
		idle = append(idle, s.unlist(f))
		s.stale = append(s.stale, f.blob.name) // it may have been made since the others were removed
	}
	for len(s.files) > maxOpen {
		oldest := s.oldest()
		if oldest == nil {
			break
		}
		idle = append(idle, s.unlist(oldest))
	}
	gone := f.blob.gone
	s.mu.Unlock()
	closeAll(idle)
	if gone {
		s.poke()
	}
}

// oldest returns the file that nobody has used for longest, nil if all are in use. s.mu is held.
func (s *Shelf) oldest() (oldest *file) {
	for f := range s.files {
		if f.users == 0 && !f.dirty && (oldest == nil || f.used < oldest.used) {
			oldest = f
		}
	}
	return oldest
}

// unlist takes a file out of the list, to be closed by who has it. s.mu is held.
func (s *Shelf) unlist(f *file) *file {
	delete(s.files, f)
	if f.blob.files[f.what] == f {
		delete(f.blob.files, f.what)
	}
	return f
}

func closeAll(files []*file) (err error) {
	for _, f := range files {
		if f.File != nil {
			err = errors.Join(err, f.File.Close())
		}
	}
	return err
}

// sync brings to the disk what was written to a file of a blob, and reports whether there was anything.
func (s *Shelf) sync(b *Blob, what string) (wrote bool, err error) {
	s.mu.Lock()
	f := b.files[what]
	dirty := f != nil && f.dirty
	s.mu.Unlock()
	if !dirty {
		return false, nil // files that are dirty stay open
	}
	if f, err = s.acquire(b, what, false); err != nil {
		return false, err
	}
	defer s.release(f)
	s.mu.Lock()
	f.dirty = false // what is written from now on makes it dirty again
	s.mu.Unlock()
	return true, disk.AsFull(f.Sync())
}

// syncNames makes the names of new files durable.
func (s *Shelf) syncNames() error {
	if err := disk.SyncDir(s.cfg.Dir); err != nil {
		return disk.AsFull(err)
	}
	return disk.AsFull(disk.SyncDir(filepath.Dir(s.cfg.Dir)))
}

// remove removes the files of a blob. If it can't, the next start will.
func (s *Shelf) remove(name fileName) {
	for _, what := range []string{treeFile, dataFile} {
		if err := os.Remove(s.path(name, what)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Log.Warn("remove a kept file", "err", err)
		}
	}
}

// sweep removes the files that belong to no blob, and data files in which nothing is held. It costs a
// listing of the directory and a walk through the bucket, which opens no row.
func (s *Shelf) sweep() error {
	// In this order: who makes a file is alive, and has a row before they are not.
	listing, err := os.ReadDir(s.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	s.mu.Lock()
	for b := range s.live {
		needed[filepath.Base(s.path(b.name, treeFile))] = true
		needed[filepath.Base(s.path(b.name, dataFile))] = true
	}
	s.mu.Unlock()
	if err := s.cfg.DB.View(func(r *tx.Reader) error {
		for _, row := range r.Prefix(bucketBlobs, nil) {
			h, _, err := parseHead(row)
			if err != nil {
				return err
			}
			needed[filepath.Base(s.path(h.name, treeFile))] = true
			if h.sealed > 0 {
				needed[filepath.Base(s.path(h.name, dataFile))] = true
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, entry := range listing {
		ours := strings.HasSuffix(entry.Name(), treeFile) || strings.HasSuffix(entry.Name(), dataFile)
		if !ours || needed[entry.Name()] {
			continue
		}
		if e := os.Remove(filepath.Join(s.cfg.Dir, entry.Name())); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
