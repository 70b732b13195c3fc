package node

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/store/event"
)

// Target finds whom or what WHO means: a "person", a "group", or either if kind is empty.
func (n *Node) Target(_ context.Context, who, kind string) (Target, error) {
	of, ok := kinds[kind]
	if !ok {
		return Target{}, fmt.Errorf("%w: kind %q: person or group", ErrSetting, kind)
	}
	m, err := n.find(who, of)
	switch {
	case err != nil:
		return Target{}, err
	case m.person != nil:
		return target(m.person), nil
	}
	return n.groupTarget(m.group), nil
}

// group is a group as the local API shows it.
func (n *Node) group(c event.Conversation) (Group, error) {
	state, err := n.groups.State(c)
	if err != nil {
		return Group{}, err
	}
	g := Group{ID: c, Name: groupName(state), Topic: state.Topic, History: historyText(state.History),
		Members: len(state.Members), Frozen: state.Frozen}
	for _, m := range state.Members {
		them, _ := n.people.get(m.Person)
		if m.Person == n.me.person {
			g.Online++
			g.Role = m.Role.String()
			g.Joined = time.UnixMilli(m.JoinedClock)
			if m.InvitedBy != n.me.person {
				by, _ := n.people.get(m.InvitedBy)
				by.ID = m.InvitedBy
				public := by.public()
				g.InvitedBy = &public
			}
		} else if len(them.online) > 0 {
			g.Online++
		}
	}
	return g, nil
}

// groupName is what a group may be shown as: somebody's program may have let through what is no name here.
func groupName(state *authority.State) string {
	if name, err := names.Parse(state.Name); err == nil {
		return name
	}
	return "?"
}

func (n *Node) groupTarget(c event.Conversation) Target {
	t := Target{Kind: "group", ID: c.String()}
	if state, err := n.groups.State(c); err == nil {
		t.Name = groupName(state)
	}
	return t
}

func historyText(h event.History) string {
	switch h.Policy {
	case event.HistoryAll:
		return HistoryAll
	case event.HistoryDays:
		return strconv.FormatUint(h.Days, 10) + "d"
	}
	return HistoryJoined
}

func parseHistory(text string) (event.History, error) {
	switch text {
	case HistoryJoined:
		return event.History{Policy: event.HistoryJoined}, nil
	case HistoryAll:
		return event.History{Policy: event.HistoryAll}, nil
	}
	days, ok := strings.CutSuffix(text, "d")
	count, err := strconv.ParseUint(days, 10, 16)
	if !ok || err != nil || count == 0 || count > event.MaxHistoryDays {
		return event.History{}, fmt.Errorf("%w: history %q: joined, all or a number of days such as 7d", ErrSetting, text)
	}
	return event.History{Policy: event.HistoryDays, Days: count}, nil
}

// CreateGroup makes a group of which the owner is the only member.
func (n *Node) CreateGroup(ctx context.Context, name string) (Group, error) {
	name, err := names.Parse(strings.TrimPrefix(name, "#"))
	if err != nil {
		return Group{}, err
	}
	c, err := n.groups.Create(ctx, name)
	if err != nil {
		return Group{}, asOurs(err)
	}
	return n.group(c)
}

