package authority

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// maxStates bounds the States that are kept for heads that were asked for. In a group of 500 each
// has up to 60 KiB.
const maxStates = 32

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
	s := g.now
	if s == nil || !g.all.within(past) {
		s = g.makeState(view{g.counts, past})
	}
	if len(g.states) >= maxStates {
		clear(g.states)
	}
	g.states[string(key)] = s
	return s, nil
}

// StateAlone returns the state of the group as it was when there were only these heads and their
// past: which of them count is judged by these alone. StateAt in contrast knows what came later.
// Heads that are not here are passed by.
func (g *Group) StateAlone(heads []crypto.Hash) *State {
	past := set{}.add(0)
	for _, h := range heads {
		if i, ok := g.byID[h]; ok {
			past = past.union(g.entries[i].past).add(i)
		}
	}
	return g.makeState(view{g.judge(past), past})
}

func (g *Group) makeState(v view) *State {
	s := &State{Frozen: g.frozen(v)}
	for _, i := range g.settings {
		if !v.has(i) {
			continue
		}
		switch act := g.entries[i].Act.(type) {
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
	var standings []standing
	for p := range g.about {
		if who := g.standing(p, v); who.role != event.RoleNone {
			standings = append(standings, who)
		}
	}
	slices.SortFunc(standings, func(a, b standing) int { return bytes.Compare(a.person[:], b.person[:]) })
	s.Members = make([]Member, len(standings))
	first := 0
	for i, who := range standings {
		join := g.entries[who.join]
		s.Members[i] = Member{Person: who.person, Role: who.role, Joined: join.ID, JoinedClock: join.Clock, InvitedBy: join.Author}
		if g.senior(who, standings[first]) {
			first = i
		}
	}
	if len(s.Members) > 0 {
		s.Members[first].Role = event.RoleOwner // as they are already, unless nobody is an owner
	}
	return s
}
