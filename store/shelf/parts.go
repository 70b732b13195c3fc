package shelf

import (
	"fmt"
	"io"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/disk"
)

// pageOffset is where a page stands in the tree file: behind room for the largest manifest.
func (b *Blob) pageOffset(i int) int64 {
	return int64(b.shape.MaxManifest()+blob.SealOverhead) + int64(i)*(blob.PageSize+blob.SealOverhead)
}

func chunkOffset(i int) int64 { return int64(i) * (blob.ChunkSize + blob.SealOverhead) }

func (b *Blob) write(what string, sealed []byte, offset int64) error {
	f, err := b.s.acquire(b, what, true)
	if err != nil {
		return err
	}
	defer b.s.release(f)
	_, err = f.WriteAt(sealed, offset)
	return disk.AsFull(err)
}

// read fills sealed, or returns less if the file ends before.
func (b *Blob) read(what string, sealed []byte, offset int64) ([]byte, error) {
	f, err := b.s.acquire(b, what, false)
	if err != nil {
		return nil, err
	}
	defer b.s.release(f)
	n, err := f.ReadAt(sealed, offset)
	if err == io.EOF {
		err = nil
	}
	return sealed[:n], err
}

// PutManifest takes the manifest. The errors are those of blob.ParseManifest.
func (b *Blob) PutManifest(bytes []byte) error {
	m, err := blob.ParseManifest(bytes, b.info.Manifest)
	if err != nil {
		return err
	}
	if m.Size != b.shape.Size || m.Kind != b.info.Kind {
		return fmt.Errorf("%w: manifest of another size or kind", blob.ErrMalformed)
	}
	sealed, err := b.manifests.Seal(nil, b.info.Manifest, bytes)
	if err != nil {
		return err
	}
	if err := b.write(treeFile, sealed, 0); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.manifest, b.info.Proven, b.info.manifestSize = &m, true, len(bytes)
	return nil
}

// Manifest returns the manifest, or ErrNotHeld.
func (b *Blob) Manifest() (blob.Manifest, error) {
	b.mu.Lock()
	m, proven, size := b.manifest, b.info.Proven, b.info.manifestSize
	b.mu.Unlock()
	switch {
	case m != nil:
		return *m, nil
	case !proven:
		return blob.Manifest{}, ErrNotHeld
	}
	sealed, err := b.read(treeFile, make([]byte, size+blob.SealOverhead), 0)
	if err != nil {
		return blob.Manifest{}, err
	}
	plain, err := b.manifests.Open(nil, b.info.Manifest, sealed)
	if err == nil {
		var parsed blob.Manifest
		if parsed, err = blob.ParseManifest(plain, b.info.Manifest); err == nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.manifest = &parsed
			return parsed, nil
		}
	}
	return blob.Manifest{}, b.lose("manifest", func(i *Info) { i.Proven, i.manifestSize = false, 0 })
}

// PutPage takes a page. The errors are ErrNotHeld, without the manifest, and those of blob.ParsePage.
func (b *Blob) PutPage(i int, bytes []byte) error {
	m, err := b.Manifest()
	if err != nil {
		return err
	}
	if i < 0 || i >= len(m.Pages) {
		return fmt.Errorf("%w: page %d", blob.ErrMalformed, i)
	}
	_, count := b.shape.Page(i)
	p, err := blob.ParsePage(bytes, count, m.Pages[i])
	if err != nil {
		return err
	}
	return b.putPage(i, p, bytes, m.Pages[i])
}

func (b *Blob) putPage(i int, p blob.Page, bytes []byte, hash crypto.Hash) error {
	sealed, err := b.pages.Seal(nil, hash, bytes)
	if err != nil {
		return err
	}
	if err := b.write(treeFile, sealed, b.pageOffset(i)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page, b.pageIndex = p, i
	b.info.Pages.Add(i, 1)
	return nil
}

// Page returns a page, or ErrNotHeld. It must not be changed.
func (b *Blob) Page(i int) (blob.Page, error) {
	b.mu.Lock()
	p, at, held := b.page, b.pageIndex, b.info.Pages.Has(i)
	b.mu.Unlock()
	switch {
	case !held:
		return nil, ErrNotHeld
	case p != nil && at == i:
		return p, nil
	}
	m, err := b.Manifest()
	if err != nil {
		return nil, err
	}
	_, count := b.shape.Page(i)
	sealed, err := b.read(treeFile, make([]byte, count*len(crypto.Hash{})+blob.SealOverhead), b.pageOffset(i))
	if err != nil {
		return nil, err
	}
	plain, err := b.pages.Open(nil, m.Pages[i], sealed)
	if err == nil {
		p, err = blob.ParsePage(plain, count, m.Pages[i])
	}
	if err != nil {
		return nil, b.lose(fmt.Sprint("page ", i), func(n *Info) { n.Pages.Remove(i, 1) })
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page, b.pageIndex = p, i
	return p, nil
}

// Leaf returns the hash of a chunk, or ErrNotHeld without its page.
func (b *Blob) Leaf(chunk int) (crypto.Hash, error) {
	if chunk < 0 || chunk >= b.shape.Chunks() {
		return crypto.Hash{}, fmt.Errorf("%w: chunk %d", blob.ErrMalformed, chunk)
	}
	p, err := b.Page(chunk / blob.PageLeaves)
	if err != nil {
		return crypto.Hash{}, err
	}
	return p[chunk%blob.PageLeaves], nil
}

// PutChunk proves a chunk and keeps it sealed. The errors are ErrNotHeld, without its page, and
// blob.ErrProof.
func (b *Blob) PutChunk(i int, chunk []byte) error {
	leaf, err := b.Leaf(i)
	if err != nil {
		return err
	}
	buffer := blob.NewBuffer()
	defer buffer.Free()
	if _, size := b.shape.Chunk(i); len(chunk) != size {
		return blob.ErrProof
	}
	sealed, err := b.chunks.Seal(buffer[:0], leaf, chunk)
	if err != nil {
		return err
	}
	return b.putChunk(i, sealed)
}

func (b *Blob) putChunk(i int, sealed []byte) error {
	b.emptying.RLock()
	defer b.emptying.RUnlock()
	if b.Has(i) {
		return nil
	}
	if err := b.write(dataFile, sealed, chunkOffset(i)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.info.Chunks.Add(i, 1)
	return nil
}

// ReadChunk returns a chunk that is held sealed, proven, in the buffer; or ErrNotHeld.
func (b *Blob) ReadChunk(i int, buffer *blob.Buffer) ([]byte, error) {
	if !b.Has(i) {
		return nil, ErrNotHeld
	}
	leaf, err := b.Leaf(i)
	if err != nil {
		return nil, err
	}
	_, size := b.shape.Chunk(i)
	sealed, err := b.read(dataFile, buffer[:size+blob.SealOverhead], chunkOffset(i))
	if err != nil {
		return nil, err
	}
	chunk, err := b.chunks.Open(sealed[:0], leaf, sealed)
	if err != nil {
		if !b.Has(i) { // the chunks went meanwhile
			return nil, ErrNotHeld
		}
		return nil, b.lose(fmt.Sprint("chunk ", i), func(n *Info) { n.Chunks.Remove(i, 1) })
	}
	return chunk, nil
}
