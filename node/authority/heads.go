package authority

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// locatorHeads is how many hashes of a locator are heads, at most.
const locatorHeads = event.MaxLocator / 2

// Heads returns the parents for an event that is written now, sorted: the events that no other
// names yet. A header may name eight. Where there are more, what plain members wrote is left out
// first, since that may be a flood. Of the rest, removals and leaves that count come first, then
// others that count, the latest before the earlier.
func (g *Group) Heads() []crypto.Hash {
	heads := g.heads
	if len(heads) > event.MaxControl {
		heads = g.tips()
		slices.SortFunc(heads, func(a, b int) int {
			return cmp.Or(cmp.Compare(g.matters(b), g.matters(a)), g.compare(b, a))
		})
		heads = heads[:min(len(heads), event.MaxControl)]
	}
	ids := g.ids(heads)
	slices.SortFunc(ids, compareIDs)
	return ids
}

// tips returns the events that no other names as parent, if what plain members wrote is left out.
func (g *Group) tips() (tips []int) {
	var named set
	for _, i := range slices.Backward(g.order) {
		if named.has(i) {
			continue
		}
		if role, err := g.roleOf(g.entries[i]); err == nil && role > event.RoleMember {
			tips, named = append(tips, i), named.union(g.entries[i].past)
		}
	}
	return tips
}

// AllHeads returns the events that no other names yet, sorted, however many they are. So all events
// that are here are these and their past.
func (g *Group) AllHeads() []crypto.Hash {
	ids := g.ids(g.heads)
	slices.SortFunc(ids, compareIDs)
	return ids
}

// matters says how much it matters that others know about an event.
func (g *Group) matters(i int) int {
	switch {
	case !g.counts.has(i):
		return 0
	case g.entries[i].out():
		return 2
	}
	return 1
}

func (g *Group) ids(events []int) []crypto.Hash {
	ids := make([]crypto.Hash, len(events))
	for i, e := range events {
		ids[i] = g.entries[e].id
	}
	return ids
}

// Locator returns up to 32 events from which another node can tell what is here: some heads, then
// of all events in order the last, the second and the fourth from the end, and so on. So the other
// node, if it has any of the events, has one of these. The caller must not change it.
func (g *Group) Locator() []crypto.Hash {
	if g.locator == nil {
		var heads set
		for _, i := range g.heads {
			heads = heads.add(i)
		}
		var at []int
		for _, i := range slices.Backward(g.order) {
			if heads.has(i) && len(at) < locatorHeads {
				at = append(at, i)
			}
		}
		for back := 1; back <= len(g.order); back *= 2 {
			if i := g.order[len(g.order)-back]; !slices.Contains(at, i) {
				at = append(at, i)
			}
		}
		g.locator = g.ids(at)
	}
	return g.locator
}

// Missing returns the events that a person may have and lacks, parents first; the person has those
// in known and their past. Somebody who is in may have all. Somebody who was in may have what was
// written by authors who didn't know that they are out, which includes the removal itself.
func (g *Group) Missing(known []crypto.Hash, to crypto.PersonID) []crypto.Hash {
	p, ok := g.who[to]
	if !ok || !g.Ever(to) {
		return nil
	}
	var have, may set
	for _, id := range known {
		if i, ok := g.byID[id]; ok {
			have = have.union(g.entries[i].past).add(i)
		}
	}
	if g.standing(p, view{g.counts, g.all}).role != event.RoleNone {
		may = g.all
	} else {
		for i, n := range g.entries {
			if g.open(p, n.past) {
				may = may.union(n.past).add(i)
			}
		}
	}
	return g.ids(slices.Collect(may.minus(have)))
}

func compareIDs[T crypto.Hash | crypto.PersonID](a, b T) int {
	x, y := [32]byte(a), [32]byte(b)
	return bytes.Compare(x[:], y[:])
}
