package authority

import (
	"math"
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
	case sequence > g.limit(author, log, past):
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
	return g.limit(author, log, past)
}

// wrote returns the past of control heads, which an author knew who wrote under them, and whether
// the author was in by that past.
func (g *Group) wrote(author crypto.PersonID, control []crypto.Hash) (past set, in bool, err error) {
	if len(control) == 0 {
		control = []crypto.Hash{g.entries[0].ID}
	}
	past, err = g.reach(control)
	return past, g.standing(author, view{g.counts, past}).role != event.RoleNone, err
}

// limit returns where a log ends. past is what its author knew when they began it. Each removal or
// leave of its author that counts ends all logs that the author had begun before: those in its cuts
// where these say, and the others before their first entry.
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

// cut returns where a removal or leave of somebody ends a log, if it says so. Its own list comes
// first; else it is the lowest end in the lists that it names.
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

// lists returns the events with further cuts that a removal or leave of somebody names, if they are
// in its past. A removal can't name lists by the person who is removed, who has no say in where
// their logs end.
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

// listedAt returns where an event says that a log of somebody ends, if it lists that log.
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

// CutList is an event that lists where logs of a person end.
type CutList struct {
	ID   crypto.Hash
	Cuts []event.Position
}

// CutLists returns the lists that somebody's removal, or their leave, may name if it is written
// now, in order of arrival.
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

// Serves says whether something that was written under control heads may be given to a person. It
// may if the person is or was in, unless its author knew of a removal or leave of the person and of
// no invitation after that.
func (g *Group) Serves(to crypto.PersonID, control []crypto.Hash) bool {
	past, err := g.reach(control)
	return err == nil && g.Ever(to) && g.open(to, past)
}

// open says whether a person may have what is written by somebody who knows of past.
func (g *Group) open(to crypto.PersonID, past set) bool {
	v := view{g.counts, past}
	return !slices.ContainsFunc(g.about[to].outs, v.has) || g.standing(to, v).role != event.RoleNone
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
