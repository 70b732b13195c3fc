package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const (
	ellipsis = "…" // stands for what was cut off

	emojiSelector = '\ufe0f' // asks for the picture of the character before it, which has two columns
)

// columns is how many columns of a terminal a character takes: none if it is drawn onto the one
// before it, two for Chinese, Japanese and Korean characters and for emoji, otherwise one.
func columns(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 1
	case r == emojiSelector:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Width is how many columns a text takes that has been through Line.
func Width(s string) (n int) {
	for _, r := range s {
		n += columns(r)
	}
	return n
}

// Cut shortens a text to at most so many columns. The mark … at its end says that something is
// missing. It never cuts between a character and what is drawn onto it.
func Cut(s string, most int) string {
	if Width(s) <= most {
		return s
	}
	if most < 1 {
		return ""
	}
	n, end := 0, 0
	for i, r := range s {
		if n += columns(r); n > most-Width(ellipsis) {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	// Where a joiner or a mark was going to be followed by more, what it belongs to goes as well.
	return strings.TrimRightFunc(s[:end], joins) + ellipsis
}

// joins reports whether a character at the end of a text waits for another: a joiner, or a blank.
func joins(r rune) bool { return r == '\u200d' || r == '\u200c' || unicode.IsSpace(r) }
