package authority

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// bounds are what an event must keep to by its own past, so that every node decides alike, whatever
// else it holds. Each bound counts the past and the event itself.
type bounds struct {
	// by bounds the weight of what authors of up to a role have written. So somebody who may remove
	// a flooder has room for that.
	by [event.RoleOwner + 1]int
	// byMember bounds the weight of what one plain member has written, who can only leave, and list
	// cuts before that.
	byMember int
	// outs bounds the removals and leaves of one person: nobody comes and goes more often. Who was
	// out so often is not invited again.
	outs int
	// persons bounds those who were invited, so that it stays cheap to say who is in.
	persons int

	// The rest says what there is room for here. It doesn't follow from the past of an event, so
	// where a group comes to it nodes may differ, and their owners are told.

	// quarters is by how many quarters all that is here may pass what is allowed of one past.
	// Branches that did not know of each other may each keep to a bound and pass it together.
	quarters int
	// steps bounds what judging one event may cost, at about 4 ns each: a tenth of a second. An
	// honest event takes some thousands.
	steps int
}

var usual = bounds{
	by:       [...]int{event.RoleMember: event.MaxControls / 4, event.RoleAdmin: event.MaxControls / 4 * 3, event.RoleOwner: event.MaxControls},
	byMember: 64,
	outs:     64,
	persons:  2048,
	quarters: 1,
	steps:    25_000_000,
}

// here is what a bound by the past allows of everything that is here.
func (b *bounds) here(most int) int { return most + most*b.quarters/4 }

// weight is what an event counts towards the bounds of a group.
func (e *Event) weight() int { return max(1, (e.Size+event.ControlPiece-1)/event.ControlPiece) }

// bounded says whether an event keeps to the bounds of persons by its past. v is what counts of its
// past alone.
func (g *Group) bounded(n *entry, act event.Control, v view) bool {
	often := func(p int) bool {
		outs := 0
		for _, out := range g.persons[p].outs {
			if n.past.has(out) {
				outs++
			}
		}
		return outs >= g.bounds.outs
	}
	switch act := act.(type) {
	case event.Remove: // whoever is in can be removed
		return !often(n.whom) || g.standing(n.whom, v).role != event.RoleNone
	case event.Invite:
		for _, id := range act.Persons {
			if p, known := g.who[id]; known && often(p) {
				return false
			}
		}
		return len(g.persons)+len(act.Persons) <= g.bounds.persons || g.invitedBy(n.past, act.Persons) <= g.bounds.persons
	}
	return true
}

// invitedBy returns how many persons are invited in some past or are among others.
func (g *Group) invitedBy(past set, others []crypto.PersonID) int {
	n := len(others)
	for _, p := range g.persons {
		if _, other := slices.BinarySearchFunc(others, p.id, compareIDs[crypto.PersonID]); !other && slices.ContainsFunc(p.joins, past.has) {
			n++
		}
	}
	return n
}

// room says whether an event keeps to the bounds of weight. It is ErrNotPermitted if it doesn't by
// its past, and ErrFull if it doesn't by all that is here.
func (g *Group) room(n *entry, act event.Control) error {
	if invite, ok := act.(event.Invite); ok && len(g.persons)+len(invite.Persons) > g.bounds.here(g.bounds.persons) && g.invitedBy(g.all, invite.Persons) > g.bounds.here(g.bounds.persons) {
		return ErrFull
	}
	author := g.persons[n.author]
	if g.weight+n.weight <= g.bounds.by[event.RoleMember] && author.weight+n.weight <= g.bounds.byMember {
		return nil
	}
	role, err := g.roleOf(n)
	if err != nil {
		return err
	}
	past, err := g.weigh(n.past, n.author)
	if err != nil {
		return err
	}
	all, err := g.weigh(g.all, n.author)
	if err != nil {
		return err
	}
	if role <= event.RoleMember && past.own+n.weight > g.bounds.byMember {
		return ErrNotPermitted
	}
	full := false
	for r := max(role, event.RoleMember); r <= event.RoleOwner; r++ {
		if past.by[r]+n.weight > g.bounds.by[r] {
			return ErrNotPermitted
		}
		full = full || all.by[r]+n.weight > g.bounds.here(g.bounds.by[r])
	}
	// Of the room for all members nobody takes more than they leave free.
	free := g.bounds.here(g.bounds.by[event.RoleMember]) - all.by[event.RoleMember] - n.weight
	if full || role <= event.RoleMember && all.own+n.weight > max(free, g.bounds.byMember) {
		return ErrFull
	}
	return nil
}

// weights is what events weigh: by authors of up to a role, and as a plain member by one person.
type weights struct {
	by  [event.RoleOwner + 1]int
	own int
}

func (g *Group) weigh(events set, author int) (w weights, err error) {
	for i := range events.minus(nil) {
		n := g.entries[i]
		role, err := g.roleOf(n)
		if err != nil {
			return w, err
		}
		for r := role; r <= event.RoleOwner; r++ {
			w.by[r] += n.weight
		}
		if role <= event.RoleMember && n.author == author {
			w.own += n.weight
		}
	}
	return w, nil
}
