package chat

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// resentAtOnce bounds the messages that are sent again in one go: it bounds their text in memory.
const resentAtOnce = 64

// Replacement says which contact another person takes the place of. Somebody who has lost their
// directory comes back as another person, and only the owner can know that it is the same human.
type Replacement struct {
	Old, New   string // WHO
	Words      string // the safety words of the new person
	Unverified bool   // without comparing words
	Resend     bool   // what waits for the old person goes to the new one
}

// Replaced is what has become of a Replacement.
type Replaced struct {
	Person  contacts.Person // the new one, as a contact
	Old     contacts.Person
	Groups  []contacts.Target // in which the new one is in place of the old one
	Others  []contacts.Target // with the old one, where the owner's role allows no such change
	Lost    []Lost            // roles that the old one had and the new one has not
	Waiting int               // messages to the old one alone that wait still
	Resent  int               // messages that were sent to the new one
}

// Lost is the role that somebody had in a group and that whoever is in their place has not.
type Lost struct {
	Group contacts.Target
	Role  string
}

// errIn ends an invitation of somebody who is in the group.
var errIn = errors.New("already in")

// ReplaceContact has one person take the place of another: in the groups that both the owner and
// the old one are in, as the one to whom the owner's messages go, and as the contact whom the names
// mean. The names come last, so what was cut short can be done again. Nothing is sent twice by that.
func (m *Messages) ReplaceContact(ctx context.Context, r Replacement) (out Replaced, err error) {
	from, to, verified, err := m.cfg.Contacts.Successor(ctx, r.Old, r.New, r.Words, r.Unverified)
	if err != nil {
		return out, err
	}
	for _, c := range m.cfg.Groups.All() {
		role := m.roleIn(c, from.ID)
		both, permitted, err := m.replaceIn(ctx, c, from.ID, to.ID)
		switch {
		case err != nil:
			return out, asOurs(err)
		case permitted:
			group := m.cfg.Contacts.TargetGroup(c)
			out.Groups = append(out.Groups, group)
			if role > m.roleIn(c, to.ID) {
				out.Lost = append(out.Lost, Lost{Group: group, Role: role.String()})
			}
		case both:
			out.Others = append(out.Others, m.cfg.Contacts.TargetGroup(c))
		}
	}
	if r.Resend {
		if out.Resent, err = m.resend(ctx, from.ID, to.ID); err != nil {
			return out, err
		}
	}
	if out.Person, err = m.cfg.Contacts.Succeed(ctx, from, to, verified); err != nil {
		return out, err
	}
	out.Old = m.cfg.Contacts.Person(from.ID)
	out.Waiting, err = m.waiting(from.ID)
	return out, err
}

// roleIn returns the role of a person in a group, event.RoleNone if they are not in it.
func (m *Messages) roleIn(c event.Conversation, person crypto.PersonID) event.Role {
	state, err := m.cfg.Groups.State(c)
	if err != nil {
		return event.RoleNone
	}
	member, _ := state.Member(person)
	return member.Role
}

// replaceIn brings one person into a group and takes another out. both says that the owner and the
// other one are in it, so that there is something to do, and permitted that it was done.
func (m *Messages) replaceIn(ctx context.Context, c event.Conversation, old, new crypto.PersonID) (both, permitted bool, err error) {
	state, err := m.cfg.Groups.State(c)
	if err != nil {
		return false, false, err
	}
	_, mine := state.Member(m.self)
	_, theirs := state.Member(old)
	if !mine || !theirs {
		return false, false, nil
	}
	if err := m.cfg.People.KeepMember(ctx, new); err != nil {
		return true, false, err
	}
	err = m.cfg.Groups.Do(ctx, c, func(state *authority.State) (event.Control, error) {
		if _, in := state.Member(new); in {
			return nil, errIn
		}
		return event.Invite{Persons: []crypto.PersonID{new}}, nil
	})
	if err == nil || errors.Is(err, errIn) {
		err = m.cfg.Groups.TakeOut(ctx, c, func(*authority.State) (crypto.PersonID, error) { return old, nil })
	}
	if errors.Is(err, authority.ErrNotPermitted) || errors.Is(err, authority.ErrFull) {
		return true, false, nil
	}
	return true, err == nil, err
}

// eachWaiting tells of the messages to a person alone that they have not acknowledged, the oldest first.
func (m *Messages) eachWaiting(them crypto.PersonID, tell func([]store.Pending) error) error {
	direct := event.Direct(m.self, them)
	return m.cfg.Store.EachPending(&direct, tell)
}

// waiting returns how many messages to a person alone they have not acknowledged.
func (m *Messages) waiting(them crypto.PersonID) (n int, err error) {
	err = m.eachWaiting(them, func(some []store.Pending) error {
		n += len(some)
		return nil
	})
	return n, err
}

// resend sends to one person what waits for another, and takes it back from the other. A message
// that was sent before by an attempt that was cut short is not sent again: its key is used.
func (m *Messages) resend(ctx context.Context, from, to crypto.PersonID) (resent int, err error) {
	err = m.eachWaiting(from, func(all []store.Pending) error {
		for part := range slices.Chunk(all, resentAtOnce) {
			sent, err := m.resendSome(ctx, part, to)
			if resent += sent; err != nil {
				return err
			}
		}
		return nil
	})
	return resent, err
}

// resendSome is resend for some messages.
func (m *Messages) resendSome(ctx context.Context, some []store.Pending, to crypto.PersonID) (resent int, err error) {
	var again []Outgoing
	var ids []event.ID
	for _, p := range some {
		row, err := m.cfg.Store.Row(p.ID)
		if err != nil {
			return 0, asOurs(err)
		}
		if row.Kind == event.KindText && !row.Recalled {
			again = append(again, Outgoing{To: to.String(), Text: row.Text, Attachments: attached(&row), Key: "again " + hex.EncodeToString(p.ID[:])})
			ids = append(ids, p.ID)
		}
	}
	sent, err := m.SendAll(ctx, again)
	if err != nil {
		return len(sent), err
	}
	for _, id := range ids {
		if _, err := m.Cancel(ctx, id); err != nil && !errors.Is(err, ErrAcknowledged) {
			return len(sent), err
		}
	}
	return len(sent), nil
}

// RemoveContact makes a contact a stranger again. What was said stays readable, and what waits for
// them still goes to them: waiting is how many messages that are.
func (m *Messages) RemoveContact(ctx context.Context, who string) (p contacts.Person, waiting int, err error) {
	if p, err = m.cfg.Contacts.Unfriend(ctx, who); err != nil {
		return p, 0, err
	}
	waiting, err = m.waiting(p.ID)
	return p, waiting, err
}
