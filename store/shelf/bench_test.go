package shelf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
)

// What a chunk costs, beside plain files, proving and sealing. Nothing is synced.
func BenchmarkChunk(b *testing.B) {
	h := newHouse(b)
	x := newThing(b, 64*blob.ChunkSize)
	kept := h.keep(x)
	defer kept.Close()
	f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	check(b, err)
	defer f.Close()
	buffer := blob.NewBuffer()
	sealer := blob.NewSealer(x.Key, blob.Chunks)
	leaf, sealed := sealer.SealNew(nil, x.chunk(0))
	for _, c := range []struct {
		name string
		do   func(i int) error
	}{
		{"plain write", func(i int) error { _, err := f.WriteAt(x.chunk(i), chunkOffset(i)); return err }},
		{"put", func(i int) error {
			kept.mu.Lock()
			kept.info.Chunks.Remove(i, 1)
			kept.mu.Unlock()
			return kept.PutChunk(i, x.chunk(i))
		}},
		{"plain read", func(i int) error { _, err := f.ReadAt(buffer[:blob.ChunkSize], chunkOffset(i)); return err }},
		{"read", func(i int) error { _, err := kept.ReadChunk(i, buffer); return err }},
		{"only prove", func(i int) error { blob.Leaf(x.chunk(i)); return nil }},
		{"only prove and seal", func(int) error { _, err := sealer.Seal(buffer[:0], leaf, x.chunk(0)); return err }},
		{"only open", func(int) error { _, err := sealer.Open(buffer[:0], leaf, sealed); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(blob.ChunkSize)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.do(i % x.chunks()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What sending a file costs before its message can go: with a sealed copy, and in place. It is synced.
func BenchmarkTake(b *testing.B) {
	h := newHouse(b)
	x := newThing(b, 256*blob.ChunkSize)
	for name, keep := range map[string]bool{"kept": true, "in place": false} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(x.Size))
			b.ReportAllocs()
			for b.Loop() {
				taken, err := h.Take(x.manifest, x.Key, bytes.NewReader(x.content), keep, func(int) error { return nil })
				check(b, err)
				check(b, taken.Commit(ctx, nil))
				check(b, taken.Delete(ctx))
				taken.Close()
				h.removeStale()
			}
		})
	}
}
