// Package membership is what the owner of the node does with groups, and is told of them: which there
// are and who is in them, making, inviting, removing, renaming and hiding, and the notices of what
// others have done.
//
// [Groups] is what the local API calls. It keeps no state but what the store and package groups
// have: each call resolves which group and whom it means, writes a control event in the owner's
// name, and gives back views that name persons and groups as the owner sees them. What a role
// allows is decided by package authority, and what is said in a group is no business of this one
// (package chat).
//
// The methods may be called by any goroutine. One that writes returns when what it wrote is on this
// node's disk. The errors that the owner can do something about are in errors.go and in package
// contacts.
package membership

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what Groups are made of.
type Config struct {
	Store    *store.Store
	People   *people.People
	Contacts *contacts.Contacts
	Groups   *groups.Groups
}

// Groups has the methods by which the owner lists, makes and changes groups.
type Groups struct {
	cfg  Config
	self crypto.PersonID
}

// New returns the groups in a store.
func New(cfg Config) *Groups { return &Groups{cfg: cfg, self: cfg.Store.Own().Person} }

func (g *Groups) view(c event.Conversation) (contacts.Group, error) { return g.cfg.Contacts.Group(c) }

// CreateGroup makes a group of which the owner is the only member. The error is
// *contacts.NameTakenError if the name already means somebody or another group, unless the owner
// wants it anyway.
func (g *Groups) CreateGroup(ctx context.Context, name string, anyway bool) (contacts.Group, error) {
	name, err := g.newName(name, event.Conversation{}, anyway)
	if err != nil {
		return contacts.Group{}, err
	}
	c, err := g.cfg.Groups.Create(ctx, name)
	if err != nil {
		return contacts.Group{}, asOurs(err)
	}
	return g.view(c)
}

// newName returns the name that a group is to have.
func (g *Groups) newName(name string, group event.Conversation, anyway bool) (string, error) {
	name, err := names.Claim(strings.TrimPrefix(name, "#"))
	if err == nil && !anyway {
		err = g.cfg.Contacts.Free(name, group)
	}
	return name, err
}

// Groups lists the groups that the owner is in, by name, then those that they were in, then those that
// are arriving; hidden ones too.
func (g *Groups) Groups(context.Context) ([]contacts.Group, error) {
	var out []contacts.Group
	for _, c := range g.cfg.Groups.All() {
		v, err := g.view(c)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b contacts.Group) int {
		if (a.Role == "") != (b.Role == "") {
			return strings.Compare(b.Role, a.Role)
		}
		return cmp.Or(strings.Compare(names.Skeleton(a.Name), names.Skeleton(b.Name)), bytes.Compare(a.ID[:], b.ID[:]))
	})
	for _, a := range g.cfg.Groups.Arrivals() {
		out = append(out, g.cfg.Contacts.Arriving(a))
	}
	return out, nil
}

// Group returns one group.
func (g *Groups) Group(_ context.Context, group string) (contacts.Group, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return contacts.Group{}, err
	}
	return g.view(c)
}

// Members lists who is in a group: owners first, then admins, then by name.
func (g *Groups) Members(_ context.Context, group string) ([]Member, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return nil, err
	}
	state, err := g.cfg.Groups.State(c)
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(state.Members))
	role := make(map[crypto.PersonID]event.Role, len(members))
	for i, m := range state.Members {
		role[m.Person] = m.Role
		members[i] = Member{Person: g.cfg.Contacts.Person(m.Person), Role: m.Role.String(), Joined: time.UnixMilli(m.JoinedClock)}
		if m.Person == g.self {
			members[i].Self = true
			members[i].Online = true
		}
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(role[b.ID], role[a.ID]),
			strings.Compare(names.Skeleton(a.Shown()), names.Skeleton(b.Shown())), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return members, nil
}

// act writes a control event in a group in the owner's name. decide makes the event from the state
// of the group.
func (g *Groups) act(ctx context.Context, group string, decide func(state *authority.State) (event.Control, error)) (contacts.Group, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return contacts.Group{}, err
	}
	return g.actIn(ctx, c, decide)
}

