package attention

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// maxText bounds the text of an alert in characters, and maxPlaces the names in a summary.
const (
	maxText   = 240
	maxPlaces = 4
)

// Alert is one thing to do for whoever shows notifications. Names and text are as others wrote them.
type Alert struct {
	Conversation event.Conversation // each has at most one notification
	With         contacts.Target    // whose it is
	Strangers    bool               // in place of it: all strangers together. Neither: several, see Count
	Close        bool               // take the notification away
	Title        string             // otherwise show this in its place
	Text         string             // absent where the owner has said so
	Count        int                // of messages that it stands for
	Silent       bool               // it was shown before, and is only put right
}

// words makes the alert of a note.
func (p *plan) words(n *note) Alert {
	a := Alert{Conversation: n.conversation, With: n.with, Strangers: n.strangers, Count: max(n.count(), 1)}
	switch {
	case p.settings.alerts == people.AlertsNothing:
		a.Title, a.Text = "earshot", plural(a.Count, "new message", "new messages")
	case n.strangers:
		a.Title, a.Text = "earshot", "Somebody whom you don't know has written to you."
	case len(n.kept) == 0:
		a.Title = named(n.with)
	default:
		last := &n.kept[len(n.kept)-1]
		a.Title = last.by
		if last.with.Kind == "group" {
			a.Title = last.by + " in " + named(last.with)
		}
		if p.settings.alerts == people.AlertsFull {
			a.Text = last.text
		}
	}
	return a
}

// sum makes the alert that stands for all notes.
func (p *plan) sum(to surface, silent bool) act {
	a := Alert{Silent: silent}
	var places []*note
	strangers := false
	for _, n := range p.notes {
		a.Count += max(n.count(), 1)
		if strangers = strangers || n.strangers; !n.strangers {
			places = append(places, n)
		}
	}
	slices.SortFunc(places, func(a, b *note) int {
		return cmp.Or(b.at.Compare(a.at), bytes.Compare(a.conversation[:], b.conversation[:]))
	})
	a.Title = plural(a.Count, "new message", "new messages")
	if p.settings.alerts != people.AlertsNothing {
		var names []string
		for _, n := range places[:min(maxPlaces, len(places))] {
			names = append(names, named(n.with))
		}
		if more := len(places) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		if strangers {
			names = append(names, "somebody whom you don't know")
		}
		a.Text = strings.Join(names, ", ")
	}
	return act{to.client, about{}, a}
}

// named returns what a notification calls a conversation.
func named(t contacts.Target) string {
	switch {
	case t.Kind != "group":
		return cmp.Or(t.Name, "somebody")
	case t.Name == "":
		return "a group"
	}
	return "#" + t.Name
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// said returns the words of a message or, where it has none, what its attachments are called.
func said(v *chat.Message) string {
	if v.Text != "" {
		return v.Text
	}
	names := make([]string, len(v.Files))
	for i := range v.Files {
		names[i] = v.Files[i].Name
	}
	return strings.Join(names, ", ")
}

// shortened cuts a text to what fits an alert.
func shortened(text string) string {
	if len(text) <= maxText || utf8.RuneCountInString(text) <= maxText {
		return text
	}
	at := 0
	for range maxText - 1 {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at] + "…"
}
