package panes

import (
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const prompt = "> "

// composer draws where the owner writes, at the lower edge, and the line above it; it returns the row of
// that line.
func composer(f *frame.Frame, s *screen.State, p place, l *screen.Layout) (top int) {
	end := p.row + p.rows
	l.Composer = p.columns - len(prompt)
	switch {
	case s.Prompt != nil:
		question := s.Prompt.Question
		wrapped, _ := frame.Wrap(question, p.columns, 3)
		rows, at, before := s.Prompt.Editor.Rows(p.columns - len(prompt))
		rows, at = window(rows, at, max(1, min(composerMost, p.rows/3)))
		top = end - len(wrapped) - len(rows)
		for i, r := range wrapped {
			f.Put(top+i, p.column, p.columns, frame.Text(frame.Bold, r))
		}
		write(f, place{top + len(wrapped), p.column, len(rows), p.columns}, rows, at, before)
		lines := wrapLine(note(s), p.columns, 3)
		top -= len(lines)
		f.Put(top, p.column, p.columns, lines...)
		return top
	case s.Panel != nil:
		top = end - 1
		f.Put(top, p.column, p.columns, keysOf(s.Panel))
		if notice := note(s); notice != nil {
			lines := wrapLine(notice, p.columns, 3)
			f.Put(top-len(lines), p.column, p.columns, lines...)
			top -= len(lines)
		}
		return top
	case s.Open != nil && s.Open.View.Selecting:
		top = end - 1
		f.Put(top, p.column, p.columns, selectingKeys(p.columns))
		if n := note(s); n != nil {
			f.Put(top-1, p.column, p.columns, n)
		}
		return top - 1
	}
	rows, at, before := s.Editor.Rows(p.columns - len(prompt))
	rows, at = window(rows, at, max(1, min(composerMost, p.rows/3)))
	closed := s.Closed()
	if closed != "" && s.Editor.Empty() {
		wrapped, _ := frame.Wrap(closed, p.columns-len(prompt), 3)
		top = end - len(wrapped)
		for i, r := range wrapped {
			lead := "  "
			if i == 0 {
				lead = "× "
			}
			f.Put(top+i, p.column, p.columns, frame.Text(frame.Dim, lead+r))
		}
		f.Cursor = frame.Cursor{Shown: true, Row: top, Column: p.column + len(prompt)}
	} else {
		top = end - len(rows)
		write(f, place{top, p.column, len(rows), p.columns}, rows, at, before)
	}
	lines := wrapLine(status(s), p.columns, 4)
	if len(lines) == 0 {
		return top - 1
	}
	top -= len(lines)
	f.Put(top, p.column, p.columns, lines...)
	return top
}

// window leaves the rows around the cursor.
func window(rows []string, at, most int) ([]string, int) {
	if len(rows) <= most {
		return rows, at
	}
	from := max(0, min(at-most+1, len(rows)-most))
	return rows[from : from+most], at - from
}

// write draws rows of text that is being written.
func write(f *frame.Frame, p place, rows []string, at int, before string) {
	for i, r := range rows {
		lead := "  "
		if i == 0 {
			lead = prompt
		}
		f.Put(p.row+i, p.column, p.columns, frame.Line{{Text: lead, Style: frame.Bold}, {Text: r}})
	}
	lead := "  "
	if at == 0 {
		lead = prompt
	}
	f.Cursor = frame.Cursor{Shown: true, Row: p.row + at, Column: p.column, Before: frame.Line{{Text: lead, Style: frame.Bold}, {Text: before}}}
}

// note is what was just done, or has failed; or that the node is gone.
func note(s *screen.State) frame.Line {
	switch {
	case s.Note.Bad:
		return frame.Line{{Text: "! ", Style: frame.Red | frame.Bold}, {Text: terminal.Line(s.Note.Text), Style: frame.Bold}}
	case s.Note.Text != "":
		return frame.Text(frame.Bold, terminal.Line(s.Note.Text))
	}
	return gone(s)
}

func gone(s *screen.State) frame.Line {
	if s.Away == "" {
		return nil
	}
	return frame.Line{{Text: "! ", Style: frame.Red | frame.Bold}, {Text: words.NodeGone(terminal.Line(s.Away)), Style: frame.Bold}}
}

// status is the line above the composer: of all that there is to say what matters most.
func status(s *screen.State) frame.Line {
	if n := note(s); n != nil {
		return n
	}
	if len(s.Offer) > 1 {
		return offers(s)
	}
	if s.Open == nil {
		return nil
	}
	v := s.Open.View
	if closed := s.Closed(); closed != "" && !s.Editor.Empty() {
		return frame.Text(frame.Bold, "× "+closed) // where nothing is written it stands in the composer
	}
	below := frame.Line(nil)
	switch {
	case v.Below > 0:
		below = frame.Text(frame.Bold, "  ↓ "+words.NewBelow(v.Below))
	case !s.AtEnd():
		below = frame.Text(frame.Dim, "  ↓ "+words.MoreBelow)
	}
	switch {
	case v.Missing != "":
		return frame.Text(frame.Bold, "! "+words.NotHereMessage)
	case v.Composer.Edits != "":
		return append(frame.Line{{Text: words.Changing, Style: frame.Bold}, {Text: words.GiveUp, Style: frame.Dim}}, below...)
	case v.Composer.ReplyTo != "":
		return append(frame.Line{{Text: words.Answering(answered(s, v.Composer.ReplyTo)), Style: frame.Bold}, {Text: words.EscNot, Style: frame.Dim}}, below...)
	case v.Composer.Sending:
		return append(frame.Text(frame.Dim, words.Sending), below...)
	}
	if text := newcomer(s); text != "" && s.Editor.Empty() {
		return append(frame.Text(frame.Bold, text), below...)
	}
	if who := typing(s); who != "" {
		return append(frame.Text(frame.Dim, who), below...)
	}
	return below
}

// newcomer is what to know of somebody who is no contact.
func newcomer(s *screen.State) string {
	p := s.Open.Conv.Person
	if p == nil {
		return ""
	}
	if p = s.Person(p); p.Contact || p.Blocked {
		return ""
	}
	if other := s.Open.Alike; other != nil {
		return words.SameName(label.Who(other))
	}
	return words.Newcomer
}

// answered is the message that is being answered, in short.
func answered(s *screen.State, id string) string {
	for _, r := range s.Open.View.Rows {
		if m := r.Message; m.Id == id {
			q := &earshotv1.Quote{From: m.From, Own: m.Own, Kind: m.Kind, Text: first(m.Text), Files: uint32(len(m.Attachments))}
			if q.Files > 0 {
				q.File = m.Attachments[0]
			}
			return strings.TrimPrefix(quoted(q), "┆ ")
		}
	}
	return words.AMessage
}

// first is the beginning of a text.
func first(text string) string {
	rows, _ := frame.Wrap(text, 40, 1)
	if len(rows) == 0 {
		return ""
	}
	if len(text) > len(rows[0]) {
		return rows[0] + " …"
	}
	return rows[0]
}

// typing says who writes in the open conversation.
func typing(s *screen.State) string {
	all := s.Typing[s.Open.Conv.Conversation]
	if len(all) == 0 {
		return ""
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = label.Brief(authorMost, p)
	}
	return words.Typing(label.Some(3, names, 0), len(all))
}

// offers is what Tab can put in.
func offers(s *screen.State) (line frame.Line) {
	for i := range s.Offer {
		c := s.Offer[(s.Offers+i)%len(s.Offer)]
		style := frame.Dim
		if i == 0 {
			style = frame.Reverse
		}
		text := strings.TrimSpace(c.Text)
		if strings.HasPrefix(c.About, ":") {
			text += " " + c.About
		} else if i == 0 && c.About != "" {
			text += "  " + c.About
		}
		line = append(line, frame.Span{Text: terminal.Line(text), Style: style}, frame.Span{Text: "  "})
	}
	return line
}

// selectingKeys is the line of keys while messages are selected.
func selectingKeys(columns int) (line frame.Line) {
	for _, k := range [][2]string{{"r", "reply"}, {"+", "react"}, {"e", "edit"}, {"x", "take back"}, {"f", "forward"}, {"c", "copy"}, {"i", "who has it"}, {"u", "unread"}, {"q", "quoted"}, {"?", "help"}, {"Esc", "back"}} {
		if len(line) > 0 {
			line = append(line, frame.Span{Text: "  "})
		}
		line = append(line, frame.Span{Text: k[0], Style: frame.Bold}, frame.Span{Text: " " + k[1], Style: frame.Dim})
	}
	return line.Cut(columns)
}

// wrapLine divides a line that is too long, in the style of its last part.
func wrapLine(l frame.Line, columns, most int) []frame.Line {
	if len(l) == 0 {
		return nil
	}
	if l.Width() <= columns || len(l) > 2 {
		return []frame.Line{l.Cut(columns)}
	}
	rows, _ := frame.Wrap(l.String(), columns, most)
	all := make([]frame.Line, len(rows))
	for i, r := range rows {
		all[i] = frame.Text(l[len(l)-1].Style, r)
	}
	return all
}

// nobodyYet says that nobody is here, what is being tried, and what to do.
func nobodyYet(s *screen.State) frame.Line {
	line := frame.Line{
		{Text: words.Alone, Style: frame.Bold},
		{Text: words.LooksForOthers + "\n \n"},
	}
	for _, t := range advice.Finding(s.Status.Finding, true) {
		line = append(line, frame.Span{Text: "· " + t})
	}
	return append(line, frame.Span{Text: " \n" + words.SeeDoctor, Style: frame.Dim})
}
