package authority

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// ids is a set of up to 64 events, by their place in a reference.
type ids uint64

func (s ids) has(i int) bool { return s>>i&1 == 1 }

// each calls f with all in s.
func (s ids) each(f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros64(uint64(s)))
	}
}

// any says whether f holds for any in s.
func (s ids) any(f func(i int) bool) (found bool) {
	s.each(func(i int) { found = found || f(i) })
	return found
}

// reference is the package comment once more, word by word, without regard to time: what Group is
// held against.
type reference struct {
	events []Event // parents before children
	pasts  []ids
	depths []int
	index  map[crypto.Hash]int
	placed map[ids][]place // what places has returned: most is asked for all the time
}

func newReference(g *Group) *reference {
	r := &reference{index: map[crypto.Hash]int{}, placed: map[ids][]place{}}
	for i, n := range g.entries {
		e := written(n)
		past, depth := ids(0), 0
		for _, p := range e.Parents {
			past |= r.pasts[r.index[p]] | 1<<r.index[p]
			depth = max(depth, 1+r.depths[r.index[p]])
		}
		r.events, r.pasts, r.depths = append(r.events, e), append(r.pasts, past), append(r.depths, depth)
		r.index[e.ID] = i
	}
	return r
}

func (r *reference) reach(heads []crypto.Hash) (out ids) {
	for _, h := range heads {
		out |= r.pasts[r.index[h]] | 1<<r.index[h]
	}
	return out
}

func (r *reference) all() ids { return 1<<len(r.events) - 1 }

func (r *reference) earlier(a, b int) int {
	x, y := r.events[a].ID, r.events[b].ID
	return cmp.Or(cmp.Compare(r.depths[a], r.depths[b]), bytes.Compare(x[:], y[:]))
}

// of returns the events in s that are a join, an out or a role change of somebody.
func (r *reference) of(p crypto.PersonID, s ids) (joins, outs, roles ids) {
	s.each(func(i int) {
		e := r.events[i]
		switch act := e.Act.(type) {
		case event.Create:
			if e.Author == p {
				joins |= 1 << i
			}
		case event.Invite:
			if slices.Contains(act.Persons, p) {
				joins |= 1 << i
			}
		case event.Leave:
			if e.Author == p {
				outs |= 1 << i
			}
		case event.Remove:
			if act.Person == p {
				outs |= 1 << i
			}
		case event.RoleChange:
			if act.Person == p {
				roles |= 1 << i
			}
		}
	})
	return joins, outs, roles
}

type place struct {
	role event.Role
	join int
	who  crypto.PersonID
}

func (r *reference) seniority(a, b place) int {
	return cmp.Or(cmp.Compare(b.role, a.role), r.earlier(a.join, b.join), bytes.Compare(a.who[:], b.who[:]))
}

// places returns who is in by s, the most senior first.
func (r *reference) places(s ids) []place {
	if out, ok := r.placed[s]; ok {
		return out
	}
	var out []place
	for _, p := range all {
		joins, outs, roles := r.of(p, s)
		at := place{role: event.RoleMember, join: -1, who: p}
		var good ids
		joins.each(func(j int) {
			if outs&^r.pasts[j] == 0 {
				good |= 1 << j
				if at.join < 0 || r.earlier(j, at.join) < 0 {
					at.join = j
				}
			}
		})
		if good == 0 {
			continue
		}
		if at.join == 0 {
			at.role = event.RoleOwner
		}
		var changes ids
		roles.each(func(c int) {
			if r.pasts[c]&good != 0 {
				changes |= 1 << c
			}
		})
		lowest := event.RoleOwner + 1
		changes.each(func(c int) {
			if !changes.any(func(d int) bool { return r.pasts[d].has(c) }) {
				lowest = min(lowest, r.events[c].Act.(event.RoleChange).Role)
			}
		})
		if lowest <= event.RoleOwner {
			at.role = lowest
		}
		out = append(out, at)
	}
	slices.SortFunc(out, r.seniority)
	if len(out) > 0 {
		out[0].role = event.RoleOwner
	}
	r.placed[s] = out
	return out
}

func (r *reference) place(p crypto.PersonID, s ids) place {
	for _, at := range r.places(s) {
		if at.who == p {
			return at
		}
	}
	return place{}
}

func (r *reference) frozen(s ids) bool {
	return s.any(func(i int) bool { return r.events[i].Act == nil && r.events[i].Critical })
}

