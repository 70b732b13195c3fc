package terminal

import (
	"slices"
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"one", []string{"one"}},
		{"one two", []string{"one two"}},
		{"one two three", []string{"one two", "three"}},
		{"seven77 one", []string{"seven77", "one"}},
		{"wider-than-a-row is whole", []string{"wider-than-a-row", "is whole"}},
		{"山田 山田", []string{"山田", "山田"}}, // nine columns
		{"run `a b c d e` now", []string{"run", "`a b c d e`", "now"}},
	} {
		if got := Wrap(test.text, 8); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
		if again := strings.Join(Wrap(test.text, 8), " "); again != test.text {
			t.Errorf("%q became %q", test.text, again)
		}
	}
}
