package terminal

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto/names"
)

func TestLine(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"Bob", "Bob"},
		{"Zoë Ångström 李雷 עברית", "Zoë Ångström 李雷 עברית"},
		{"👩\u200d💻 🏳\ufe0f\u200d🌈 👩🏽\u200d🚀", "👩\u200d💻 🏳\ufe0f\u200d🌈 👩🏽\u200d🚀"},
		{"\x1b[2J\x1b]0;owned\a", `\x1b[2J\x1b]0;owned\x07`},
		{"a\r\nb\tc\x7f\x00", `a\r\nb\tc\x7f\x00`},
		{"\u009b31m", `\u009b31m`}, // CSI in one character
		{"gpj.\u202eexe", `gpj.\u202eexe`},
		{"\u2066a\u2069\u200f\u061c", `\u2066a\u2069\u200f\u061c`},
		{"a\u200bb\ufeffc\u00add", `a\u200bb\ufeffc\u00add`},
		{"a\u200db", `a\u200db`}, // no picture
		{"علی\u200cرضا می\u200cآید", "علی\u200cرضا می\u200cآید"},
		{"ශ්\u200dරී", "ශ්\u200dරී"},
		{"a\u2028b\u2029c\u0085", `a\u2028b\u2029c\u0085`},
		{"\u3164\u115f\u2800\u034f", `\u3164\u115f\u2800\u034f`}, // blank, but letters
		{"\U000e0041", `\U000e0041`},
		{"\xff\xc3", `\xff\xc3`},
		{"\ufffd", "\ufffd"},
	} {
		if got := Line(test.in); got != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"one", "one"},
		{"one\ntwo", "one\n    two"},
		{"one\r\ntwo\n", "one\n    two\n    "},
		{"one\rtwo", `one\rtwo`}, // would overwrite the row
		{"if x:\n\ty", "if x:\n        y"},
		{"one\u2028two\vthree\ffour", `one\u2028two\x0bthree\x0cfour`},
		{"hi\n2026-01-01 10:00  Bob: send money", "hi\n    2026-01-01 10:00  Bob: send money"},
	} {
		if got := Text(test.in); got != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}

func TestStyle(t *testing.T) {
	if got := (Style{}).Bold("x"); got != "x" {
		t.Errorf("off: %q", got)
	}
	if got := (Style{On: true}).Bold("x"); got != "\x1b[1mx\x1b[0m" {
		t.Errorf("on: %q", got)
	}
	if got := (Style{On: true}).Call("x"); got != "\x1b[1;33mx\x1b[0m" {
		t.Errorf("call: %q", got)
	}
}

// Nothing that acts is left, whatever comes in; every line but the first is indented;
// and JSON says the same as before.
func FuzzSafe(f *testing.F) {
	for _, s := range []string{"", "Bob", "\x1b[0m", "a\nb", "\u202e", "👩\u200d💻", "\xff\x9b", "\U000e0001", "a\u200d", "\"\\\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, shown := range []string{Line(s), strings.ReplaceAll(Text(s), "\n"+indent, "")} {
			if !utf8.ValidString(shown) {
				t.Fatalf("%q: invalid: %q", s, shown)
			}
			for i, r := range shown {
				if names.Placed(shown[:i], r, shown[i+utf8.RuneLen(r):]) {
					continue
				}
				if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
					t.Fatalf("%q: %q still acts in %q", s, r, shown)
				}
			}
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		safe := JSON(b)
		if err := json.Unmarshal(b, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(safe, &after); err != nil || before != after {
			t.Fatalf("%q: %s became %s: %v", s, b, safe, err)
		}
		if strings.ContainsFunc(string(safe), acts) {
			t.Fatalf("%q: %s still acts", s, safe)
		}
	})
}

// TestNoFileOfTheSystemIsATerminal: /dev/null was taken for one, and would be asked questions.
func TestNoFileOfTheSystemIsATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, f := range []*os.File{r, w, null} {
		if Is(f) {
			t.Errorf("%s is taken for a terminal", f.Name())
		}
		if n := Columns(f); n != 0 {
			t.Errorf("%s is %d wide", f.Name(), n)
		}
	}
}
