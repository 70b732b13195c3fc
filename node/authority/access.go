package authority

import (
	"math"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Accepts says whether somebody might write an entry of a log of theirs under control heads: nil, ErrParent,
// ErrNotPermitted if they were not in by what counts of the heads' past, or ErrCut. The create event is accepted.
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
	case sequence > g.limit(author, log, past):
		return ErrCut
	}
	return nil
}

// Limit returns the last sequence that counts of a log of somebody whose earliest entry was written under heads; they
// are none for the create event. It is 0 if nothing does, and math.MaxUint64 if there is no limit. Accepts agrees, if the
// log's control heads ascend and somebody who comes back begins a new log.
func (g *Group) Limit(author crypto.PersonID, log event.Log, first []crypto.Hash) uint64 {
	past, in, err := g.wrote(author, first)
	if err != nil || !in {
		return 0
	}
	return g.limit(author, log, past)
}

// wrote returns what somebody knew who wrote under control heads, and whether they were in.
func (g *Group) wrote(author crypto.PersonID, control []crypto.Hash) (past set, in bool, err error) {
	if len(control) == 0 {
		control = []crypto.Hash{g.entries[0].ID}
	}
	past, err = g.reach(control)
	return past, g.standing(author, view{g.counts, past}).role != event.RoleNone, err
}

// limit returns where a log ends that was begun by somebody who knew of past. Each removal and leave of theirs that counts
// ends all their logs: where its cuts say, and others at once, unless they were begun after it.
func (g *Group) limit(author crypto.PersonID, log event.Log, past set) uint64 {
	limit := uint64(math.MaxUint64)
	for _, out := range g.about[author].outs {
		if !g.counts.has(out) {
			continue
		}
		end, listed := g.cut(author, out, log)
		switch {
		case listed:
			limit = min(limit, end)
		case past.has(out):
		default:
			return 0
		}
	}
	return limit
}

// cut returns where a removal or leave of somebody ends a log, if it says so: by its own list, or else by the lowest of those
// that it names.
func (g *Group) cut(of crypto.PersonID, out int, log event.Log) (end uint64, listed bool) {
	n := g.entries[out]
	if end, listed = listedAt(n, of, log); listed {
		return end, true
	}
	for _, list := range g.lists(of, out) {
		if at, ok := listedAt(list, of, log); ok && (!listed || at < end) {
			end, listed = at, true
		}
	}
	return end, listed
}

// lists returns the events that a removal or leave of somebody names for their cuts, of those in its past. Who is removed
// has no say in where their logs end.
func (g *Group) lists(of crypto.PersonID, out int) (found []*entry) {
	var ids []crypto.Hash
	removed := false
	switch act := g.entries[out].Act.(type) {
	case event.Leave:
		ids = act.Lists
	case event.Remove:
		ids, removed = act.Lists, true
	}
	for _, id := range ids {
		i, ok := g.byID[id]
		if ok && g.entries[out].past.has(i) && !(removed && g.entries[i].Author == of) {
			found = append(found, g.entries[i])
		}
	}
	return found
}

// listedAt returns where an event says that a log of somebody ends, if it lists that.
func listedAt(n *entry, of crypto.PersonID, log event.Log) (uint64, bool) {
	whose, cuts := event.CutsOf(n.Author, n.Act)
	if whose != of {
		return 0, false
	}
	i, ok := slices.BinarySearchFunc(cuts, log, func(p event.Position, l event.Log) int { return p.Log(l.Conversation).Compare(l) })
	if !ok {
		return 0, false
	}
	return cuts[i].Sequence, true
}

// CutList is an event that lists where logs of somebody end.
type CutList struct {
	ID   crypto.Hash
	Cuts []event.Position
}

// CutLists returns those that somebody's removal, or their leave, may name if it is written now, in the order in which
// they came.
func (g *Group) CutLists(of crypto.PersonID, leave bool) []CutList {
	past, _ := g.reach(g.Heads()) // which are here
	var out []CutList
	for i, n := range g.entries {
		if whose, cuts := event.CutsOf(n.Author, n.Act); whose == of && len(cuts) > 0 && past.has(i) && (leave || n.Author != of) {
			out = append(out, CutList{n.ID, cuts})
		}
	}
	return out
}

// Serves says whether what was written under control heads may be given to somebody: to who is or was in, unless its
// author knew of a removal or leave of theirs, and of no invitation after it.
func (g *Group) Serves(to crypto.PersonID, control []crypto.Hash) bool {
	past, err := g.reach(control)
	return err == nil && g.Ever(to) && g.open(to, past)
}

// open says whether somebody may have what is written by who knows of past.
func (g *Group) open(to crypto.PersonID, past set) bool {
	v := view{g.counts, past}
	return !slices.ContainsFunc(g.about[to].outs, v.has) || g.standing(to, v).role != event.RoleNone
}

// LastOut returns the removal or leave of somebody that counts, the last of them in the order of the group; nil if there is
// none.
func (g *Group) LastOut(p crypto.PersonID) event.Control {
	last := -1
	if who := g.about[p]; who != nil {
		for _, out := range who.outs {
			if g.counts.has(out) && (last < 0 || g.order(last, out) < 0) {
				last = out
			}
		}
	}
	if last < 0 {
		return nil
	}
	return g.entries[last].Act
}

// Current reports whether nobody is in by what heads know of who is out by now: else somebody is among those whom their
// author meant who is not to be. ErrParent if one of them isn't here.
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
