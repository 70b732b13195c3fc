package authority

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// What events permit:
//
//   - Every member may leave, and may list where their own logs end. Everything else needs an admin
//     or an owner, and a change of roles needs an owner.
//   - The target of a removal must be junior to its author, or not in. (Then it cuts their logs.) A role may be given to
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
	person int
	role   event.Role
	join   int
}

// senior says whether s is senior to t; both must be in.
func (g *Group) senior(s, t standing) bool {
	x, y := g.persons[s.person].id, g.persons[t.person].id
	return cmp.Or(cmp.Compare(t.role, s.role), g.compare(s.join, t.join), bytes.Compare(x[:], y[:])) < 0
}

// standing returns what a person is in the group, without the rule that the most senior member is
// owner where there is no other.
func (g *Group) standing(p int, v view) standing {
	who := g.persons[p]
	g.steps += 16 + len(who.outs) + len(who.joins) + len(who.roles)
	var outs, joins set // of the person in v, of the joins those in force
	for _, i := range who.outs {
		if v.has(i) {
			outs = outs.add(i)
		}
	}
	s := standing{person: p, join: -1}
	for _, i := range who.joins {
		if !v.has(i) || !outs.within(g.entries[i].past) {
			continue
		}
		if s.join < 0 {
			s.join = i
		}
		if len(who.roles) == 0 {
			break
		}
		joins = joins.add(i)
		g.steps += len(outs)
	}
	switch s.join {
	case -1:
		return standing{}
	case 0:
		s.role = event.RoleOwner
	default:
		s.role = event.RoleMember
	}
	var lowest event.Role
	var overtaken set // by changes that were looked at
	for _, i := range slices.Backward(who.roles) {
		n := g.entries[i]
		if !v.has(i) || overtaken.has(i) || !joins.meets(n.past) {
			continue
		}
		if role := n.act.(event.RoleChange).Role; lowest == event.RoleNone || role < lowest {
			lowest = role
		}
		overtaken = overtaken.union(n.past)
		g.steps += 2 * len(n.past)
	}
	if lowest != event.RoleNone {
		s.role = lowest
	}
	return s
}

// rank returns what a person is in the group, by all rules.
func (g *Group) rank(p int, v view) standing {
	s := g.standing(p, v)
	if s.role == event.RoleNone || s.role == event.RoleOwner {
		return s
	}
	for _, other := range g.promoted { // an owner is found soonest among these, if there is one
		if g.standing(other, v).role == event.RoleOwner {
			return s
		}
	}
	for other := range g.persons {
		if t := g.standing(other, v); t.role != event.RoleNone && g.senior(t, s) {
			return s
		}
	}
	s.role = event.RoleOwner
	return s
}

// frozen says whether there is an event that can't be understood.
func (g *Group) frozen(v view) bool {
	g.steps += len(g.unknown)
	return slices.ContainsFunc(g.unknown, v.has)
}

// never is more than any role.
const never = event.RoleOwner + 1

// needs returns the lowest role that the author of n must have been left with, so that v permits n;
// never if it doesn't permit n at all.
func (g *Group) needs(n *entry, v view) event.Role {
	me := g.standing(n.author, v)
	_, changes := n.act.(event.RoleChange)
	own := n.whom == n.author && (n.is(event.KindLeave) || n.is(event.KindCuts))
	if me.role == event.RoleMember && !own || me.role == event.RoleAdmin && changes {
		me = g.rank(n.author, v) // only here it matters whether they are owner for want of another
	}
	if me.role == event.RoleNone || g.frozen(v) {
		return never
	}
	var them standing
	if n.whom != nobody && n.whom != n.author {
		them = g.standing(n.whom, v)
	}
	for role := event.RoleMember; role <= me.role; role++ {
		if s := me; g.permits(n, standing{s.person, role, s.join}, them) {
			return role
		}
	}
	return never
}

// permits says whether n is permitted to somebody who is in as me, if the other person whom it is
// about is in as them.
func (g *Group) permits(n *entry, me, them standing) bool {
	junior := them.role != event.RoleNone && g.senior(me, them)
	switch n.act.(type) {
	case event.Create:
		return false
	case event.Leave:
		return true
	case event.CutList:
		return me.role >= event.RoleAdmin || n.whom == n.author
	case event.Merge:
		return me.role >= event.RoleAdmin && len(n.parents) > 1
	case event.Remove:
		return me.role >= event.RoleAdmin && n.whom != n.author && (them.role == event.RoleNone || junior)
	case event.RoleChange:
		return me.role == event.RoleOwner && (n.whom == n.author || junior)
	}
	return me.role >= event.RoleAdmin
}
