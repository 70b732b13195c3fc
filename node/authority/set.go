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
	s = s.reach(i>>6 + 1)
	s[i>>6] |= 1 << (i & 63)
	return s
}

// union returns s with o. It may change s.
func (s set) union(o set) set {
	s = s.reach(len(o))
	for i, word := range o {
		s[i] |= word
	}
	return s
}

// reach returns s with room for that many words.
func (s set) reach(words int) set {
	if missing := words - len(s); missing > 0 {
		s = append(s, make(set, missing)...)
	}
	return s
}

// without returns s without what is in o. It changes s.
func (s set) without(o set) set {
	for i := range min(len(s), len(o)) {
		s[i] &^= o[i]
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

// first returns the least member of s that is not in o; -1 if there is none.
func (s set) first(o set) int {
	for i := range s.minus(o) {
		return i
	}
	return -1
}

// last returns the greatest member of s that is not in o; -1 if there is none.
func (s set) last(o set) int {
	for i := len(s) - 1; i >= 0; i-- {
		word := s[i]
		if i < len(o) {
			word &^= o[i]
		}
		if word != 0 {
			return i<<6 + bits.Len64(word) - 1
		}
	}
	return -1
}

// within says whether all of s is in o.
func (s set) within(o set) bool {
	for i, word := range s {
		if i < len(o) {
			word &^= o[i]
		}
		if word != 0 {
			return false
		}
	}
	return true
}

// meets says whether something is in both.
func (s set) meets(o set) bool {
	for i := range min(len(s), len(o)) {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// size returns how many are in s.
func (s set) size() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

func (s set) clone() set { return slices.Clone(s) }

// view is what is in both of two sets: what counts, and the past of some event or heads.
type view struct{ counts, past set }

func (v view) has(i int) bool { return v.counts.has(i) && v.past.has(i) }
