package fold

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Version names the rules of this package and the tables of Unicode below them. Forms that were made
// under another Version can't be compared with those of this one.
const Version = "1 " + unicode.Version + " " + norm.Version

// Fold returns the form of a text in which search compares:
//
//   - NFKC: ways to write one character are one (é and e with an acute accent, ﬁ and fi, Ａ and A, ²
//     and 2, ｶﾞ and ガ, Arabic letters by shape). Korean letters that stand alone, as they are typed in
//     ㅋㅠㅠ, stay as they are; NFKC would make a syllable of them.
//   - Case is folded: ς and Σ are σ; ß and ẞ are ss; K (Kelvin) is k. The four Turkish i's, I ı İ i, are
//     one, since I is the capital of i in most languages and of ı in some. The iota below a Greek
//     vowel stays a mark.
//   - The apostrophes ’ ‘ ʼ are '.
//   - What can't be seen is left out: joiners, soft hyphens, variation selectors, controls of
//     direction, tags, and what else has Default_Ignorable_Code_Point.
//   - Every run of white space and control characters is one space, also at either end.
//   - Of the marks on one character the first 20 count.
//
// The form is valid UTF-8, whatever the text is: a byte that is no part of a character becomes U+FFFD.
// It has no control character, so no NUL and no end of a line. It is its own form. It has at most 11
// times the bytes of the text, as that of ﷺ has, which is 18 characters.
func Fold(text string) string {
	return string(AppendFold(make([]byte, 0, len(text)), text))
}

// AppendFold appends Fold(text) to dst. It allocates nothing where dst has room.
func AppendFold(dst []byte, text string) []byte {
	from := len(dst)
	for i := 0; i < len(text); {
		if n := asciiAlone(text[i:]); n > 0 {
			dst = appendASCII(dst, from, text[i:i+n])
			i += n
			continue
		}
		var n int
		dst, n = appendSegment(dst, from, text[i:])
		i += n
	}
	return dst
}

// asciiAlone returns how many ASCII characters text begins with that nothing joins.
func asciiAlone(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		t := text[i : i+8]
		if t[0]|t[1]|t[2]|t[3]|t[4]|t[5]|t[6]|t[7] >= utf8.RuneSelf {
			break
		}
	}
	for ; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return max(0, i-1)
		}
	}
	return i
}

func appendASCII(dst []byte, from int, text string) []byte {
	space := endsInSpace(dst[from:])
	dst = slices.Grow(dst, len(text))
	to, n := dst[len(dst):len(dst)+len(text)], 0
	for i := range len(text) {
		c := ascii[text[i]]
		to[n] = c
		if c != ' ' {
			n++
			space = false
			continue
		}
		if !space {
			n++
		}
		space = true
	}
	return dst[:len(dst)+n]
}

// ascii is the form of each ASCII character. That it has room for every byte spares a check.
var ascii = func() (table [256]byte) {
	for c := range utf8.RuneSelf {
		table[c] = byte(foldCase(rune(c)))
	}
	return table
}()

func endsInSpace(form []byte) bool {
	return len(form) > 0 && form[len(form)-1] == ' '
}

// appendSegment appends the form of the first segment of text, which isn't empty, to dst, and returns
// the length of that segment. What is in dst before from belongs to another text.
func appendSegment(dst []byte, from int, text string) ([]byte, int) {
	at := len(dst)
	dst, n := appendAlone(dst, text)
	if n == 0 {
		dst, n = appendJoined(dst, text)
	}
	if at < len(dst) && dst[at] == ' ' && endsInSpace(dst[from:at]) {
		dst = slices.Delete(dst, at, at+1)
	}
	return dst, n
}

// appendJoined is appendSegment for every kind of segment. It takes no care of spaces.
func appendJoined(dst []byte, text string) ([]byte, int) {
	s := segment{dst: dst, at: len(dst)}
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		if !unseen(r) && !s.add(r) {
			break
		}
		n += size
	}
	return s.finish(), n
}
