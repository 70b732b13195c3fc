package event

import (
	"cmp"
	"slices"
)

// Range is a stretch of a log, both ends included.
type Range struct {
	First, Last uint64
}

// Ranges is a set of sequences: ascending ranges that neither overlap nor touch. Methods leave
// their receiver unchanged. They don't bound the number of ranges; what comes from outside is
// bounded where it is parsed.
type Ranges []Range

// United returns what is in any of some ranges, which it sorts. A range whose First is 0 or above its
// Last is empty. For many ranges it is quicker than to add one after the other.
func United(ranges []Range) (out Ranges) {
	slices.SortFunc(ranges, func(x, y Range) int { return cmp.Compare(x.First, y.First) })
	for _, r := range ranges {
		if r.First == 0 || r.First > r.Last {
			continue
		}
		if n := len(out); n > 0 && r.First-1 <= out[n-1].Last {
			out[n-1].Last = max(out[n-1].Last, r.Last)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// Add returns s with r. A range whose First is 0 or above its Last is empty.
func (s Ranges) Add(r Range) Ranges {
	if r.First == 0 || r.First > r.Last {
		return s
	}
	out := make(Ranges, 0, len(s)+1)
	i := 0
	for ; i < len(s) && s[i].Last < r.First-1; i++ {
		out = append(out, s[i])
	}
	for ; i < len(s) && s[i].First-1 <= r.Last; i++ {
		r.First = min(r.First, s[i].First)
		r.Last = max(r.Last, s[i].Last)
	}
	return append(append(out, r), s[i:]...)
}

// Union returns what is in s or in o.
func (s Ranges) Union(o Ranges) Ranges {
	out := make(Ranges, 0, len(s)+len(o))
	for len(s)+len(o) > 0 {
		var r Range
		if len(o) == 0 || len(s) > 0 && s[0].First <= o[0].First {
			r, s = s[0], s[1:]
		} else {
			r, o = o[0], o[1:]
		}
		if n := len(out); n > 0 && r.First-1 <= out[n-1].Last {
			out[n-1].Last = max(out[n-1].Last, r.Last)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// Subtract returns what is in s but not in o.
func (s Ranges) Subtract(o Ranges) Ranges {
	var out Ranges
	for _, r := range s {
		for len(o) > 0 && o[0].Last < r.First {
			o = o[1:]
		}
		for _, hole := range o {
			if hole.First > r.Last {
				break
			}
			if hole.First > r.First {
				out = append(out, Range{r.First, hole.First - 1})
			}
			r.First = hole.Last + 1
		}
		if r.First != 0 && r.First <= r.Last {
			out = append(out, r)
		}
	}
	return out
}

// Intersect returns what is in both s and o.
func (s Ranges) Intersect(o Ranges) Ranges { return s.Subtract(s.Subtract(o)) }

// Covers reports whether sequence is in s.
func (s Ranges) Covers(sequence uint64) bool {
	for _, r := range s {
		if sequence <= r.Last {
			return sequence >= r.First
		}
	}
	return false
}
