package names

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/util/emojirunes"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/runenames"
)

const (
	nonJoiner = '\u200c'
	joiner    = '\u200d'
	asPicture = '\ufe0f' // has the character before it shown as an emoji
	keycap    = '\u20e3'
	blackFlag = '\U0001f3f4'
	tagEnd    = '\U000e007f'

	virama = 9 // the canonical combining class of what makes a consonant join the next
)

// Placed reports whether r, a character that can't be seen by itself, is where it changes how
// before and after look together, as spelling needs it:
//
//   - a joiner or non-joiner behind a virama that stands on a letter, unless a mark
//     follows: ශ්‍රී, जॉन्‌ (UAX #31, A2 and B);
//   - a non-joiner between two letters of a script in which letters join: علی‌رضا
//     (UAX #31, A1; also behind one that never joins the next, as people type it);
//   - a joiner between a letter and a virama before another: র‍্যাচেল (the Unicode
//     Standard, 12.2);
//   - a joiner between two emoji, U+FE0F behind one and in a keycap, and the tags that
//     make a flag: 👩‍💻, ❤️, 1️⃣, 🏴󠁧󠁢󠁷󠁬󠁳󠁿 (UTS #51);
//   - a variation selector of ideographs behind one: 葛󠄀.
//
// A character that is placed like this is no part of a Skeleton.
func Placed(before string, r rune, after string) bool {
	left, _ := utf8.DecodeLastRuneInString(before)
	right, size := utf8.DecodeRuneInString(after)
	switch {
	case r == joiner && joinsPictures(before, right):
		return true
	case r == joiner && unicode.IsLetter(left) && class(right) == virama:
		next, _ := utf8.DecodeRuneInString(after[size:])
		return unicode.IsLetter(next)
	case r == joiner:
		return behindVirama(before) && !unicode.IsMark(right)
	case r == nonJoiner:
		return behindVirama(before) && !unicode.IsMark(right) || cursive(lastBase(before)) && cursive(firstBase(after))
	case r == asPicture:
		return picture(left) || right == keycap && strings.ContainsRune("0123456789#*", left)
	case isTag(r):
		return flagged(before, r, after)
	case r >= '\U000e0100' && r <= '\U000e01ef':
		return unicode.Is(unicode.Han, left)
	}
	return false
}

// joinsPictures reports whether a joiner makes one emoji of what is before it and next.
func joinsPictures(before string, next rune) bool {
	before = strings.TrimSuffix(before, string(asPicture))
	last, _ := utf8.DecodeLastRuneInString(before)
	return picture(last) && picture(next)
}

// picture reports whether r is an emoji by itself, and no half of a flag.
func picture(r rune) bool {
	switch {
	case r == '©' || r == '®':
		return true
	case r == joiner || r == asPicture || r == keycap || isTag(r) || r >= '\U0001f1e6' && r <= '\U0001f1ff':
		return false
	}
	return emojirunes.Is(r)
}

func isTag(r rune) bool { return r >= '\U000e0020' && r <= tagEnd }

// flagged reports whether r is one of the tags behind a black flag that say whose flag it is: small
// letters and digits, and the end.
func flagged(before string, r rune, after string) bool {
	code := func(r rune) bool {
		return r >= '\U000e0030' && r <= '\U000e0039' || r >= '\U000e0061' && r <= '\U000e007a'
	}
	base := strings.TrimRightFunc(before, code)
	flag, _ := utf8.DecodeLastRuneInString(base)
	end, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(after, code))
	return flag == blackFlag && (r == tagEnd && len(base) < len(before) || code(r) && end == tagEnd)
}

// behindVirama reports whether s ends with a letter that has a virama, and perhaps marks that do
// not come between that and what follows.
func behindVirama(s string) bool {
	for has := false; ; {
		r, size := utf8.DecodeLastRuneInString(s)
		switch {
		case has && unicode.IsLetter(r):
			return true
		case !unicode.IsMark(r), !has && class(r) == 0:
			return false
		}
		has = has || class(r) == virama
		s = s[:len(s)-size]
	}
}

// class is the canonical combining class of r.
func class(r rune) uint8 {
	return norm.NFC.PropertiesString(string(r)).CCC()
}

// freeform knows which letters join, for the rules of RFC 5892 on where a non-joiner may be.
var freeform = precis.NewFreeform()

// cursive reports whether r is a letter that joins what is before it.
func cursive(r rune) bool {
	const beh = "\u0628" // joins what follows
	_, err := freeform.String(beh + string(nonJoiner) + string(r))
	return err == nil
}

func lastBase(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(s, unicode.IsMark))
	return r
}

func firstBase(s string) rune {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsMark))
	return r
}

// CharacterError says that a name has a character that none can have, or not where it stands. It
// matches ErrName.
type CharacterError struct {
	Rune rune
	Mark bool // it looks like what stands around names; a nickname may have it
}

func (e *CharacterError) Error() string {
	why := "can't be seen"
	switch r := e.Rune; {
	case e.Mark:
		why = "looks like what earshot puts around names"
	case r == joiner, r == nonJoiner, unicode.Is(unicode.Variation_Selector, r), isTag(r):
		why = "changes nothing where it stands"
	case r == unicode.ReplacementChar, unicode.In(r, unicode.Co, unicode.Noncharacter_Code_Point):
		why = "has no look of its own"
	}
	return fmt.Sprintf("%v: %s %s", ErrName, e.Character(), why)
}

// Is makes it match ErrName.
func (e *CharacterError) Is(target error) bool { return target == ErrName }

// Character names it, as "U+200B ZERO WIDTH SPACE".
func (e *CharacterError) Character() string {
	name := runenames.Name(e.Rune)
	switch {
	case name == "":
		return fmt.Sprintf("%U", e.Rune)
	case strings.HasPrefix(name, "<"): // a kind, such as <control>
		return fmt.Sprintf("%U (%s)", e.Rune, strings.ToLower(strings.Trim(name, "<>")))
	}
	return fmt.Sprintf("%U %s", e.Rune, name)
}
