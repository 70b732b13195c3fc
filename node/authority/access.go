package authority

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Accepts says whether somebody was permitted to write this entry of a log under control heads:
// nil; ErrParent; ErrNotPermitted if they were not in, by the events of the heads' past that count;
// or ErrCut. The create event is accepted.
func (g *Group) Accepts(author crypto.PersonID, log event.Log, sequence uint64, control []crypto.Hash) error {
	if len(control) == 0 && sequence != 1 {
		return ErrNotPermitted
	}
	past, in, err := g.wrote(author, control)
	switch {
	case err != nil:
		return err
	case !in:
		return ErrNotPermitted
	case sequence > g.limit(g.who[author], log, past):
		return ErrCut
	}
	return nil
}

// Limit returns the last sequence that counts of a log, whose earliest entry was written under the
// heads first (none, if that is the create event). It is 0 if nothing in the log counts, and
// math.MaxUint64 if there is no limit. Accepts agrees with it, provided that the control heads in a
// log only ever move on, and that somebody who comes back begins a new log.
func (g *Group) Limit(author crypto.PersonID, log event.Log, first []crypto.Hash) uint64 {
	past, in, err := g.wrote(author, first)
	if err != nil || !in {
		return 0
	}
	return g.limit(g.who[author], log, past)
}

// wrote returns the past of control heads, which an author knew who wrote under them, and whether
// the author was in by that past.
func (g *Group) wrote(author crypto.PersonID, control []crypto.Hash) (past set, in bool, err error) {
	if len(control) == 0 {
		control = []crypto.Hash{g.entries[0].id}
	}
	past, err = g.reach(control)
	p, known := g.who[author]
	return past, err == nil && known && g.standing(p, view{g.counts, past}).role != event.RoleNone, err
}

// Serves says whether something that was written under control heads may be given to a person. It
// may if the person is or was in, unless its author knew of a removal or leave of the person and of
// no invitation after that.
func (g *Group) Serves(to crypto.PersonID, control []crypto.Hash) bool {
	past, err := g.reach(control)
	return err == nil && g.Ever(to) && g.open(g.who[to], past)
}

// open says whether a person may have what is written by somebody who knows of past.
func (g *Group) open(to int, past set) bool {
	v := view{g.counts, past}
	return !slices.ContainsFunc(g.persons[to].outs, v.has) || g.standing(to, v).role != event.RoleNone
}

// Current says whether everybody who was in by these heads still is. If not, an event under these
// heads was meant for somebody who must not have it now. The error is ErrParent if one of the heads
// isn't here.
func (g *Group) Current(heads []crypto.Hash) (bool, error) {
	then, err := g.StateAt(heads)
	if err != nil {
		return false, err
	}
	now := g.State()
	for _, m := range then.Members {
		if _, in := now.Member(m.Person); !in {
			return false, nil
		}
	}
	return true, nil
}

// LastJoins returns the last so many joins of a person in order, whether they count or not.
func (g *Group) LastJoins(person crypto.PersonID, most int) []crypto.Hash {
	p, known := g.who[person]
	if !known {
		return nil
	}
	joins := g.persons[p].joins
	return g.ids(joins[max(0, len(joins)-most):])
}

// InForce says whether an invitation of a person counts and brings them in: no removal or leave of
// theirs came after it.
func (g *Group) InForce(person crypto.PersonID, invitation crypto.Hash) bool {
	i, here := g.byID[invitation]
	p, known := g.who[person]
	return here && known && slices.Contains(g.persons[p].joins, i) && g.counts.has(i) &&
		!slices.ContainsFunc(g.persons[p].outs, func(out int) bool { return g.counts.has(out) && !g.entries[i].past.has(out) })
}
