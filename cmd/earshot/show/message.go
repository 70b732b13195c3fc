package show

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

type author struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Petname  string `json:"petname,omitempty"`
	KnownAs  string `json:"known_as,omitempty"`
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
	Reason       string `json:"reason,omitempty"`
	Gap          bool   `json:"gap,omitempty"`
	Forked       bool   `json:"forked,omitempty"`

	Edited    bool       `json:"edited,omitempty"`
	Mentions  []string   `json:"mentions,omitempty"`
	Mentioned bool       `json:"mentioned,omitempty"`
	Reactions []reaction `json:"reactions,omitempty"`
}

type reaction struct {
	Person string `json:"person"`
	Name   string `json:"name,omitempty"`
	Emoji  string `json:"emoji"`
}

const (
	// maxEmojis and maxNames bound the line of reactions, which may be hundreds.
	maxEmojis = 8
	maxNames  = 3
)

func toMessage(m *earshotv1.Message) message {
	from := m.GetFrom()
	var reactions []reaction
	for _, r := range m.Reactions {
		reactions = append(reactions, reaction{r.Person, r.Name, r.Emoji})
	}
	return message{
		ID:           m.Id,
		Conversation: m.Conversation,
		To:           toTarget(m.To),
		From:         author{from.GetPerson(), from.GetName(), from.GetPetname(), from.GetKnownAs(), from.GetDevice(), from.GetContact(), from.GetVerified()},
		Kind:         m.Kind,
		Text:         m.Text,
		Time:         rfc3339(m.Time),
		Received:     rfc3339(m.Received),
		ReplyTo:      m.ReplyTo,
		State:        m.State,
		Reason:       m.Reason,
		Gap:          m.Gap,
		Forked:       m.Forked,
		Edited:       m.Edited,
		Mentions:     m.Mentions,
		Mentioned:    m.Mentioned,
		Reactions:    reactions,
	}
}

// Message writes a row of recv or history. What the program says about the message stands before
// the colon, where the text of the message can't imitate it. Reactions are words of others too, so
// they have a line of their own, which is indented less than any line of a text.
func (p Printer) Message(w io.Writer, m *earshotv1.Message) error {
	from := m.GetFrom()
	author := label.Who(from)
	var notes []string
	if m.Own {
		author = "me"
		notes = append(notes, State(m.State, m.Reason))
	}
	if m.To.GetKind() == "group" {
		author = label.Group(m.To.GetName()) + "  " + author
	}
	if m.ReplyTo != "" {
		notes = append(notes, "reply to "+m.ReplyTo[:min(8, len(m.ReplyTo))])
	}
	if m.Mentioned {
		notes = append(notes, "mentions you")
	}
	if m.Edited {
		notes = append(notes, "edited")
	}
	if m.Gap {
		notes = append(notes, "something before it is missing")
	}
	if m.Forked {
		notes = append(notes, "contradicted by its author")
	}
	prefix := p.Style.Dim(clock(m.Time)) + "  " + p.Style.Bold(author)
	if len(notes) > 0 {
		prefix += p.Style.Dim(" [" + strings.Join(notes, ", ") + "]")
	}
	text := terminal.Text(m.Text)
	switch {
	case m.Kind == "recalled":
		text = p.Style.Dim("(taken back)")
	case m.Mentioned:
		text = p.Style.Call(text)
	}
	if len(m.Reactions) > 0 {
		text += "\n" + p.Style.Dim("  + "+reactions(m.Reactions))
	}
	return p.Row(w, toMessage(m), "%s: %s", prefix, text)
}

// State is how far an own message has come, as people read it.
func State(state, reason string) string {
	switch {
	case state != "undelivered":
		return state
	case reason == "left":
		return "not delivered: you left"
	case reason == "removed":
		return "not delivered: you were removed"
	}
	return "not delivered"
}

// reactions says who reacted with what; the emoji that most have chosen comes first.
func reactions(all []*earshotv1.Reaction) string {
	by := make(map[string][]string)
	for _, r := range all {
		by[r.Emoji] = append(by[r.Emoji], label.Who(&earshotv1.Person{Person: r.Person, Name: r.Name, Contact: true}))
	}
	emojis := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(len(by[b])-len(by[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, emoji := range emojis[:min(maxEmojis, len(emojis))] {
		parts = append(parts, terminal.Line(emoji)+" "+someOf(by[emoji]))
	}
	if more := len(emojis) - maxEmojis; more > 0 {
		parts = append(parts, fmt.Sprintf("%d others", more))
	}
	return strings.Join(parts, "; ")
}

// someOf returns the first of some names, and how many more there are.
func someOf(names []string) string {
	if more := len(names) - maxNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), more)
	}
	return strings.Join(names, ", ")
}
