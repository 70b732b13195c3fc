// Package names says what may be the name of a person or group, and which names look the same.
//
// Parse is for every name from outside: what it returns is safe to compare, to store and to print,
// with nothing in it that moves a terminal or cannot be seen. That is enough for a nickname, which
// the owner of a program gives. Claim is for the names that people give themselves and groups, which
// others read: it also refuses what looks like the marks that stand around names.
// Skeleton maps names that differ only in case or in look-alike letters to one key: a case-folded
// skeleton of UTS #39. Keys are for comparing, never for showing.
//
// The confusables and emoji are those of go.mau.fi/util; case folding, normalisation and which
// letters join those of golang.org/x/text. All of them change with Unicode, so a stored Skeleton
// has to be made again when the program is updated.
//
// The package is pure, keeps no state and may be called from anywhere, at once. It does not decide
// whom a name means. Errors match ErrName.
package names

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxRunes is the most characters a name may have: one line of a small screen.
	maxRunes = 64

	// MaxBytes is the most bytes a name may have: 64 letters of most alphabets.
	MaxBytes = 128

	// minID is the length from which hexadecimal digits are taken for the beginning of a person ID.
	minID = 8
)

// ErrName: no name can be like this. The error says why; ask for another.
var ErrName = errors.New("not a name")

// Parse returns name in NFC without the space around it, and with one plain space for any space in
// it. It has to be 1 to maxRunes characters and at most MaxBytes bytes of valid UTF-8, visible (else
// *CharacterError; see Placed for what may be in it all the same), not begin with what the command
// line gives another meaning, not look like an ID, and not be what the owner is called: me, you.
func Parse(name string) (string, error) {
	if len(name) > 4*MaxBytes { // NFC may shorten it, but hardly so much
		return "", fmt.Errorf("%w: longer than %d bytes", ErrName, MaxBytes)
	}
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("%w: invalid UTF-8", ErrName)
	}
	name = strings.TrimSpace(norm.NFC.String(name))
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", fmt.Errorf("%w: empty", ErrName)
	case n > maxRunes:
		return "", fmt.Errorf("%w: longer than %d characters", ErrName, maxRunes)
	case len(name) > MaxBytes:
		return "", fmt.Errorf("%w: longer than %d bytes", ErrName, MaxBytes)
	}
	for i, r := range name {
		if unseen(r) && !Placed(name[:i], r, name[i+utf8.RuneLen(r):]) {
			return "", &CharacterError{Rune: r}
		}
	}
	if first, _ := utf8.DecodeRuneInString(name); unicode.Is(unicode.M, first) {
		return "", fmt.Errorf("%w: begins with a combining mark", ErrName)
	}
	// A compatibility form, such as a full-width #, counts as what it stands for.
	plain := norm.NFKC.String(name)
	if strings.ContainsRune("#@-", rune(plain[0])) {
		return "", fmt.Errorf("%w: begins with %c", ErrName, plain[0])
	}
	if looksLikeID(plain) {
		return "", fmt.Errorf("%w: looks like an ID", ErrName)
	}
	name = strings.Join(strings.Fields(name), " ")
	if utf8.RuneCountInString(name) <= maxReserved && slices.Contains(reserved, Skeleton(name)) {
		return "", fmt.Errorf("%w: means whoever reads it", ErrName)
	}
	return name, nil
}

// unseen reports whether r has no look of its own that is the same everywhere: controls, format
// characters such as bidirectional overrides and joiners, variation selectors, fillers, separators
// of lines, private use. A character that this version of Unicode does not know yet is let through,
// or new emoji would fail.
func unseen(r rune) bool {
	const blankBraille = '\u2800'
	return r == blankBraille || r == unicode.ReplacementChar || ignorable(r) ||
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}

// ignorable reports whether r is a Default_Ignorable_Code_Point of the kinds that are not format
// characters.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func looksLikeID(s string) bool {
	const peer = "12D3KooW" // how the ID of every device begins
	if len(s) >= len(peer) && strings.EqualFold(s[:len(peer)], peer) {
		return true
	}
	return len(s) >= minID && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
