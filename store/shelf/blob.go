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