// Groups lists the groups that the owner is in, by name, then those that they were in.
func (n *Node) Groups(context.Context) ([]Group, error) {
	var out []Group
	for _, c := range n.groups.All() {
		g, err := n.group(c)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Group) int {
		if (a.Role == "") != (b.Role == "") {
			return strings.Compare(b.Role, a.Role)
		}
		return cmp.Or(strings.Compare(names.Skeleton(a.Name), names.Skeleton(b.Name)), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return out, nil
}

// Group returns one group.
func (n *Node) Group(_ context.Context, group string) (Group, error) {
	c, err := n.resolveGroup(group)
	if err != nil {
		return Group{}, err
	}
	return n.group(c)
}

// Members lists who is in a group: owners first, then admins, then by name.
func (n *Node) Members(_ context.Context, group string) ([]Member, error) {
	c, err := n.resolveGroup(group)
	if err != nil {
		return nil, err
	}
	state, err := n.groups.State(c)
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(state.Members))
	role := make(map[crypto.PersonID]event.Role, len(members))
	for i, m := range state.Members {
		role[m.Person] = m.Role
		members[i] = Member{Person: n.person(m.Person), Role: m.Role.String(), Joined: time.UnixMilli(m.JoinedClock)}
		if m.Person == n.me.person {
			members[i].Self = true
			members[i].Online = true
		}
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(role[b.ID], role[a.ID]),
			strings.Compare(names.Skeleton(shown(&a.Person)), names.Skeleton(shown(&b.Person))), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return members, nil
}

// person is what is known of somebody, who may be nobody but an ID.
func (n *Node) person(id crypto.PersonID) Person {
	a, ok := n.people.get(id)
	if !ok {
		return Person{ID: id}
	}
	p := a.public()
	if id == n.me.person {
		p.Name = profileName(n.ownProfile())
	}
	return p
}

// shown is the name by which the owner sees somebody.
func shown(p *Person) string { return cmp.Or(p.Petname, p.Pinned, p.Name) }

// act has the owner act in a group.
func (n *Node) act(ctx context.Context, group string, decide func(c event.Conversation, state *authority.State) (event.Control, error)) (Group, error) {
	c, err := n.resolveGroup(group)
	if err != nil {
		return Group{}, err
	}
	err = n.groups.Do(ctx, c, func(state *authority.State) (event.Control, error) {
		if _, ok := state.Member(n.me.person); !ok {
			return nil, ErrNotMember
		}
		return decide(c, state)
	})
	if err != nil {
		return Group{}, asOurs(err)
	}
	return n.group(c)
}

// Invite brings persons into a group. They are in at once, and are told.
func (n *Node) Invite(ctx context.Context, group string, who []string) (Group, error) {
	return n.act(ctx, group, func(_ event.Conversation, state *authority.State) (event.Control, error) {
		var invite event.Invite
		for _, w := range who {
			p, err := n.Resolve(ctx, w)
			if err != nil {
				return nil, err
			}
			if p.Blocked {
				return nil, ErrBlocked
			}
			if _, ok := state.Member(p.ID); ok {
				return nil, fmt.Errorf("%w: %s", ErrMember, w)
			}
			if err := n.people.keep(ctx, p.ID, true); err != nil {
				return nil, err
			}
			if !slices.Contains(invite.Persons, p.ID) {
				invite.Persons = append(invite.Persons, p.ID)
			}
		}
		if len(invite.Persons) > event.MaxInvited {
			return nil, fmt.Errorf("%w: at most %d at once", ErrGroupFull, event.MaxInvited)
		}
		slices.SortFunc(invite.Persons, func(a, b crypto.PersonID) int { return bytes.Compare(a[:], b[:]) })
		return invite, nil
	})
}

// Leave takes the owner out of a group. What was said stays readable here.
func (n *Node) Leave(ctx context.Context, group string) (Group, error) {
	return n.takeOut(ctx, group, func(*authority.State) (crypto.PersonID, error) { return n.me.person, nil })
}

// RemoveMember takes a person out of a group: they get nothing more that is said by those who know.
func (n *Node) RemoveMember(ctx context.Context, group, who string) (Group, error) {
	return n.takeOut(ctx, group, func(state *authority.State) (crypto.PersonID, error) {
		id, err := n.memberOf(state, who)
		if err == nil && id == n.me.person {
			err = ErrSelf
		}
		return id, err
	})
}

// takeOut has the owner take somebody out of a group, or themselves.
func (n *Node) takeOut(ctx context.Context, group string, decide func(*authority.State) (crypto.PersonID, error)) (Group, error) {
	c, err := n.resolveGroup(group)
	if err != nil {
		return Group{}, err
	}
	err = n.groups.TakeOut(ctx, c, func(state *authority.State) (crypto.PersonID, error) {
		if _, ok := state.Member(n.me.person); !ok {
			return crypto.PersonID{}, ErrNotMember
		}
		return decide(state)
	})
	if err != nil {
		return Group{}, asOurs(err)
	}
	return n.group(c)
}

// memberOf resolves WHO to a member of a group. A name means who it means everywhere; of several who have it equally, the
// members.
func (n *Node) memberOf(state *authority.State, who string) (crypto.PersonID, error) {
	if id, err := crypto.ParsePersonID(who); err == nil { // of whom nothing else may be known
		if _, in := state.Member(id); !in {
			return id, ErrNotMember
		}
		return id, nil
	}
	b := n.book()
	b.persons = append(b.persons, n.self())
	found := b.find(who, aPerson)
	members := slices.DeleteFunc(slices.Clone(found), func(m meant) bool {
		_, in := state.Member(m.person.ID)
		return !in
	})
	if len(found) > 0 && len(members) == 0 {
		return crypto.PersonID{}, ErrNotMember
	}
	m, err := n.single(who, members)
	if err != nil {
		return crypto.PersonID{}, err
	}
	return m.person.ID, nil
}

// SetRole gives a member a role.
func (n *Node) SetRole(ctx context.Context, group, who, role string) (Group, error) {
	roles := map[string]event.Role{RoleMember: event.RoleMember, RoleAdmin: event.RoleAdmin, RoleOwner: event.RoleOwner}
	to, ok := roles[role]
	if !ok {
		return Group{}, fmt.Errorf("%w: role %q: owner, admin or member", ErrSetting, role)
	}
	return n.act(ctx, group, func(_ event.Conversation, state *authority.State) (event.Control, error) {
		id, err := n.memberOf(state, who)
		return event.RoleChange{Person: id, Role: to}, err
	})
}

// RenameGroup gives a group another name, for everybody.
func (n *Node) RenameGroup(ctx context.Context, group, name string) (Group, error) {
	name, err := names.Parse(strings.TrimPrefix(name, "#"))
	if err != nil {
		return Group{}, err
	}
	return n.act(ctx, group, func(event.Conversation, *authority.State) (event.Control, error) {
		return event.Rename{Name: name}, nil
	})
}

// SetTopic says what a group is about; empty says nothing.
func (n *Node) SetTopic(ctx context.Context, group, topic string) (Group, error) {
	return n.act(ctx, group, func(event.Conversation, *authority.State) (event.Control, error) {
		return event.Topic{Topic: topic}, nil
	})
}

// SetHistory says what those who come from now on may read of what was said before.
func (n *Node) SetHistory(ctx context.Context, group, policy string) (Group, error) {
	history, err := parseHistory(policy)
	if err != nil {
		return Group{}, err
	}
	return n.act(ctx, group, func(event.Conversation, *authority.State) (event.Control, error) {
		return history, nil
	})
}

// Author finds whose card has a head. See groups.Authors.
func (n *Node) Author(head crypto.Hash, device crypto.DeviceID) (crypto.PersonID, error) {
	a, ok := n.people.withHead(head)
	switch {
	case !ok || !a.card.Includes(head):
		return crypto.PersonID{}, &groups.NeedsCardError{Head: head}
	case !a.card.SpeaksAt(head, device):
		return a.ID, authority.ErrNotPermitted
	}
	return a.ID, nil
}

// Owner finds whose device this is now. See groups.Authors.
func (n *Node) Owner(device crypto.DeviceID) (crypto.PersonID, bool) {
	a, ok := n.people.of(device)
	return a.ID, ok
}

// Keep has the store know a person. See groups.Authors.
func (n *Node) Keep(ctx context.Context, person crypto.PersonID) error { return n.keep(ctx, person) }
