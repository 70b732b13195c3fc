package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"":             0,
		"Ann":          3,
		"Zoë":          3,
		"Zoe\u0308":    3, // two characters, one drawn onto the other
		"山田太郎":         8,
		"ｱﾝ":           2, // half width
		"Ａｎｎ":          6, // full width
		"김철수":          6,
		"Ann 👍":        6,
		"❤\ufe0f":      2,
		"क्षि":         3, // at most: the terminal may join them more tightly
		"\u0645\u064e": 1,
	} {
		if got := Width(s); got != want {
			t.Errorf("%q has %d columns, want %d", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		s    string
		most int
		want string
	}{
		{"Ann", 3, "Ann"},
		{"Anna", 3, "An…"},
		{"Ann of the second floor", 8, "Ann of…"},
		{"山田太郎", 8, "山田太郎"},
		{"山田太郎", 7, "山田太…"},
		{"山田太郎", 6, "山田…"}, // half a character can't be shown
		{"Zoe\u0308 Zoe", 4, "Zoe\u0308…"},
		{"👩\u200d👩\u200d👧 Ann", 4, "👩…"},
		{"Ann", 1, "…"},
		{"Ann", 0, ""},
	} {
		got := Cut(test.s, test.most)
		if got != test.want {
			t.Errorf("%q cut to %d is %q, want %q", test.s, test.most, got, test.want)
		}
	}
}

// Whatever somebody is called, no more columns are taken than there are.
func TestCutFits(t *testing.T) {
	for _, s := range []string{strings.Repeat("W", 64), strings.Repeat("山", 64), strings.Repeat("👍", 64), strings.Repeat("e\u0308", 64), "a" + strings.Repeat("山", 63)} {
		for most := range 100 {
			got := Cut(s, most)
			if Width(got) > most || !utf8.ValidString(got) {
				t.Errorf("%q cut to %d is %q", s, most, got)
			}
		}
	}
}
