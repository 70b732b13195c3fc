package show

import (
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Message writes a row of recv or history, with the beginning of the message's ID, which commands take. What the program says about the message stands before
// the colon, where the text of the message can't imitate it. Reactions and the names of files are words of
// others too, so they have lines of their own, which are indented less than any line of a text.
func (p Printer) Message(w io.Writer, m *earshotv1.Message) error { return p.messageRow(w, m) }

// Middle writes the row of the message around which others are printed.
func (p Printer) Middle(w io.Writer, m *earshotv1.Message) error {
	return p.messageRow(w, m, "this one")
}

func (p Printer) messageRow(w io.Writer, m *earshotv1.Message, notes ...string) error {
	if p.JSON {
		return object.Write(w, object.OfMessage(m))
	}
	author := label.Who(m.GetFrom())
	if m.Own {
		author = "me"
	}
	text := terminal.Text(m.Text)
	if m.Mentioned {
		text = p.Style.Call(text)
	}
	_, err := io.WriteString(w, p.rowOf(m, author, text, notes...)+"\n")
	return err
}

// rowOf puts together the row of a message, and the line of its reactions.
func (p Printer) rowOf(m *earshotv1.Message, author, text string, notes ...string) string {
	if m.To.GetKind() == "group" {
		author = label.Group(m.To) + "  " + author
	}
	when, id := clock(m.Time), m.Id
	if id != "" && !p.Long { // or the whole of it is there
		id = p.IDs.Short(id)
		when += "  " + id
	}
	return p.assemble(m, id, when, author, text, m.ReplyTo[:min(shortDigits, len(m.ReplyTo))], notes)
}

// assemble puts together the row of a message whose author and time are given, and how it and the message
// that it answers are called.
func (p Printer) assemble(m *earshotv1.Message, id, when, author, text, reply string, notes []string) string {
	if m.Own {
		notes = append(notes, phrase.State(m.State, m.Reason))
	}
	if reply != "" {
		if files := attachment.Quoted(m.Quote); files != "" {
			reply += " " + files
		}
		notes = append(notes, "reply to "+reply)
	}
	if m.Mentioned {
		notes = append(notes, "mentions you")
	}
	if m.Edited {
		notes = append(notes, "edited")
	}
	if m.Kind == "recalled" {
		notes = append(notes, "taken back")
	}
	if m.Gap {
		notes = append(notes, "something before it is missing")
	}
	if m.Forked {
		notes = append(notes, "contradicted by its author")
	}
	prefix := p.Style.Dim(when) + "  " + p.Style.Bold(author)
	if len(notes) > 0 {
		prefix += p.Style.Dim(" [" + strings.Join(notes, ", ") + "]")
	}
	if text != "" {
		text = " " + text
	}
	for _, line := range attachment.Lines(m, id) {
		text += "\n" + p.Style.Dim(line)
	}
	if len(m.Reactions) > 0 {
		text += "\n" + p.Style.Dim("  + "+phrase.Reactions(m.Reactions))
	}
	return strings.TrimSuffix(prefix+":"+text, " ")
}
