package panes

import (
	"cmp"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// wideRows is from how many columns on author and text stand beside each other.
	wideRows = 54
	// outdent is how far what the screen says of a message stands to the left of any text: so no text
	// can be taken for it.
	outdent = 2
	// textRows is how many rows of a text are shown at most: 64 KiB may be thousands.
	textRows = 400
)

// lay lays one row out.
func (c *column) lay(i int) *block {
	r := c.view.Rows[i]
	b := &block{}
	if r.Date != "" {
		b.above = append(b.above, c.rule(r.Date, frame.Dim))
	}
	if r.New > 0 {
		b.above = append(b.above, c.rule("new ("+words.Count(r.New, "message", "messages")+")", frame.Red|frame.Bold))
	}
	m := r.Message
	if m.Gap {
		b.own = append(b.own, c.quiet(m, words.Gap)...)
	}
	if m.Forked {
		b.own = append(b.own, c.quiet(m, words.Forked)...)
	}
	switch m.Kind {
	case "notice":
		b.own = append(b.own, c.quiet(m, phrase.Notice(m.Notice))...)
	case "recalled":
		b.own = append(b.own, c.quiet(m, words.Recalled(c.name(m)))...)
	case "unknown":
		b.own = append(b.own, c.quiet(m, words.Unknown(c.name(m), label.Claim(m.Text)))...)
	default:
		b.own = append(b.own, c.message(m)...)
	}
	if c.view.Selecting && m.Id == c.view.Selected {
		for j, line := range b.own {
			b.own[j] = line.Fill(c.width, frame.Plain).With(frame.Reverse)
		}
		b.chosen = true
	}
	return b
}

// rule is a text in the middle of a line.
func (c *column) rule(text string, style frame.Style) frame.Line {
	text = " " + text + " "
	missing := max(0, c.width-terminal.Width(text))
	left := missing / 2
	return frame.Text(style, repeat("─", left)+text+repeat("─", missing-left))
}

func repeat(text string, n int) (out string) {
	for range n {
		out += text
	}
	return out
}

func (c *column) clock(m *earshotv1.Message) string {
	if m.Time == nil {
		return "     "
	}
	return time.UnixMilli(m.Time.AsTime().UnixMilli()).In(c.s.Zone).Format("15:04")
}

// name is who has written a message.
func (c *column) name(m *earshotv1.Message) string {
	if m.Own {
		return words.You
	}
	return label.Brief(authorMost, m.From)
}

// quiet is something of which one quiet line is made, or as many as it takes.
func (c *column) quiet(m *earshotv1.Message, text string) (all []frame.Line) {
	rows, _ := frame.Wrap("* "+text, c.width-6, textRows)
	for i, r := range rows {
		at := "      "
		if i == 0 {
			at = c.clock(m) + " "
		}
		all = append(all, frame.Text(frame.Dim, at+r))
	}
	return all
}

// part is a line of a message: of its text, or about it.
type part struct {
	line  frame.Line
	about bool
}

// message is what somebody has said.
func (c *column) message(m *earshotv1.Message) (all []frame.Line) {
	who, style := "you", frame.Dim|frame.Bold
	if !m.Own {
		who, style = "", frame.Bold
	}
	wide := c.width >= wideRows
	indent := outdent
	if wide {
		indent = len("12:00 ") + c.author + 1 + outdent
	}
	parts := c.parts(m, c.width-indent)
	if who == "" && wide {
		who = label.Brief(c.author, m.From)
	} else if who == "" {
		who = label.Brief(max(4, c.width-len("12:00 ")), m.From)
	}
	lead := frame.Line{{Text: c.clock(m) + " ", Style: frame.Dim}, {Text: who, Style: style}}
	if !wide {
		all, lead = append(all, lead), nil
	}
	for i, p := range parts {
		at := indent
		if p.about {
			at -= outdent
		}
		begin := frame.Line(nil)
		if i == 0 {
			begin = lead
		}
		begin = begin.Fill(at, frame.Plain)
		all = append(all, append(begin[:len(begin):len(begin)], p.line...))
	}
	return all
}

// parts is a message: what it answers, its words, and what is to be said of it.
func (c *column) parts(m *earshotv1.Message, width int) (all []part) {
	about := func(text string) { all = append(all, part{frame.Text(frame.Dim, text).Cut(width + outdent), true}) }
	if m.ReplyTo != "" {
		about(quoted(m.Quote))
	}
	style := frame.Plain
	if m.Mentioned {
		style = frame.Bold | frame.Magenta
	}
	rows, cut := frame.Wrap(m.Text, width, textRows)
	if m.Text == "" && len(m.Attachments) > 0 {
		rows = nil
	}
	for _, r := range rows {
		all = append(all, part{frame.Text(style, r), false})
	}
	if cut {
		about(words.CopyShowsAll)
	}
	for _, a := range m.Attachments {
		about(attachment.MarkOnScreen(m, c.s.File(m, a), c.s.Giving(m, a)))
	}
	var more []string
	if m.Mentioned {
		more = append(more, words.MentionsYou)
	}
	if len(m.Reactions) > 0 {
		more = append(more, "+ "+phrase.Signs(m.Reactions))
	}
	if m.Edited {
		more = append(more, words.Edited)
	}
	text := strings.Join(more, "  ")
	if m.Own {
		if text != "" {
			text += "  "
		}
		text += c.state(m)
		// Nobody else has written the words before it.
		if last := len(all) - 1; last >= 0 && !all[last].about && all[last].line.Width()+2+terminal.Width(text) <= width {
			all[last].line = append(all[last].line, frame.Span{Text: "  "}, frame.Span{Text: text, Style: frame.Dim})
			return all
		}
	}
	if text != "" {
		rows, _ := frame.Wrap(text, width+outdent, textRows)
		for _, r := range rows {
			about(r)
		}
	}
	return all
}

// quoted is what a message answers, in short.
func quoted(q *earshotv1.Quote) string {
	switch {
	case q == nil:
		return "┆ " + words.QuoteGone
	case q.Kind == "recalled":
		return "┆ " + author(q) + ": " + words.TakenBack
	}
	rows, _ := frame.Wrap(q.Text, label.Whole, 1)
	text := ""
	if len(rows) > 0 {
		text = rows[0]
	}
	return "┆ " + author(q) + ": " + cmp.Or(text, attachment.Quoted(q))
}

func author(q *earshotv1.Quote) string {
	if q.Own {
		return "you"
	}
	return label.Brief(authorMost, q.From)
}

// state is how far an own message has come: a sign, and a word beside it.
func (c *column) state(m *earshotv1.Message) string {
	text := phrase.State(m.State, m.Reason)
	sign := map[string]string{"queued": "◷", "carried": "→", "delivered": "✓", "read": "✓✓", "cancelled": "×", "undelivered": "×"}[m.State]
	if w := m.Waiting; w.GetFirst() != nil && (m.State == "queued" || m.State == "carried") {
		if text == "queued" {
			text = "waiting"
		}
		text += ": " + phrase.Waits(w.First, c.s.When)
		if w.Others > 0 {
			text += words.AndMore(int(w.Others))
		}
	}
	if sign == "" {
		return text
	}
	return sign + " " + text
}