// actIn is act in a group that was resolved.
func (g *Groups) actIn(ctx context.Context, c event.Conversation, decide func(*authority.State) (event.Control, error)) (contacts.Group, error) {
	err := g.cfg.Groups.Do(ctx, c, func(state *authority.State) (event.Control, error) {
		if _, ok := state.Member(g.self); !ok {
			return nil, contacts.ErrNotMember
		}
		return decide(state)
	})
	if err != nil {
		return contacts.Group{}, asOurs(err)
	}
	return g.view(c)
}

// Leave takes the owner out of a group. What was said stays readable here.
func (g *Groups) Leave(ctx context.Context, group string) (contacts.Group, error) {
	return g.takeOut(ctx, group, func(*authority.State) (crypto.PersonID, error) { return g.self, nil })
}

// RemoveMember takes a person out of a group: members who know of it send them nothing that is said
// from then on.
func (g *Groups) RemoveMember(ctx context.Context, group, who string) (contacts.Group, error) {
	return g.takeOut(ctx, group, func(state *authority.State) (crypto.PersonID, error) {
		id, err := g.cfg.Contacts.Member(state, who)
		if err == nil && id == g.self {
			err = contacts.ErrSelf
		}
		return id, err
	})
}

// takeOut removes a person from a group in the owner's name. decide says whom, which may be the
// owner.
func (g *Groups) takeOut(ctx context.Context, group string, decide func(*authority.State) (crypto.PersonID, error)) (contacts.Group, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return contacts.Group{}, err
	}
	err = g.cfg.Groups.TakeOut(ctx, c, func(state *authority.State) (crypto.PersonID, error) {
		if _, ok := state.Member(g.self); !ok {
			return crypto.PersonID{}, contacts.ErrNotMember
		}
		return decide(state)
	})
	if err != nil {
		return contacts.Group{}, asOurs(err)
	}
	return g.view(c)
}

// SetRole gives a member a role.
func (g *Groups) SetRole(ctx context.Context, group, who, role string) (contacts.Group, error) {
	roles := map[string]event.Role{RoleMember: event.RoleMember, RoleAdmin: event.RoleAdmin, RoleOwner: event.RoleOwner}
	to, ok := roles[role]
	if !ok {
		return contacts.Group{}, fmt.Errorf("%w: role %q: owner, admin or member", people.ErrSetting, role)
	}
	return g.act(ctx, group, func(state *authority.State) (event.Control, error) {
		id, err := g.cfg.Contacts.Member(state, who)
		return event.RoleChange{Person: id, Role: to}, err
	})
}

// RenameGroup gives a group another name, for everybody. The error is as of CreateGroup.
func (g *Groups) RenameGroup(ctx context.Context, group, name string, anyway bool) (contacts.Group, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return contacts.Group{}, err
	}
	if name, err = g.newName(name, c, anyway); err != nil {
		return contacts.Group{}, err
	}
	return g.actIn(ctx, c, func(*authority.State) (event.Control, error) {
		return event.Rename{Name: name}, nil
	})
}

// Hide leaves a group out of lists, or shows it in them again. Nothing else changes: what is said in
// it arrives and is read as before.
func (g *Groups) Hide(ctx context.Context, group string, hidden bool) (contacts.Group, error) {
	c, err := g.cfg.Contacts.ResolveGroup(group)
	if err != nil {
		return contacts.Group{}, err
	}
	if err := g.cfg.Store.Hide(ctx, c, hidden); err != nil {
		return contacts.Group{}, err
	}
	return g.view(c)
}

// SetTopic says what a group is about; empty says nothing.
func (g *Groups) SetTopic(ctx context.Context, group, topic string) (contacts.Group, error) {
	return g.act(ctx, group, func(*authority.State) (event.Control, error) {
		return event.Topic{Topic: topic}, nil
	})
}

// SetHistory says what those who come from now on may read of what was said before.
func (g *Groups) SetHistory(ctx context.Context, group, policy string) (contacts.Group, error) {
	history, err := contacts.ParseHistory(policy)
	if err != nil {
		return contacts.Group{}, err
	}
	return g.act(ctx, group, func(*authority.State) (event.Control, error) {
		return history, nil
	})
}
