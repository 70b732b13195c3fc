package names

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Around names a program puts marks of its own: "Bob" (not a contact yet 1c4b...), #lunch, [edited],
// the colon before a text. A name that had them could say anything about itself, or be two names.
const (
	// marks are the characters that stand around names, as themselves. What looks like one of them
	// counts as it, in any script: ： ﴾ 〔 ∶.
	marks = `()[]{}":;,*|\…`

	// checks say that somebody was found to be who they are.
	checks = "✓✔✅☑🗸🗹⍻"
)

// words are what a program says about a person; no name has them in it.
var words = []string{Skeleton("not a contact"), Skeleton("verified")}

// reserved are what a program calls its owner; they are nobody's whole name.
var reserved = []string{Skeleton("me"), Skeleton("you")}

// maxReserved is the most characters that look like a word of reserved: rn looks like m.
const maxReserved = 3

// Claim is Parse for a name that somebody gives themselves or a group: there must be nothing in it
// that looks like what a program puts around names. It refuses brackets and quotation marks of every
// kind, the marks : ; , * | \ … and what looks like them, lines and boxes, arrows, signs that
// something was checked, # and @ at the beginning of any word, and the words "verified" and "not a
// contact". An apostrophe stays, and so do marks that are letters or signs of a script, as the
// visarga of राम: and the gershayim in ד״ר.
func Claim(name string) (string, error) {
	name, err := Parse(name)
	if err != nil {
		return "", err
	}
	apostrophe := false // just before
	for i, r := range name {
		if isMark(r) && !written(name[:i], r, name[i+utf8.RuneLen(r):]) || apostrophe && isApostrophe(r) {
			return "", &CharacterError{Rune: r, Mark: true}
		}
		apostrophe = isApostrophe(r)
	}
	for _, word := range strings.Fields(norm.NFKC.String(name)) {
		if strings.ContainsRune("#@", rune(word[0])) {
			return "", &CharacterError{Rune: rune(word[0]), Mark: true}
		}
	}
	key := Skeleton(name)
	for _, w := range words {
		if strings.Contains(key, w) {
			return "", fmt.Errorf("%w: says what only earshot says of somebody", ErrName)
		}
	}
	return name, nil
}

// isMark reports whether r is a mark, or looks like one.
func isMark(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return strings.ContainsRune(marks, r)
	case spells(r), isApostrophe(r):
		return false
	case unicode.In(r, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf):
		return true
	case r >= '\u2190' && r <= '\u21ff', r >= '\u2500' && r <= '\u25ff': // arrows; lines, blocks and shapes
		return true
	}
	form := norm.NFKC.String(string(r))
	for _, look := range []string{string(r), form, prototypes(form), prototypes(string(r))} {
		if strings.ContainsAny(look, marks) || strings.Contains(look, "''") {
			return true
		}
	}
	return strings.ContainsRune(checks, r)
}

// isApostrophe reports whether r looks like an apostrophe. Two of them look like a quotation mark.
func isApostrophe(r rune) bool {
	return !spells(r) && (prototypes(string(r)) == "'" || prototypes(norm.NFKC.String(string(r))) == "'")
}

// spells reports whether r is a letter of some script, or a sign on one.
func spells(r rune) bool {
	return unicode.IsMark(r) || unicode.IsLetter(r) && !unicode.Is(unicode.Common, r)
}

// written reports whether a mark is part of how a word or an emoji is written: gershayim between two
// Hebrew letters, an arrow that makes one emoji with what is before it.
func written(before string, r rune, after string) bool {
	left, _ := utf8.DecodeLastRuneInString(before)
	right, _ := utf8.DecodeRuneInString(after)
	if r == '\u05f4' {
		return unicode.Is(unicode.Hebrew, left) && unicode.Is(unicode.Hebrew, right)
	}
	return left == joiner && picture(r)
}
