package fetch

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/blob"
)

// A million chunks, from one source and from eight that have parts here and there. What is measured is
// one chunk, with all inputs for it.
func BenchmarkChunk(b *testing.B) {
	for name, sources := range map[string]int{"one": 1, "eight": 8, "parts": -8} {
		b.Run(name, func(b *testing.B) {
			size, now := uint64(1e6*blob.ChunkSize), start
			var f *Fetch
			var jobs []Ask
			begin := func() {
				f = New(Config{Seed: 1, Size: size, Held: Held{Manifest: true, Pages: func(yield func(int, int) bool) {
					yield(0, blob.Shape{Size: size}.Pages())
				}}})
				jobs = nil
				for i := range max(sources, -sources) {
					f.Came(device(byte(i)), NewPace(), i == 0, now)
				}
			}
			begin()
			part, n := 0, 0
			next := func() {
				effects, _ := f.Next(now)
				for _, e := range effects {
					switch e := e.(type) {
					case Ask:
						jobs = append(jobs, e)
					case Check:
						f.Checked(e.Source, e.Part, Written, now)
						n++
					}
				}
			}
			for n < b.N {
				next()
				if len(jobs) == 0 {
					if now = now.Add(100 * ms); f.left == 0 {
						begin()
					}
					continue
				}
				a := jobs[0]
				jobs = jobs[1:]
				if a.Kind != Have {
					for rest := a.Count; rest > 0; rest -= 256 * kiB {
						f.Bytes(a.Ticket, min(rest, 256*kiB), now)
						next()
					}
					f.Ended(a.Ticket, Whole, now)
				} else if sources > 0 || a.Source == device(0) {
					f.Had(a.Ticket, f.chunks(), nil, now)
				} else {
					var some []Range
					for range 16 {
						part++
						some = append(some, Range{part * 7919 * 100 % 990_000, 500})
					}
					f.Had(a.Ticket, 500_000, some, now)
				}
				now = now.Add(time.Millisecond)
			}
		})
	}
}

// The largest stream there is.
func BenchmarkLargest(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f := New(Config{Seed: 1, Size: blob.MaxSize})
		f.Came(device(1), NewPace(), true, start)
		f.Next(start)
	}
}
