package chat

import (
	"context"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// destination is where messages go, and whom they may mention.
type destination struct {
	conversation event.Conversation
	person       *contacts.Person // nil: a group
	readers      phonebook.Readers
}

// destination returns the destination that WHO means.
func (m *Messages) destination(who string) (destination, error) {
	c, p, err := m.cfg.Contacts.Conversation(who)
	switch {
	case err != nil:
		return destination{}, err
	case p == nil:
		return m.groupDestination(c)
	}
	return m.directDestination(c, *p)
}

// Address finds the person or group that WHO means, and makes a person a contact. It is for a
// caller who is about to write several times: the ID that it returns means the same person even if
// WHO comes to mean another, and a contact is not forgotten meanwhile.
func (m *Messages) Address(ctx context.Context, who string) (contacts.Target, error) {
	to, err := m.destination(who)
	switch {
	case err != nil:
		return contacts.Target{}, err
	case to.person == nil:
		return m.cfg.Contacts.TargetGroup(to.conversation), nil
	}
	if err := m.writesTo(ctx, &to); err != nil {
		return contacts.Target{}, err
	}
	return m.cfg.Contacts.Target(ctx, to.person.ID.String(), "person")
}

// writesTo makes a person a contact because the owner writes to them.
func (m *Messages) writesTo(ctx context.Context, to *destination) error {
	if to.person == nil || to.person.Contact {
		return nil
	}
	to.person.Contact = true
	return m.cfg.Contacts.Befriend(ctx, *to.person)
}

func (m *Messages) directDestination(c event.Conversation, with contacts.Person) (destination, error) {
	if with.Blocked {
		return destination{}, contacts.ErrBlocked
	}
	return destination{c, &with, m.cfg.Contacts.Readers(with.ID)}, nil
}

func (m *Messages) groupDestination(c event.Conversation) (destination, error) {
	state, err := m.cfg.Groups.State(c)
	if err != nil {
		return destination{}, err
	}
	if _, ok := state.Member(m.self); !ok {
		return destination{}, contacts.ErrNotMember
	}
	readers := make([]crypto.PersonID, len(state.Members))
	for i, m := range state.Members {
		readers[i] = m.Person
	}
	return destination{c, nil, m.cfg.Contacts.Readers(readers...)}, nil
}

func (m *Messages) draft(to destination, o Outgoing) (store.Draft, error) {
	if err := checkText(o.Text, len(o.Attachments)); err != nil {
		return store.Draft{}, err
	}
	if o.ReplyTo != nil {
		if row, err := m.cfg.Store.Row(*o.ReplyTo); err != nil {
			return store.Draft{}, asOurs(err)
		} else if row.Conversation != to.conversation {
			return store.Draft{}, ErrNoMessage
		}
	}
	text := event.Text{Text: o.Text, ReplyTo: o.ReplyTo, Mentions: to.readers.Mentioned(o.Text)}
	content, err := text.Marshal()
	if err != nil {
		return store.Draft{}, err
	}
	d := store.Draft{Conversation: to.conversation, Kind: event.KindText, Content: content, Attachments: o.Attachments, Revision: o.Draft}
	if o.Key != "" {
		key := event.KeyFor(o.Key)
		d.Key = &key
	}
	return d, nil
}

func checkText(text string, attachments int) error {
	if text == "" && attachments == 0 {
		return ErrEmpty
	}
	return CheckDraft(text)
}

// CheckDraft says what keeps a text from being sent once it is not empty.
func CheckDraft(text string) error {
	switch {
	case !utf8.ValidString(text):
		return ErrText
	case len(text) > event.MaxText:
		return ErrTooLong
	}
	return nil
}
