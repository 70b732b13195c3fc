package groups

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store/event"
)

// TakeOut has the owner remove somebody from a group, or leave it where it is they who go. decide says who, by the state as
// it is when nothing else can change it. What is held here of their logs stays; where one event can't list all of these, others
// before it do.
func (g *Groups) TakeOut(ctx context.Context, id event.Conversation, decide func(*authority.State) (crypto.PersonID, error)) error {
	it, err := g.get(id)
	if err != nil {
		return err
	}
	it.changing.Lock()
	defer it.changing.Unlock()
	before, err := g.State(id)
	if err != nil {
		return err
	}
	who, err := decide(before)
	if err == nil {
		err = g.with(id, func(it *group) error { return it.engine.May(g.self, g.out(who, cuts{})) })
	}
	if err != nil {
		return err
	}
	for {
		c, err := g.cuts(it, who)
		if err != nil {
			return err
		}
		var act event.Control = g.out(who, c)
		if len(c.rest) > 0 {
			act = event.CutList{Person: who, Cuts: c.rest}
		}
		if err := g.act(ctx, it, act); err != nil || len(c.rest) == 0 {
			return err
		}
	}
}

// out takes somebody out: the owner leaves, others are removed.
func (g *Groups) out(who crypto.PersonID, c cuts) event.Control {
	if who == g.self {
		return event.Leave{Cuts: c.own, Lists: c.lists}
	}
	return event.Remove{Person: who, Cuts: c.own, Lists: c.lists}
}

// cuts is where the logs of somebody end who is taken out now.
type cuts struct {
	own   []event.Position // that the event itself has to list
	lists []crypto.Hash    // of events that list the others
	rest  []event.Position // that another event has to list first, so that there is room
}

// cuts returns where the logs of a person end that a removal or leave now would cut: as far as they are held here, and those
// that are not here, as before.
func (g *Groups) cuts(it *group, of crypto.PersonID) (cuts, error) {
	held, err := g.heldOf(it.id, of)
	if err != nil {
		return cuts{}, err
	}
	var lists []authority.CutList
	g.mu.Lock()
	lists = it.engine.CutLists(of, of == g.self)
	g.mu.Unlock()
	return choose(it.id, held, lists), nil
}

// heldOf returns how far the logs of a person are held, and count.
func (g *Groups) heldOf(id event.Conversation, of crypto.PersonID) (map[event.Log]event.Position, error) {
	first, err := g.store.FirstHeads(id)
	if err != nil {
		return nil, err
	}
	logs, err := g.store.Logs(id)
	if err != nil {
		return nil, err
	}
	held := make(map[event.Log]event.Position)
	for log, segments := range logs {
		if first[log].Author == of && len(segments) > 0 {
			last := segments[len(segments)-1]
			held[log] = event.Position{Device: log.Device, Instance: log.Instance, Sequence: last.Last, ID: last.ID}
		}
	}
	return held, nil
}

// choose finds what to list and what to name, so that each log that is held ends there, and others end where what is named says.
func choose(id event.Conversation, held map[event.Log]event.Position, lists []authority.CutList) cuts {
	// What is named says something of logs that are not here too; the longest lists say most.
	lists = slices.Clone(lists)
	slices.SortStableFunc(lists, func(a, b authority.CutList) int { return cmp.Compare(len(b.Cuts), len(a.Cuts)) })
	lists = lists[:min(len(lists), event.MaxLists)]
	for {
		named := ends(id, lists)
		var own, rest []event.Position
		for _, log := range slices.SortedFunc(maps.Keys(held), event.Log.Compare) {
			end, ok := named[log]
			if !ok || end != held[log].Sequence {
				own = append(own, held[log])
			}
			if !ok && len(rest) < event.MaxCuts {
				rest = append(rest, held[log])
			}
		}
		worst, wrong := mostWrong(id, held, lists)
		switch {
		case len(own) <= event.MaxCuts:
			rest = nil
		case len(rest) > 0 && len(lists) < event.MaxLists:
		case wrong > 0: // it was made up, or is long out of date
			lists = slices.Delete(lists, worst, worst+1)
			continue
		default: // there is no more room: the longest
			slices.SortFunc(own, func(a, b event.Position) int { return cmp.Compare(b.Sequence, a.Sequence) })
			own, rest = own[:event.MaxCuts], nil
			slices.SortFunc(own, func(a, b event.Position) int { return a.Log(id).Compare(b.Log(id)) })
		}
		c := cuts{own: own, rest: rest}
		for _, l := range lists {
			c.lists = append(c.lists, l.ID)
		}
		slices.SortFunc(c.lists, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
		return c
	}
}

// ends returns where lists end logs: at the lowest that one of them says.
func ends(id event.Conversation, lists []authority.CutList) map[event.Log]uint64 {
	out := make(map[event.Log]uint64)
	for _, l := range lists {
		for _, p := range l.Cuts {
			log := p.Log(id)
			if end, ok := out[log]; !ok || p.Sequence < end {
				out[log] = p.Sequence
			}
		}
	}
	return out
}

// mostWrong returns which list says something else than what is held of most logs, and of how many.
func mostWrong(id event.Conversation, held map[event.Log]event.Position, lists []authority.CutList) (worst, wrong int) {
	for i, l := range lists {
		n := 0
		for _, p := range l.Cuts {
			if here, ok := held[p.Log(id)]; ok && here.Sequence != p.Sequence {
				n++
			}
		}
		if n > wrong {
			worst, wrong = i, n
		}
	}
	return worst, wrong
}
