package authority

import (
	"bytes"
	"math"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// ends says where logs of a device end. Of a position no more is kept.
type ends struct {
	device crypto.DeviceID
	of     []end // ascending
}

type end struct {
	instance event.Instance
	sequence uint64
}

// endsOf returns the ends that cuts say, which are sorted by log.
func endsOf(cuts []event.Position) (out []ends) {
	for _, c := range cuts {
		if n := len(out); n == 0 || out[n-1].device != c.Device {
			out = append(out, ends{device: c.Device})
		}
		last := &out[len(out)-1]
		last.of = append(last.of, end{c.Instance, c.Sequence})
	}
	for i := range out {
		out[i].of = slices.Clip(out[i].of)
	}
	return out
}

// listsOf returns the events with further cuts that a removal or leave names, if they are in its
// past and list logs of the same person. A removal can't name lists by the person who is removed,
// who has no say in where their logs end.
func (g *Group) listsOf(n *entry, named []crypto.Hash) (lists []int) {
	for _, id := range named {
		i, ok := g.byID[id]
		if !ok || !n.past.has(i) {
			continue
		}
		if list := g.entries[i]; list.whom == n.whom && len(list.ends) > 0 && (n.is(event.KindLeave) || list.author != n.whom) {
			lists = append(lists, i)
		}
	}
	return lists
}

// limit returns where a log ends. past is what its author knew when they began it. Each removal or
// leave of its author that counts ends all logs that the author had begun before: those in its cuts
// where these say, and the others before their first entry.
func (g *Group) limit(author int, log event.Log, past set) uint64 {
	limit := uint64(math.MaxUint64)
	for _, out := range g.persons[author].outs {
		if !g.counts.has(out) {
			continue
		}
		end, listed := g.cut(g.entries[out], log)
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

// cut returns where a removal or leave ends a log of its target, if it says so. Its own list comes
// first; else it is the lowest end in the lists that it names.
func (g *Group) cut(out *entry, log event.Log) (end uint64, listed bool) {
	if end, listed = out.listed(log); listed {
		return end, true
	}
	for _, list := range out.lists {
		if at, ok := g.entries[list].listed(log); ok && (!listed || at < end) {
			end, listed = at, true
		}
	}
	return end, listed
}

// listed returns where an event says that a log ends, if it lists that log.
func (n *entry) listed(log event.Log) (uint64, bool) {
	i, ok := slices.BinarySearchFunc(n.ends, log.Device, func(e ends, d crypto.DeviceID) int { return bytes.Compare(e.device[:], d[:]) })
	if !ok {
		return 0, false
	}
	of := n.ends[i].of
	k, ok := slices.BinarySearchFunc(of, log.Instance, func(e end, i event.Instance) int { return bytes.Compare(e.instance[:], i[:]) })
	if !ok {
		return 0, false
	}
	return of[k].sequence, true
}

// CutList is an event that lists where logs of a person end.
type CutList struct {
	ID   crypto.Hash
	Cuts []event.Position // without the IDs of their events
}

// CutLists returns the lists that somebody's removal, or their leave, may name if it is written
// now, in order of arrival.
func (g *Group) CutLists(of crypto.PersonID, leave bool) (out []CutList) {
	whom, known := g.who[of]
	past, _ := g.reach(g.Heads()) // which are here
	for i, n := range g.entries {
		if !known || n.whom != whom || len(n.ends) == 0 || !past.has(i) || !leave && n.author == whom {
			continue
		}
		list := CutList{ID: n.id}
		for _, e := range n.ends {
			for _, at := range e.of {
				list.Cuts = append(list.Cuts, event.Position{Device: e.device, Instance: at.instance, Sequence: at.sequence})
			}
		}
		out = append(out, list)
	}
	return out
}
