package authority

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxByMembers bounds the events that plain members have written, and maxByAdmins those that
	// members and admins have written together. So somebody who may remove a flooder always has
	// room for that.
	maxByMembers = event.MaxControls / 4
	maxByAdmins  = event.MaxControls / 4 * 3
	// maxByMember bounds the events of one plain member, who can only leave, and list cuts before
	// that. Nobody comes and goes more often.
	maxByMember = 64
)

// Event is a control event whose signature and author have been proven.
type Event struct {
	ID       crypto.Hash
	Author   crypto.PersonID
	Parents  []crypto.Hash // the control heads of its header
	Clock    int64         // ms since 1970, a claim
	Size     int           // of its header and body, in bytes
	Act      event.Control // nil if the kind is unknown
	Critical bool          // a program that doesn't know the kind must not go on
}

// weight is what an event counts towards the bounds of a group.
func (e *Event) weight() int { return max(1, (e.Size+event.ControlPiece-1)/event.ControlPiece) }

// entry is an event of a Group.
type entry struct {
	Event
	index int
	depth int        // the longest way from the create event
	past  set        // without the event itself
	alone set        // which of its past and itself count, judged by these alone
	role  event.Role // of its author when they wrote it, judged by its past alone; none where that can't be judged
}

// person is what the events of a Group say about one person, in order of arrival, whether they
// count or not.
type person struct {
	joins  []int // invitations of them, or the create event
	outs   []int // removals and leaves of them
	roles  []int // changes of their role
	wrote  []int
	member int // what those weigh that were written as a plain member, or in a role that can't be judged
}

// Group is the control set of a group.
type Group struct {
	entries []*entry // parents before children
	byID    map[crypto.Hash]int
	all     set
	counts  set                      // the events that count, judged by all
	heads   []int                    // events that no other names as parent
	tips    []int                    // the same, leaving out what plain members wrote
	byRole  [event.RoleOwner + 1]int // what the events weigh

	settings []int // creation, renames, topics and history policies, in order
	unknown  []int // critical, of unknown kinds

	about    map[crypto.PersonID]*person
	promoted []crypto.PersonID // the founder, and everybody who was given the role of owner

	// Answers that were given, kept until they may change.
	now     *State
	states  map[string]*State // by heads
	locator []crypto.Hash
}

// New returns the Group that a create event begins.
func New(create Event) (*Group, error) {
	if _, ok := create.Act.(event.Create); !ok || len(create.Parents) > 0 {
		return nil, ErrNotPermitted
	}
	g := &Group{
		byID:     make(map[crypto.Hash]int),
		about:    make(map[crypto.PersonID]*person),
		promoted: []crypto.PersonID{create.Author},
		states:   make(map[string]*State),
	}
	g.insert(&entry{Event: create, alone: set{}.add(0), role: event.RoleOwner})
	g.counts = set{}.add(0)
	return g, nil
}

// Clone returns a Group that holds the same and can be changed by itself. It may be called while
// somebody asks the Group, but not while somebody adds to it.
func (g *Group) Clone() *Group {
	c := &Group{
		entries: slices.Clone(g.entries), byID: maps.Clone(g.byID), all: g.all.clone(), counts: g.counts.clone(),
		heads: slices.Clone(g.heads), tips: slices.Clone(g.tips), byRole: g.byRole,
		settings: slices.Clone(g.settings), unknown: slices.Clone(g.unknown),
		about: make(map[crypto.PersonID]*person, len(g.about)), promoted: slices.Clone(g.promoted),
		states: make(map[string]*State),
	}
	for id, p := range g.about {
		c.about[id] = &person{slices.Clone(p.joins), slices.Clone(p.outs), slices.Clone(p.roles), slices.Clone(p.wrote), p.member}
	}
	return c
}

// Add takes an event in. The error is ErrParent, ErrNotPermitted or ErrFull. It is nil also if the
// event is here already.
func (g *Group) Add(e Event) error {
	if g.Has(e.ID) {
		return nil
	}
	past, err := g.reach(e.Parents)
	if err != nil {
		return err
	}
	if !g.areHeads(e.Parents) {
		return ErrNotPermitted
	}
	n := &entry{Event: e, index: len(g.entries), past: past}
	for _, id := range e.Parents {
		n.depth = max(n.depth, g.entries[g.byID[id]].depth+1)
	}
	before := g.judgedAlone(n)
	n.alone = before.clone()
	v := view{before, past}
	if !g.frozen(v) { // else it is kept for programs that know the unknown kind, and never counts here
		n.role = g.rank(e.Author, v).role
		if !g.permitted(n, v, event.RoleOwner) {
			return ErrNotPermitted
		}
		n.alone = n.alone.add(n.index)
	}
	if err := g.room(e.Author, n.role, n.weight()); err != nil {
		return err
	}
	g.insert(n)
	g.recount(n)
	return nil
}

// areHeads says whether these events can have been the heads of somebody's control set: none is in
// another's past.
func (g *Group) areHeads(ids []crypto.Hash) bool {
	for i, a := range ids {
		for _, b := range ids[:i] {
			if a == b || g.entries[g.byID[a]].past.has(g.byID[b]) || g.entries[g.byID[b]].past.has(g.byID[a]) {
				return false
			}
		}
	}
	return 0 < len(ids) && len(ids) <= event.MaxControl
}

