package tree

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
)

// manySmall makes 10,000 files of 4 KiB in 100 folders.
func manySmall(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sent")
	content := make([]byte, 4<<10)
	for i := range 10_000 {
		path := filepath.Join(dir, fmt.Sprintf("%02d/%02d.txt", i/100, i%100))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestManySmallFiles(t *testing.T) {
	from := manySmall(t)
	src := scan(t, from)
	if len(src.Entries()) != 10_000 {
		t.Fatal(len(src.Entries()))
	}
	dir := t.TempDir()
	d := destinationIn(t, dir)
	s := received(t, src.Stream)
	p := begin(t, d, "1", s)
	copyChunks(t, p, src)
	finish(t, p, "got", never(t))
	back, err := d.Source("got", s)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if err := back.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// copyChunks reads chunks and writes them, as a transfer does.
func copyChunks(t testing.TB, p *Partial, src *Source) {
	shape := blob.Shape{Size: src.Size()}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			b := make([]byte, blob.ChunkSize)
			for i := w; i < shape.Chunks(); i += 2 {
				at, n := shape.Chunk(i)
				if _, err := src.ReadAt(b[:n], int64(at)); err != nil && err != io.EOF {
					t.Error(err)
				}
				if _, err := p.WriteAt(b[:n], int64(at)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

func BenchmarkScanSmall(b *testing.B) {
	dir := manySmall(b)
	for b.Loop() {
		scan(b, dir).Close()
	}
}

func BenchmarkReadSmall(b *testing.B) {
	src := scan(b, manySmall(b))
	buf := make([]byte, blob.ChunkSize)
	for b.Loop() {
		for at := int64(0); ; at += blob.ChunkSize {
			if _, err := src.ReadAt(buf, at); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkSaveSmall says how long each part takes, in ms.
func BenchmarkSaveSmall(b *testing.B) {
	src := scan(b, manySmall(b))
	benchmarkSave(b, src)
}

func BenchmarkSaveLarge(b *testing.B) {
	path := filepath.Join(b.TempDir(), "large")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	chunk := make([]byte, blob.ChunkSize)
	for range 1024 {
		if _, err := f.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	f.Close()
	benchmarkSave(b, scan(b, path))
}

func benchmarkSave(b *testing.B, src *Source) {
	b.SetBytes(int64(src.Size()))
	var write, sync, finish float64
	n := 0
	for b.Loop() {
		b.StopTimer()
		d := destinationIn(b, b.TempDir())
		s := received(b, src.Stream)
		b.StartTimer()
		before := b.Elapsed()
		p := begin(b, d, "1", s)
		copyChunks(b, p, src)
		written := b.Elapsed()
		if err := p.Sync(); err != nil {
			b.Fatal(err)
		}
		synced := b.Elapsed()
		if _, err := p.Finish(b.Context(), "got", "earshot:somebody", never(b)); err != nil {
			b.Fatal(err)
		}
		write += (written - before).Seconds()
		sync += (synced - written).Seconds()
		finish += (b.Elapsed() - synced).Seconds()
		n++
	}
	b.ReportMetric(1000*write/float64(n), "write-ms")
	b.ReportMetric(1000*sync/float64(n), "sync-ms")
	b.ReportMetric(1000*finish/float64(n), "finish-ms")
}
