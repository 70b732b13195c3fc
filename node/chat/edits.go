package chat

import (
	"context"
	"unicode"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// ownRow returns a message of the owner's that is to be changed, or says why it can't be.
func (m *Messages) ownRow(id event.ID) (store.Row, error) {
	row, err := m.cfg.Store.Row(id)
	switch {
	case err != nil:
		return row, asOurs(err)
	case !row.Own:
		return row, ErrNotYours
	case row.Recalled:
		return row, ErrRecalled
	}
	return row, nil
}

// Edit gives an own message other words. That it was edited stays visible.
func (m *Messages) Edit(ctx context.Context, id event.ID, text string) (Message, error) {
	row, err := m.ownRow(id)
	if err == nil {
		err = checkText(text, len(row.Files))
	}
	if err != nil {
		return Message{}, err
	}
	to, err := m.within(row.Conversation)
	if err != nil {
		return Message{}, err
	}
	edit := event.Edit{Text: text, Mentions: to.readers.Mentioned(text)}
	return m.writeAct(ctx, row.Conversation, event.KindEdit, row.ID, edit.Marshal)
}

// React puts a reaction on a message in place of the last one; an empty one takes it back.
func (m *Messages) React(ctx context.Context, id event.ID, emoji string) (Message, error) {
	row, err := m.cfg.Store.Row(id)
	switch {
	case err != nil:
		return Message{}, asOurs(err)
	case row.Recalled:
		return Message{}, ErrRecalled
	case !reaction(emoji):
		return Message{}, ErrEmoji
	}
	if _, err := m.within(row.Conversation); err != nil {
		return Message{}, err
	}
	return m.writeAct(ctx, row.Conversation, event.KindReaction, row.ID, event.Reaction{Emoji: emoji}.Marshal)
}

// reaction says whether a text may stand beside a message: an emoji or a short word.
func reaction(text string) bool {
	if len(text) > event.MaxEmoji || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// writeAct writes an edit of a message or a reaction to it, and returns the message as it is then.
func (m *Messages) writeAct(ctx context.Context, c event.Conversation, kind event.Kind, target event.ID, marshal func() ([]byte, error)) (Message, error) {
	content, err := marshal()
	if err == nil {
		_, err = m.cfg.Store.Append(ctx, store.Draft{Conversation: c, Kind: kind, Content: content, Target: target})
	}
	if err != nil {
		return Message{}, asOurs(err)
	}
	row, err := m.cfg.Store.Row(target)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return m.message(&row), nil
}

// within returns the destination for writing in a conversation that is known here.
func (m *Messages) within(c event.Conversation) (destination, error) {
	if m.cfg.Groups.Known(c) {
		return m.groupDestination(c)
	}
	with, ok := m.cfg.Contacts.With(c)
	if !ok {
		return destination{}, ErrNoMessage
	}
	return m.directDestination(c, with)
}

// Recall takes back the words of an own message, if it was written less than two minutes ago:
// whoever has the words drops them. In a group that the owner has left or was removed from it
// fails, since the members would not accept the recall.
func (m *Messages) Recall(ctx context.Context, id event.ID) (Message, error) {
	row, err := m.ownRow(id)
	if err == nil && m.cfg.Groups.Known(row.Conversation) {
		_, err = m.groupDestination(row.Conversation)
	}
	if err != nil {
		return Message{}, err
	}
	entry, err := m.cfg.Store.Recall(ctx, row.ID)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return m.message(&entry.Row), nil
}
