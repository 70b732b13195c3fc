package fold

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		words string
		want  []string
	}{
		{"lunch", []string{"lunch"}},
		{"  Kitchen\tAT\u00a0lunch\n", []string{"kitchen", "lunch", "at"}},
		{`"See you" there`, []string{"see you", "there"}},
		{"“see you”", []string{"see you"}},
		{"„bis morgen“", []string{"bis morgen"}},
		{"„do jutra”", []string{"do jutra"}},
		{"« à demain »", []string{"à demain"}},
		{"«до завтра»", []string{"до завтра"}},
		{`"see  you"`, []string{"see you"}},
		{"\u200f\"see you\"\u200f there", []string{"see you", "there"}},
		{`"see you`, []string{`"see`, "you"}},
		{`see" you`, []string{`see"`, "you"}},
		{`"see you" "there`, []string{"see you", `"there`}},
		{`6" pipe 4" wide`, []string{"pipe", "wide", `6"`, `4"`}},
		{`say"see you"`, []string{`say"see`, `you"`}},
		{`"see you"there`, []string{`you"there`, `"see`}},
		{`"see "you" there"`, []string{`see "you`, `there"`}},
		{"“see you\"", []string{"“see", `you"`}},
		{`"`, []string{`"`}},
		{`"" a`, []string{"a"}},
		{"kitchen itch kit Kitchen", []string{"kitchen"}},
		{`itch "in the kitchen" the`, []string{"in the kitchen"}},
		{"x\u0302y x", []string{"x\u0302y", "x"}}, // the x of the first doesn't count
		{"yx x\u0302", []string{"x\u0302", "yx"}},
		{"ß s", []string{"ss"}},
		{"a\u200b\u200b b\u200b", []string{"a", "b"}},
		{"¨", []string{" \u0308"}},
		{"a\xff", []string{"a\ufffd"}},
		{"a\x00b", []string{"a", "b"}},
		{"👨\u200d👩\u200d👧 👩", []string{"👨👩👧"}},
	} {
		q, err := Parse(c.words)
		if got := q.Pieces(); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+q: %+q, %v, not %+q", c.words, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := strings.Fields("ab cd ef gh ij kl mn op qr st uv wx yz 12 34 56 78")
	for _, c := range []struct {
		words string
		want  error
	}{
		{"", ErrEmpty},
		{" \t\u3000", ErrEmpty},
		{"\u200b \u00ad\ufe0f \u202e", ErrEmpty},
		{`"" “ ” "` + "\u200b" + `"`, ErrEmpty},
		{"\x00", ErrEmpty},
		{strings.Repeat("a", MaxWords), nil},
		{strings.Repeat("a", MaxWords+1), ErrTooLong},
		{strings.Repeat(" ", MaxWords+1), ErrTooLong},
		{strings.Join(many[:MaxPieces], " "), nil},
		{strings.Join(many, " "), ErrTooLong},
		{`"` + strings.Join(many, " ") + `"`, nil},
	} {
		if q, err := Parse(c.words); !errors.Is(err, c.want) || err != nil && q.Pieces() != nil {
			t.Errorf("%+q: %v, not %v", c.words, err, c.want)
		}
	}
}

func parsed(t *testing.T, words string) Query {
	t.Helper()
	q, err := Parse(words)
	if err != nil {
		t.Fatalf("%+q: %v", words, err)
	}
	return q
}

func TestIn(t *testing.T) {
	for _, c := range []struct {
		words, text string
		want        bool
	}{
		{"kitchen lunch", "Lunch is in the Kitchen", true},
		{"kitchen lunch", "Lunch is in the garden", false},
		{`"the kitchen"`, "in the\n kitchen", true},
		{`"kitchen the"`, "in the kitchen", false},
		{"kit", "kitchen", true},
		{"STRASSE", "straße", true},
		{"straße", "STRASSE", true},
		{"厨房", "明天在厨房见", true},
		{"re\u00adsult", "result", true},
		{"result", "re\u00adsult", true},

		{"a", "ä", false},
		{"a", "a\u0308", false},
		{"ä", "a\u0308", true},
		{"a\u0308", "Ä", true},
		{"a", "äa", true},
		{"x", "x\u0302", false},
		{"x", "x\u200d\u0302", false},
		{"x\u0302", "x\u0302", true},
		{"x", "x\u0302x", true},
		{"x\u0302", "x\u0302\u0323", false}, // ordered before the accent
		{"x", "x\u20dd", true},              // in a circle
		{"か", "か\u309a", false},
		{"e", "e\u0338", false},
		{"\u0302", "x\u0302", true}, // whoever looks for an accent finds it
		{"i", "İ", true},
		{"istanbul", "İSTANBUL", true},
		{"ısparta", "ISPARTA", true},

		{"한", "\u1112\u1161\u11ab", true},
		{"\u1112\u1161\u11ab", "한국", true},
		{"하", "한", false},
		{"\u1112", "한", false},
		{"ㅠㅠ", "ㅋㅋㅠㅠ", true},

		{"क", "कि", true},
		{"क", "क\u094d", true},
		{"ड", "ड\u093c", false},
		{"ก", "กุ", true},
		{"ש", "ש\u05c1", true},
		{"ت", "ت\u064e", true},
		{"ا", "ا\u0653", false},
		{"محمد", "محمد رسول", true},

		{"👨", "👨\u200d👩\u200d👧", true},
		{"👨\u200d👩\u200d👧", "👨👩👧", true},
		{"👍", "👍🏽", true},
		{"❤", "❤\ufe0f", true},
		{"🇩🇪", "🇫🇷🇩🇪", true},
		{"1", "1\ufe0f\u20e3", true},
		{"\xff", "a\xfe", true}, // both are U+FFFD
	} {
		if got := parsed(t, c.words).In([]byte(Fold(c.text))); got != c.want {
			t.Errorf("%+q is in %+q: %t", c.words, c.text, got)
		}
	}
	if (Query{}).In([]byte("a")) || (Query{}).Marks("a") != nil {
		t.Error("nothing is found")
	}
}

// Every place is found, and no other: of pieces that repeat themselves, in texts that nearly do.
func TestPlaces(t *testing.T) {
	rng := seeded(t)
	some := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString([]string{"a", "a", "a", "b", "\u0302", "\u0e38"}[rng.IntN(6)])
		}
		return b.String()
	}
	for range times(20_000) {
		p, form := newPiece(some(1+rng.IntN(8))), []byte(some(rng.IntN(40)))
		for range rng.IntN(10) {
			form = append(form, p.form[:rng.IntN(len(p.form)+1)]...)
		}
		var want []Range
		for i := range form {
			rest, there := bytes.CutPrefix(form[i:], p.form)
			if there && !bytes.HasPrefix(rest, []byte("\u0302")) {
				want = append(want, Range{i, i + len(p.form)})
			}
		}
		if got := slices.Collect(p.places(form)); !slices.Equal(got, want) || p.in(form) != (len(want) > 0) {
			t.Fatalf("%+q in %+q: %v, not %v, %t", p.form, form, got, want, p.in(form))
		}
	}
}
