package fold

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	MaxWords  = 1024 // bytes that a Query is made of
	MaxPieces = 16
)

// Query is what is looked for: all of its pieces must be in a text, in any order. They may overlap. The
// zero Query is in no text. A Query never changes and may be used by many at once.
//
// A piece is in a text if its form is part of the text's, and no accent follows there: a isn't in ä,
// nor x in x̂, but क is in कि. An emoji is found in others that are made of it: 👨 in 👨‍👩‍👧, 👍 in 👍🏽.
// Between two flags without a space another may seem to stand, and is found as well.
type Query struct {
	pieces []piece
}

// Parse reads words as people type them, separated by white space. Quotation marks ("…", “…”, „…“, „…”
// or «…») around several words make one piece of them, which must stand together. The first must stand
// where a word begins and the second where one ends; a mark without such a partner is a character
// like others. A piece that is in another one is left out, since it is found wherever that is.
//
// The errors are ErrEmpty and ErrTooLong.
func Parse(words string) (Query, error) {
	if len(words) > MaxWords {
		return Query{}, ErrTooLong
	}
	var typed []piece
	for words = trim(words); words != ""; words = trim(words) {
		var word string
		if word, words = cut(words); word != "" {
			if form := Fold(word); form != "" {
				typed = append(typed, newPiece(form))
			}
		}
	}
	switch {
	case len(typed) == 0:
		return Query{}, ErrEmpty
	case len(typed) > MaxPieces:
		return Query{}, ErrTooLong
	}
	slices.SortStableFunc(typed, func(a, b piece) int { return len(b.form) - len(a.form) })
	var q Query
	for _, p := range typed {
		if !slices.ContainsFunc(q.pieces, func(longer piece) bool { return p.in(longer.form) }) {
			q.pieces = append(q.pieces, p)
		}
	}
	return q, nil
}

// Pieces returns the forms of what is looked for, the longest first. None is in another.
func (q Query) Pieces() []string {
	var all []string
	for _, p := range q.pieces {
		all = append(all, string(p.form))
	}
	return all
}

// In reports whether all pieces are in a text, of which it takes the form.
func (q Query) In(folded []byte) bool {
	for _, p := range q.pieces {
		if !p.in(folded) {
			return false
		}
	}
	return len(q.pieces) > 0
}

// partners are the quotation marks that may end what each of them begins.
var partners = map[rune]string{'"': `"`, '“': "”", '„': "“”", '«': "»"}

// cut takes the first word, or what is between quotation marks, off words, which begin with something
// that can be seen. What it takes may be empty.
func cut(words string) (word, rest string) {
	if ends, size := partners[first(words)], utf8.RuneLen(first(words)); ends != "" {
		for i, r := range words[size:] {
			if !strings.ContainsRune(ends, r) {
				continue
			}
			rest = words[size+i+utf8.RuneLen(r):]
			if next := strings.TrimLeftFunc(rest, unseen); next == "" || blank(first(next)) {
				return trim(words[size : size+i]), rest
			}
		}
	}
	if end := strings.IndexFunc(words, blank); end >= 0 {
		return words[:end], words[end:]
	}
	return words, ""
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// trim takes off what shows nothing at either end.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return blank(r) || unseen(r) })
}

// piece is one form to be found.
type piece struct {
	form []byte

	// back tells a search where to go on after a mismatch, so that it reads each byte of a text
	// once (the algorithm of Knuth, Morris and Pratt): back[n] is the length of the longest proper
	// suffix of form[:n] that form begins with.
	back []int32
}

func newPiece(form string) piece {
	p := piece{form: []byte(form), back: make([]int32, len(form)+1)}
	for n, k := 1, int32(0); n < len(form); n++ {
		for k > 0 && form[n] != form[k] {
			k = p.back[k]
		}
		if form[n] == form[k] {
			k++
		}
		p.back[n+1] = k
	}
	return p
}

func (p piece) in(folded []byte) bool {
	i := bytes.Index(folded, p.form)
	if i < 0 || !accented(folded[i+len(p.form):]) {
		return i >= 0
	}
	for range p.places(folded[i:]) {
		return true
	}
	return false
}

// places gives each place where the piece stands in a form, also those that overlap, in order.
func (p piece) places(folded []byte) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		k := 0 // how much of the piece ends before i
		for i, c := range folded {
			for k > 0 && (k == len(p.form) || p.form[k] != c) {
				k = int(p.back[k])
			}
			if p.form[k] == c {
				k++
			}
			if end := i + 1; k == len(p.form) && !accented(folded[end:]) && !yield(Range{end - k, end}) {
				return
			}
		}
	}
}
