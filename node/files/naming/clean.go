package naming

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/rangetable"
)

// clean returns a name that is safe on every system. What is not allowed becomes _, and a name that
// means something else gets _ in front. In this order:
//
//   - a dot or space at the end, which Windows takes away;
//   - < > : " | ? * of Windows (a colon also begins a stream of NTFS), the separators / and \,
//     controls, and what can't be seen or turns the text around (see unseen);
//   - the marks on a letter from the 16th on: file systems and libraries differ in how they normalise
//     so many, and they cover what is above and below;
//   - the tilde of what could be a short name of NTFS and FAT, as in PROGRA~1: it may be the name that
//     Windows gives to another file of the same folder;
//   - the names of Windows' devices get _ in front; with top, so does what begins with a dot;
//   - what is longer than MaxName loses what is before its extension, with _ in its place.
//
// It keeps what it has made: each step leaves nothing to the ones before it.
func clean(name string, top bool) string {
	name = characters(trailing(name))
	if i := shortTilde(name); i >= 0 {
		name = name[:i] + "_" + name[i+1:]
	}
	if device(name) || top && strings.HasPrefix(name, ".") {
		name = "_" + name
	}
	if len(name) > MaxName {
		stem, ext := split(name)
		name = cut(stem, MaxName-len("_")-len(ext)) + "_" + ext
	}
	return name
}

func trailing(name string) string {
	last, size := utf8.DecodeLastRuneInString(name)
	if last == '.' || unicode.IsSpace(last) {
		return name[:len(name)-size] + "_"
	}
	return name
}

// maxMarks is how many marks may follow each other. Some of them count as two, and from 30 on the
// stream-safe text format of UAX #15 divides them.
const maxMarks = 15

// characters replaces what can't stay in a name.
func characters(name string) string {
	if !strings.ContainsFunc(name, suspect) {
		return name
	}
	var b strings.Builder
	var left rune // what stands before in the new name, so that making it anew changes nothing
	marks := 0
	for i, r := range name {
		right, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(r):])
		if marks++; !unicode.IsMark(r) {
			marks = 0
		}
		if forbidden(r) || unseen(r) && !placed(left, r, right) || marks > maxMarks {
			r, marks = '_', 0
		}
		b.WriteRune(r)
		left = r
	}
	return b.String()
}

// suspect reports whether characters has to look at a name with r in it.
func suspect(r rune) bool {
	return forbidden(r) || r >= utf8.RuneSelf && (unseen(r) || unicode.IsMark(r))
}

// forbidden reports whether r is in no name on some system.
func forbidden(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r < utf8.RuneSelf && strings.IndexByte(`<>:"/\|?*`, byte(r)) >= 0
}

const (
	nonJoiner    = '\u200c'
	joiner       = '\u200d'
	keycap       = '\u20e3'
	blankBraille = '\u2800'
)

// unseen reports whether r has no look of its own: format characters such as bidirectional overrides,
// isolates and marks, joiners, tags and fillers, separators of lines, private use (which some systems
// write for the characters that Windows forbids), and what will never be a character. What this version
// of Unicode does not know yet may be an emoji.
func unseen(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return false
	case r == blankBraille:
		return true
	}
	return unicode.Is(hidden(), r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// hidden is one table, since paths that are made of such characters ask for little else.
var hidden = sync.OnceValue(func() *unicode.RangeTable {
	return rangetable.Merge(unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
})

// placed reports whether r, which can't be seen by itself, stands where spelling or an emoji may need it:
// a joiner between two characters other than ASCII, a variation selector behind one, or in a keycap.
// Names that differ in nothing else have one Key.
func placed(left, r, right rune) bool {
	switch {
	case r == joiner || r == nonJoiner:
		return drawn(left) && drawn(right) && !unseen(right)
	case unicode.Is(unicode.Variation_Selector, r):
		return drawn(left) && !unseen(left) || right == keycap && (left >= '0' && left <= '9' || left == '#')
	}
	return false
}

func drawn(r rune) bool {
	return r >= utf8.RuneSelf && r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.P, unicode.S)
}

// shortTilde returns where the tilde is in what could be a short name: up to eight characters that end
// with a tilde and digits, and an extension of up to three. It returns -1 for any other name.
func shortTilde(name string) int {
	base, ext, _ := strings.Cut(name, ".")
	before := strings.TrimRight(base, "0123456789")
	if len(before) == len(base) || !strings.HasSuffix(before, "~") {
		return -1
	}
	if utf8.RuneCountInString(base) > 8 || utf8.RuneCountInString(ext) > 3 || strings.Contains(ext, ".") {
		return -1
	}
	return len(before) - 1
}

// device reports whether Windows takes a name for a device: with any extension, and with spaces before
// it. Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func device(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRightFunc(base, unicode.IsSpace))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}
