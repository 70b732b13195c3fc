package shelf

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

// Blob is what is kept of one file or folder, as it is open. All who have opened it share it.
type Blob struct {
	s     *Shelf
	id    ID // set before anybody else has the Blob, as are the next
	name  fileName
	shape blob.Shape

	manifests, pages, chunks blob.Sealer

	users int              // guarded by Shelf.mu, as are the next
	gone  bool             // it was forgotten
	files map[string]*file // those that are open

	// committing is held while what is held is written down; it guards the next.
	committing sync.Mutex
	kept       bool            // it has a row
	durable    map[string]bool // which of its files have names that are on the disk

	// emptying is held while all chunks go, and for reading while one comes.
	emptying sync.RWMutex

	mu        sync.Mutex // guards what follows; not held while a file is used
	info      Info       // as of now: what was written is held
	committed Info       // as it stands in the row
	manifest  *blob.Manifest
	page      blob.Page // the last one that was used
	pageIndex int
}

func (s *Shelf) newBlob(i Info, name fileName) *Blob {
	return &Blob{
		s:         s,
		name:      name,
		shape:     blob.Shape{Size: i.Size},
		manifests: blob.NewSealer(i.Key, blob.Manifests),
		pages:     blob.NewSealer(i.Key, blob.Pages),
		chunks:    blob.NewSealer(i.Key, blob.Chunks),
		users:     1,
		files:     map[string]*file{},
		durable:   map[string]bool{},
		info:      i,
		committed: i.clone(),
	}
}

// ID returns the name of the blob in this store.
func (b *Blob) ID() ID { return b.id }

// Info returns what is known of the blob now. Parts are held in it that were not committed yet.
func (b *Blob) Info() Info {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.info.clone()
}

// Has reports whether a chunk is held sealed.
func (b *Blob) Has(chunk int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.info.Chunks.Has(chunk)
}

// Close lets go of the blob. What the last one to do so has not committed is lost.
func (b *Blob) Close() {
	s := b.s
	s.mu.Lock()
	if b.users--; b.users > 0 {
		s.mu.Unlock()
		return
	}
	delete(s.live, b)
	if s.named[b.id] == b {
		delete(s.named, b.id)
	}
	var files []*file
	for _, f := range slices.Collect(maps.Values(b.files)) {
		files = append(files, s.unlist(f))
	}
	gone := !b.kept || b.gone
	s.mu.Unlock()
	closeAll(files)
	if gone {
		s.remove(b.name)
	}
}

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

