package fetch

import (
	"math/rand/v2"
	"testing"
)

func TestSet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 63, 64, 65, 4095, 4096, 4097, 300_000} {
		s, has := newSet(size), make([]bool, size)
		if size%2 == 1 {
			s.fill(size)
			for i := range has {
				has[i] = true
			}
		}
		for range min(size*3, 30_000) {
			i := random.IntN(size)
			if has[i] = random.IntN(4) == 0; has[i] {
				s.add(i)
			} else {
				s.remove(i)
			}
		}
		for n := range min(size+200, 2000) {
			from := n
			if size > 5000 {
				from = random.IntN(size + 200)
			}
			want := from
			for want < size && !has[want] {
				want++
			}
			if want >= size {
				want = -1
			}
			if got := s.next(from); got != want {
				t.Fatalf("of %d: the next from %d is %d, want %d", size, from, got, want)
			}
			if from < size && s.has(from) != has[from] {
				t.Fatalf("of %d: has %d", size, from)
			}
		}
	}
}

func TestRuns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var r runs
		var has [200]bool
		for range random.IntN(60) {
			first := random.IntN(190)
			n := run{first, first + 1 + random.IntN(9)}
			news := false
			for i := n.first; i < n.end; i++ {
				news = news || !has[i]
				has[i] = true
			}
			if r.add(n) != news {
				t.Fatalf("adding %v: news %v", n, !news)
			}
		}
		for i := range has {
			if r.has(i) != has[i] {
				t.Fatalf("%v has %d: %v", r, i, !has[i])
			}
		}
		for i := 1; i < len(r); i++ {
			if r[i-1].end >= r[i].first || r[i].first >= r[i].end {
				t.Fatalf("%v", r)
			}
		}
	}
}
