package fold

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Most characters of most texts are segments of their own whose forms are one character. What there is
// to know about such a character is worked out once, for a whole page of them when one is met first.
// On most pages nothing has another form, as with Chinese; they are all one in memory. The others come
// to less than 1 MiB, whatever is folded.
var pages [(unicode.MaxRune + 1) / pageSize]atomic.Pointer[page]

const pageSize = 256

type page [pageSize]entry

type entry struct {
	begins bool  // the character begins a segment
	single bool  // its form is one character, and not a space
	shift  int32 // from the character to its form, if that is single
}

// plain is a page on which every character is its own form.
var plain = func() (p page) {
	for i := range p {
		p[i] = entry{begins: true, single: true}
	}
	return p
}()

func lookup(r rune) entry {
	at := &pages[r/pageSize]
	p := at.Load()
	if p == nil { // several may come here at once, and find the same
		p = newPage(r - r%pageSize)
		at.Store(p)
	}
	return p[r%pageSize]
}

func newPage(first rune) *page {
	var p page
	for i := range p {
		r := first + rune(i)
		if unseen(r) {
			continue
		}
		before, s := segment{count: 1}, segment{}
		p[i].begins = !before.add(r)
		s.add(r)
		form := s.finish()
		if to, size := utf8.DecodeRune(form); size == len(form) && to != ' ' {
			p[i].single, p[i].shift = true, to-r
		}
	}
	if p == plain {
		return &plain
	}
	return &p
}

// alone returns the form and the length of the first character of text if that is a segment of its own
// whose form is one character. Otherwise, the length is 0.
func alone(text string) (form rune, size int) {
	r, size := utf8.DecodeRuneInString(text)
	e := lookup(r)
	if !e.single {
		return 0, 0
	}
	if rest := text[size:]; rest != "" && rest[0] >= utf8.RuneSelf {
		if next, _ := utf8.DecodeRuneInString(rest); !lookup(next).begins {
			return 0, 0
		}
	}
	return r + e.shift, size
}
