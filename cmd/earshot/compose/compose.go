// Package compose is the line, or lines, in which the owner writes: an Editor with the keys that shells
// have, what has been sent before, and what Tab completes.
//
// A text is measured and divided as package frame does it, and moved over by characters as people count
// them. Nothing here draws, reads keys or asks anybody. An Editor is for one goroutine.
package compose

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// MaxText is how many bytes a message may have.
const MaxText = 64 << 10

// Editor is a text that is being written, and where the cursor stands.
type Editor struct {
	text   string
	at     int    // in bytes, between two characters
	killed string // by the last commands that kill, for Yank
	chain  bool   // the last command has killed
}

// Text returns what was written.
func (e *Editor) Text() string { return e.text }

// Empty reports whether nothing was written.
func (e *Editor) Empty() bool { return e.text == "" }

// At returns the place of the cursor in the text, in bytes.
func (e *Editor) At() int { return e.at }

// Set replaces the text, and puts the cursor behind it.
func (e *Editor) Set(text string) {
	e.text = clean(text)
	e.at, e.chain = len(e.text), false
}

// Insert puts a text where the cursor stands, as much of it as a message may have.
func (e *Editor) Insert(text string) { e.Replace(e.at, text) }

// Paste inserts a text as a whole, and reports whether there was room: nobody sees at which word a long
// one was cut.
func (e *Editor) Paste(text string) bool {
	text = clean(text)
	fits := len(e.text)+len(text) <= MaxText
	if fits {
		e.Insert(text)
	}
	return fits
}

// Replace puts a text in place of what stands between a place and the cursor.
func (e *Editor) Replace(from int, text string) {
	text = clean(text)
	if room := MaxText - len(e.text) + (e.at - from); len(text) > room {
		text = strings.ToValidUTF8(text[:max(0, room)], "")
	}
	e.text = e.text[:from] + text + e.text[e.at:]
	e.move(from + len(text))
}

// clean takes away what can't be seen and does something: what is pasted may hold anything.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// before and after return where the character before a place begins, and where the one after it ends.
func (e *Editor) before(at int) int {
	line := strings.LastIndexByte(e.text[:max(0, at-1)], '\n') + 1 // characters don't go over lines
	if at == line {
		return max(0, at-1)
	}
	all := frame.Clusters(e.text[line:at])
	return at - len(all[len(all)-1])
}

func (e *Editor) after(at int) int {
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(e.text[at:], -1)
	return at + len(cluster)
}

// Left and Right move over one character.
func (e *Editor) Left()  { e.move(e.before(e.at)) }
func (e *Editor) Right() { e.move(e.after(e.at)) }

// WordLeft and WordRight move over one word.
func (e *Editor) WordLeft()  { e.move(e.wordBefore()) }
func (e *Editor) WordRight() { e.move(e.wordAfter()) }

// Home and End move to the ends of the line.
func (e *Editor) Home() { e.move(e.lineFrom()) }
func (e *Editor) End()  { e.move(e.lineTo()) }

func (e *Editor) move(to int) { e.at, e.chain = e.whole(to), false }

// whole is a place, or the end of the character in which it is: characters may have been joined.
func (e *Editor) whole(at int) int {
	place := strings.LastIndexByte(e.text[:at], '\n') + 1
	for place < at {
		place = e.after(place)
	}
	return place
}

func (e *Editor) lineFrom() int { return strings.LastIndexByte(e.text[:e.at], '\n') + 1 }

func (e *Editor) lineTo() int {
	if i := strings.IndexByte(e.text[e.at:], '\n'); i >= 0 {
		return e.at + i
	}
	return len(e.text)
}

func (e *Editor) wordBefore() int {
	s := strings.TrimRightFunc(e.text[:e.at], func(r rune) bool { return !inWord(r) })
	return len(strings.TrimRightFunc(s, inWord))
}

func (e *Editor) wordAfter() int {
	s := strings.TrimLeftFunc(e.text[e.at:], func(r rune) bool { return !inWord(r) })
	return len(e.text) - len(strings.TrimLeftFunc(s, inWord))
}

func inWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.So) || r == '_'
}

// Backspace and Delete take away the character before the cursor and the one behind it.
func (e *Editor) Backspace() { e.cut(e.before(e.at), e.at) }
func (e *Editor) Delete()    { e.cut(e.at, e.after(e.at)) }

