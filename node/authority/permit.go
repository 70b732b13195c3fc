package authority

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

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

// standing returns what a person is in the group, leaving aside that a group without owners makes
// the most senior one.
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

// rank returns what a person is in the group.
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
