package frame

import (
	"slices"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

const (
	begin = "\x1b[?2026h\x1b[?25l" // one change for those who look, where the terminal knows how
	end   = "\x1b[?2026l"
)

// Draw returns what makes a terminal that shows one frame show another, and with nil whatever it shows.
// Without colours only marks are used.
func Draw(before, now *Frame, colours bool) string {
	var b strings.Builder
	b.WriteString(begin)
	whole := before == nil || before.Columns != now.Columns || len(before.Rows) != len(now.Rows)
	if whole {
		b.WriteString("\x1b[0m\x1b[2J")
	}
	for i, row := range now.Rows {
		if !whole && slices.EqualFunc(before.Rows[i], row, equal) {
			continue
		}
		if !whole {
			place(&b, i, 0)
			b.WriteString("\x1b[K")
		}
		for _, s := range row {
			place(&b, i, s.Column)
			spans(&b, s.Line, colours)
		}
	}
	if c := now.Cursor; c.Shown {
		place(&b, c.Row, c.Column)
		spans(&b, c.Before, colours)
		b.WriteString("\x1b[?25h")
	}
	b.WriteString(end)
	return b.String()
}

func equal(a, b Segment) bool { return a.Column == b.Column && slices.Equal(a.Line, b.Line) }

func place(b *strings.Builder, row, column int) {
	b.WriteString("\x1b[" + strconv.Itoa(row+1) + ";" + strconv.Itoa(column+1) + "H")
}

// spans writes a line, and leaves the terminal without a style.
func spans(b *strings.Builder, l Line, colours bool) {
	var was Style
	for _, s := range l {
		style := s.Style
		if !colours {
			style &^= colour
		}
		if style != was {
			b.WriteString(style.code())
			was = style
		}
		b.WriteString(terminal.Line(s.Text)) // as it is, if whoever made it has done so
	}
	if was != Plain {
		b.WriteString("\x1b[0m")
	}
}

// code is what has a terminal write in a style, whatever it wrote in before.
func (s Style) code() string {
	out := "\x1b[0"
	for _, m := range []struct {
		style Style
		code  string
	}{{Bold, ";1"}, {Dim, ";2"}, {Underline, ";4"}, {Reverse, ";7"}} {
		if s&m.style != 0 {
			out += m.code
		}
	}
	if c := s & colour; c != 0 {
		out += ";3" + strconv.Itoa(int(c))
	}
	return out + "m"
}