func (r *reference) permitted(e Event, s ids, most event.Role) bool {
	me := r.place(e.Author, s)
	me.role = min(me.role, most)
	if me.role == 0 || r.frozen(s) {
		return false
	}
	admin := me.role >= event.RoleAdmin
	below := func(p crypto.PersonID) (in, junior bool) {
		at := r.place(p, s)
		return at.role != 0, at.role != 0 && at.who != me.who && r.seniority(me, at) < 0
	}
	switch act := e.Act.(type) {
	case event.Create:
		return false
	case event.Leave:
		return true
	case event.CutList:
		return admin || act.Person == e.Author
	case event.Merge:
		return admin && len(e.Parents) >= 2
	case event.Remove:
		in, junior := below(act.Person)
		return admin && (!in || junior)
	case event.RoleChange:
		in, junior := below(act.Person)
		return me.role == event.RoleOwner && in && (junior || act.Person == e.Author)
	}
	return admin
}

func (r *reference) concurrent(a, b int) bool {
	return a != b && !r.pasts[a].has(b) && !r.pasts[b].has(a)
}

// judge returns what counts of some events.
func (r *reference) judge(of ids) ids {
	var decided, counts ids
	for {
		progress := false
		waits := map[int]ids{}
		(of &^ decided).each(func(i int) {
			yes, wait := r.verdict(i, of, decided, counts)
			if wait != 0 {
				waits[i] = wait
				return
			}
			decided |= 1 << i
			if yes {
				counts |= 1 << i
			}
			progress = true
		})
		if len(waits) == 0 {
			return counts
		}
		if !progress {
			for _, c := range r.circles(waits) {
				winner := r.winner(c, decided, counts)
				decided |= 1<<winner | waits[winner]
				counts |= 1 << winner
			}
		}
	}
}

func (r *reference) verdict(i int, of, decided, counts ids) (yes bool, wait ids) {
	e, past := r.events[i], r.pasts[i]
	if len(e.Parents) == 0 {
		return true, 0
	}
	var outs, roles ids
	if _, leaves := e.Act.(event.Leave); !leaves {
		_, outs, roles = r.of(e.Author, of)
		(outs | roles).each(func(k int) {
			if !r.concurrent(k, i) {
				outs &^= 1 << k
				roles &^= 1 << k
			}
		})
	}
	if outs&counts != 0 {
		return false, 0
	}
	if past&^decided != 0 {
		return false, (past | outs | roles) &^ decided
	}
	most := event.RoleOwner
	(roles & counts).each(func(k int) { most = min(most, r.events[k].Act.(event.RoleChange).Role) })
	if !r.permitted(e, counts&past, most) {
		return false, 0
	}
	wait = outs &^ decided
	(roles &^ decided).each(func(k int) {
		if !r.permitted(e, counts&past, min(most, r.events[k].Act.(event.RoleChange).Role)) {
			wait |= 1 << k
		}
	})
	return true, wait
}

