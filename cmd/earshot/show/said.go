package show

import (
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Said is the row of a message in a conversation that is printed line after line: its number there, the
// time and who has written it. reply is the number of the message that it answers, or "".
func Said(s terminal.Style, n int, m *earshotv1.Message, reply string) string {
	text := terminal.Text(m.Text)
	if m.Mentioned {
		text = s.Call(text)
	}
	if reply == "" {
		reply = m.ReplyTo[:min(shortDigits, len(m.ReplyTo))]
	}
	return Printer{Style: s}.assemble(m, m.Id[:min(shortDigits, len(m.Id))], fmt.Sprintf("%d  %s", n, when(m.Time.AsTime())), brief(m), text, reply, nil)
}

func brief(m *earshotv1.Message) string {
	if m.Own {
		return "me"
	}
	return label.Brief(label.Whole, m.GetFrom())
}

// NowSaid says what has become of a message in such a conversation.
func NowSaid(s terminal.Style, n int, m *earshotv1.Message, edited, reacted bool) []string {
	var rows []string
	row := func(text string) { rows = append(rows, s.Dim(fmt.Sprintf("  * %d ", n))+text) }
	switch {
	case !edited:
	case m.Kind == "recalled":
		row(brief(m) + " took it back")
	default:
		row(brief(m) + " edited it: " + terminal.Text(m.Text))
	}
	switch {
	case !reacted:
	case len(m.Reactions) == 0:
		row("nobody has reacted any more")
	default:
		row("+ " + phrase.Reactions(m.Reactions))
	}
	return rows
}

// Stands says how far an own message has come in such a conversation: its state and, while it is on its
// way, for whom it waits and why.
func Stands(s terminal.Style, n int, state, reason string, waits []*earshotv1.Pending) string {
	text := phrase.State(state, reason)
	if len(waits) > 0 {
		text += ": " + label.Brief(label.Whole, waits[0].Person) + " " + phrase.Waiting(waits[0], phrase.WithoutAddress(waits[0].Error), when)
		if more := len(waits) - 1; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
	}
	return s.Dim(fmt.Sprintf("  * %d %s", n, text))
}

// Chat says with whom such a conversation is.
func Chat(c *earshotv1.Conversation) string {
	switch {
	case c.Group != nil:
		return phrase.Group(c.Group)
	case c.Person != nil:
		return label.Title(c.Person)
	}
	return label.Group(c.With)
}

// Unsent gives a text back that could not be sent.
func Unsent(text string) string { return "not sent: " + terminal.Text(text) }
