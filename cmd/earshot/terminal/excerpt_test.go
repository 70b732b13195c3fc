package terminal

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// marked shows marks as brackets, which the texts of these tests don't have.
func marked(s string) string { return "<" + s + ">" }

// at returns where a word stands in a text.
func at(t *testing.T, s, word string) []Range {
	t.Helper()
	i := strings.Index(s, word)
	if i < 0 {
		t.Fatalf("no %q in %q", word, s)
	}
	return []Range{{i, i + len(word)}}
}

func TestMarked(t *testing.T) {
	for _, test := range []struct {
		s     string
		parts []Range
		want  string
	}{
		{"", nil, ""},
		{"one two", nil, "one two"},
		{"one two", []Range{{4, 7}}, "one <two>"},
		{"one two", []Range{{0, 3}, {4, 7}}, "<one> <two>"},
		{"one\ntwo", []Range{{2, 5}}, "on<e\n    t>wo"},
		{"one\r\n\ttwo", []Range{{6, 9}}, "one\n        <two>"},
		{"one\r\ntwo", []Range{{3, 5}}, "one<\n    >two"},
		{"\x1b[1mone\x1b[0m", []Range{{4, 7}}, `\x1b[1m<one>\x1b[0m`},
		{"a\x1b\u202eb", []Range{{1, 2}}, `a<\x1b>\u202eb`},
		{"👩\u200d💻", []Range{{0, 7}}, "<👩\u200d>💻"}, // a joiner is placed by what stands on both sides
		{"\xff!", []Range{{0, 1}}, `<\xff>!`},
	} {
		if got := Marked(test.s, test.parts, marked); got != test.want {
			t.Errorf("%q: %q, want %q", test.s, got, test.want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	numbers := ""
	for i := range 100 {
		numbers += string(rune('a'+i%26)) + "23 "
	}
	for _, test := range []struct{ name, s, word, want string }{
		{"whole", "one two three", "two", "one <two> three"},
		{"as much as fits", strings.Repeat("x", 37) + "two", "two", strings.Repeat("x", 37) + "<two>"},
		{"at the beginning", "two " + numbers, "two", "<two> a23 b23 c23 d23 e23 f23 g23 h23 i23…"},
		{"in the middle", numbers + "two " + numbers, "two", "…r23 s23 t23 u23 v23 <two> a23 b23 c23 d23…"},
		{"at the end", numbers + "two", "two", "…n23 o23 p23 q23 r23 s23 t23 u23 v23 <two>"},
		{"no spaces", strings.Repeat("山", 50) + "两" + strings.Repeat("川", 50), "两", "…山山山山山山山山山山<两>川川川川川川川川川…"},
		{"lines", "one\ntwo\nthree\nfour\nfive\nsix", "four", "…three\n    <four>\n    five…"},
		{"longer than fits", numbers, numbers[:200], "<a23 b23 c23 d23 e23 f23 g23 h23 i23 j23 >…"},
		{"drawn onto others", strings.Repeat("e\u0301", 40) + "two", "two", "…" + strings.Repeat("e\u0301", 18) + "<two>"},
		{"joined", strings.Repeat("👩\u200d💻", 40) + "two", "two", "…" + strings.Repeat("👩\u200d💻", 3) + "<two>"},
		{"only drawn onto others", "a" + strings.Repeat("\u0301", 500), "a", "<a>" + strings.Repeat("\u0301", 39) + "…"},
		{"what acts", strings.Repeat("\x1b[1m", 50) + "two" + strings.Repeat("\u202e", 50), "two", `…[1m\x1b[1m\x1b[1m<two>\u202e\u202e\u202e…`},
	} {
		s, parts := Excerpt(test.s, at(t, test.s, test.word), 40, 10)
		if got := Marked(s, parts, marked); got != test.want {
			t.Errorf("%s: %q\nwant %q", test.name, got, test.want)
		}
	}
	if s, parts := Excerpt(numbers, nil, 40, 10); s != "a23 b23 c23 d23 e23 f23 g23 h23 i23 j23…" || parts != nil {
		t.Errorf("without parts: %q, %v", s, parts)
	}
}

// Whatever the text is, an excerpt is about as long as was asked for, has the first part in it, marks the
// same as before, and acts on nothing. All of it is shown whether something is marked or not.
func FuzzExcerpt(f *testing.F) {
	f.Add("one two three", 4, 7, 8, 9, 12, 40)
	f.Add(strings.Repeat("👩\u200d💻\r\n", 9), 11, 22, 24, 30, 5, 1)
	f.Add("\xff\u0301\u0301\x1b\u202e", 0, 1, 1, 3, 9, 4)
	f.Add("one\ntwo", 3, 7, 7, 7, 30, 46)
	f.Fuzz(func(t *testing.T, s string, a, b, c, d, most, row int) {
		bounds := []int{a, b, c, d}
		for i := range bounds {
			bounds[i] = max(0, bounds[i]) % (len(s) + 1)
			for bounds[i] < len(s) && !utf8.RuneStart(s[bounds[i]]) {
				bounds[i]++
			}
		}
		slices.Sort(bounds)
		var parts []Range
		for _, p := range []Range{{bounds[0], bounds[1]}, {bounds[2], bounds[3]}} {
			if p.Start < p.End && (len(parts) == 0 || p.Start > parts[0].End) {
				parts = append(parts, p)
			}
		}
		most, row = max(0, most)%400, 1+max(0, row)%80
		plain := Marked(s, parts, func(s string) string { return s })
		if plain != Text(s) {
			t.Fatalf("%q marked is %q, want %q", s, plain, Text(s))
		}
		cut, kept := Excerpt(s, parts, most, row)
		if n := utf8.RuneCountInString(cut); n > max(most, 1)+2*utf8.RuneCountInString(ellipsis) {
			t.Fatalf("%d of %q: %q", most, s, cut)
		}
		if !strings.Contains(s, strings.TrimSuffix(strings.TrimPrefix(cut, ellipsis), ellipsis)) {
			t.Fatalf("%q is not in %q", cut, s)
		}
		if len(kept) > len(parts) || len(parts) > 0 && len(kept) == 0 && most > 20 {
			t.Fatalf("%v of %q became %v of %q", parts, s, kept, cut)
		}
		for i, p := range kept {
			was := parts[i]
			if got := cut[p.Start:p.End]; !strings.HasPrefix(s[was.Start:was.End], got) {
				t.Fatalf("part %q became %q", s[was.Start:was.End], got)
			}
		}
	})
}
