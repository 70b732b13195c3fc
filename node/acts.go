package node

import (
	"context"
	"unicode"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// ownRow is a message of the owner's that something is to be done to.
func (n *Node) ownRow(id event.ID) (store.Row, error) {
	row, err := n.store.Row(id)
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
func (n *Node) Edit(ctx context.Context, id event.ID, text string) (Message, error) {
	row, err := n.ownRow(id)
	if err == nil {
		err = checkText(text)
	}
	if err != nil {
		return Message{}, err
	}
	to, err := n.within(row.Conversation)
	if err != nil {
		return Message{}, err
	}
	edit := event.Edit{Text: text, Mentions: mentions(text, to.roll)}
	return n.writeAct(ctx, row.Conversation, event.KindEdit, row.ID, edit.Marshal)
}

// React puts a reaction on a message in place of the last one; an empty one takes it back.
func (n *Node) React(ctx context.Context, id event.ID, emoji string) (Message, error) {
	row, err := n.store.Row(id)
	switch {
	case err != nil:
		return Message{}, asOurs(err)
	case row.Recalled:
		return Message{}, ErrRecalled
	case !reaction(emoji):
		return Message{}, ErrEmoji
	}
	if _, err := n.within(row.Conversation); err != nil {
		return Message{}, err
	}
	return n.writeAct(ctx, row.Conversation, event.KindReaction, row.ID, event.Reaction{Emoji: emoji}.Marshal)
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

// writeAct writes an act on a message, and returns the message as it is then.
func (n *Node) writeAct(ctx context.Context, c event.Conversation, kind event.Kind, target event.ID, marshal func() ([]byte, error)) (Message, error) {
	content, err := marshal()
	if err == nil {
		_, err = n.store.Append(ctx, store.Draft{Conversation: c, Kind: kind, Content: content, Target: target})
	}
	if err != nil {
		return Message{}, asOurs(err)
	}
	row, err := n.store.Row(target)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return n.message(&row), nil
}

// within is a conversation that is known, as a destination.
func (n *Node) within(c event.Conversation) (destination, error) {
	if n.groups.Known(c) {
		return n.groupDestination(c)
	}
	with, ok := n.people.with(c)
	if !ok {
		return destination{}, ErrNoMessage
	}
	return n.directDestination(c, with.public())
}

// Recall takes the words of an own message back from everybody who has had them for less than two minutes. Of who is
// out of a group nobody takes a recall: it would be a promise that is not kept.
func (n *Node) Recall(ctx context.Context, id event.ID) (Message, error) {
	row, err := n.ownRow(id)
	if err == nil && n.groups.Known(row.Conversation) {
		_, err = n.groupDestination(row.Conversation)
	}
	if err != nil {
		return Message{}, err
	}
	entry, err := n.store.Recall(ctx, row.ID)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return n.message(&entry.Row), nil
}

// Receipts lists for whom an own message is, and how far it has come to each.
func (n *Node) Receipts(_ context.Context, id event.ID) ([]Reached, error) {
	row, err := n.store.Row(id)
	if err != nil {
		return nil, asOurs(err)
	}
	if !row.Own {
		return nil, ErrNotYours
	}
	reached, err := n.store.Reached(row.ID)
	if err != nil {
		return nil, asOurs(err)
	}
	out := make([]Reached, len(reached))
	for i, r := range reached {
		out[i] = Reached{Person: n.person(r.Person), Progress: progress(r.Progress)}
	}
	return out, nil
}
