package fetch

import (
	"math/bits"
	"slices"
	"sort"
)

// set is some of the numbers below a size. Each word of a level says which words of the level before
// have anything: so the next number is found in a few steps, however far away it is.
type set struct{ levels [][]uint64 }

func newSet(size int) set {
	var s set
	for {
		size = (size + 63) / 64
		s.levels = append(s.levels, make([]uint64, size))
		if size <= 1 {
			return s
		}
	}
}

func (s *set) has(i int) bool { return s.levels[0][i/64]&(1<<(i%64)) != 0 }

func (s *set) add(i int) {
	for l := range s.levels {
		s.levels[l][i/64] |= 1 << (i % 64)
		i /= 64
	}
}

func (s *set) remove(i int) {
	for l := range s.levels {
		if s.levels[l][i/64] &^= 1 << (i % 64); s.levels[l][i/64] != 0 {
			return
		}
		i /= 64
	}
}

// fill adds all numbers below the size.
func (s *set) fill(size int) {
	for l := range s.levels {
		for i := range s.levels[l] {
			s.levels[l][i] = ^uint64(0)
		}
		if size%64 != 0 {
			s.levels[l][size/64] = 1<<(size%64) - 1
		}
		size = (size + 63) / 64
	}
}

// next returns the first number from i on, or -1.
func (s *set) next(i int) int {
	for l := 0; l < len(s.levels) && i/64 < len(s.levels[l]); l++ {
		if rest := s.levels[l][i/64] >> (i % 64); rest != 0 {
			i += bits.TrailingZeros64(rest)
			for ; l > 0; l-- {
				i = i*64 + bits.TrailingZeros64(s.levels[l-1][i])
			}
			return i
		}
		i = i/64 + 1
	}
	return -1
}

// maxRuns bounds what is remembered of what a source says it has, see runs.
const maxRuns = 1024

// run is the numbers from first to before end.
type run struct{ first, end int }

// runs are numbers in rising runs that don't touch.
type runs []run

// from returns the index of the first run that ends behind i.
func (r runs) from(i int) int { return sort.Search(len(r), func(k int) bool { return r[k].end > i }) }

func (r runs) has(i int) bool {
	k := r.from(i)
	return k < len(r) && r[k].first <= i
}

// add adds the numbers of a run, and reports whether any was not there.
func (r *runs) add(n run) bool {
	from := sort.Search(len(*r), func(k int) bool { return (*r)[k].end >= n.first })
	to := from
	for ; to < len(*r) && (*r)[to].first <= n.end; to++ {
		if o := (*r)[to]; o.first <= n.first && n.end <= o.end {
			return false
		}
		n.first, n.end = min(n.first, (*r)[to].first), max(n.end, (*r)[to].end)
	}
	*r = slices.Replace(*r, from, to, n)
	return true
}
