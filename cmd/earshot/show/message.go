package show

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

type author struct {
	named
	Device string `json:"device"`
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
	named
	Own   bool   `json:"own,omitempty"`
	Emoji string `json:"emoji"`
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
		reactions = append(reactions, reaction{toNamed(r.GetFrom()), r.Own, r.Emoji})
	}
	return message{
		ID:           m.Id,
		Conversation: m.Conversation,
		To:           toTarget(m.To),
		From:         author{toNamed(from), from.GetDevice()},
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
func (p Printer) Message(w io.Writer, m *earshotv1.Message) error { return p.messageRow(w, m) }

// Middle writes the row of the message around which others are printed.
func (p Printer) Middle(w io.Writer, m *earshotv1.Message) error {
	return p.messageRow(w, m, "this one")
}

func (p Printer) messageRow(w io.Writer, m *earshotv1.Message, notes ...string) error {
	author := label.Who(m.GetFrom())
	if m.Own {
		author = "me"
	}
	text := terminal.Text(m.Text)
	if m.Mentioned {
		text = p.Style.Call(text)
	}
	return p.Row(w, toMessage(m), "%s", p.rowOf(m, author, text, notes...))
}

// rowOf puts together the row of a message, and the line of its reactions.
func (p Printer) rowOf(m *earshotv1.Message, author, text string, notes ...string) string {
	if m.Own {
		notes = append(notes, State(m.State, m.Reason))
	}
	if m.To.GetKind() == "group" {
		author = label.Group(m.To) + "  " + author
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
	if m.Kind == "recalled" {
		notes = append(notes, "taken back")
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
	if len(m.Reactions) > 0 {
		text += "\n" + p.Style.Dim("  + "+reactions(m.Reactions))
	}
	return strings.TrimSuffix(prefix+": "+text, " ")
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

// reactions says who reacted with what; the sign that most have chosen comes first.
func reactions(all []*earshotv1.Reaction) string {
	by := make(map[string][]string)
	for _, r := range all {
		who := "me"
		if !r.Own {
			who = label.Who(r.From)
		}
		by[r.Emoji] = append(by[r.Emoji], who)
	}
	emojis := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(len(by[b])-len(by[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, emoji := range emojis[:min(maxEmojis, len(emojis))] {
		parts = append(parts, sign(emoji)+" "+label.Some(maxNames, by[emoji], 0))
	}
	if more := len(emojis) - maxEmojis; more > 0 {
		parts = append(parts, fmt.Sprintf("%d others", more))
	}
	return strings.Join(parts, "; ")
}

// sign is what somebody reacted with. Anything but an emoji stands in quotation marks: it may be any
// text, such as "👍 Bob; 🎉".
func sign(emoji string) string {
	if emoji == "" || strings.ContainsFunc(emoji, func(r rune) bool {
		return r < utf8.RuneSelf || unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.Z)
	}) {
		return label.Claim(emoji)
	}
	return terminal.Line(emoji)
}
