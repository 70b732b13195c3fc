package authority

import "bytes"

// breakCircle decides events that wait for each other in a circle. It is called when every
// undecided event waits, with one of them.
func (j *judgement) breakCircle(undecided int) {
	winner, by := -1, standing{}
	for _, i := range j.circle(undecided) {
		n := j.entries[i]
		if !n.past.within(j.decided) {
			continue
		}
		author := j.rank(n.author, view{j.counts, n.past})
		switch {
		case winner < 0, j.senior(author, by), author == by && bytes.Compare(n.id[:], j.entries[winner].id[:]) < 0:
			winner, by = i, author
		}
	}
	if winner < 0 {
		return // it has become too dear to find one
	}
	losers := j.waits(winner)
	again := j.decide(winner, true)
	for _, i := range losers {
		again = append(again, j.decide(i, false)...)
	}
	for _, i := range again {
		j.look(i)
	}
}

// waits returns the undecided events for which an undecided one waits. Those that others of them
// wait for may be left out.
func (j *judgement) waits(i int) (waits []int) {
	n := j.entries[i]
	author := j.persons[n.author]
	j.steps += 50 + 4*(len(author.outs)+len(author.roles)) + len(n.past)
	open := n.past.clone().without(j.decided)
	for k := open.last(nil); k >= 0; k = open.last(nil) {
		waits = append(waits, k)
		open = open.without(j.entries[k].past).without(set{}.add(k))
		j.steps += 2 * len(open)
	}
	least := never // roles below it matter; all do as long as it isn't known what the past permits
	if len(waits) == 0 {
		least = j.needs(n, view{j.counts, n.past})
	}
	for _, out := range author.outs {
		if !j.decided.has(out) && j.against(out, n) {
			waits = append(waits, out)
		}
	}
	for _, change := range author.roles {
		if !j.decided.has(change) && j.against(change, n) && j.given(change) < least {
			waits = append(waits, change)
		}
	}
	return waits
}

// circle returns events that wait for each other, directly or through others, and for none besides:
// of those that can be reached from one, the first strongly connected component that Tarjan's
// algorithm completes. It returns none if that becomes too dear.
func (j *judgement) circle(from int) (circle []int) {
	var stack []int
	found := make(map[int]int) // when, from 1
	var visit func(i int) (lowest int)
	visit = func(i int) int {
		found[i] = len(found) + 1
		lowest := found[i]
		at := len(stack)
		stack = append(stack, i)
		for _, k := range j.waits(i) {
			low := found[k]
			if low == 0 {
				low = visit(k)
			}
			if circle != nil || j.dear() {
				return lowest
			}
			lowest = min(lowest, low)
		}
		if lowest == found[i] {
			circle = stack[at:]
		}
		return lowest
	}
	visit(from)
	return circle
}
