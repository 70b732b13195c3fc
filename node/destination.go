package node

import (
	"context"
	gosync "sync"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// destination is where messages go, and whom they may mention.
type destination struct {
	conversation event.Conversation
	person       *Person      // nil: a group
	roll         func() *roll // of the readers, made when first needed
}

// destination resolves where to write to.
func (n *Node) destination(who string) (destination, error) {
	c, p, err := n.conversation(who)
	switch {
	case err != nil:
		return destination{}, err
	case p == nil:
		return n.groupDestination(c)
	}
	return n.directDestination(c, *p)
}

// Address finds whom or what can be written to as WHO, for who is about to: whom they mean stays so, and known.
func (n *Node) Address(ctx context.Context, who string) (Target, error) {
	to, err := n.destination(who)
	switch {
	case err != nil:
		return Target{}, err
	case to.person == nil:
		return n.groupTarget(to.conversation), nil
	}
	if err := n.writesTo(ctx, &to); err != nil {
		return Target{}, err
	}
	return n.Target(ctx, to.person.ID.String(), "person")
}

// writesTo makes who is written to directly a contact.
func (n *Node) writesTo(ctx context.Context, to *destination) error {
	if to.person == nil || to.person.Contact {
		return nil
	}
	to.person.Contact = true
	return n.befriend(ctx, *to.person)
}

func (n *Node) directDestination(c event.Conversation, with Person) (destination, error) {
	if with.Blocked {
		return destination{}, ErrBlocked
	}
	return destination{c, &with, n.rollOf(with.ID)}, nil
}

func (n *Node) groupDestination(c event.Conversation) (destination, error) {
	state, err := n.groups.State(c)
	if err != nil {
		return destination{}, err
	}
	if _, ok := state.Member(n.me.person); !ok {
		return destination{}, ErrNotMember
	}
	readers := make([]crypto.PersonID, len(state.Members))
	for i, m := range state.Members {
		readers[i] = m.Person
	}
	return destination{c, nil, n.rollOf(readers...)}, nil
}

// rollOf makes the roll of readers when it is first asked for.
func (n *Node) rollOf(readers ...crypto.PersonID) func() *roll {
	return gosync.OnceValue(func() *roll {
		here := make(map[crypto.PersonID]bool, len(readers))
		for _, r := range readers {
			here[r] = true
		}
		return newRoll(n.people.others(), here, n.keys.key)
	})
}

func (n *Node) draft(to destination, o Outgoing) (store.Draft, error) {
	if err := checkText(o.Text); err != nil {
		return store.Draft{}, err
	}
	if o.ReplyTo != nil {
		if row, err := n.store.Row(*o.ReplyTo); err != nil {
			return store.Draft{}, asOurs(err)
		} else if row.Conversation != to.conversation {
			return store.Draft{}, ErrNoMessage
		}
	}
	text := event.Text{Text: o.Text, ReplyTo: o.ReplyTo, Mentions: mentions(o.Text, to.roll)}
	content, err := text.Marshal()
	if err != nil {
		return store.Draft{}, err
	}
	d := store.Draft{Conversation: to.conversation, Kind: event.KindText, Content: content}
	if o.Key != "" {
		key := event.KeyFor(o.Key)
		d.Key = &key
	}
	return d, nil
}

func checkText(text string) error {
	switch {
	case text == "":
		return ErrEmpty
	case !utf8.ValidString(text):
		return ErrText
	case len(text) > event.MaxText:
		return ErrTooLong
	}
	return nil
}
