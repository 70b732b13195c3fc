package names

import (
	"errors"
	"strings"
	"testing"
)

// spelled are names with characters that can't be seen by themselves.
var spelled = []string{
	"علی\u200cرضا",
	"علیِ\u200cرضا", // a mark on the letter before
	"علی\u200cِرضا", // and behind
	"امیر\u200cعلی", // behind a letter that would not join anyway
	"ශ්\u200dරී ලංකා",
	"क्\u200dष",
	"जॉन्\u200c",
	"ಸ್ಟೀವ್\u200c ಜಾಬ್ಸ್\u200c",
	"ন্\u200d",
	"র\u200d্যাচেল",
	"Ann ❤\ufe0f",
	"❤\ufe0f\u200d🔥 Ann",
	"👩\u200d💻",
	"👩🏽\u200d💻",
	"👨\u200d👩\u200d👧\u200d👦",
	"🏳\ufe0f\u200d🌈",
	"🏃🏻\u200d♀\ufe0f\u200d➡\ufe0f",
	"Team 1\ufe0f\u20e3",
	"Ann ©\ufe0f",
	"Rhys 🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
	"葛\U000e0100城",
}

// visible is a name without what can't be seen by itself.
func visible(name string) string {
	return strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, name)
}

func TestNamesOfRealPeople(t *testing.T) {
	for _, in := range spelled {
		got, err := Parse(in)
		if err != nil || got != in {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if Skeleton(in) != Skeleton(visible(in)) {
			t.Errorf("%q and %q have different keys", in, visible(in))
		}
	}
}

func TestNothingUnseenElsewhere(t *testing.T) {
	for _, c := range []struct{ in, why string }{
		{"a\u200bb", "U+200B ZERO WIDTH SPACE can't be seen"},
		{"a\u202eb", "U+202E RIGHT-TO-LEFT OVERRIDE can't be seen"},
		{"a\x1bb", "U+001B (control) can't be seen"},
		{"a\ufffdb", "U+FFFD REPLACEMENT CHARACTER has no look of its own"},
		{"a\ue000b", "U+E000 (private use) has no look of its own"},
		{"Bo\u200cb", "U+200C ZERO WIDTH NON-JOINER changes nothing where it stands"},
		{"Bo\u200db", "U+200D ZERO WIDTH JOINER changes nothing where it stands"},
		{"\u200cعلی", "U+200C"},
		{"علی\u200c", "U+200C"},
		{"علی\u200c رضا", "U+200C"},
		{"علی\u200c\u200cرضا", "U+200C"},
		{"علی\u200cBob", "U+200C"},
		{"علی\u200c٣", "U+200C"},
		{"علی\u200dرضا", "U+200D"},
		{"क\u200dष", "U+200D"},
		{"क्\u200dि", "U+200D"},
		{"क्\u200cि", "U+200C"},
		{"क्\u200d\u200dष", "U+200D"},
		{"a\u0301\u200dष", "U+200D"},
		{"7्\u200dष", "U+200D"},
		{"7\u200d্ক", "U+200D"},
		{"क्ि\u200dष", "U+200D"},
		{"র\u200d্", "U+200D"},
		{"Z\u0301\u200d", "U+200D"},
		{"👩\u200d", "U+200D"},
		{"👩\u200dx", "U+200D"},
		{"x\u200d💻", "U+200D"},
		{"👩\u200d\u200d💻", "U+200D"},
		{"🇩\u200d🇪", "U+200D"},
		{"1\ufe0f\u20e3\u200d💻", "U+200D"},
		{"a\ufe0f", "U+FE0F VARIATION SELECTOR-16 changes nothing where it stands"},
		{"❤\ufe0f\ufe0f", "U+FE0F"},
		{"1\ufe0f", "U+FE0F"},
		{"a\ufe0f\u20e3", "U+FE0F"},
		{"❤\ufe0e", "U+FE0E"},
		{"🏴\U000e0067\U000e0062", "U+E0067"},
		{"🏴\U000e007f", "U+E007F CANCEL TAG"},
		{"🏴\U000e0041\U000e007f", "U+E0041"},
		{"🏁\U000e0067\U000e007f", "U+E0067"},
		{"a\U000e0100", "U+E0100 VARIATION SELECTOR-17 changes nothing where it stands"},
		{"葛\U000e0100\U000e0101", "U+E0101"},
	} {
		got, err := Parse(c.in)
		var character *CharacterError
		if got != "" || !errors.Is(err, ErrName) || !errors.As(err, &character) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %q, %v, want %q", c.in, got, err, c.why)
		}
	}
}
