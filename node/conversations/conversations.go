// Package conversations is what the owner of the node sees of all conversations at once: what is unread
// in each, what was said last, what they have set for it and begun to write there.
//
// [Conversations] is what the local API calls. It keeps nothing but which drafts were set while the node
// runs, which package journal tells; all else the store has. A method that changes something returns
// when that is on this node's disk. It makes of messages what package chat makes of them, and stands
// above it, as package journal does.
//
// Whom the owner has blocked counts as nobody here: what they write in groups is not shown, and what
// they have written anywhere is not unread.
//
// The methods may be called by any goroutine. Errors that a caller can do something about are those of
// packages chat, contacts and people.
package conversations

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what Conversations are made of.
type Config struct {
	Store    *store.Store
	People   *people.People
	Contacts *contacts.Contacts
	Groups   *groups.Groups
	Messages *chat.Messages
	Now      func() time.Time // the owner's clock
	Drafted  *notify.Counter  // is bumped when a draft was set, or was sent
}

// Conversations has the methods by which the owner sees and sets conversations.
type Conversations struct {
	cfg    Config
	self   crypto.PersonID
	drafts drafts
}

// New returns the conversations in a store.
func New(cfg Config) *Conversations {
	return &Conversations{cfg: cfg, self: cfg.Store.Own().Person, drafts: drafts{set: make(map[draftOf]drafted)}}
}

// Of what in a conversation the owner is notified.
const (
	NotifyAll      = "all"
	NotifyMentions = "mentions"
	NotifyNone     = "none"
)

// notifies are the words for what the store has.
var notifies = map[string]desk.Notify{"": desk.NotifyDefault, NotifyAll: desk.NotifyAll, NotifyMentions: desk.NotifyMentions, NotifyNone: desk.NotifyNone}

// maxCounted is how many unread messages are told at most: so many or more.
const maxCounted = 1000

// Conversation is one conversation as the owner sees it.
type Conversation struct {
	ID          event.Conversation
	With        contacts.Target
	Person      *contacts.Person // whom With means, if it is a person
	Group       *contacts.Group  // what With means, if it is a group
	Last        *chat.Message    // what is shown last; nil: nothing
	Unread      int              // up to maxCounted
	Mentions    int              // how many of them mention the owner
	FirstUnread *event.ID        // the one that is shown first; nil: none
	Draft, Edit *desk.Draft      // nil: none
	Notify      string           // NotifyAll, NotifyMentions or NotifyNone
	MutedUntil  time.Time        // zero: not muted
	Pinned      bool
	Archived    bool // left out of lists until something is said
	Waiting     bool // somebody lacks something that the owner has written
}

// sums says what counts, by who is blocked now.
func (c *Conversations) sums() store.Sums {
	unblocked := func(s store.Source) bool {
		them, _ := c.cfg.People.Get(s.Author)
		return !them.Blocked
	}
	return store.Sums{Counted: unblocked, Shown: func(s store.Source) bool {
		return unblocked(s) || !c.cfg.Groups.Known(s.Conversation) // as History shows it
	}}
}

// Of returns a conversation; ok is false if there is none that the owner sees.
func (c *Conversations) Of(id event.Conversation) (out Conversation, ok bool, err error) {
	o, err := c.cfg.Store.Overview(id, c.sums())
	if errors.Is(err, store.ErrNoConversation) {
		return out, false, nil
	}
	if err == nil {
		out, ok, err = c.view(&o)
	}
	return out, ok, err
}

// Get returns the conversation with whom WHO means.
func (c *Conversations) Get(_ context.Context, who string) (Conversation, error) {
	m, err := c.meant(who)
	if err != nil {
		return Conversation{}, err
	}
	return c.get(m)
}

// meant is the conversation that WHO means.
type meant struct {
	who  string
	id   event.Conversation
	with crypto.PersonID // of a direct one
}

