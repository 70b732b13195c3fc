package store

import (
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Whoever is kept in the book has a conversation with the owner, who has one of their own devices.
func TestConversationsOfPersons(t *testing.T) {
	n, p := newNode(t), newPen(t)
	direct, self := p.meets(n, false), event.Self(n.own.Person)
	others := map[event.Conversation]crypto.PersonID{}
	check(t, n.view(func(r *reader) error {
		return r.eachConversation(func(c *layout.Conversation) error {
			others[c.ID] = c.Other
			return nil
		})
	}))
	other, has := others[self]
	if others[direct] != p.card.Person() || other != (crypto.PersonID{}) || !has || len(others) != 2 {
		t.Errorf("%v", others)
	}
}

// A note to oneself is for nobody, so it is never in the outbox.
func TestSelf(t *testing.T) {
	n := newNode(t)
	m := n.say(event.Self(n.own.Person), "note")
	if m.State != NoState || n.pending() != 0 {
		t.Fatal(m.State, n.pending())
	}
	if _, err := n.Cancel(ctx, m.ID); err != ErrAcknowledged {
		t.Fatal(err)
	}
}