// lose notes that a part is not on the disk as it was written.
func (b *Blob) lose(what string, take func(*Info)) error {
	b.mu.Lock()
	take(&b.info)
	take(&b.committed)
	b.mu.Unlock()
	err := fmt.Errorf("%w: %s is damaged on the disk", ErrNotHeld, what)
	b.s.cfg.Log.Warn("read a kept file", "err", err)
	return err
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

// take is Shelf.Take.
func (b *Blob) take(m *blob.Manifest, source io.ReaderAt, keep bool, progress func(int) error) error {
	leaf := func(i int, chunk []byte) (leaf crypto.Hash, err error) {
		if keep {
			buffer := blob.NewBuffer()
			defer buffer.Free()
			var sealed []byte
			leaf, sealed = b.chunks.SealNew(buffer[:0], chunk)
			err = b.putChunk(i, sealed)
		} else {
			leaf = blob.Leaf(chunk)
		}
		if err != nil {
			return leaf, err
		}
		return leaf, progress(len(chunk))
	}
	page := func(i int, p blob.Page) error { return b.putPage(i, p, p.Bytes(), p.Hash()) }
	if err := blob.Build(m, source, leaf, page); err != nil {
		return err
	}
	b.info.Manifest = m.Hash()
	if err := b.PutManifest(m.Marshal()); err != nil {
		return err
	}
	b.id = b.s.ID(b.info.Of)
	return nil
}

// Commit brings what was put to the disk, and then writes down that it is held, with what change
// changes. change may be nil, and is called once. If Commit fails nothing is written down; what could
// not be brought to the disk is not held any more.
func (b *Blob) Commit(ctx context.Context, change func(*Info)) error {
	b.committing.Lock()
	defer b.committing.Unlock()
	next, err := b.changed(change)
	if err != nil {
		return err
	}
	if err := b.sync(); err != nil {
		b.mu.Lock() // the system may have dropped what it could not write
		b.info.Pages, b.info.Chunks = b.committed.Pages.Clone(), b.committed.Chunks.Clone()
		b.info.Proven, b.info.manifestSize = b.committed.Proven, b.committed.manifestSize
		b.mu.Unlock()
		return err
	}
	return b.keep(ctx, next)
}

// changed returns what is known now, with the changes of a Commit.
func (b *Blob) changed(change func(*Info)) (Info, error) {
	next := b.Info()
	if change == nil {
		return next, nil
	}
	changed := next.clone()
	change(&changed)
	next.Places, next.Partial, next.Due = changed.Places, changed.Partial, changed.Due
	return next, next.check()
}

// sync brings the files to the disk.
func (b *Blob) sync() error {
	var unnamed []string
	for _, what := range []string{treeFile, dataFile} {
		wrote, err := b.s.sync(b, what)
		if err != nil {
			return err
		}
		if wrote && !b.durable[what] {
			unnamed = append(unnamed, what)
		}
	}
	if len(unnamed) == 0 {
		return nil
	}
	if err := b.s.syncNames(); err != nil {
		return err
	}
	for _, what := range unnamed {
		b.durable[what] = true
	}
	return nil
}

// keep writes a row. committing is held.
func (b *Blob) keep(ctx context.Context, next Info) error {
	s := b.s
	next.Used = s.cfg.Now()
	row := next.row(s.cfg.Keyring, b.id, b.name)
	if err := s.cfg.Writer.Do(ctx, func(t *tx.Batch) error {
		old := t.Get(bucketBlobs, b.id[:])
		if s.forgets(t, b) || old == nil && b.kept {
			return ErrForgotten
		}
		if old != nil {
			h, _, err := parseHead(old)
			if err != nil {
				return err
			}
			if h.due != 0 {
				t.Delete(bucketDue, dueKey(h.due, b.id))
			}
		}
		if due := milliseconds(next.Due); due != 0 {
			t.Put(bucketDue, dueKey(int64(due), b.id), []byte{})
		}
		t.Put(bucketBlobs, b.id[:], row)
		return nil
	}); err != nil {
		return err
	}
	b.kept = true
	b.mu.Lock()
	defer b.mu.Unlock()
	b.committed = next
	b.info.Places, b.info.Partial, b.info.Due, b.info.Used = next.Places, next.Partial, next.Due, next.Used
	return nil
}

// Empty gives up the sealed chunks, and writes that down with what change changes, as Commit does. What
// proves the stream stays.
func (b *Blob) Empty(ctx context.Context, change func(*Info)) error {
	b.committing.Lock()
	defer b.committing.Unlock()
	b.emptying.Lock()
	defer b.emptying.Unlock()
	next, err := b.changed(change)
	if err != nil {
		return err
	}
	next.Chunks = blob.Set{}
	if err := b.sync(); err != nil {
		return err
	}
	if err := b.keep(ctx, next); err != nil {
		return err
	}
	b.mu.Lock()
	b.info.Chunks = blob.Set{}
	b.mu.Unlock()
	f, err := b.s.acquire(b, dataFile, true)
	if err != nil {
		return err
	}
	defer b.s.release(f)
	return f.Truncate(0)
}

// Delete forgets the blob.
func (b *Blob) Delete(ctx context.Context) error {
	return b.s.cfg.Writer.Do(ctx, func(t *tx.Batch) error { return b.s.Forget(t, b.id) })
}
