package frame

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"one two three", 8, "one two|three"},
		{"one  two", 4, "one |two"},
		{"", 5, ""},
		{"a\n\nb\n", 5, "a||b"},
		{"aaaaaaaa", 3, "aaa|aaa|aa"},
		{"日本語日本語", 5, "日本|語日|本語"},
		{"ab 日本語", 5, "ab|日本|語"},
		{"x\x1b[2J y", 9, `x\x1b[2J|y`},
		{"  code here", 8, "  code|here"},
		{"👨‍👩‍👧 👨‍👩‍👧", 6, "👨‍👩‍👧|👨‍👩‍👧"},
		{"a\tb", 8, "a    b"},
	} {
		rows, _ := Wrap(c.text, c.columns, 100)
		if got := strings.Join(rows, "|"); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.columns, got, c.want)
		}
	}
	if rows, cut := Wrap("a\nb\nc", 5, 2); len(rows) != 2 || !cut {
		t.Errorf("%q, %v", rows, cut)
	}
}

// FuzzWrap: no row is wider than it may be, unless it is one character, and nothing in it acts.
func FuzzWrap(f *testing.F) {
	for _, s := range []string{"one two three", "日本語 👨‍👩‍👧‍👦 🇩🇪", "\x1b[2J\u202e\u200f", "a\r\nb\tc", "e\u0301\u0302"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, text string, columns int) {
		columns = 2 + int(uint(columns)%100)
		rows, _ := Wrap(text, columns, 1000)
		for _, r := range rows {
			if w := (Line{{r, Plain}}).Width(); w > columns && len(Clusters(r)) > 1 {
				t.Errorf("%q takes %d of %d columns", r, w, columns)
			}
			if strings.ContainsAny(r, "\x1b\r\n\x07\u202e\u200f\u2066") {
				t.Errorf("%q acts", r)
			}
		}
	})
}

// What Draw makes of a frame after any other is what it makes of it on an empty terminal.
func TestDrawFromAnyFrame(t *testing.T) {
	texts := []string{"x", "word ", "日本", "👍", "────", "│", "e\u0301", " "}
	styles := []Style{Plain, Bold, Dim, Reverse | Bold, Red, Underline | Green}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		some := func() *Frame {
			f := New(30, 8)
			for row := range 8 {
				for _, column := range []int{0, 10, 20} {
					if r.IntN(3) > 0 {
						var l Line
						for range 1 + r.IntN(4) {
							l = append(l, Span{texts[r.IntN(len(texts))], styles[r.IntN(len(styles))]})
						}
						f.Put(row, column, 9, l)
					}
				}
			}
			return f
		}
		e, fresh := vt.NewEmulator(30, 8), vt.NewEmulator(30, 8)
		var last *Frame
		for range 5 {
			f := some()
			fmt.Fprint(e, Draw(last, f, true))
			last = f
		}
		fmt.Fprint(fresh, Draw(nil, last, true))
		if got, want := e.Render(), fresh.Render(); got != want {
			t.Fatalf("seed %d:\n%s\nwant:\n%s", seed, got, want)
		}
		e.Close()
		fresh.Close()
	}
}

// A text that a terminal shows wider than it was measured must not move what stands beside it.
func TestTooWideTextsMoveNothing(t *testing.T) {
	f := New(20, 2)
	f.Put(0, 0, 5, Line{{"日本日本日本", Plain}}) // as if they had one column each
	f.Rows[0][0].Line = Line{{"日本日本日本", Plain}}
	f.Put(0, 6, 1, Text(Plain, "|"))
	f.Put(0, 8, 12, Text(Plain, "beside"))
	e := vt.NewEmulator(20, 2)
	defer e.Close()
	fmt.Fprint(e, "\x1b[?7l", Draw(nil, f, true))
	if bar, b := e.CellAt(6, 0), e.CellAt(8, 0); bar == nil || bar.Content != "|" || b == nil || b.Content != "b" {
		t.Errorf("%q", e.Render())
	}
}

func TestNoColour(t *testing.T) {
	f := New(10, 1)
	f.Put(0, 0, 10, Text(Red|Bold, "x"))
	if got := Draw(nil, f, false); strings.Contains(got, "31") || !strings.Contains(got, "\x1b[0;1m") {
		t.Errorf("%q", got)
	}
}

func TestEnds(t *testing.T) {
	for _, c := range []struct{ left, right, want string }{
		{"name", "2", "name     2"}, {"a long name", "2", "a long…  2"}, {"name", "much too long", "much too…"}, {"name", "", "name      "},
	} {
		if got := Ends(Text(Plain, c.left), Text(Plain, c.right), 10).String(); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.left, c.right, got, c.want)
		}
	}
}
