// Package frame is what stands on a terminal's screen, and how it gets there. A Frame is rows of
// segments; Draw makes the bytes that turn one frame into the next.
//
// Nothing that others typed may move what stands beside it. Terminals don't agree on how wide some
// characters are, so Draw never counts on it: each segment is put at its column by itself, the left one
// first, so that a text which comes out too wide is overwritten and one which comes out too narrow
// leaves a gap; the terminal's wrapping is off; and the cursor stands where the terminal itself puts it
// after the text before it. Texts are measured by the widest of the ways in use, so they are cut early
// rather than late. What would act (package terminal) is shown, whoever has made the frame.
//
// The package is pure, knows no messages and no keys, and fails at nothing.
package frame

import (
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// Style is how a text looks: one colour, or none, and marks. The colours are those of the terminal's own
// palette that can be read on light and on dark.
type Style uint16

const (
	Plain   Style = 0
	Red     Style = 1
	Green   Style = 2
	Magenta Style = 5

	colour Style = 0xf

	Bold      Style = 1 << 4
	Dim       Style = 1 << 5
	Underline Style = 1 << 6
	Reverse   Style = 1 << 7
)

// Span is a text in one style.
type Span struct {
	Text  string
	Style Style
}

// Line is spans beside each other.
type Line []Span

// Text is a line of one span.
func Text(style Style, text string) Line { return Line{{text, style}} }

// Width is how many columns a line takes, at most.
func (l Line) Width() (n int) {
	for _, s := range l {
		n += terminal.Width(s.Text)
	}
	return n
}

// String is the line without styles.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Cut shortens a line to at most so many columns.
func (l Line) Cut(most int) Line {
	if l.Width() <= most {
		return l
	}
	var out Line
	for _, s := range l {
		w := terminal.Width(s.Text)
		if w > most || w == most && most > 0 && len(out) < len(l)-1 {
			return append(out, Span{terminal.Cut(s.Text+"  ", most), s.Style})
		}
		out, most = append(out, s), most-w
	}
	return out
}

// With adds marks to all of a line.
func (l Line) With(style Style) Line {
	out := make(Line, len(l))
	for i, s := range l {
		out[i] = Span{s.Text, s.Style | style}
	}
	return out
}

// Fill is a line with blanks behind it up to so many columns.
func (l Line) Fill(columns int, style Style) Line {
	l = l.Cut(columns)
	if missing := columns - l.Width(); missing > 0 {
		return append(l[:len(l):len(l)], Span{strings.Repeat(" ", missing), style})
	}
	return l
}

// Ends is a line with one text at each end of so many columns. Where there is no room for both, the left
// one is cut.
func Ends(left, right Line, columns int) Line {
	if right.Width() >= columns {
		return right.Cut(columns)
	}
	left = left.Cut(max(0, columns-right.Width()-1))
	return append(left.Fill(columns-right.Width(), Plain), right...)
}

// Segment is a line at a column of a row, beginning with 0.
type Segment struct {
	Column int
	Line   Line
}

// Cursor is where the next character is going to be: behind Before, which begins at Column.
type Cursor struct {
	Shown       bool
	Row, Column int
	Before      Line
}

// Frame is what stands on the screen.
type Frame struct {
	Columns int
	Rows    [][]Segment // each with its segments from the left to the right
	Cursor  Cursor
}

// New is an empty frame.
func New(columns, rows int) *Frame {
	return &Frame{Columns: columns, Rows: make([][]Segment, max(0, rows))}
}

// Put sets lines below each other, from a row and a column on, each cut to so many columns. What lies
// outside is left out.
func (f *Frame) Put(row, column, columns int, lines ...Line) {
	for i, l := range lines {
		if at := row + i; at >= 0 && at < len(f.Rows) && len(l) > 0 {
			f.Rows[at] = append(f.Rows[at], Segment{column, l.Cut(min(columns, f.Columns-column))})
		}
	}
}
