package authority

import (
	"iter"
	"math/bits"
	"slices"
)

// set is a set of events, by index.
type set []uint64

func (s set) has(i int) bool { return i>>6 < len(s) && s[i>>6]>>(i&63)&1 == 1 }

// add returns s with i. It may change s.
func (s set) add(i int) set {
	if missing := i>>6 + 1 - len(s); missing > 0 {
		s = append(s, make(set, missing)...)
	}
	s[i>>6] |= 1 << (i & 63)
	return s
}

// union returns s with o. It may change s.
func (s set) union(o set) set {
	if missing := len(o) - len(s); missing > 0 {
		s = append(s, make(set, missing)...)
	}
	for i, word := range o {
		s[i] |= word
	}
	return s
}

// minus returns the members of s that are not in o, ascending.
func (s set) minus(o set) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			if i < len(o) {
				word &^= o[i]
			}
			for ; word != 0; word &= word - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// within says whether all of s is in o.
func (s set) within(o set) bool {
	for range s.minus(o) {
		return false
	}
	return true
}

func (s set) clone() set { return slices.Clone(s) }

// view is what is in both of two sets: what counts, and the past of some event or heads.
type view struct{ counts, past set }

func (v view) has(i int) bool { return v.counts.has(i) && v.past.has(i) }
