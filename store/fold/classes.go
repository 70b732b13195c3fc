package fold

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldCase folds the case of a character that has no decomposition. ß stands for ss. White space and
// control characters are spaces.
//
// The small letter of the capital is the same for all letters that are equal but for case. Unicode's own
// table (CaseFolding.txt) differs for Cherokee, which it folds to capitals, and for ı.
func foldCase(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r
	case 'A' <= r && r <= 'Z':
		return r + ('a' - 'A')
	case blank(r):
		return ' '
	case r < utf8.RuneSelf:
		return r
	case r == '’', r == '‘', r == 'ʼ': // one types ', and another's telephone makes it one of these
		return '\''
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r)
}

// unseen reports whether r is a Default_Ignorable_Code_Point: a character that shows nothing, by
// itself, where a program doesn't know it.
func unseen(r rune) bool {
	return r >= 0xad && unicode.Is(defaultIgnorable, r)
}

// defaultIgnorable is what the derivation in Unicode's DerivedCoreProperties.txt gives. A test compares
// it with the tables of package unicode, which don't have it.
var defaultIgnorable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1}, // soft hyphen
		{0x034f, 0x034f, 1}, // combining grapheme joiner
		{0x061c, 0x061c, 1}, // Arabic letter mark
		{0x115f, 0x1160, 1}, // fillers of Korean syllables
		{0x17b4, 0x17b5, 1}, // Khmer inherent vowels
		{0x180b, 0x180f, 1}, // Mongolian variation selectors
		{0x200b, 0x200f, 1}, // zero width space and joiners, marks of direction
		{0x202a, 0x202e, 1}, // controls of direction
		{0x2060, 0x206f, 1}, // word joiner, invisible operators, controls of direction
		{0x3164, 0x3164, 1}, // Hangul filler
		{0xfe00, 0xfe0f, 1}, // variation selectors
		{0xfeff, 0xfeff, 1}, // byte order mark
		{0xffa0, 0xffa0, 1}, // halfwidth Hangul filler
		{0xfff0, 0xfff8, 1}, // not assigned
	},
	R32: []unicode.Range32{
		{0x1bca0, 0x1bca3, 1}, // controls of shorthand
		{0x1d173, 0x1d17a, 1}, // controls of music
		{0xe0000, 0xe0fff, 1}, // tags, variation selectors
	},
	LatinOffset: 1,
}

// isTypedJamo reports whether r is a Korean letter as a keyboard gives it where it is no part of a
// syllable.
func isTypedJamo(r rune) bool {
	return '\u3131' <= r && r <= '\u318e'
}

// accented reports whether form goes on with an accent, which belongs to the letter before it. Accents
// are the marks that Unicode places at a letter: above or below it, attached to it or over it, with
// nukta and the marks of kana. The points, vowel signs and tone marks that a script has places of its
// own for, as those of Hebrew, Arabic, Thai and the scripts of India (combining classes 9 to 199, and
// 0), are not: there a letter is found with any of them after it.
func accented(form []byte) bool {
	if len(form) == 0 || form[0] < 0xcc { // below U+0300 there are none
		return false
	}
	class := norm.NFC.Properties(form).CCC()
	return 0 < class && class < 9 || class >= 200
}
