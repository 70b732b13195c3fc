package transfer

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// maxLeft is how many paths are told that are left out, as the node tells of its own.
const maxLeft = 100

// folder sends the content of a folder to a node that can't read it, as a tar archive.
func (m *Mover) folder(ctx context.Context, path string, reading *reading) (*earshotv1.Added, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, problem.Failed(localapi.CodeNoFile, "%s: %s", filepath.Base(path), reason(err))
	}
	defer root.Close()
	p := packing{ctx: ctx, root: root, reading: reading}
	if err := p.each(p.measure); err != nil {
		return nil, err
	}
	from, to := io.Pipe()
	packed := make(chan struct{})
	go func() { // until all is packed, or the node has had enough
		defer close(packed)
		p.out = tar.NewWriter(to)
		err := p.each(p.pack)
		if err == nil {
			err = p.out.Close()
		}
		_ = to.CloseWithError(err) // never fails
	}()
	added, err := m.Client.Upload(ctx, localapi.Upload{Name: filepath.Base(path), Folder: true, Content: from, Size: -1})
	_ = from.Close() // never fails
	<-packed
	if err != nil {
		return nil, err
	}
	for _, left := range p.left {
		if len(added.Skipped) < maxLeft {
			added.Skipped = append(added.Skipped, left)
			p.others--
		}
	}
	added.Others += uint32(p.others)
	return added, nil
}

// packing makes a tar archive of what is in a folder. Links and what is no file are in it by their paths only, so
// that the node says of them what it says of its own folders.
type packing struct {
	ctx     context.Context
	root    *os.Root
	reading *reading
	out     *tar.Writer

	size, read uint64
	left       []string // what can't be read, up to maxLeft
	others     int      // how much there is
}

// each goes through the folder. What can't be read is left out.
func (p *packing) each(do func(path string, d fs.DirEntry) error) error {
	p.left, p.others = nil, 0
	return fs.WalkDir(p.root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case p.ctx.Err() != nil:
			return p.ctx.Err()
		case err != nil && path == ".":
			return problem.Failed(localapi.CodeNoFile, "%s: %s", filepath.Base(p.root.Name()), reason(err))
		case err != nil:
			p.skip(path)
			return nil
		case path == ".":
			return nil
		}
		return do(path, d)
	})
}

func (p *packing) skip(path string) {
	if p.others++; len(p.left) < maxLeft {
		p.left = append(p.left, path)
	}
}

func (p *packing) measure(_ string, d fs.DirEntry) error {
	if info, err := d.Info(); err == nil && d.Type().IsRegular() {
		p.size += uint64(info.Size())
	}
	return nil
}

func (p *packing) pack(path string, d fs.DirEntry) error {
	switch h := (&tar.Header{Name: path, Mode: 0o644}); {
	case d.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, path+"/"
		return p.out.WriteHeader(h)
	case d.Type() == fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		return p.out.WriteHeader(h)
	case !d.Type().IsRegular():
		h.Typeflag = tar.TypeFifo
		return p.out.WriteHeader(h)
	}
	f, err := p.root.Open(path)
	if err != nil {
		p.skip(path)
		return nil
	}
	defer f.Close()
	return p.file(path, f)
}

func (p *packing) file(path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: path, Size: info.Size(), Mode: int64(info.Mode().Perm()), ModTime: info.ModTime()}
	if err := p.out.WriteHeader(h); err != nil {
		return err
	}
	content := &counted{File: f, ctx: p.ctx, read: p.read, size: p.size, reading: p.reading}
	n, err := io.CopyN(p.out, content, info.Size())
	p.read += uint64(n)
	after, failed := f.Stat()
	switch {
	case err == io.EOF, err == nil && failed == nil && (after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime())):
		return problem.Failed(localapi.CodeChanged, "%s has changed while it was read", fmt.Sprintf("%q", path))
	case err != nil:
		return err
	}
	return failed
}
