package names

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"Bob":                    "Bob",
		" Bob Smith\t":           "Bob Smith",
		"Zoe\u0308":              "Zoë",
		"Łukasz":                 "Łukasz",
		"山田　太郎":                  "山田 太郎",
		"Ann\u00a0 \u2003Lee":    "Ann Lee",
		"Ann, \"boss\": ✓":       "Ann, \"boss\": ✓",
		"नमस्ते":                 "नमस्ते",
		"O'Brien-Núñez (Berlin)": "O'Brien-Núñez (Berlin)",
		"🦊":                      "🦊",
		"\U0001fae9 new":         "\U0001fae9 new", // not in every table of Unicode yet
		"deadbee":                "deadbee",
		"deadbeef.":              "deadbeef.",
		"12D3Koo":                "12D3Koo",
		"7":                      "7",
		strings.Repeat("x", 64):  strings.Repeat("x", 64),
		strings.Repeat("é", 64):  strings.Repeat("é", 64),
		strings.Repeat("山", 42):  strings.Repeat("山", 42),
		"a#b@c-d":                "a#b@c-d",
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ in, cause string }{
		{"", "empty"},
		{" \t\n", "empty"},
		{"\u3000", "empty"},
		{"a\xff", "invalid UTF-8"},
		{"\xed\xa0\x80", "invalid UTF-8"}, // a surrogate
		{strings.Repeat("x", 65), "64 characters"},
		{strings.Repeat("山", 43), "128 bytes"},
		{strings.Repeat("x", 600), "128 bytes"},
		{strings.Repeat(" ", 600) + "x", "128 bytes"},
		{"a\nb", "U+000A"},
		{"a\x00b", "U+0000"},
		{"\x1b[2J", "U+001B"},
		{"a\u0085b", "U+0085"},
		{"a\u2028b", "U+2028"},
		{"a\u202eb", "U+202E"},
		{"a\u2066b", "U+2066"},
		{"a\u200bb", "U+200B"},
		{"a\u200db", "U+200D"},
		{"a\u200eb", "U+200E"},
		{"\ufeffa", "U+FEFF"},
		{"a\u00adb", "U+00AD"},
		{"a\u034fb", "U+034F"},
		{"a\ufe0f", "U+FE0F"},
		{"a\U000e0041", "U+E0041"},
		{"a\U000e0100", "U+E0100"},
		{"\u3164", "U+3164"},
		{"\u115f", "U+115F"},
		{"\u2800", "U+2800"},
		{"a\ufffd", "U+FFFD"},
		{"a\uffff", "U+FFFF"},
		{"a\ue000", "U+E000"},
		{"\u0301a", "combining"},
		{"#ops", "begins with #"},
		{"@bob", "begins with @"},
		{"-x", "begins with -"},
		{" -x", "begins with -"},
		{"＃ops", "begins with #"},
		{"deadbeef", "looks like an ID"},
		{"DeadBeef01", "looks like an ID"},
		{"12345678", "looks like an ID"},
		{"１２３４５６７８", "looks like an ID"},
		{"12D3KooWx", "looks like an ID"},
		{"12d3koow", "looks like an ID"},
		{"ME", "means whoever reads it"},
		{"уou", "means whoever reads it"}, // with a Cyrillic у
	} {
		got, err := Parse(c.in)
		if !errors.Is(err, ErrName) || got != "" || !strings.Contains(err.Error(), c.cause) {
			t.Errorf("%q: %q, %v, want %q", c.in, got, err, c.cause)
		}
	}
}

// Each line of testdata/same.txt is a list of names, apart by |, that have one key,
// different from that of every other line.
func TestSkeletonGroups(t *testing.T) {
	b, err := os.ReadFile("testdata/same.txt")
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key := ""
		for i, name := range strings.Split(strings.TrimSpace(line), "|") {
			switch got := Skeleton(name); {
			case i > 0 && got != key:
				t.Errorf("%q: %q has key %q, want %q", line, name, got, key)
			case i == 0:
				key = got
				if other, taken := first[key]; taken {
					t.Errorf("%q has the key of %q", name, other)
				}
				first[key] = name
			}
		}
	}
}

func TestSkeletonKeys(t *testing.T) {
	for name, want := range map[string]string{
		"Bob":    "bob",
		"Mia":    "rnla", // m looks like rn, I like l
		"Zoë":    "zoe\u0308",
		"Straße": "strasse",
		"山田　太郎":  "山田 太郎",
		"":       "",
	} {
		if got := Skeleton(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// A character that looks like small Latin letters or digits, as it is or folded, has their key. The
// exceptions look like one thing as they are and like another folded, and no key can follow both.
func TestCapitals(t *testing.T) {
	const exceptions = "ſ" + // looks like f, folds to s
		"ƼϬГⲄᎱꮁ" + // look like 5, 6, r and Γ; the small letters like s, o, r and γ, so y
		"ꜨꞴⳜ" + // rare, of two looks each
		"𑢵𑢦𑢼𑢤" + // Warang Citi capitals, which look like digits and letters of other names
		"βϐνυ" // see greek
	key := func(s string) (string, bool) {
		s = Skeleton(s)
		return s, s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	}
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) || !unicode.IsGraphic(r) || strings.ContainsRune(exceptions, r) {
			continue
		}
		got := Skeleton(string(r))
		if want, latin := key(prototypes(string(r))); latin && got != want {
			t.Errorf("%c %U: key %q, looks like %q", r, r, got, want)
		}
		if want, latin := key(fold(string(r))); latin && got != want {
			t.Errorf("%c %U: key %q, folds to %q", r, r, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"Bob", " Zoe\u0308 ", "#x", "山田　太郎", "deadbeef", "a\u202eb"} {
		f.Add(s)
	}
	for _, s := range spelled {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Parse(s)
		if err != nil {
			if !errors.Is(err, ErrName) {
				t.Fatal(err)
			}
			return
		}
		if again, err := Parse(name); err != nil || again != name {
			t.Fatalf("%q became %q, then %q, %v", s, name, again, err)
		}
		for i, r := range name {
			placed := Placed(name[:i], r, name[i+utf8.RuneLen(r):])
			if !utf8.ValidRune(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && !placed {
				t.Fatalf("%q lets %U through", s, r)
			}
			if placed && strings.ContainsRune(Skeleton(name), r) {
				t.Fatalf("%q has %U in its key", s, r)
			}
		}
		if seen := visible(name); Skeleton(seen) != Skeleton(name) {
			t.Fatalf("%q and %q, which looks like it, have different keys", name, seen)
		} else if _, err := Parse(seen); err != nil && !strings.Contains(err.Error(), "looks like an ID") {
			t.Fatalf("%q is a name, and %q is not: %v", name, seen, err)
		}
		if Skeleton(name) == "" {
			t.Fatalf("%q has no key", name)
		}
		if Skeleton(name) != Skeleton(s) {
			t.Fatalf("%q and %q have different keys", name, s)
		}
	})
}
