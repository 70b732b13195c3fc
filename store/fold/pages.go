package fold

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Most characters of most texts are segments of their own. What there is to know about such a character
// is worked out once, for a whole page of them when one is met first. On most pages each is its own
// form, as with Chinese; they are all one in memory. The others come to less than 1 MiB, whatever is
// folded.
var pages [(unicode.MaxRune + 1) / pageSize]atomic.Pointer[page]

const pageSize = 256

type page struct {
	entries [pageSize]entry
	longer  map[rune]string // the forms that aren't one character
}

type entry struct {
	begins bool  // the character begins a segment
	single bool  // its form is one character
	shift  int32 // from the character to its form, if that is single
}

// plain is a page on which every character is its own form.
var plain = func() (p page) {
	for i := range p.entries {
		p.entries[i] = entry{begins: true, single: true}
	}
	return p
}()

// pageOf returns the page that r is on, which is r%pageSize there.
func pageOf(r rune) *page {
	at := &pages[r/pageSize]
	p := at.Load()
	if p == nil { // several may come here at once, and find the same
		p = newPage(r - r%pageSize)
		at.Store(p)
	}
	return p
}

func newPage(first rune) *page {
	p := page{longer: make(map[rune]string)}
	for i := range p.entries {
		r, e := first+rune(i), &p.entries[i]
		if unseen(r) {
			continue
		}
		before, s := segment{count: 1}, segment{}
		e.begins = !before.add(r)
		s.add(r)
		form := s.finish()
		if to, size := utf8.DecodeRune(form); size == len(form) {
			e.single, e.shift = true, to-r
		} else {
			p.longer[r] = string(form)
		}
	}
	if p.entries == plain.entries {
		return &plain
	}
	return &p
}

// appendAlone appends the form of the first character of text, and returns the length of that character.
// If it isn't a segment of its own, or nothing of it can be seen, the length is 0.
func appendAlone(dst []byte, text string) ([]byte, int) {
	r, size := utf8.DecodeRuneInString(text)
	p := pageOf(r)
	if rest := text[size:]; rest != "" && rest[0] >= utf8.RuneSelf {
		if next, _ := utf8.DecodeRuneInString(rest); !pageOf(next).entries[next%pageSize].begins {
			return dst, 0
		}
	}
	if e := p.entries[r%pageSize]; e.single {
		return utf8.AppendRune(dst, r+e.shift), size
	}
	form, ok := p.longer[r]
	if !ok {
		return dst, 0
	}
	return append(dst, form...), size
}
