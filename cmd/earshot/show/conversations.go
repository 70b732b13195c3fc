package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// manyUnread is as far as unread messages are counted.
const manyUnread = 1_000

// Conversations writes a row for each conversation.
func (p Printer) Conversations(w io.Writer, list []*earshotv1.Conversation) error {
	return rows(p, w, list, kind[*earshotv1.Conversation]{
		object: func(c *earshotv1.Conversation) any { return object.OfConversation(c) },
		long: func(c *earshotv1.Conversation) string {
			return c.Conversation + "  " + conversationText(withWhom(label.Whole, c), c)
		},
		cells: func(c *earshotv1.Conversation) []cell {
			unread := p.dim("read")
			if c.Unread > 0 {
				unread = cell{Text: unreadText(c)}
			}
			at := p.dim("-")
			if c.Last != nil {
				at = p.dim(when(c.Last.Time.AsTime()))
			}
			return []cell{p.bold(withWhom(nameColumns, c)), unread, at, p.dim(strings.Join(conversationNotes(c), ", "))}
		},
	})
}

// Conversation writes a conversation after something was set in it.
func (p Printer) Conversation(w io.Writer, c *earshotv1.Conversation) error {
	return p.Row(w, object.OfConversation(c), "%s", conversationText(p.Style.Bold(withWhom(label.Whole, c)), c))
}

// Marked writes how many messages were marked read.
func (p Printer) Marked(w io.Writer, r *earshotv1.MarkAllReadResponse) error {
	text := "1 message was unread"
	if r.Marked != 1 {
		text = fmt.Sprint(r.Marked, " messages were unread")
	}
	return p.Row(w, object.OfMarked(r), "%s", text)
}

// withWhom names a conversation.
func withWhom(most int, c *earshotv1.Conversation) string {
	switch {
	case c.With.GetKind() == "group":
		return label.GroupWithin(most, c.With)
	case c.Person != nil:
		return label.WhoWithin(most, c.Person)
	}
	return label.WhoWithin(most, &earshotv1.Person{Person: c.With.GetId()})
}

// conversationText says what there is to know of a conversation.
func conversationText(name string, c *earshotv1.Conversation) string {
	parts := append([]string{"nothing unread"}, conversationNotes(c)...)
	if c.Unread > 0 {
		parts[0] = unreadText(c)
	}
	return name + "  " + strings.Join(parts, ", ")
}

func unreadText(c *earshotv1.Conversation) string {
	if c.Unread >= manyUnread {
		return "1,000+ unread"
	}
	return fmt.Sprint(c.Unread, " unread")
}

// conversationNotes says what is set for a conversation, and what waits in it.
func conversationNotes(c *earshotv1.Conversation) (notes []string) {
	switch {
	case c.Mentions == 1:
		notes = append(notes, "1 mentions you")
	case c.Mentions > 1:
		notes = append(notes, fmt.Sprint(c.Mentions, " mention you"))
	}
	if c.Pinned {
		notes = append(notes, "pinned")
	}
	if c.Archived {
		notes = append(notes, "archived")
	}
	if c.MutedUntil != nil {
		notes = append(notes, "muted"+until(c.MutedUntil))
	}
	usual := "all"
	if c.With.GetKind() == "group" {
		usual = "mentions"
	}
	switch {
	case c.Notify == usual || c.Notify == "":
	case c.Notify == "none":
		notes = append(notes, "never notifies")
	default:
		notes = append(notes, "notifies of "+terminal.Line(c.Notify))
	}
	if c.Draft != nil || c.Edit != nil {
		notes = append(notes, "draft")
	}
	if files := attachment.InShort(c.Last.GetAttachments()); files != "" {
		notes = append(notes, files)
	}
	if c.Waiting {
		notes = append(notes, "not all is delivered")
	}
	return notes
}
