package fold

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// In each text of the table, what is to be marked stands in brackets.
func TestMarks(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"lunch", "[Lunch]? No, not [lunch]."},
		{"lunch kitchen", "[lunch] in the [KITCHEN]"},
		{`"the kitchen"`, "in [the \n kitchen]."},
		{"aba", "x[ababa]x"},
		{"aba bab", "x[ababa]x"},
		{"ab cd", "[abcd]"},
		{"abc bcd", "[abcd]"},
		{"ab bc", "[abc] [ab] [bc]"},
		{"s", "Fu[ß]"},
		{"f", "[ﬁ]sh"},
		{"ish f", "[ﬁsh]"},
		{"kg", "5[㎏]"},
		{"الله", "([ﷺ])"},
		{"ä", "a[a\u0308ä]a"},
		{"a", "ä[a]a\u0308"},
		{"sult", "re\u00ad[su\u00adlt\u200b]s"},
		{"❤", "[❤\ufe0f]!"},
		{"👨", "[👨\u200d]👩"},
		{"한", "[\u1112\u1161\u11ab]국"},
		{"ガ", "[ｶﾞ]ス"},
		{"i", "[İ]st[\u0131]"},
		{"ab", "\u200bx[ab]"},
		{"ab", "[\u200bab]"},
		{"\ufffd", "a[\xff\xfe]"},
		{"b", "\xe4[b]\xc3"},
		{"ss", "[ßß] [sß]"},
		{"¨", "a[ \u0308]"},
	} {
		want, text := brackets(c.want)
		got := parsed(t, c.words).Marks(text)
		if !slices.Equal(got, want) {
			t.Errorf("%+q in %+q: %v, not %v", c.words, text, got, want)
		}
		checkMarks(t, parsed(t, c.words), text)
	}
	for _, text := range []string{"lunch", "kitchen", "", "lun ch kitchen"} {
		if got := parsed(t, "lunch kitchen").Marks(text); got != nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// brackets takes the brackets out of s, and returns where they were.
func brackets(s string) (marks []Range, text string) {
	for {
		before, rest, ok := strings.Cut(s, "[")
		text += before
		if !ok {
			return marks, text
		}
		inside, rest, _ := strings.Cut(rest, "]")
		marks = append(marks, Range{len(text), len(text) + len(inside)})
		text, s = text+inside, rest
	}
}

// checkMarks holds what is so for the marks of any query in any text.
func checkMarks(t *testing.T, q Query, text string) {
	t.Helper()
	marks, in := q.Marks(text), q.In([]byte(Fold(text)))
	if in != (len(marks) > 0) {
		t.Errorf("%+q are in %+q: %t, %v", q.Pieces(), text, in, marks)
	}
	end := -1
	var marked []string
	for _, m := range marks {
		if m.Start <= end || m.End <= m.Start || m.End > len(text) {
			t.Fatalf("%+q in %+q: %v", q.Pieces(), text, marks)
		}
		end = m.End
		if !boundary(text, m.Start) || !boundary(text, m.End) {
			t.Errorf("%+q in %+q: %v cuts a character", q.Pieces(), text, m)
		}
		marked = append(marked, Fold(text[m.Start:m.End]))
	}
	for _, piece := range q.Pieces() {
		if in && !slices.ContainsFunc(marked, func(form string) bool { return newPiece(piece).in([]byte(form)) }) {
			t.Errorf("%+q is in %+q, and not in what is marked, %+q", piece, text, marked)
		}
	}
}

// boundary reports whether i is between characters of text.
func boundary(text string, i int) bool {
	for at := 0; at < len(text); {
		if at >= i {
			return at == i
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return i == len(text)
}

// What is taken out of a text between segments is found there.
func TestPartsAreFound(t *testing.T) {
	rng := seeded(t)
	found := 0
	for range times(5_000) {
		text := randomText(rng, 20)
		_, starts := trace(text)
		a, b := rng.IntN(len(starts)), rng.IntN(len(starts))
		part := text[starts[min(a, b)].text:starts[max(a, b)].text]
		q, err := Parse(`"` + part + `"`)
		if err != nil || strings.Contains(part, `"`) {
			continue
		}
		found++
		if !q.In([]byte(Fold(text))) {
			t.Errorf("%+q is not in %+q", part, text)
		}
		checkMarks(t, q, text)
		for _, words := range []string{part, randomText(rng, 3)} {
			if q, err := Parse(words); err == nil {
				checkMarks(t, q, text)
			}
		}
		if t.Failed() {
			return
		}
	}
	if found < times(2_500) {
		t.Errorf("only %d parts", found)
	}
}