func (e *Editor) cut(from, to int) {
	e.text = e.text[:from] + e.text[to:]
	e.move(from)
}

// KillHome, KillEnd, KillWord and KillNextWord take away up to the beginning of the line, its end, and of
// the word before the cursor and behind it. At the end of a line KillEnd joins it with the next.
func (e *Editor) KillHome() { e.kill(e.lineFrom(), e.at) }
func (e *Editor) KillEnd() {
	to := e.lineTo()
	if to == e.at {
		to = e.after(e.at)
	}
	e.kill(e.at, to)
}
func (e *Editor) KillWord()     { e.kill(e.blankBefore(), e.at) }
func (e *Editor) KillNextWord() { e.kill(e.at, e.wordAfter()) }

// blankBefore is where the word before the cursor begins, as Ctrl+W of shells counts words.
func (e *Editor) blankBefore() int {
	s := strings.TrimRightFunc(e.text[:e.at], unicode.IsSpace)
	return len(strings.TrimRightFunc(s, func(r rune) bool { return !unicode.IsSpace(r) }))
}

func (e *Editor) kill(from, to int) {
	switch {
	case !e.chain:
		e.killed = e.text[from:to]
	case to == e.at:
		e.killed = e.text[from:to] + e.killed
	default:
		e.killed += e.text[from:to]
	}
	e.cut(from, to)
	e.chain = true
}

// Yank puts in what was killed last.
func (e *Editor) Yank() { e.Insert(e.killed) }

// Transpose swaps the characters around the cursor.
func (e *Editor) Transpose() {
	at := e.at
	if at == e.lineTo() {
		at = e.before(at)
	}
	from, to := e.before(at), e.after(at)
	if from < e.lineFrom() || at == from || at == to {
		return
	}
	e.text = e.text[:from] + e.text[at:to] + e.text[from:at] + e.text[to:]
	e.move(to)
}

// row is a row of the text as it is divided: from and to in bytes.
type row struct{ from, to int }

// rows divides the text into rows of at most so many columns, one of them for the cursor.
func (e *Editor) rows(columns int) (all []row) {
	from := 0
	for line := range strings.SplitSeq(e.text, "\n") {
		start, at, width, blank := from, from, 0, -1
		for _, c := range frame.Clusters(line) {
			w := frame.Columns(shown(c))
			for width+w > columns && at > start {
				if blank < 0 {
					blank = at
				}
				all = append(all, row{start, blank})
				start, width, blank = blank, columnsOf(e.text[blank:at]), -1
			}
			at, width = at+len(c), width+w
			if c == " " {
				blank = at
			}
		}
		all = append(all, row{start, at})
		from = at + 1
	}
	return all
}

func shown(text string) string { return terminal.Line(strings.ReplaceAll(text, "\t", "    ")) }

func columnsOf(text string) (n int) {
	for _, c := range frame.Clusters(text) {
		n += frame.Columns(shown(c))
	}
	return n
}

// Rows is the text in rows of at most so many columns: the row in which the cursor stands, and what
// stands before it there.
func (e *Editor) Rows(columns int) (rows []string, at int, before string) {
	columns = max(2, columns-1) // the cursor may stand behind the last character
	for i, r := range e.rows(columns) {
		rows = append(rows, shown(e.text[r.from:r.to]))
		if e.at >= r.from && e.at <= r.to { // between two rows it stands in the second
			at, before = i, shown(e.text[r.from:e.at])
		}
	}
	return rows, at, before
}

// Up and Down move to the row above or below, and report whether there is one.
func (e *Editor) Up(columns int) bool   { return e.vertical(columns, -1) }
func (e *Editor) Down(columns int) bool { return e.vertical(columns, 1) }

func (e *Editor) vertical(columns, by int) bool {
	_, at, before := e.Rows(columns)
	rows := e.rows(max(2, columns-1))
	if at+by < 0 || at+by >= len(rows) {
		return false
	}
	to, column := rows[at+by], terminal.Width(before)
	place, width := to.from, 0
	for _, c := range frame.Clusters(e.text[to.from:to.to]) {
		if width += frame.Columns(shown(c)); width > column {
			break
		}
		place += len(c)
	}
	if place == to.to && place > to.from && place < len(e.text) && e.text[place] != '\n' {
		place = e.before(place) // its end is the beginning of the next
	}
	e.move(place)
	return true
}
