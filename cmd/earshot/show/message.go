package show

import (
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

type author struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Petname  string `json:"petname,omitempty"`
	Device   string `json:"device"`
	Contact  bool   `json:"contact"`
	Verified bool   `json:"verified"`
}

type message struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	To           target `json:"to"`
	From         author `json:"from"`
	Kind         string `json:"kind"`
	Text         string `json:"text"`
	Time         string `json:"time"`
	Received     string `json:"received,omitempty"`
	ReplyTo      string `json:"reply_to,omitempty"`
	State        string `json:"state,omitempty"`
	Gap          bool   `json:"gap,omitempty"`
	Forked       bool   `json:"forked,omitempty"`
}

func toMessage(m *controlv1.Message) message {
	from := m.GetFrom()
	return message{
		ID:           m.Id,
		Conversation: m.Conversation,
		To:           toTarget(m.To),
		From:         author{from.GetPerson(), from.GetName(), from.GetPetname(), from.GetDevice(), from.GetContact(), from.GetVerified()},
		Kind:         m.Kind,
		Text:         m.Text,
		Time:         rfc3339(m.Time),
		Received:     rfc3339(m.Received),
		ReplyTo:      m.ReplyTo,
		State:        m.State,
		Gap:          m.Gap,
		Forked:       m.Forked,
	}
}

// Message writes a row of recv or history. What is said about it stands before the
// colon, where its text can't reach.
func (p Printer) Message(w io.Writer, m *controlv1.Message) error {
	from := m.GetFrom()
	author := Who(from.GetName(), from.GetPetname(), from.GetPerson(), from.GetContact(), from.GetVerified())
	var notes []string
	if m.Own {
		author = "me"
		notes = append(notes, m.State)
	}
	if m.To.GetKind() == "group" {
		author = "#" + terminal.Line(m.To.GetName()) + " " + author
	}
	if m.ReplyTo != "" {
		notes = append(notes, "reply to "+m.ReplyTo[:min(8, len(m.ReplyTo))])
	}
	if m.Gap {
		notes = append(notes, "something before it is missing")
	}
	if m.Forked {
		notes = append(notes, "contradicted by its author")
	}
	head := p.Style.Dim(clock(m.Time)) + "  " + p.Style.Bold(author)
	if len(notes) > 0 {
		head += p.Style.Dim(" [" + strings.Join(notes, ", ") + "]")
	}
	text := terminal.Text(m.Text)
	if m.Kind == "recalled" {
		text = p.Style.Dim("(taken back)")
	}
	return p.Row(w, toMessage(m), "%s: %s", head, text)
}
