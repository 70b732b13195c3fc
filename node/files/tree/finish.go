package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/files/naming"
	"github.com/earshot-im/earshot/store/blob"
)

// Saved is what has its final name.
type Saved struct {
	Name string // in the destination
	// Modified is when a file was changed last, in ms since 1970, as the disk has it: the Stream to
	// serve it on has to say so. It is 0 of a folder.
	Modified uint64
	Was      bool // the same content was there before
}

// maxAlternatives is how many names are tried.
const maxAlternatives = 1000

// Same reports whether what a Source reads is the content that is being saved: all leaves verify.
type Same func(*Source) (bool, error)

// Finish gives it the name that naming.Own makes of what the sender calls it. If that is taken, what is
// there is left: if it is the same, it counts as saved, and the Partial is removed; else this is called
// by the next of naming.Alternative. Where the system has a way to say so, it is marked as coming from origin.
//
// All is durable before it has its name, and the name is when Finish returns. The Partial is closed
// then, whatever is returned. After a crash on the way, Begin opens it again, or it is there under its
// name: see Existing.
func (p *Partial) Finish(ctx context.Context, name, origin string, same Same) (Saved, error) {
	err := p.complete(ctx)
	if err == nil {
		p.mark(origin)
		err = p.Sync()
	}
	if err = errors.Join(err, p.Close()); err != nil {
		return Saved{}, err
	}
	name = naming.Own(name)
	d := Destination{p.to}
	folder := p.kind == blob.Folder
	for n := 1; n <= maxAlternatives; n++ {
		candidate := alternative(name, n, folder)
		err := claim(p.to, p.name, candidate, folder)
		if err == nil {
			return d.saved(candidate, p.Stream, false)
		}
		if !errors.Is(err, fs.ErrExist) {
			return Saved{}, err
		}
		if is, err := d.same(ctx, candidate, p.Stream, same); err != nil {
			return Saved{}, err
		} else if is {
			if err := d.Discard(p.id); err != nil {
				return Saved{}, err
			}
			return d.saved(candidate, p.Stream, true)
		}
	}
	return Saved{}, fmt.Errorf("%w: %q", ErrNames, name)
}

func alternative(name string, n int, folder bool) string {
	if n == 1 {
		return name
	}
	return naming.Alternative(name, n, folder)
}

// complete makes what is empty, and gives all files their times. It returns ErrIncomplete if one has
// another size than it should have.
func (p *Partial) complete(ctx context.Context) error {
	for i := range p.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &p.entries[i]
		if e.Folder() {
			_, folder := p.names.Entry(i)
			if err := p.emptyFolder(folder); err != nil {
				return err
			}
			continue
		}
		if e.Size == 0 {
			if _, err := p.file(i); err != nil {
				return err
			}
			if err := p.release(i, true, p.kind == blob.Folder); err != nil {
				return err
			}
		}
		path := p.path(i)
		info, err := p.root.Lstat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil || !info.Mode().IsRegular() || uint64(info.Size()) != e.Size {
			return incomplete(path)
		}
		if !sameTime(e.Modified, modified(info.ModTime())) {
			if err := p.root.Chtimes(path, time.Time{}, time.UnixMilli(int64(e.Modified))); err != nil {
				return err
			}
			p.wrote(i)
		}
	}
	return nil
}

func incomplete(path string) error { return fmt.Errorf("%w: %q", ErrIncomplete, path) }

func (p *Partial) emptyFolder(i int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.makeFolder(i)
}

func (p *Partial) wrote(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written[i] = struct{}{}
}

// saved makes a name durable that something has.
func (d *Destination) saved(name string, s *Stream, was bool) (Saved, error) {
	saved := Saved{Name: name, Was: was}
	if s.kind == blob.File {
		info, err := d.root.Lstat(name)
		if err != nil {
			return Saved{}, err
		}
		saved.Modified = modified(info.ModTime())
	}
	return saved, syncFolder(d.root, ".")
}

// Existing returns what is there under the name that Finish would give, or under one of its
// alternatives, if it is the same. So nobody fetches what is there already, and whoever crashed in
// Finish learns that it was done. It looks no further than the first name that is free.
func (d *Destination) Existing(ctx context.Context, name string, s *Stream, same Same) (saved Saved, found bool, err error) {
	name = naming.Own(name)
	folder := s.kind == blob.Folder
	for n := 1; n <= maxAlternatives; n++ {
		candidate := alternative(name, n, folder)
		if _, err := d.root.Lstat(candidate); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if is, err := d.same(ctx, candidate, s, same); err != nil {
			return Saved{}, false, err
		} else if is {
			saved, err := d.saved(candidate, s, true)
			return saved, err == nil, err
		}
	}
	return Saved{}, false, nil
}

// same looks whether the same is there under a name: first, whether there are files of the same sizes.
// Their times don't matter, nor what else is in a folder.
func (d *Destination) same(ctx context.Context, name string, s *Stream, same Same) (bool, error) {
	info, err := d.root.Lstat(name)
	if err != nil || info.IsDir() != (s.kind == blob.Folder) {
		return false, nil
	}
	src, err := d.Source(name, s)
	if err != nil {
		return false, nil // not even a folder that may be read
	}
	defer src.Close()
	now := *s
	now.entries = slices.Clone(s.entries)
	for i := range now.entries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		e := &now.entries[i]
		info, err := src.root.Lstat(src.path(i))
		if err != nil || info.IsDir() != e.Folder() || !info.IsDir() && (!info.Mode().IsRegular() || uint64(info.Size()) != e.Size) {
			return false, nil
		}
		e.Modified = modified(info.ModTime())
	}
	src.Stream = &now
	is, err := same(src)
	if errors.Is(err, ErrChanged) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return is, err
}

// fallback is claim where the system can't rename without replacing.
//
// A file is linked to its new name, which fails if that is taken. Where there are no links, the name is
// taken by an empty file first. A folder replaces nothing but an empty folder that somebody makes at
// this moment.
func fallback(root *os.Root, from, to string, folder bool) error {
	if folder {
		err := fs.ErrExist
		if _, e := root.Lstat(to); errors.Is(e, fs.ErrNotExist) {
			err = root.Rename(from, to)
			if _, e := root.Lstat(from); err != nil && e == nil {
				if _, e := root.Lstat(to); e == nil {
					err = fs.ErrExist
				}
			}
		}
		return err
	}
	err := root.Link(from, to)
	if err == nil {
		return root.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), root.Rename(from, to)); err != nil {
		return errors.Join(err, root.Remove(to))
	}
	return nil
}
