package compose

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
)

// typed makes an editor of what keys make: names between blanks, and texts behind '.
func typed(keys ...string) *Editor {
	e := new(Editor)
	for _, k := range keys {
		if text, is := strings.CutPrefix(k, "'"); is {
			e.Insert(text)
		} else {
			e.Key(k, "")
		}
	}
	return e
}

func TestKeysOfShells(t *testing.T) {
	for _, c := range []struct {
		keys   []string
		text   string
		before string // the cursor
	}{
		{[]string{"'one two three", "ctrl+w"}, "one two ", "one two "},
		{[]string{"'one two three", "ctrl+w", "ctrl+w", "ctrl+y"}, "one two three", "one two three"},
		{[]string{"'one two", "ctrl+a", "ctrl+k"}, "", ""},
		{[]string{"'one\ntwo", "ctrl+a", "ctrl+k", "ctrl+k"}, "one\n", "one\n"},
		{[]string{"'one\ntwo", "up", "ctrl+u"}, "one\n", "one\n"},
		{[]string{"'one two", "alt+b", "'X"}, "one Xtwo", "one X"},
		{[]string{"'one two", "alt+b", "alt+b", "alt+d"}, " two", ""},
		{[]string{"'ab", "ctrl+t"}, "ba", "ba"},
		{[]string{"'ab", "left", "ctrl+t"}, "ba", "ba"},
		{[]string{"'one two", "ctrl+a", "alt+f", "'X"}, "oneX two", "oneX"},
		{[]string{"'👨‍👩‍👧‍👦", "backspace"}, "", ""},
		{[]string{"'e\u0301x", "left", "backspace"}, "x", ""},
		{[]string{"'🇩🇪🇫🇷", "left", "'x"}, "🇩🇪x🇫🇷", "🇩🇪x"},
		{[]string{"'a\x1b[2J\r\nb\u0007"}, "a[2J\nb", "a[2J\nb"},
	} {
		if e := typed(c.keys...); e.Text() != c.text || e.Text()[:e.At()] != c.before {
			t.Errorf("%q: %q with the cursor behind %q, want %q behind %q", c.keys, e.Text(), e.Text()[:e.At()], c.text, c.before)
		}
	}
}

func TestRowsAndColumns(t *testing.T) {
	e := typed("'one two three")
	rows, at, before := e.Rows(9)
	if got := strings.Join(rows, "|"); got != "one two |three" || at != 1 || before != "three" {
		t.Errorf("%q, the cursor in row %d behind %q", got, at, before)
	}
	if !e.Up(9) || e.Text()[:e.At()] != "one t" {
		t.Errorf("up: behind %q", e.Text()[:e.At()])
	}
	if e.Up(9) || !e.Down(9) || e.At() != len(e.Text()) {
		t.Errorf("down: behind %q", e.Text()[:e.At()])
	}
}

// TestAnyEdits holds an editor to what must be so after whatever keys: the text is valid, the cursor is between
// two characters and in one of the rows, no row is too wide, and the rows together are the text.
func TestAnyEdits(t *testing.T) {
	keys := strings.Fields("left right home end up down backspace delete ctrl+k ctrl+u ctrl+w ctrl+y ctrl+t alt+b alt+f alt+d ctrl+j")
	texts := []string{"a", "word ", "日本", "👨‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\u202e", "\u200d", "नमस्ते", "x\ny", "\xff", "\t"}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		e := new(Editor)
		for range 400 {
			if k := r.IntN(2 * len(keys)); k < len(keys) {
				e.Key(keys[k], "")
			} else {
				e.Key("", texts[r.IntN(len(texts))])
			}
			columns := 6 + r.IntN(20) // a tab has four
			rows, at, before := e.Rows(columns)
			switch {
			case !utf8.ValidString(e.Text()) || e.At() < 0 || e.At() > len(e.Text()) || !utf8.ValidString(e.Text()[:e.At()]):
				t.Fatalf("seed %d: %q, the cursor at %d", seed, e.Text(), e.At())
			case at >= len(rows) || !strings.HasPrefix(rows[at], before):
				t.Fatalf("seed %d: the cursor stands behind %q in row %d of %q", seed, before, at, rows)
			case bare(strings.Join(rows, "")) != bare(shown(strings.ReplaceAll(e.Text(), "\n", ""))):
				t.Fatalf("seed %d: %q is shown as %q", seed, e.Text(), rows)
			}
			for _, row := range rows {
				if w := columnsOf(row); w > max(2, columns-1) && len(frame.Clusters(row)) > 1 && !strings.Contains(row, `\`) {
					t.Fatalf("seed %d: %q takes %d of %d columns", seed, row, w, columns)
				}
			}
		}
	}
}

// bare leaves joiners out, which are shown by what stands beside them.
func bare(text string) string {
	return strings.NewReplacer("\u200d", "", `\u200d`, "").Replace(text)
}

func TestTextIsNoLongerThanAMessage(t *testing.T) {
	e := typed("'" + strings.Repeat("é", MaxText))
	if len(e.Text()) > MaxText || !utf8.ValidString(e.Text()) {
		t.Errorf("%d bytes", len(e.Text()))
	}
	e.Insert("x")
	if len(e.Text()) > MaxText {
		t.Errorf("%d bytes", len(e.Text()))
	}
}

func TestSentTextsComeBack(t *testing.T) {
	var s Sent
	for _, text := range []string{"one", "two", "two"} {
		s.Add(text)
	}
	for _, want := range []string{"two", "one", ""} {
		if got, _ := s.Back("begun"); got != want {
			t.Errorf("back: %q, want %q", got, want)
		}
	}
	for _, want := range []string{"two", "begun", ""} {
		if got, _ := s.Forward(); got != want {
			t.Errorf("forward: %q, want %q", got, want)
		}
	}
}

func TestCompletion(t *testing.T) {
	n := Names{
		Commands: []Choice{{"/group create", ""}, {"/group invite", ""}, {"/help", ""}},
		People:   []Choice{{"Bob", ""}, {"Eve", ""}},
		Who:      []Choice{{"#lunch", ""}, {"Bob", ""}},
	}
	for _, c := range []struct {
		text, want string
		from       int
	}{
		{"hi @b", "@Bob ", 3}, {"@", "@Bob |@Eve ", 0}, {":tad", "🎉", 0}, {"a :", "", 3}, {"/gr", "/group create |/group invite ", 0},
		{"/group invite b", "Bob ", 14}, {"/chat lu", "#lunch ", 6}, {"//gr", "", 4}, {"mail@b", "", 6},
	} {
		from, choices := Complete(c.text, len(c.text), n)
		var got []string
		for _, ch := range choices {
			got = append(got, ch.Text)
		}
		if strings.Join(got, "|") != c.want || from != c.from {
			t.Errorf("%q: %q from %d, want %q from %d", c.text, got, from, c.want, c.from)
		}
	}
}

// Names of emoji must be told apart, and so must those that are offered for reactions.
func TestEmojisHaveOneName(t *testing.T) {
	seen := make(map[string]bool)
	for _, e := range emojis {
		if seen[e.name] || len(frame.Clusters(e.sign)) != 1 {
			t.Errorf("%s: %q", e.name, e.sign)
		}
		seen[e.name] = true
	}
	if sign, there := Sign(":TADA:"); sign != "🎉" || !there {
		t.Errorf("%q", sign)
	}
}
