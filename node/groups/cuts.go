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

// TakeOut removes a person from a group in the owner's name, or has the owner leave it if decide
// names the owner. decide is called with a state that can't change before the removal. What is held
// here of that person's logs stays valid. One event may be too small to list the ends of all these
// logs; then other events are written first that list the rest.
func (g *Groups) TakeOut(ctx context.Context, id event.Conversation, decide func(*authority.State) (crypto.PersonID, error)) error {
	return g.inTurn(id, func(it *group, before *authority.State) error {
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
	})
}

// out returns the event that takes somebody out: the owner leaves, others are removed.
func (g *Groups) out(who crypto.PersonID, c cuts) event.Control {
	if who == g.self {
		return event.Leave{Cuts: c.own, Lists: c.lists}
	}
	return event.Remove{Person: who, Cuts: c.own, Lists: c.lists}
}

// cuts says where the logs of somebody end who is taken out now.
type cuts struct {
	own   []event.Position // the event itself lists these ends
	lists []crypto.Hash    // these events list further ones, and the event names them
	rest  []event.Position // another event must list these first, since the event itself has no room for all
}

// cuts returns where a removal or leave of a person ends their logs. Logs that are held here end
// with what is held. Others end where earlier lists say.
func (g *Groups) cuts(it *group, of crypto.PersonID) (cuts, error) {
	held, err := g.heldOf(it.id, of)
	if err != nil {
		return cuts{}, err
	}
	var lists []authority.CutList
	_ = it.with(func(it *group) error { lists = it.engine.CutLists(of, of == g.self); return nil })
	return choose(it.id, held, lists), nil
}

// heldOf returns the last position that is held of each log of a person.
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

// choose decides which ends the event lists itself and which earlier lists it names, such that each
// log that is held ends with what is held, and others where the named lists say. Where an event
// lists a log itself, that counts, and the lists that it names do not.
func choose(id event.Conversation, held map[event.Log]event.Position, lists []authority.CutList) cuts {
	// Earlier lists also say something of logs that are not held here, the longest lists most of
	// all.
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
		rest = rest[:event.FitCuts(rest)]
		worst, wrong := mostWrong(id, held, lists)
		switch {
		case event.FitCuts(own) == len(own):
			rest = nil
		case len(rest) > 0 && len(lists) < event.MaxLists:
		case wrong > 0: // the worst list was made up or is long out of date: do without it
			lists = slices.Delete(lists, worst, worst+1)
			continue
		default: // there is no room for all: list the longest logs
			slices.SortFunc(own, func(a, b event.Position) int { return cmp.Compare(b.Sequence, a.Sequence) })
			own, rest = own[:min(len(own), event.MaxCuts)], nil
			slices.SortFunc(own, func(a, b event.Position) int { return a.Log(id).Compare(b.Log(id)) })
			own = own[:event.FitCuts(own)]
		}
		c := cuts{own: own, rest: rest}
		for _, l := range lists {
			c.lists = append(c.lists, l.ID)
		}
		slices.SortFunc(c.lists, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
		return c
	}
}

// ends returns where lists end logs. Where several name one log, the lowest end counts.
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

// mostWrong returns the list that disagrees with what is held in the most logs, and how many logs
// these are.
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
