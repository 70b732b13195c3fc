package tree

import (
	"errors"
	"os"

	"github.com/earshot-im/earshot/store/blob"
)

// Sync makes all that is written durable: the contents of files, and that they are there. What is
// written meanwhile may or may not be. If it fails, the next Sync makes it durable as well.
func (p *Partial) Sync() error {
	p.mu.Lock()
	written, grown := p.written, p.grown
	p.written, p.grown = make(map[int]struct{}), make(map[int]struct{})
	p.mu.Unlock()
	err := p.flush(written, grown)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range written {
			p.written[i] = struct{}{}
		}
		for i := range grown {
			p.grown[i] = struct{}{}
		}
	}
	return err
}

// fewFiles is up to how many files are made durable one after the other, where all together can be.
const fewFiles = 16

func (p *Partial) flush(written, grown map[int]struct{}) error {
	if len(written)+len(grown) > fewFiles {
		if done, err := syncAll(p.root); done {
			return err
		}
	}
	left := len(written)
	for i := range written {
		left--
		if err := p.syncEntry(i, left == 0); err != nil {
			return err
		}
	}
	for i := range grown {
		if err := p.syncFolder(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *Partial) syncEntry(i int, last bool) error {
	p.mu.Lock()
	h := p.open[i]
	if h != nil {
		h.users++
	}
	p.mu.Unlock()
	if h != nil {
		return errors.Join(syncFile(h.File, last), p.release(i, false, false))
	}
	f, err := p.root.OpenFile(p.path(i), os.O_WRONLY|dontWait, 0)
	if err != nil {
		return err
	}
	return errors.Join(syncFile(f, last), f.Close())
}

func (p *Partial) syncFolder(i int) error {
	switch {
	case i == destination:
		return syncFolder(p.to, ".")
	case p.kind == blob.File:
		return nil
	}
	return syncFolder(p.root, p.names.FolderPath(i))
}
