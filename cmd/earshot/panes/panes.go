// Package panes draws a screen: it lays a State out as a Frame, in three parts beside and below each other
// (the conversations, the messages, the composer) or in one where the terminal is narrow, and says what
// was drawn where.
//
// It is pure: the same state gives the same frame. All that is shown of others has been through packages
// label, attachment, phrase or terminal.
package panes

import (
	"fmt"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
)

const (
	// narrow is below how many columns there is one pane.
	narrow = 80
	// listWide bounds how wide the list is.
	listLeast, listMost = 20, 32
	// composerMost is how many rows the composer has at most.
	composerMost = 8
)

// place is a part of the screen.
type place struct{ row, column, rows, columns int }

// Draw lays a state out.
func Draw(s *screen.State) (*frame.Frame, screen.Layout) {
	f := frame.New(s.Columns, s.Rows)
	l := screen.Layout{Messages: make([]string, s.Rows), Listed: make([]string, s.Rows), Items: make(map[int]int)}
	if s.Columns < 4 || s.Rows < 4 {
		return f, l
	}
	main := place{0, 0, s.Rows, s.Columns}
	if s.Columns >= narrow {
		width := min(max(s.Columns/4, listLeast), listMost)
		list(f, s, place{0, 0, s.Rows, width}, &l)
		l.ListWidth = width + 2
		for row := 1; row < s.Rows; row++ {
			f.Put(row, width+1, 1, frame.Text(frame.Dim, "│"))
		}
		main = place{0, width + 3, s.Rows, s.Columns - width - 3}
	}
	head(f, s, main)
	bottom := composer(f, s, main, &l)
	body := place{main.row + 1, main.column, bottom - main.row - 1, main.columns}
	switch {
	case s.Panel != nil:
		panel(f, s.Panel, body, &l)
	case s.Open != nil:
		messages(f, s, body, &l)
	default:
		nothing(f, s, body)
	}
	return f, l
}

// list draws the conversations.
func list(f *frame.Frame, s *screen.State, p place, l *screen.Layout) {
	f.Put(p.row, p.column, p.columns+2, frame.Line{{Text: "earshot", Style: frame.Bold}, {Text: "  " + own(s), Style: frame.Dim}})
	rows := p.rows - 1
	if s.Requests > 0 {
		rows--
		f.Put(p.row+p.rows-1, p.column, p.columns, frame.Text(frame.Bold, words.Count(s.Requests, "request", "requests")+": /requests"))
	}
	from := 0
	for i, c := range s.List { // the one that is open is to be seen
		if s.Open != nil && c.Conversation == s.Open.Conv.Conversation && i >= rows {
			from = i - rows + 1
		}
	}
	for i := range rows {
		if from+i >= len(s.List) {
			break
		}
		c := s.List[from+i]
		l.Listed[p.row+1+i] = c.Conversation
		f.Put(p.row+1+i, p.column, p.columns, listRow(s, p.columns, from+i))
	}
}

// listRow is a conversation in the list.
func listRow(s *screen.State, columns, at int) frame.Line {
	c := s.List[at]
	marks := s.Marks(c)
	sign, style := "  ", frame.Plain
	if c.Person != nil {
		mark, _ := s.Standing(c.Person)
		sign = mark + " "
		style = frame.Dim
		if s.Person(c.Person).Online && !s.Person(c.Person).Away {
			style = frame.Green
		}
	}
	if len(s.Typing[c.Conversation]) > 0 {
		sign, style = "… ", frame.Bold
	}
	if c.Pinned && c.Group != nil {
		sign, style = "^ ", frame.Dim
	}
	name := frame.Plain
	if c.Unread > 0 && !s.Muted(c) {
		name = frame.Bold
	}
	room := columns - 2
	if w := marks.Width(); w > 0 {
		room -= w + 1
	}
	line := frame.Ends(frame.Line{{Text: sign, Style: style}, {Text: screen.Called(max(4, room), c), Style: name}}, marks, columns)
	if s.Open != nil && s.Open.Conv.Conversation == c.Conversation {
		return line.With(frame.Reverse)
	}
	return line
}

