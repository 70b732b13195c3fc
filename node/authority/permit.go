package authority

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// What events permit:
//
//   - Every member may leave, and may list where their own logs end. Everything else needs an admin
//     or an owner, and a change of roles needs an owner.
//   - The target of a removal must be junior to its author, or not in. A role may be given to
//     somebody junior, or to oneself.
//   - A person is in by an invitation that comes after every removal and leave of theirs, the
//     founder also by the create event. If there are several, the earliest is their join.
//   - A member's role is set by the role changes that come after such an invitation. Only changes
//     that no other of them follows count; if these differ, the lowest role does. A member without
//     role changes has the role member, the founder the role owner. Where nobody who is in is an
//     owner, the most senior member is.
//   - The name, the topic and the history policy are each set by the event with the greatest
//     (depth, ID).
//   - A critical event of an unknown kind freezes the group: nothing that comes after it is
//     permitted.

// standing is what a person is in the group by some events. It is zero for somebody who is not in.
type standing struct {
	person crypto.PersonID
	role   event.Role
	join   int
}

// senior says whether s is senior to t; both must be in.
func (g *Group) senior(s, t standing) bool {
	return cmp.Or(cmp.Compare(t.role, s.role), g.order(s.join, t.join), bytes.Compare(s.person[:], t.person[:])) < 0
}

// standing returns what a person is in the group, without the rule that the most senior member is
// owner where there is no other.
func (g *Group) standing(p crypto.PersonID, v view) standing {
	who := g.about[p]
	if who == nil {
		return standing{}
	}
	inForce := func(join int) bool {
		return v.has(join) && !slices.ContainsFunc(who.outs, func(out int) bool {
			return v.has(out) && !g.entries[join].past.has(out)
		})
	}
	s := standing{person: p, join: -1}
	for _, join := range who.joins {
		if inForce(join) && (s.join < 0 || g.order(join, s.join) < 0) {
			s.join = join
		}
	}
	switch s.join {
	case -1:
		return standing{}
	case 0:
		s.role = event.RoleOwner
	default:
		s.role = event.RoleMember
	}
	after := func(change int) bool {
		return v.has(change) && slices.ContainsFunc(who.joins, func(join int) bool {
			return g.entries[change].past.has(join) && inForce(join)
		})
	}
	lowest := event.RoleNone
	for _, change := range who.roles {
		overtaken := func(later int) bool { return g.entries[later].past.has(change) && after(later) }
		if !after(change) || slices.ContainsFunc(who.roles, overtaken) {
			continue
		}
		if role := g.entries[change].Act.(event.RoleChange).Role; lowest == event.RoleNone || role < lowest {
			lowest = role
		}
	}
	if lowest != event.RoleNone {
		s.role = lowest
	}
	return s
}

// rank returns what a person is in the group, by all rules.
func (g *Group) rank(p crypto.PersonID, v view) standing {
	s := g.standing(p, v)
	if s.role == event.RoleNone || s.role == event.RoleOwner {
		return s
	}
	for _, other := range g.promoted { // an owner is found soonest among these, if there is one
		if g.standing(other, v).role == event.RoleOwner {
			return s
		}
	}
	for other := range g.about {
		if t := g.standing(other, v); t.role != event.RoleNone && g.senior(t, s) {
			return s
		}
	}
	s.role = event.RoleOwner
	return s
}

// frozen says whether there is an event that can't be understood.
func (g *Group) frozen(v view) bool { return slices.ContainsFunc(g.unknown, v.has) }

// permitted says whether n is permitted by v, if its author is taken to have no more than the role
// most.
func (g *Group) permitted(n *entry, v view, most event.Role) bool {
	me := g.rank(n.Author, v)
	me.role = min(me.role, most)
	if me.role == event.RoleNone || g.frozen(v) {
		return false
	}
	switch act := n.Act.(type) {
	case event.Create:
		return false
	case event.Leave:
		return true
	case event.CutList:
		return me.role >= event.RoleAdmin || act.Person == me.person
	case event.Merge:
		return me.role >= event.RoleAdmin && len(n.Parents) > 1
	case event.Remove:
		them := g.rank(act.Person, v)
		return me.role >= event.RoleAdmin && (them.role == event.RoleNone || them.person != me.person && g.senior(me, them))
	case event.RoleChange:
		them := g.rank(act.Person, v)
		return me.role == event.RoleOwner && them.role != event.RoleNone && (them.person == me.person || g.senior(me, them))
	}
	return me.role >= event.RoleAdmin
}
