package membership

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store/event"
)

// Invite brings up to event.MaxInvited persons into a group, by one event, so that either all of
// them come in or none. All are told. Whoever has the owner as a contact takes part at once, everybody
// else when they accept. Who is in already is no error. The error is *InviteError if it is not clear
// who is meant by one of them, or one of them is blocked.
func (g *Groups) Invite(ctx context.Context, group string, who []string) (Invitation, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return Invitation{}, err
	}
	persons, err := g.invitees(ctx, who)
	if err != nil {
		return Invitation{}, err
	}
	var out Invitation
	out.Group, err = g.actIn(ctx, c, func(state *authority.State) (event.Control, error) {
		var invite event.Invite
		for _, p := range persons {
			if _, in := state.Member(p.ID); in {
				out.Already = append(out.Already, p)
				continue
			}
			out.Invited = append(out.Invited, p)
			invite.Persons = append(invite.Persons, p.ID)
		}
		if len(invite.Persons) == 0 {
			return nil, nil
		}
		slices.SortFunc(invite.Persons, func(a, b crypto.PersonID) int { return bytes.Compare(a[:], b[:]) })
		return invite, nil
	})
	if err != nil {
		return Invitation{}, err
	}
	for _, p := range out.Invited {
		if err := g.cfg.People.KeepMember(ctx, p.ID); err != nil {
			return out, fmt.Errorf("they were invited, but can't be remembered: %w", err)
		}
	}
	return out, nil
}

// invitees returns whom the owner means to invite, each once. Nobody is changed by that.
func (g *Groups) invitees(ctx context.Context, who []string) (persons []contacts.Person, err error) {
	var failed []error
	for _, w := range who {
		p, err := g.cfg.Contacts.Resolve(ctx, w)
		if err == nil && p.Blocked {
			err = contacts.ErrBlocked
		}
		if errors.Is(err, contacts.ErrBlocked) || errors.Is(err, contacts.ErrSelf) {
			err = fmt.Errorf("%q: %w", w, err)
		}
		switch {
		case err != nil:
			failed = append(failed, err)
		case !slices.ContainsFunc(persons, func(q contacts.Person) bool { return q.ID == p.ID }):
			persons = append(persons, p)
		}
	}
	if len(failed) > 0 {
		return nil, &InviteError{failed}
	}
	return persons, nil
}