// own is who the owner is, and how many are here.
func own(s *screen.State) string {
	if s.Me == nil {
		return ""
	}
	text := label.Own(s.Me.Name, words.NoName)
	if s.Status != nil {
		text += " · " + words.Count(int(s.Status.Online), "here", "here")
	}
	return text
}

// head draws what the main pane is about.
func head(f *frame.Frame, s *screen.State, p place) {
	line := frame.Line(nil)
	switch {
	case s.Panel != nil:
		line = frame.Text(frame.Bold, s.Panel.Title)
		if s.Panel.Filter != nil && s.Panel.Filter.Empty() {
			line = append(line, frame.Span{Text: words.TypeToFind, Style: frame.Dim})
		}
	case s.Open != nil:
		line = about(s)
	case s.Columns < narrow:
		line = frame.Line{{Text: "earshot", Style: frame.Bold}, {Text: "  " + own(s), Style: frame.Dim}}
	}
	var right frame.Line
	if s.Columns < narrow && (s.Open != nil || s.Panel != nil) {
		if n := s.Unread(); n > 0 {
			right = frame.Text(frame.Bold, words.Count(n, "unread", "unread"))
		}
	}
	f.Put(p.row, p.column, p.columns, frame.Ends(line, right, p.columns))
}

// about says with whom the open conversation is.
func about(s *screen.State) frame.Line {
	c := s.Open.Conv
	if g := c.Group; g != nil {
		line := frame.Text(frame.Bold, label.Group(c.With))
		more := " · " + words.Count(int(g.Members), "member", "members") + ", " + words.Count(int(g.Online), "here", "here")
		if topic := label.About(g); topic != "" {
			more += " · " + topic
		}
		return append(line, frame.Span{Text: more, Style: frame.Dim})
	}
	if c.Person == nil {
		return frame.Text(frame.Bold, screen.Called(label.Whole, c))
	}
	who := s.Person(c.Person)
	sign, words := s.Standing(who)
	line := frame.Line{{Text: label.Who(who), Style: frame.Bold}, {Text: " · " + sign + " " + words, Style: frame.Dim}}
	if other := label.OtherName(label.Whole, who); len(other) > 0 && len(label.Now(label.Whole, who)) == 0 {
		line = append(line, frame.Span{Text: " · " + other[0], Style: frame.Dim})
	}
	return line
}

// nothing is what stands where no conversation is open.
func nothing(f *frame.Frame, s *screen.State, p place) {
	var rows []frame.Line
	say := func(style frame.Style, text string) {
		wrapped, _ := frame.Wrap(text, p.columns, p.rows)
		for _, r := range wrapped {
			rows = append(rows, frame.Text(style, r))
		}
	}
	switch {
	case !s.Listed && s.Away == "":
	case s.Status != nil && s.Status.Online == 0 && len(s.List) == 0:
		for _, t := range nobodyYet(s) {
			say(t.Style, t.Text)
		}
	default:
		say(frame.Bold, words.NoneOpen)
		if s.Status != nil && s.Status.Online > 0 {
			say(frame.Plain, words.PeopleHere(int(s.Status.Online)))
		}
		say(frame.Plain, " ")
		for _, hint := range hints {
			say(frame.Dim, hint)
		}
		if s.RecoveryDue() {
			say(frame.Plain, " ")
			say(frame.Plain, words.RecoveryDue)
		}
	}
	f.Put(p.row+1, p.column, p.columns, rows...)
}

// hints are what to begin with.
var hints = []string{
	"Ctrl+G   go to a conversation",
	"Ctrl+N   the next one with something unread",
	"/people  who is here",
	"/help    keys and commands",
}

