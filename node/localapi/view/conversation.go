package view

import (
	"github.com/earshot-im/earshot/node/conversations"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store/desk"
)

func Conversation(c conversations.Conversation) *earshotv1.Conversation {
	v := &earshotv1.Conversation{
		Conversation: c.ID.String(),
		With:         Target(c.With),
		Unread:       uint32(c.Unread),
		Mentions:     uint32(c.Mentions),
		Draft:        Draft(c.Draft),
		Edit:         Draft(c.Edit),
		Notify:       c.Notify,
		MutedUntil:   Stamp(c.MutedUntil),
		Pinned:       c.Pinned,
		Archived:     c.Archived,
		Waiting:      c.Waiting,
	}
	if c.Person != nil {
		v.Person = Person(*c.Person)
	}
	if c.Group != nil {
		v.Group = Group(*c.Group)
	}
	if c.Last != nil {
		v.Last = Message(*c.Last)
	}
	if c.FirstUnread != nil {
		v.FirstUnread = EventID(*c.FirstUnread)
	}
	return v
}

// Draft shows a draft, nil where there is none.
func Draft(d *desk.Draft) *earshotv1.Draft {
	if d == nil {
		return nil
	}
	v := &earshotv1.Draft{Text: Valid(d.Text), Revision: d.Revision, Time: Stamp(d.Set)}
	if d.ReplyTo != nil {
		v.ReplyTo = EventID(*d.ReplyTo)
	}
	if d.Edits != nil {
		v.Edits = EventID(*d.Edits)
	}
	return v
}
