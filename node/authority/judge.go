package authority

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// Which events count is judged by all events that are here. These rules are applied again and
// again, as long as one of them decides something:
//
//  1. An event does not count if a removal or leave of its author counts that is concurrent with
//     it. A leave is exempt from this.
//  2. Otherwise it waits until its whole past is decided. It does not count unless the events of
//     its past that count permit it. If concurrent role changes of its author count, the author is
//     taken to have no more than the lowest role that these give. A leave that passes this counts.
//  3. Otherwise it waits for each concurrent event that is undecided and would, if it counted,
//     forbid it by rule 1 or 2. It counts when there are none.
//
// When no rule decides anything, some events wait for each other in a circle, and for no event
// outside of it. Look at those in the circle whose past is decided: the one whose author was the
// most senior counts (of several by that author the one with the lowest ID), and the events that it
// waits for do not count. So an event does not count if its author wrote it without knowing of
// their own removal, and of two who remove each other the senior stays.

// recount decides which events count after n has been added, which is in no other event's past.
func (g *Group) recount(n *entry) {
	if g.forbids(n) {
		g.counts = g.judge(g.all)
		clear(g.states)
		return
	}
	// No event waits for n, so all others stay as they were decided without it.
	j := judgement{Group: g, of: g.all, decided: g.all, counts: g.counts}
	if yes, _ := j.verdict(n.index); yes {
		g.counts = g.counts.add(n.index)
	}
}

// forbids says whether n might keep an event that is here from counting.
func (g *Group) forbids(n *entry) bool {
	author := n.Author
	switch act := n.Act.(type) {
	case event.Leave:
	case event.Remove:
		author = act.Person
	case event.RoleChange:
		author = act.Person
	default:
		return false
	}
	return slices.ContainsFunc(g.about[author].wrote, func(i int) bool { return g.concurrent(i, n.index) })
}

// judge returns which of some events count, judged by these alone. Their pasts must be among them.
func (g *Group) judge(of set) set {
	j := judgement{Group: g, of: of, decided: set{}.add(0), counts: set{}.add(0)}
	for {
		open, progress := 0, false
		for i := range of.minus(j.decided) {
			yes, waits := j.verdict(i)
			if len(waits) > 0 {
				open++
				continue
			}
			j.decide(i, yes)
			progress = true
		}
		switch {
		case open == 0:
			return j.counts
		case !progress:
			j.breakCircle()
		}
	}
}

// judgement is how far judging has come: of are the events to be judged, decided are those of them
// that are decided, and counts those of the decided events that count.
type judgement struct {
	*Group
	of, decided, counts set
}

func (j *judgement) decide(i int, counts bool) {
	j.decided = j.decided.add(i)
	if counts {
		j.counts = j.counts.add(i)
	}
}

// verdict says whether an event counts, or which events have to be decided first.
func (j *judgement) verdict(i int) (counts bool, waits []int) {
	n := j.entries[i]
	author := j.about[n.Author]
	_, leaves := n.Act.(event.Leave)
	against := func(k int) bool { return !leaves && j.of.has(k) && j.concurrent(k, i) }
	for _, out := range author.outs {
		if j.counts.has(out) && against(out) {
			return false, nil
		}
	}
	for k := range n.past.minus(j.decided) {
		waits = append(waits, k)
	}
	if len(waits) > 0 {
		return false, waits
	}
	most := event.RoleOwner
	for _, change := range author.roles {
		if j.counts.has(change) && against(change) {
			most = min(most, j.entries[change].Act.(event.RoleChange).Role)
		}
	}
	v := view{j.counts, n.past}
	if !j.permitted(n, v, most) {
		return false, nil
	}
	for _, out := range author.outs {
		if !j.decided.has(out) && against(out) {
			waits = append(waits, out)
		}
	}
	for _, change := range author.roles {
		if !j.decided.has(change) && against(change) && !j.permitted(n, v, min(most, j.entries[change].Act.(event.RoleChange).Role)) {
			waits = append(waits, change)
		}
	}
	return len(waits) == 0, waits
}

// breakCircle decides events that wait for each other in a circle. It is called when every
// undecided event waits.
func (j *judgement) breakCircle() {
	waits := make(map[int][]int)
	for i := range j.of.minus(j.decided) {
		_, waits[i] = j.verdict(i)
	}
	winner, by := -1, standing{}
	for _, i := range circle(waits) {
		n := j.entries[i]
		if !n.past.within(j.decided) {
			continue
		}
		author := j.rank(n.Author, view{j.counts, n.past})
		switch {
		case winner < 0, j.senior(author, by), author == by && bytes.Compare(n.ID[:], j.entries[winner].ID[:]) < 0:
			winner, by = i, author
		}
	}
	j.decide(winner, true)
	for _, i := range waits[winner] {
		j.decide(i, false)
	}
}

// circle returns events that wait for each other, directly or through others, and for none besides.
// They are the first strongly connected component that Tarjan's algorithm completes.
func circle(waits map[int][]int) []int {
	var stack []int
	found := make(map[int]int) // when, from 1
	var visit func(i int) (lowest int, component []int)
	visit = func(i int) (int, []int) {
		found[i] = len(found) + 1
		lowest := found[i]
		stack = append(stack, i)
		at := len(stack) - 1
		for _, k := range waits[i] {
			low := found[k]
			if low == 0 {
				var component []int
				if low, component = visit(k); component != nil {
					return low, component
				}
			}
			lowest = min(lowest, low)
		}
		if lowest == found[i] {
			return lowest, stack[at:]
		}
		return lowest, nil
	}
	for i := range waits {
		_, component := visit(i)
		return component
	}
	return nil
}
