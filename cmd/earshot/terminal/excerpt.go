package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wholeWord is how many bytes of an excerpt are given up to have it begin and end with a whole word.
const wholeWord = 24

// Excerpt cuts a text to what takes about so many columns as Text shows it, and the parts of it
// accordingly. The first part is in it, or, if that is longer, the beginning of it. A line end counts
// as a row of the terminal. The mark … says that something is missing.
func Excerpt(s string, parts []Range, most, row int) (string, []Range) {
	var first Range
	if len(parts) > 0 {
		first = parts[0]
	}
	from, left := backward(s, first.Start, most/2, row)
	to, left := forward(s, first.Start, left+most-most/2, row)
	if to == first.Start && len(parts) > 0 { // there is no room for its first character, as for a line end
		_, size := utf8.DecodeRuneInString(s[to:])
		to += size
	}
	if from, left = backward(s, from, left, row); from == 0 { // as much as the end has left
		to, _ = forward(s, to, left, row)
	}
	if from > 0 {
		from = wordFrom(s, from, first.Start)
	}
	if to < len(s) {
		to = wordUpTo(s, max(from, min(first.End, to)), to)
	}
	begin, end := "", ""
	if from > 0 {
		begin = ellipsis
	}
	if to < len(s) {
		end = ellipsis
	}
	var kept []Range
	for _, p := range parts {
		p = Range{max(p.Start, from), min(p.End, to)}
		if p.Start < p.End {
			kept = append(kept, Range{p.Start - from + len(begin), p.End - from + len(begin)})
		}
	}
	return begin + s[from:to] + end, kept
}

// forward goes on in a text from at as far as it takes up to so many columns, and returns how many are
// left.
func forward(s string, at, most, row int) (to, left int) {
	i := at
	for to, left = at, most; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if most -= taken(r, row); most < 0 {
			break
		}
		if i += size; divisible(s, i) {
			to, left = i, most
		}
	}
	if to == at { // it is one character and what is drawn onto it
		return i, 0
	}
	return to, left
}

// backward is forward the other way.
func backward(s string, at, most, row int) (from, left int) {
	from, left = at, most
	for i := at; i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if most -= taken(r, row); most < 0 {
			break
		}
		if i -= size; divisible(s, i) {
			from, left = i, most
		}
	}
	return from, left
}

// taken is how many columns Text takes for a character, at most.
func taken(r rune, row int) int {
	switch {
	case r == '\n':
		return row
	case r == '\t':
		return len(tab)
	case r == utf8.RuneError:
		return len(`\xff`)
	case acts(r):
		return len(escape(r))
	}
	return max(1, columns(r)) // also what takes none: the text has to end
}

// divisible reports whether a text may be cut at i, so that nothing is torn from what it is drawn onto.
func divisible(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	r, _ := utf8.DecodeRuneInString(s[i:])
	switch {
	case i == 0 || i == len(s):
		return true
	case joins(before) && !unicode.IsSpace(before), joins(r) && !unicode.IsSpace(r), before == '\r' && r == '\n':
		return false
	case unicode.In(r, unicode.Sk, unicode.Variation_Selector), r >= '\U000e0020' && r <= '\U000e007f': // skin, tags of flags
		return false
	}
	return acts(r) || columns(r) > 0
}

// wordFrom returns where a word begins, from a place in a text on, or that place if there is none near
// it and before most.
func wordFrom(s string, from, most int) int {
	near := s[from:min(most, from+wholeWord)]
	if before, _ := utf8.DecodeLastRuneInString(s[:from]); !unicode.IsSpace(before) {
		i := strings.IndexFunc(near, unicode.IsSpace)
		if i < 0 {
			return from
		}
		from += i
	}
	return most - len(strings.TrimLeftFunc(s[from:most], unicode.IsSpace))
}

// wordUpTo returns where a word ends, up to a place in a text, or that place if there is none near it
// and behind least.
func wordUpTo(s string, least, to int) int {
	if next, _ := utf8.DecodeRuneInString(s[to:]); !unicode.IsSpace(next) {
		near := max(least, to-wholeWord)
		for near < to && !utf8.RuneStart(s[near]) {
			near++
		}
		i := strings.LastIndexFunc(s[near:to], unicode.IsSpace)
		if i < 0 {
			return to
		}
		to = near + i
	}
	return least + len(strings.TrimRightFunc(s[least:to], unicode.IsSpace))
}
