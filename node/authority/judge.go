package authority

import (
	"math"
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// Which events count is judged by all events that are here. These rules are applied again and
// again, as long as one of them decides something:
//
//  1. An event does not count if a removal or leave of its author counts that is concurrent with
//     it. A leave is exempt from this.
//  2. Otherwise, if an event of its past is undecided, it waits for those that are, and for each
//     concurrent event that is undecided and a removal, a leave or a change of role of its author.
//     (A leave waits for its past only.)
//  3. Otherwise it does not count unless the events of its past that count permit it. If concurrent
//     role changes of its author count, the author is taken to have no more than the lowest role
//     that these give. A leave that passes this counts.
//  4. Otherwise it waits for each concurrent event that is undecided and would, if it counted,
//     forbid it by rule 1 or 3. It counts when there are none.
//
// When no rule decides anything, some events wait for each other in a circle, and for no event
// outside of it. Look at those in the circle whose past is decided: the one whose author was the
// most senior counts (of several by that author the one with the lowest ID), and the events that it
// waits for do not count. So an event does not count if its author wrote it without knowing of
// their own removal, and of two who remove each other the senior stays.
//
// An event waits for all that has a bearing on it. So it doesn't matter which event is looked at
// first, nor which of several circles, and what comes late changes nothing for events on which it
// has no bearing.

// unbounded is where to begin to count steps so that they don't end.
const unbounded = math.MinInt

// dear says whether judging has cost more than an event may.
func (g *Group) dear() bool { return g.steps > g.bounds.steps }

// stirs says whether an event that is about to be taken in may have a bearing on others.
func (g *Group) stirs(n *entry) bool {
	return n.bears() && slices.ContainsFunc(g.persons[n.whom].wrote, func(i int) bool {
		return !n.past.has(i) && !g.entries[i].is(event.KindLeave)
	})
}

// bears says whether an event may keep concurrent ones from counting that its target wrote.
func (n *entry) bears() bool { return n.out() || n.is(event.KindRole) }

// judge returns which of some events count, judged by these alone. Their pasts must be among them.
// It is known which of them count without the fresh ones.
func (g *Group) judge(of, fresh, counts set) (set, error) {
	open := g.affected(of, fresh)
	j := judgement{
		Group: g, of: of, decided: of.clone().without(open), counts: counts.clone().without(open),
		on: make(map[int]int), waiting: make(map[int][]int),
	}
	for i := range open.minus(nil) { // parents before children, so that few have to wait
		j.look(i)
	}
	for !j.dear() {
		undecided := of.first(j.decided)
		if undecided < 0 {
			return j.counts, nil
		}
		j.breakCircle(undecided)
	}
	return nil, ErrDear
}

// affected returns the fresh ones of some events and those on which they have a bearing: what comes
// after them, what targets of removals and the like wrote at the same time, and so on.
func (g *Group) affected(of, fresh set) set {
	found := fresh.clone()
	for next := fresh; next.first(nil) >= 0; {
		var more set
		for i := range next.minus(nil) {
			n := g.entries[i]
			if !n.bears() {
				continue
			}
			for _, k := range g.persons[n.whom].wrote {
				if of.has(k) && !found.has(k) && !g.entries[k].is(event.KindLeave) && g.concurrent(i, k) {
					more, found = more.add(k), found.add(k)
				}
			}
			g.steps += 4 * len(g.persons[n.whom].wrote)
		}
		roots := next.clone().union(more)
		for k := roots.first(nil) + 1; k < len(g.entries); k++ {
			if of.has(k) && !found.has(k) && roots.meets(g.entries[k].past) {
				more, found, roots = more.add(k), found.add(k), roots.add(k)
			}
			g.steps += 8
		}
		next = more
	}
	return found
}

// judgement is how far judging has come.
type judgement struct {
	*Group
	of      set // the events to be judged
	decided set // those of them that are decided
	counts  set // those of the decided that count

	on      map[int]int   // the event for which an undecided one waits first
	waiting map[int][]int // the other way round
}

// look decides an event if it can be, and then those that waited for it.
func (j *judgement) look(i int) {
	for next := []int{i}; len(next) > 0 && !j.dear(); {
		i, next = next[len(next)-1], next[:len(next)-1]
		if j.decided.has(i) {
			continue
		}
		counts, wait := j.verdict(i)
		if wait < 0 {
			next = append(next, j.decide(i, counts)...)
		} else if on, waits := j.on[i]; !waits || on != wait {
			j.on[i] = wait
			j.waiting[wait] = append(j.waiting[wait], i)
		}
	}
}

// decide decides an event and returns those that are to be looked at again.
func (j *judgement) decide(i int, counts bool) (again []int) {
	j.decided = j.decided.add(i)
	again = j.waiting[i]
	delete(j.waiting, i)
	if !counts {
		return again
	}
	j.counts = j.counts.add(i)
	if n := j.entries[i]; n.bears() && len(j.on) > 0 {
		for _, k := range j.persons[n.whom].wrote {
			if _, waits := j.on[k]; waits && !j.decided.has(k) && j.against(i, j.entries[k]) {
				again = append(again, k)
			}
		}
	}
	return again
}

// against says whether an event that is about the author of n might keep n from counting.
func (j *judgement) against(i int, n *entry) bool {
	return j.of.has(i) && !n.is(event.KindLeave) && j.concurrent(i, n.index)
}

// verdict says whether an event counts, or the last event for which it waits; -1 if it waits for
// none.
func (j *judgement) verdict(i int) (counts bool, wait int) {
	n := j.entries[i]
	author := j.persons[n.author]
	j.steps += 50 + 4*(len(author.outs)+len(author.roles)) + len(n.past)
	if len(n.parents) == 0 {
		return true, -1
	}
	wait = -1
	for _, out := range author.outs {
		switch {
		case !j.against(out, n):
		case j.counts.has(out):
			return false, -1
		case !j.decided.has(out):
			wait = max(wait, out)
		}
	}
	if last := n.past.last(j.decided); last >= 0 {
		return false, last
	}
	least := j.needs(n, view{j.counts, n.past})
	if least > j.left(n, j.counts) {
		return false, -1
	}
	for _, change := range author.roles {
		if !j.decided.has(change) && j.against(change, n) && j.given(change) < least {
			wait = max(wait, change)
		}
	}
	return wait < 0, wait
}

// left returns the role with which concurrent changes leave the author of n, if these count.
func (j *judgement) left(n *entry, counts set) event.Role {
	role := event.RoleOwner
	for _, change := range j.persons[n.author].roles {
		if counts.has(change) && j.against(change, n) {
			role = min(role, j.given(change))
		}
	}
	return role
}

// given returns the role that an event gives.
func (g *Group) given(change int) event.Role { return g.entries[change].act.(event.RoleChange).Role }
