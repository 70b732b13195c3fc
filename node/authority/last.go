package authority

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// LastOut returns the last removal or leave of somebody that counts, without what it says, and who
// wrote it; nil if there is none.
func (g *Group) LastOut(p crypto.PersonID) (by crypto.PersonID, out event.Control) {
	if who, ok := g.who[p]; ok {
		by, out = g.last(g.persons[who].outs, func(event.Control) bool { return true })
	}
	return by, out
}

// LastRole returns who was the last to give somebody this role, by an event that counts; zero if
// nobody did, as where a member became the owner because no other was left.
func (g *Group) LastRole(p crypto.PersonID, role event.Role) (by crypto.PersonID) {
	if who, ok := g.who[p]; ok {
		by, _ = g.last(g.persons[who].roles, func(act event.Control) bool { return act.(event.RoleChange).Role == role })
	}
	return by
}

// LastSet returns who has set the name (event.KindRename), the topic or the history policy as it is
// now; zero if nobody has since the group was made.
func (g *Group) LastSet(kind event.Kind) (by crypto.PersonID) {
	by, _ = g.last(g.settings, func(act event.Control) bool { return act.Kind() == kind })
	return by
}

// last returns the last of some events, which are in order, that counts and for which is holds, and
// who wrote it; nil if there is none.
func (g *Group) last(events []int, is func(event.Control) bool) (by crypto.PersonID, act event.Control) {
	for _, i := range slices.Backward(events) {
		if n := g.entries[i]; g.counts.has(i) && is(n.act) {
			return g.persons[n.author].id, n.act
		}
	}
	return by, nil
}
