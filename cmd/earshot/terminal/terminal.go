// Package terminal makes text of others safe to print. Names and messages come from anyone on the
// network; printed as they are, they could move the cursor, recolour, hide or reverse what stands
// around them, or pretend to be another row. So what would act is shown instead: \x1b, \u202e, \n.
//
// Line is for what stands inside a row: names, details. Text is for messages, whose lines are kept,
// indented, so that none of them can look like a row of its own. Both leave what spelling and emoji
// need (names.Placed). Marked is Text with parts that stand out, and Excerpt cuts out what is around
// them. JSON is for lines that are data, which stay valid and equal.
//
// Two texts that differ may look the same: this is for reading. Programs use --json.
package terminal

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/earshot-im/earshot/crypto/names"
)

const (
	indent = "    " // of the second and later lines of a message
	tab    = "    " // how far a tab goes depends on what stands before it
)

// acts reports whether a character does anything but show: controls, the format characters
// (bidirectional overrides and isolates, zero width, tags), line and paragraph separators, private
// use, what is invisible by definition, and U+2800, a blank that counts as a letter.
func acts(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	case r == '\u2800':
		return true
	}
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// Line returns s with everything that acts shown, for one row.
func Line(s string) string { return show(s, 0, len(s), false) }

// Text returns s for several rows: line ends begin an indented line, tabs are spaces.
func Text(s string) string { return show(s, 0, len(s), true) }

// Range is a part of a text, in bytes.
type Range struct{ Start, End int }

// Marked is Text with some parts marked. They are ascending and don't overlap.
func Marked(s string, parts []Range, mark func(string) string) string {
	var b strings.Builder
	at := 0
	for _, p := range parts {
		b.WriteString(show(s, at, p.Start, true))
		b.WriteString(mark(show(s, p.Start, p.End, true)))
		at = p.End
	}
	return b.String() + show(s, at, len(s), true)
}

// show returns a part of s with each character that acts replaced by its escape, and line ends and tabs
// by what Text says, if it is for several rows.
func show(s string, from, to int, several bool) string {
	if part := s[from:to]; strings.IndexFunc(part, acts) < 0 && utf8.ValidString(part) {
		return part
	}
	var b strings.Builder
	for i := from; i < to; {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !acts(r) || names.Placed(s[:i], r, s[i+size:]):
			b.WriteRune(r)
		case several && r == '\n':
			b.WriteString("\n" + indent)
		case several && r == '\t':
			b.WriteString(tab)
		case several && strings.HasPrefix(s[i:], "\r\n"):
		default:
			b.WriteString(escape(r))
		}
		i += size
	}
	return b.String()
}

func escape(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	switch {
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Word returns what to type in a shell for s, which has been through Line, as one argument.
func Word(s string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./", r)
	}
	if s != "" && strings.IndexFunc(s, special) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// JSON returns a JSON value with what acts written as \uXXXX, which means the same.
func JSON(b []byte) []byte {
	if bytes.IndexFunc(b, acts) < 0 {
		return b
	}
	out := b[:0:0]
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		switch {
		case !acts(r):
			out = append(out, b[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}

// Is reports whether f is a terminal. /dev/null is none.
func Is(f *os.File) (is bool) {
	raw, err := f.SyscallConn() // Fd would change how reads from f wait
	if err == nil {
		err = raw.Control(func(fd uintptr) { is = term.IsTerminal(int(fd)) })
	}
	return err == nil && is
}

// Redraws reports whether f is a terminal on which rows can be written again.
func Redraws(f *os.File) bool { return Is(f) && os.Getenv("TERM") != "dumb" }

// Columns returns how wide f is, if it is a terminal that says so, else 0.
func Columns(f *os.File) (columns int) {
	if r, err := f.SyscallConn(); err == nil {
		_ = r.Control(func(fd uintptr) { columns, _, _ = term.GetSize(int(fd)) }) // 0 where it fails
	}
	return columns
}

// Style marks parts of a row. The zero Style marks nothing.
type Style struct {
	On bool // whether it marks at all
}

// StyleFor returns what suits f: colour on a terminal only, and not if NO_COLOR is set
// (https://no-color.org).
func StyleFor(f *os.File) Style {
	return Style{Is(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && runtime.GOOS != "windows"}
}

// Bold is for who says something and for what was looked for, Dim for what matters least, Call for mentions of the reader.
func (s Style) Bold(text string) string { return s.mark("1", text) }
func (s Style) Dim(text string) string  { return s.mark("2", text) }
func (s Style) Call(text string) string { return s.mark("1;33", text) }

func (s Style) mark(code, text string) string {
	if !s.On || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