// judgedAlone returns which events of the past of n count, judged by that past alone.
func (g *Group) judgedAlone(n *entry) set {
	switch {
	case len(n.Parents) == 1:
		return g.entries[g.byID[n.Parents[0]]].alone
	case g.all.within(n.past):
		return g.counts
	}
	return g.judge(n.past)
}

// room says whether there is room for one more event by somebody with a role.
func (g *Group) room(author crypto.PersonID, role event.Role, weight int) error {
	members := weight + g.byRole[event.RoleNone] + g.byRole[event.RoleMember]
	admins := members + g.byRole[event.RoleAdmin]
	switch p := g.about[author]; {
	case admins+g.byRole[event.RoleOwner] > event.MaxControls,
		role <= event.RoleAdmin && admins > maxByAdmins,
		role <= event.RoleMember && members > maxByMembers:
		return ErrFull
	case role <= event.RoleMember && (weight > maxByMember || p != nil && p.member+weight > maxByMember):
		return ErrNotPermitted
	}
	return nil
}

func (g *Group) insert(n *entry) {
	i := len(g.entries)
	g.entries = append(g.entries, n)
	g.byID[n.ID] = i
	g.all = g.all.add(i)
	g.now, g.locator = nil, nil
	covered := func(h int) bool { return n.past.has(h) }
	g.heads = append(slices.DeleteFunc(g.heads, covered), i)
	author := g.person(n.Author)
	author.wrote = append(author.wrote, i)
	g.byRole[n.role] += n.weight()
	if n.role <= event.RoleMember {
		author.member += n.weight()
	} else {
		g.tips = append(slices.DeleteFunc(g.tips, covered), i)
	}
	switch act := n.Act.(type) {
	case event.Create:
		author.joins = append(author.joins, i)
		g.settings = append(g.settings, i)
	case event.Rename, event.Topic, event.History:
		at, _ := slices.BinarySearchFunc(g.settings, i, g.order)
		g.settings = slices.Insert(g.settings, at, i)
	case event.Invite:
		for _, p := range act.Persons {
			p := g.person(p)
			p.joins = append(p.joins, i)
		}
	case event.Leave:
		author.outs = append(author.outs, i)
	case event.Remove:
		p := g.person(act.Person)
		p.outs = append(p.outs, i)
	case event.RoleChange:
		p := g.person(act.Person)
		p.roles = append(p.roles, i)
		if act.Role == event.RoleOwner && !slices.Contains(g.promoted, act.Person) {
			g.promoted = append(g.promoted, act.Person)
		}
	case nil:
		if n.Critical {
			g.unknown = append(g.unknown, i)
		}
	}
}

func (g *Group) person(id crypto.PersonID) *person {
	p := g.about[id]
	if p == nil {
		p = &person{}
		g.about[id] = p
	}
	return p
}

// Has says whether an event is here.
func (g *Group) Has(id crypto.Hash) bool {
	_, ok := g.byID[id]
	return ok
}

// May says whether somebody is permitted to do something now: nil, ErrNotPermitted or ErrFull.
func (g *Group) May(author crypto.PersonID, act event.Control) error {
	v := view{g.counts, g.all}
	n := &entry{Event: Event{Author: author, Parents: g.Heads(), Act: act, Size: event.MaxHeader / 2}}
	if act != nil {
		content, _ := act.Marshal() // what can't be written will not be
		n.Size += len(content)
	}
	if !g.permitted(n, v, event.RoleOwner) {
		return ErrNotPermitted
	}
	return g.room(author, g.rank(author, v).role, n.weight())
}

// Ever says whether somebody is or was in the group, by what counts.
func (g *Group) Ever(p crypto.PersonID) bool {
	who := g.about[p]
	return who != nil && slices.ContainsFunc(who.joins, g.counts.has)
}

// reach returns the events with these IDs and their past.
func (g *Group) reach(ids []crypto.Hash) (set, error) {
	var s set
	for _, id := range ids {
		i, ok := g.byID[id]
		if !ok {
			return nil, ErrParent
		}
		s = s.union(g.entries[i].past).add(i)
	}
	return s, nil
}

// Covers says whether each of older is among heads or in their past.
func (g *Group) Covers(heads, older []crypto.Hash) bool {
	s, err := g.reach(heads)
	return err == nil && !slices.ContainsFunc(older, func(id crypto.Hash) bool {
		i, ok := g.byID[id]
		return !ok || !s.has(i)
	})
}

// order sorts events: parents before children, and in the same way on every node.
func (g *Group) order(a, b int) int {
	x, y := g.entries[a], g.entries[b]
	return cmp.Or(cmp.Compare(x.depth, y.depth), bytes.Compare(x.ID[:], y.ID[:]))
}

// concurrent says whether neither of two events is in the other's past.
func (g *Group) concurrent(a, b int) bool {
	return a != b && !g.entries[a].past.has(b) && !g.entries[b].past.has(a)
}
