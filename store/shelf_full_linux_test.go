package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/shelf"
)

// A file that does not fit keeps what was committed of it, and goes on when there is room.
func TestShelfOnAFullDisk(t *testing.T) {
	dir := onSmallDisk(t, "12m")
	if dir == "" {
		return
	}
	n := &node{t: t, dir: filepath.Join(dir, "data"), at: epoch, file: disk.Identity("file")}
	n.open()
	t.Cleanup(func() { n.stop() })
	filler := filepath.Join(dir, "filler")
	check(t, os.WriteFile(filler, make([]byte, 5<<20), 0o600))

	content := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16+1)
	m := blob.Manifest{Kind: blob.File, Size: uint64(len(content))}
	var page blob.Page
	check(t, blob.Build(&m, bytes.NewReader(content),
		func(_ int, chunk []byte) (crypto.Hash, error) { return blob.Leaf(chunk), nil },
		func(_ int, p blob.Page) error { page = p; return nil }))
	of := shelf.Of{Manifest: m.Hash(), Key: [32]byte{1}, Size: m.Size, Kind: m.Kind}
	if _, err := n.Shelf().Take(m, [32]byte{2}, bytes.NewReader(content), true, func(int) error { return nil }); !errors.Is(err, ErrFull) {
		t.Fatalf("what does not fit is taken: %v", err)
	}

	b, err := n.Shelf().Make(of)
	check(t, err)
	check(t, b.PutManifest(m.Marshal()))
	check(t, b.PutPage(0, page.Bytes()))
	check(t, b.Commit(ctx, nil))
	put := func() (full bool) {
		for i := range page {
			at, size := m.Shape().Chunk(i)
			if err := b.PutChunk(i, content[at:][:size]); errors.Is(err, ErrFull) {
				return true
			} else if err != nil {
				t.Fatal(err)
			}
		}
		return false
	}
	if !put() {
		t.Fatal("the disk has no end")
	}
	if err := b.Commit(ctx, nil); err != nil && !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	check(t, os.Remove(filler))
	if put() {
		t.Fatal("nothing is written where there is room again")
	}
	check(t, b.Commit(ctx, nil))
	b.Close()
	n.reopen()
	if b, err = n.Shelf().Open(of); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	buffer := blob.NewBuffer()
	for i := range page {
		at, size := m.Shape().Chunk(i)
		if got, err := b.ReadChunk(i, buffer); err != nil || !bytes.Equal(got, content[at:][:size]) {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
}
