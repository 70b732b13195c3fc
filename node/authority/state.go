package authority

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// maxStates bounds the States that are kept for heads that were asked for, and maxKept the members
// in all of them, at about 120 bytes each.
const (
	maxStates = 64
	maxKept   = 1 << 14
)

// State is the members and settings of a group by some of its events. It never changes.
type State struct {
	Name, Topic string
	History     event.History
	Members     []Member // by person
	Frozen      bool     // there is an event that this program doesn't understand: nobody can act before it is updated
}

// Member is somebody who is in.
type Member struct {
	Person      crypto.PersonID
	Role        event.Role
	Joined      crypto.Hash // the invitation, or the create event
	JoinedClock int64       // of that event, in ms: a claim of its author
	InvitedBy   crypto.PersonID
}

// Member returns a member by their ID; false if they are not in.
func (s *State) Member(p crypto.PersonID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(s.Members, p, func(m Member, p crypto.PersonID) int {
		return bytes.Compare(m.Person[:], p[:])
	})
	if !ok {
		return Member{}, false
	}
	return s.Members[i], true
}

// State returns the state of the group by all events that are here.
func (g *Group) State() *State {
	if g.now == nil {
		g.now = g.makeState(view{g.counts, g.all})
	}
	return g.now
}

// StateAt returns the state of the group for somebody who knew these heads: by the events in the
// past of the heads that count as of now. The error is ErrParent if a head is not here.
func (g *Group) StateAt(heads []crypto.Hash) (*State, error) {
	key := make([]byte, 0, event.MaxControl*len(crypto.Hash{}))
	for _, h := range heads {
		key = append(key, h[:]...)
	}
	if s := g.states[string(key)]; s != nil {
		return s, nil
	}
	past, err := g.reach(heads)
	if err != nil {
		return nil, err
	}
	if g.all.within(past) {
		return g.State(), nil
	}
	s := g.makeState(view{g.counts, past})
	if g.members += len(s.Members); g.states == nil || len(g.states) >= maxStates || g.members > maxKept {
		g.states, g.members = make(map[string]*State), len(s.Members)
	}
	g.states[string(key)] = s
	return s, nil
}

// HistoryAt returns the history policy for somebody who knew these heads: see StateAt.
func (g *Group) HistoryAt(heads []crypto.Hash) (h event.History, err error) {
	past, err := g.reach(heads)
	if err == nil {
		h = g.settingsOf(view{g.counts, past}).History
	}
	return h, err
}

// StateAlone returns the state of the group as it was when there were only these heads and their
// past: which of them count is judged by these alone, whatever that costs. StateAt in contrast
// knows what came later. Heads that are not here are passed by.
func (g *Group) StateAlone(heads []crypto.Hash) *State {
	n := &entry{index: len(g.entries), past: set{}.add(0)}
	for _, h := range heads {
		if i, ok := g.byID[h]; ok {
			n.parents, n.past = append(n.parents, i), n.past.union(g.entries[i].past).add(i)
		}
	}
	if len(n.parents) == 0 {
		n.parents = []int{0}
	}
	g.steps = unbounded
	alone, _ := g.aloneOf(n)
	return g.makeState(view{alone, n.past})
}

// settingsOf returns a State without members.
func (g *Group) settingsOf(v view) *State {
	s := &State{Frozen: g.frozen(v)}
	for _, i := range g.settings {
		if !v.has(i) {
			continue
		}
		switch act := g.entries[i].act.(type) {
		case event.Create:
			s.Name, s.History = act.Name, act.History
		case event.Rename:
			s.Name = act.Name
		case event.Topic:
			s.Topic = act.Topic
		case event.History:
			s.History = act
		}
	}
	return s
}

func (g *Group) makeState(v view) *State {
	s := g.settingsOf(v)
	var standings []standing
	for p := range g.persons {
		if who := g.standing(p, v); who.role != event.RoleNone {
			standings = append(standings, who)
		}
	}
	slices.SortFunc(standings, func(a, b standing) int {
		x, y := g.persons[a.person].id, g.persons[b.person].id
		return bytes.Compare(x[:], y[:])
	})
	s.Members = make([]Member, len(standings))
	first := 0
	for i, who := range standings {
		join := g.entries[who.join]
		s.Members[i] = Member{
			Person: g.persons[who.person].id, Role: who.role,
			Joined: join.id, JoinedClock: join.clock, InvitedBy: g.persons[join.author].id,
		}
		if g.senior(who, standings[first]) {
			first = i
		}
	}
	if len(s.Members) > 0 {
		s.Members[first].Role = event.RoleOwner // as they are already, unless nobody is an owner
	}
	return s
}
