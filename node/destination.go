package node

import (
	"context"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// destination is where messages go, and whom they may mention.
type destination struct {
	conversation event.Conversation
	readers      []Person
}

// destination resolves where to write to. Whoever is written to directly becomes a contact.
func (n *Node) destination(ctx context.Context, who string) (destination, error) {
	c, p, err := n.conversation(ctx, who)
	switch {
	case err != nil:
		return destination{}, err
	case p == nil:
		return n.groupDestination(c)
	case p.Blocked:
		return destination{}, ErrBlocked
	case !p.Contact:
		_, err = n.change(ctx, p.ID, func(s *store.Person) error { n.befriend(s); return nil })
	}
	return destination{c, []Person{*p}}, err
}

func (n *Node) groupDestination(c event.Conversation) (destination, error) {
	state, err := n.groups.State(c)
	if err != nil {
		return destination{}, err
	}
	if _, ok := state.Member(n.me.person); !ok {
		return destination{}, ErrNotMember
	}
	to := destination{conversation: c}
	for _, m := range state.Members {
		if m.Person != n.me.person {
			to.readers = append(to.readers, n.person(m.Person))
		}
	}
	return to, nil
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
	text := event.Text{Text: o.Text, ReplyTo: o.ReplyTo, Mentions: mentions(o.Text, to.readers)}
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
