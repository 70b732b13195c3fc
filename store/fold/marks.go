package fold

import (
	"slices"
	"sort"
)

// Range is a part of a text, in bytes.
type Range struct{ Start, End int }

// Marks returns where the pieces stand in a text, ascending, as ranges that neither overlap nor touch;
// none if not all pieces are in it. They begin and end between characters of the text: a hit in a part
// of one marks all of it, with its marks and with what follows that can't be seen. So s marks the ß.
func (q Query) Marks(text string) []Range {
	form, segments := trace(text)
	if !q.In(form) {
		return nil
	}
	var hits []Range // in form, each at a place of its own, since no piece begins with another
	for _, p := range q.pieces {
		hits = slices.AppendSeq(hits, p.places(form))
	}
	slices.SortFunc(hits, func(a, b Range) int { return a.Start - b.Start })
	var marks []Range
	for _, hit := range hits {
		m := Range{segments[at(segments, hit.Start)].text, segments[at(segments, hit.End-1)+1].text}
		if last := len(marks) - 1; last >= 0 && m.Start <= marks[last].End {
			marks[last].End = max(marks[last].End, m.End)
		} else {
			marks = append(marks, m)
		}
	}
	return marks
}

// start is where a segment begins in a text and in its form.
type start struct{ text, form int }

// trace folds a text and returns where its segments start, and at last where they end.
func trace(text string) ([]byte, []start) {
	var (
		form   = make([]byte, 0, len(text))
		starts = make([]start, 0, len(text)+1)
	)
	for i := 0; i < len(text); {
		starts = append(starts, start{i, len(form)})
		var n int
		form, n = appendSegment(form, 0, text[i:])
		i += n
	}
	return form, append(starts, start{len(text), len(form)})
}

// at returns the index of the segment that has byte i of the form.
func at(starts []start, i int) int {
	return sort.Search(len(starts), func(k int) bool { return starts[k].form > i }) - 1
}
