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

// limit returns where a log ends that was begun by somebody who knew of past. Each removal and leave of theirs ends all
// their logs: one that it lists, or that a removal listed before it, where that says; others at once, unless they were
// begun after it.
func (g *Group) limit(author crypto.PersonID, log event.Log, past set) uint64 {
	limit := uint64(math.MaxUint64)
	outs := g.about[author].outs
	for _, out := range outs {
		if !g.counts.has(out) {
			continue
		}
		end, listed := cut(g.entries[out].Act, log)
		switch {
		case listed:
			limit = min(limit, end)
		case past.has(out):
		case slices.ContainsFunc(outs, func(earlier int) bool { return g.endsBefore(earlier, out, log) }):
		default:
			return 0
		}
	}
	return limit
}

// endsBefore says whether a removal in the past of another already says where a log ends. A leave doesn't: who goes might
// spare logs from a later removal.
func (g *Group) endsBefore(earlier, out int, log event.Log) bool {
	remove, ok := g.entries[earlier].Act.(event.Remove)
	if !ok || !g.counts.has(earlier) || !g.entries[out].past.has(earlier) {
		return false
	}
	_, listed := cut(remove, log)
	return listed
}

// cut returns where a removal or leave ends a log, if it lists it.
func cut(act event.Control, log event.Log) (uint64, bool) {
	var cuts []event.Position
	switch act := act.(type) {
	case event.Leave:
		cuts = act.Cuts
	case event.Remove:
		cuts = act.Cuts
	}
	i, ok := slices.BinarySearchFunc(cuts, log, func(p event.Position, l event.Log) int { return p.Log(l.Conversation).Compare(l) })
	if !ok {
		return 0, false
	}
	return cuts[i].Sequence, true
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
