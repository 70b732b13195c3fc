package authority

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Restore returns the Group of events that a Group has taken in before, in any order. Those whose
// parents are not among them are left out. It costs as much as judging all of them once: that each
// was permitted by its own past was found when it was taken in, and stays so. Only what a Group may
// have taken in without understanding it is judged as if it came anew.
func Restore(events []Event) (*Group, error) {
	first := slices.IndexFunc(events, func(e Event) bool {
		_, ok := e.Act.(event.Create)
		return ok
	})
	if first < 0 {
		return nil, ErrNotPermitted
	}
	g, err := New(events[first])
	if err != nil {
		return nil, err
	}
	g.takeAll(events, func(e *Event) error {
		if novel(e.Act) {
			return ErrNotPermitted // so far
		}
		n, err := g.place(e)
		if err == nil {
			g.insert(n, e.Act)
		}
		return err
	})
	g.steps = unbounded
	g.counts, _ = g.judge(g.all, g.all, nil)
	g.takeAll(events, func(e *Event) error { return g.Add(*e) })
	return g, nil
}

// takeAll has one take each event that is not here, parents first.
func (g *Group) takeAll(events []Event, one func(*Event) error) {
	waiting := make(map[crypto.Hash][]int) // by a parent that is not here
	for i := range events {
		for next := []int{i}; len(next) > 0; {
			last := next[len(next)-1]
			e := &events[last]
			next = next[:len(next)-1]
			missing := slices.IndexFunc(e.Parents, func(p crypto.Hash) bool { return !g.Has(p) })
			switch {
			case missing >= 0:
				waiting[e.Parents[missing]] = append(waiting[e.Parents[missing]], last)
			case !g.Has(e.ID) && one(e) == nil:
				next = append(next, waiting[e.ID]...)
				delete(waiting, e.ID)
			}
		}
	}
}

// novel says whether an event is of a kind that the first version of this program did not know. It
// took such an event, and what comes after it, without judging what these may do.
func novel(act event.Control) bool { return act == nil || act.Kind() > event.KindCuts }