// circles returns all that there are.
func (r *reference) circles(waits map[int]ids) (out []ids) {
	reach := map[int]ids{}
	for i := range waits {
		from := waits[i]
		for next := ids(0); next != from; {
			next = from
			next.each(func(k int) { from |= waits[k] })
		}
		reach[i] = from
	}
	for i, c := range reach {
		if c.has(i) && !c.any(func(k int) bool { return reach[k] != c }) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func (r *reference) winner(circle, decided, counts ids) int {
	winner, by := -1, place{}
	circle.each(func(k int) {
		if r.pasts[k]&^decided != 0 && r.pasts[k]&circle != 0 {
			return
		}
		at := r.place(r.events[k].Author, counts&r.pasts[k])
		if winner < 0 || cmp.Or(r.seniority(at, by), bytes.Compare(r.events[k].ID[:], r.events[winner].ID[:])) < 0 {
			winner, by = k, at
		}
	})
	return winner
}

// admits says whether an event is taken.
func (r *reference) admits(e Event) bool {
	for _, a := range e.Parents {
		for _, b := range e.Parents {
			if r.pasts[r.index[a]].has(r.index[b]) {
				return false
			}
		}
	}
	past := r.reach(e.Parents)
	joins, _, _ := r.of(e.Author, past)
	whose := joins
	switch act := e.Act.(type) {
	case event.Remove:
		whose, _, _ = r.of(act.Person, past)
	case event.CutList:
		whose, _, _ = r.of(act.Person, past)
	case event.RoleChange:
		whose, _, _ = r.of(act.Person, past)
	}
	counts := r.judge(past)
	return joins != 0 && whose != 0 && (r.frozen(counts) || r.permitted(e, counts, event.RoleOwner))
}

// bounded says whether an event keeps to bounds by its past.
func (r *reference) bounded(e Event, b bounds) bool {
	past := r.reach(e.Parents)
	counts := r.judge(past)
	often := func(p crypto.PersonID) bool {
		_, outs, _ := r.of(p, past)
		n := 0
		outs.each(func(int) { n++ })
		return n >= b.outs
	}
	persons := map[crypto.PersonID]bool{}
	invited := func(e Event) {
		switch act := e.Act.(type) {
		case event.Create:
			persons[e.Author] = true
		case event.Invite:
			for _, p := range act.Persons {
				persons[p] = true
			}
		}
	}
	past.each(func(i int) { invited(r.events[i]) })
	switch act := e.Act.(type) {
	case event.Remove:
		if often(act.Person) && r.place(act.Person, counts).role == 0 {
			return false
		}
	case event.Invite:
		if invited(e); slices.ContainsFunc(act.Persons, often) || len(persons) > b.persons {
			return false
		}
	}
	roleOf := func(e Event) event.Role {
		counts := r.judge(r.reach(e.Parents))
		if len(e.Parents) == 0 {
			return event.RoleOwner
		}
		if r.frozen(counts) {
			return event.RoleNone
		}
		return r.place(e.Author, counts).role
	}
	role, own, by := roleOf(e), 1, [event.RoleOwner + 1]int{1, 1, 1, 1}
	past.each(func(i int) {
		of := roleOf(r.events[i])
		if of <= event.RoleMember && r.events[i].Author == e.Author {
			own++
		}
		for k := of; k <= event.RoleOwner; k++ {
			by[k]++
		}
	})
	for k := max(role, event.RoleMember); k <= event.RoleOwner; k++ {
		if by[k] > b.by[k] {
			return false
		}
	}
	return role > event.RoleMember || own <= b.byMember
}

func (r *reference) state(s ids) *State {
	out := &State{Frozen: r.frozen(s), Members: []Member{}}
	var order []int
	s.each(func(i int) { order = append(order, i) })
	slices.SortFunc(order, r.earlier)
	for _, i := range order {
		switch act := r.events[i].Act.(type) {
		case event.Create:
			out.Name, out.History = act.Name, act.History
		case event.Rename:
			out.Name = act.Name
		case event.Topic:
			out.Topic = act.Topic
		case event.History:
			out.History = act
		}
	}
	for _, at := range r.places(s) {
		join := r.events[at.join]
		out.Members = append(out.Members, Member{at.who, at.role, join.ID, join.Clock, join.Author})
	}
	slices.SortFunc(out.Members, func(a, b Member) int { return bytes.Compare(a.Person[:], b.Person[:]) })
	return out
}

// listed returns where an event says that a log of somebody ends, if it does.
func (r *reference) listed(i int, of crypto.PersonID, log event.Log) (uint64, bool) {
	var whose crypto.PersonID
	var cuts []event.Position
	switch act := r.events[i].Act.(type) {
	case event.Leave:
		whose, cuts = r.events[i].Author, act.Cuts
	case event.Remove:
		whose, cuts = act.Person, act.Cuts
	case event.CutList:
		whose, cuts = act.Person, act.Cuts
	}
	for _, c := range cuts {
		if whose == of && c.Device == log.Device && c.Instance == log.Instance {
			return c.Sequence, true
		}
	}
	return 0, false
}

// ends returns where a removal or leave of somebody ends a log, if it says so.
func (r *reference) ends(out int, of crypto.PersonID, log event.Log) (uint64, bool) {
	if end, ok := r.listed(out, of, log); ok {
		return end, true
	}
	var named []crypto.Hash
	byAnybody := true
	switch act := r.events[out].Act.(type) {
	case event.Leave:
		named = act.Lists
	case event.Remove:
		named, byAnybody = act.Lists, false
	}
	var all []uint64
	for _, id := range named {
		i, here := r.index[id]
		if !here || !r.pasts[out].has(i) || r.events[i].Author == of && !byAnybody {
			continue
		}
		if end, ok := r.listed(i, of, log); ok {
			all = append(all, end)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	return slices.Min(all), true
}

func (r *reference) accepts(author crypto.PersonID, log event.Log, sequence uint64, past, counts ids) error {
	if r.place(author, counts&past).role == 0 {
		return ErrNotPermitted
	}
	_, outs, _ := r.of(author, counts)
	refused := outs.any(func(o int) bool {
		if end, ok := r.ends(o, author, log); ok {
			return sequence > end
		}
		return !past.has(o)
	})
	if refused {
		return ErrCut
	}
	return nil
}

func (r *reference) serves(to crypto.PersonID, past, counts ids) bool {
	if joins, _, _ := r.of(to, counts); joins == 0 {
		return false
	}
	_, outs, _ := r.of(to, counts&past)
	return outs == 0 || r.place(to, counts&past).role != 0
}