func (c *Conversations) meant(who string) (meant, error) {
	id, them, err := c.cfg.Contacts.Conversation(who)
	m := meant{who: who, id: id}
	if them != nil {
		m.with = them.ID
	}
	return m, err
}

// get returns a conversation. There is none yet with somebody who is only in earshot.
func (c *Conversations) get(m meant) (Conversation, error) {
	out, ok, err := c.Of(m.id)
	if err == nil && !ok && m.with != (crypto.PersonID{}) {
		out, ok, err = c.view(&store.Overview{Conversation: m.id, Other: m.with})
	}
	if err == nil && !ok {
		err = &people.UnknownError{Who: m.who}
	}
	return out, err
}

// view is an overview as the owner sees it; ok is false if that is nothing.
func (c *Conversations) view(o *store.Overview) (v Conversation, ok bool, err error) {
	v = Conversation{ID: o.Conversation, Unread: min(o.Unread, maxCounted), Mentions: min(o.Mentions, maxCounted), FirstUnread: o.First,
		Draft: o.Draft, Edit: o.Edit, Pinned: o.Chosen.Pinned, Archived: o.Archived, Waiting: o.Waiting}
	byDefault := NotifyAll
	if o.Other != (crypto.PersonID{}) {
		them := c.cfg.Contacts.Person(o.Other)
		v.Person, v.With = &them, contacts.TargetPerson(&them)
	} else {
		group, err := c.cfg.Contacts.Group(o.Conversation)
		if errors.Is(err, groups.ErrUnknown) { // or the conversation of the owner's own devices
			return v, false, nil
		}
		if err != nil {
			return v, false, err
		}
		v.Group, v.With, byDefault = &group, c.cfg.Contacts.TargetGroup(o.Conversation), NotifyMentions
	}
	if o.Last != nil {
		last := c.cfg.Messages.View(o.Last)
		v.Last = &last
	}
	v.Notify = cmp.Or(word(o.Chosen.Notify), byDefault)
	if o.Chosen.Muted.After(c.cfg.Now()) {
		v.MutedUntil = o.Chosen.Muted
	}
	return v, true, nil
}

// word returns the word for what the store has; "" where nothing is set.
func word(of desk.Notify) string {
	for word, n := range notifies {
		if n == of {
			return word
		}
	}
	return ""
}

// Wanted returns of what of a conversation the owner is notified, "" where they have not set it, and
// until when of nothing.
func (c *Conversations) Wanted(id event.Conversation) (notify string, muted time.Time, err error) {
	chosen, err := c.cfg.Store.Chosen(id)
	return word(chosen.Notify), chosen.Muted, err
}

// Choice is what is to be set for a conversation; what is nil stays.
type Choice struct {
	Notify     *string // "" is what it is where nothing is set
	MutedUntil *time.Time
	Pinned     *bool
	Archived   *bool
}

// Set sets something for a conversation.
func (c *Conversations) Set(ctx context.Context, who string, to Choice) (Conversation, error) {
	m, err := c.meant(who)
	if err != nil {
		return Conversation{}, err
	}
	var notify desk.Notify
	if to.Notify != nil {
		var ok bool
		if notify, ok = notifies[*to.Notify]; !ok {
			return Conversation{}, fmt.Errorf("%w: notify %q: all, mentions or none", people.ErrSetting, *to.Notify)
		}
	}
	if err := c.cfg.Store.Choose(ctx, m.id, m.with, func(chosen *desk.Chosen, now uint64) {
		if to.Notify != nil {
			chosen.Notify = notify
		}
		if to.MutedUntil != nil {
			chosen.Muted = time.Time{}
			if to.MutedUntil.After(c.cfg.Now()) {
				chosen.Muted = time.UnixMilli(to.MutedUntil.UnixMilli())
			}
		}
		if to.Pinned != nil {
			chosen.Pinned = *to.Pinned
		}
		if to.Archived != nil {
			chosen.Archived = 0
			if *to.Archived {
				chosen.Archived = now
			}
		}
	}); err != nil {
		return Conversation{}, err
	}
	return c.get(m)
}
