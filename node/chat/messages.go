// Package chat is what the owner of the node says and reads: messages, replies, edits, recalls,
// reactions, how far each has come and what is unread. What the owner does with groups is in package
// membership.
//
// [Messages] is what the local API calls. It keeps no state but what the store has, and how far
// it has told of hidden messages: each call resolves whom it means, asks the store or the groups, and gives back views that name persons and
// groups as the owner sees them. A method that writes returns when what it wrote is on this node's
// disk. It does not wait until peers have it.
//
// The methods may be called by any goroutine, also after the node has ended: then those that need
// the store return the store's error. The errors that a caller can do something about are in
// errors.go and in packages contacts and people.
package chat

import (
	"context"
	"errors"
	"slices"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/receipts"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/fold"
)

// Config is what Messages are made of.
type Config struct {
	Store    *store.Store
	People   *people.People
	Owner    *people.Owner
	Contacts *contacts.Contacts
	Groups   *groups.Groups
	Receipts *receipts.Receipts
	Acks     *receipts.Acks
	Waiting  *waiting.Waiting
	Shown    *notify.Counter          // counts the changes that people can see
	Revealed *notify.Counter          // counts the changes that may have brought older messages into view
	Drafted  func(event.Conversation) // is told when a message was written that may have been a draft; may be nil
}

// Messages has the methods by which the owner writes and reads messages.
type Messages struct {
	cfg  Config
	self crypto.PersonID

	hidden     gosync.Mutex
	toldHidden map[event.Conversation]uint64 // the arrival up to which tellHidden has looked, in each group
}

// NewMessages returns the messages in a store.
func NewMessages(cfg Config) *Messages {
	return &Messages{cfg: cfg, self: cfg.Store.Own().Person, toldHidden: make(map[event.Conversation]uint64)}
}

// Send writes a message and returns when it is on this disk.
func (m *Messages) Send(ctx context.Context, out Outgoing) (Message, error) {
	sent, err := m.SendAll(ctx, []Outgoing{out})
	if err != nil {
		return Message{}, err
	}
	return sent[0], nil
}

// SendAll sends in order, in as few commits as it can. It stops at the first that can't be sent and
// returns those before it, with the error.
func (m *Messages) SendAll(ctx context.Context, out []Outgoing) ([]Message, error) {
	drafts := make([]store.Draft, 0, len(out))
	var failed error
	destinations := make(map[string]destination, 1)
	for _, o := range out {
		to, known := destinations[o.To]
		if !known {
			if to, failed = m.destination(o.To); failed != nil {
				break
			}
		}
		var d store.Draft
		if d, failed = m.draft(to, o); failed != nil {
			break
		}
		if failed = m.writesTo(ctx, &to); failed != nil {
			break
		}
		destinations[o.To] = to
		drafts = append(drafts, d)
	}
	entries, err := m.cfg.Store.AppendAll(ctx, drafts)
	for i := range entries {
		if drafts[i].Revision != 0 && m.cfg.Drafted != nil {
			m.cfg.Drafted(drafts[i].Conversation)
		}
	}
	messages := make([]Message, len(entries))
	for i := range entries {
		messages[i] = m.message(&entries[i].Row)
	}
	if err == nil {
		err = failed
	}
	return messages, asOurs(err)
}

// asOurs replaces an error of the packages below by the one that this package documents for it.
func asOurs(err error) error {
	switch {
	case errors.Is(err, store.ErrKeyUsed):
		return ErrKeyUsed
	case errors.Is(err, store.ErrNoEvent), errors.Is(err, store.ErrNoConversation):
		return ErrNoMessage
	case errors.Is(err, store.ErrAcknowledged):
		return ErrAcknowledged
	case errors.Is(err, store.ErrUndelivered):
		return ErrUndelivered
	case errors.Is(err, store.ErrTooLate):
		return ErrTooLate
	case errors.Is(err, event.ErrTooLarge):
		return ErrTooLong
	case errors.Is(err, fold.ErrEmpty):
		return ErrNoWords
	case errors.Is(err, fold.ErrTooLong):
		return ErrTooManyWords
	}
	return err
}

// with returns where a row belongs as the owner sees it: the group, or the other person.
func (m *Messages) with(r *store.Row) contacts.Target {
	if m.cfg.Groups.Known(r.Conversation) {
		return m.cfg.Contacts.TargetGroup(r.Conversation)
	}
	them, known := m.cfg.Contacts.With(r.Conversation)
	if !known && !r.Own {
		them.ID = r.Author // a stranger who was forgotten
	}
	return contacts.TargetPerson(&them)
}

// View returns a row as the owner sees it.
func (m *Messages) View(r *store.Row) Message { return m.message(r) }

// message is a row as the local API shows it.
func (m *Messages) message(r *store.Row) Message {
	if r.Notice != nil {
		notice := m.cfg.Contacts.Notice(r.Notice)
		return Message{ID: r.ID, Conversation: r.Conversation, To: notice.Group, With: notice.Group, Kind: "notice", Time: r.Clock,
			Received: r.Received, Cursor: m.cfg.Store.Cursor(r.Arrival), T: r.T, Notice: &notice}
	}
	v := Message{ID: r.ID, Conversation: r.Conversation, Kind: kindOf(r), Text: r.Text, Time: r.Clock,
		Received: r.Received, ReplyTo: r.ReplyTo, Edited: r.Edited, Mentions: r.Mentions,
		Mentioned: slices.Contains(r.Mentions, m.self), Own: r.Own, Gap: r.Gap, Forked: r.Forked, Cursor: m.cfg.Store.Cursor(r.Arrival),
		T: r.T, Unread: r.Unread, place: r.Place}
	v.With = m.with(r)
	if v.To = v.With; !r.Own && v.With.Kind == "person" {
		v.To = contacts.Target{Kind: "person", ID: m.self.String(), Name: m.cfg.Owner.Name()}
	}
	if r.Own {
		v.Progress = progress(r.Progress)
	}
	for _, reaction := range r.Reactions {
		v.Reactions = append(v.Reactions, Reaction{From: m.author(reaction.Person), Own: reaction.Person == m.self, Emoji: reaction.Emoji})
	}
	v.From = m.author(r.Author)
	v.From.Device = r.Device
	v.Files = r.Files
	if r.ReplyTo != nil {
		v.Quote = m.quote(r)
	}
	return v
}

// kindOf returns the kind of message that a row is.
func kindOf(r *store.Row) string {
	switch {
	case r.Recalled:
		return "recalled"
	case r.Kind != event.KindText:
		return "unknown"
	}
	return "text"
}

// author is a person as somebody who wrote something.
func (m *Messages) author(id crypto.PersonID) Author {
	p, _ := m.cfg.People.Get(id)
	a := Author{Person: id, Name: p.Claimed, Petname: p.Petname, Pinned: p.Pinned, KnownAs: contacts.KnownAs(p.Petname, p.Pinned),
		Contact: p.Contact, Verified: p.Verified}
	if id == m.self {
		a.Name = m.cfg.Owner.Name()
	}
	return a
}
