package names

import (
	"strings"
	"unicode"

	"go.mau.fi/util/confusable"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Skeleton returns a key that names share if they differ only in case or look alike.
//
// It begins as UTS #39, section 4, does for comparison without case: fold, then map every character
// to its prototype. That alone misses capitals: В (Cyrillic) looks like B, but folds to в, which
// does not look like b. So the prototype of a small letter whose capital looks like another Latin
// letter is mapped to that one as well, see capital. Where the two looks of a Greek letter are two
// Latin ones, greek picks.
func Skeleton(name string) string {
	s := prototypes(fold(greek(norm.NFD.String(name))))
	s = prototypes(fold(s)) // prototypes may be capitals: 0 looks like O
	s = prototypes(fold(norm.NFKD.String(s)))
	var b strings.Builder
	for _, r := range s {
		if look := capital(r); look != "" {
			b.WriteString(look)
		} else {
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(norm.NFD.String(b.String())), " ")
}

func fold(s string) string {
	return cases.Fold().String(s)
}

// prototypes is the internal skeleton of UTS #39.
func prototypes(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if unicode.In(r, unicode.Cc, unicode.Cf) && !unicode.IsSpace(r) || ignorable(r) {
			continue
		}
		if look := confusable.GetReplacement(r); look != "" {
			b.WriteString(look)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFD.String(b.String())
}

// greek replaces Greek letters whose capital looks like one Latin letter and whose small form looks
// like another, which no key can both follow. The look of the capital, which is exact, decides;
// only in a name with Latin letters in it, where there is no Greek word to fold, each form of ν and
// υ counts for itself.
func greek(s string) string {
	latin := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Latin, r) })
	return strings.Map(func(r rune) rune {
		switch r {
		case 'Β', 'β', 'ϐ':
			return 'b'
		case 'Η', 'η':
			return 'h'
		case 'Ν':
			return 'n'
		case 'Υ':
			return 'y'
		case 'ν':
			if !latin {
				return 'n'
			}
		case 'υ':
			if !latin {
				return 'y'
			}
		}
		return r
	}, s)
}

// capital returns the look of the capital of r in small Latin letters or digits, if it has one that
// r, a folded prototype, has not; else nothing. TestCapitals holds the list against the tables of
// the libraries.
func capital(r rune) string {
	switch r {
	case 'i', 'ʟ', '𑣒': // I looks like l
		return "l"
	case 'ᴀ':
		return "a"
	case 'ʙ', 'ƅ':
		return "b"
	case 'ᴅ':
		return "d"
	case 'ꞓ', 'ᴇ':
		return "e"
	case 'ϝ', 'ϼ':
		return "f"
	case 'ɢ':
		return "g"
	case 'ʜ':
		return "h"
	case 'ʝ', 'ᴊ':
		return "j"
	case 'ĸ':
		return "k"
	case 'ɴ':
		return "n"
	case 'ᴘ', '𐓬':
		return "p"
	case 'ʀ', '𐓜':
		return "r"
	case 'տ':
		return "s"
	case 'ᴛ':
		return "t"
	case 'χ':
		return "x"
	case 'ζ', '𑣉':
		return "z"
	case 'μ', 'ʍ', 'ϻ': // M, and m looks like rn
		return "rn"
	case 'ꟗ':
		return "ss"
	case 'ю':
		return "lo"
	case 'ƨ', 'ꝛ':
		return "2"
	case 'ȝ', 'ʓ', 'ɜ':
		return "3"
	case '𑣏':
		return "4"
	case '𑣛':
		return "5"
	case '𐓺':
		return "7"
	case 'ꝯ':
		return "9"
	}
	return ""
}