// panel draws a list or a text in place of the messages.
func panel(f *frame.Frame, p *screen.Panel, at place, l *screen.Layout) {
	row := at.row
	end := at.row + at.rows
	if p.Filter != nil {
		rows, _, before := p.Filter.Rows(at.columns - 2)
		f.Put(row, at.column, at.columns, frame.Line{{Text: "> ", Style: frame.Bold}, {Text: strings.Join(rows, "")}})
		f.Cursor = frame.Cursor{Shown: true, Row: row, Column: at.column, Before: frame.Line{{Text: "> ", Style: frame.Bold}, {Text: before}}}
		row++
	}
	for _, text := range p.Text {
		wrapped, _ := frame.Wrap(text, at.columns, max(0, end-row))
		for _, r := range wrapped {
			f.Put(row, at.column, at.columns, frame.Text(frame.Plain, r))
			row++
		}
	}
	if len(p.Text) > 0 && len(p.Items) > 0 {
		row++
	}
	if len(p.Items) == 0 && p.Empty != "" && row < end {
		f.Put(row, at.column, at.columns, frame.Text(frame.Dim, p.Empty))
	}
	rows := max(1, end-row)
	from := firstItem(p, at.columns, rows)
	for i := from; i < len(p.Items) && row < end; i++ {
		it := p.Items[i]
		mark := "  "
		switch {
		case it.Chosen && i == p.At:
			mark = ">*"
		case it.Chosen:
			mark = " *"
		case i == p.At && !it.Head:
			mark = "> "
		}
		line := frame.Ends(append(frame.Text(frame.Plain, mark), it.Line...), it.Right, at.columns)
		if i == p.At && !it.Head {
			line = line.Fill(at.columns, frame.Plain).With(frame.Reverse)
		}
		l.Items[row] = i
		f.Put(row, at.column, at.columns, line)
		row++
		for _, r := range below(it, at.columns) {
			if row < end {
				l.Items[row] = i
				f.Put(row, at.column+belowIndent, at.columns-belowIndent, frame.Text(frame.Plain, r))
				row++
			}
		}
	}
}

const (
	belowIndent = 4
	belowRows   = 6
)

// below is what stands under an item.
func below(it screen.Item, columns int) []string {
	if it.Below == "" {
		return nil
	}
	rows, _ := frame.Wrap(it.Below, columns-belowIndent, belowRows)
	return rows
}

// firstItem is the first item that is drawn, so that the one that is chosen is, and about in the middle.
func firstItem(p *screen.Panel, columns, rows int) int {
	height := func(i int) int { return 1 + len(below(p.Items[i], columns)) }
	all := 0
	for i := range p.Items {
		all += height(i)
	}
	if all <= rows {
		return 0
	}
	from, sum := p.At, 0
	for from > 0 && sum+height(from-1) <= rows/2 {
		from--
		sum += height(from)
	}
	rest := 0
	for i := from; i < len(p.Items); i++ {
		rest += height(i)
	}
	for from > 0 && rest+height(from-1) <= rows {
		from--
		rest += height(from)
	}
	return from
}

// keysOf is the line of keys under a panel.
func keysOf(p *screen.Panel) frame.Line {
	var line frame.Line
	add := func(key, what string) {
		if len(line) > 0 {
			line = append(line, frame.Span{Text: "  "})
		}
		line = append(line, frame.Span{Text: keyName(key), Style: frame.Bold}, frame.Span{Text: " " + what, Style: frame.Dim})
	}
	for _, k := range p.Keys {
		if k.What != "" {
			add(k.Key, k.What)
		}
	}
	add("esc", "back")
	return line
}

func keyName(key string) string {
	if len(key) > 1 {
		return strings.ToUpper(key[:1]) + key[1:]
	}
	return key
}

// Title is what stands above the window.
func Title(s *screen.State) string {
	if n := s.Unread(); n > 0 {
		return fmt.Sprintf("earshot (%d)", n)
	}
	return "earshot"
}
