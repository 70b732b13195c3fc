package authority

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
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

// entry is an event of a Group. It is shared by a Group and its clones, and doesn't change, except
// for what is worked out when it is needed.
type entry struct {
	id       crypto.Hash
	author   int // among the Group's persons
	whom     int // whose leave, removal, list of cuts or change of role it is; nobody if it is none of these
	parents  []int
	clock    int64
	weight   int
	act      event.Control // without persons, cuts and lists, which would take much memory
	ends     []ends        // its cuts
	lists    []int         // the events with further cuts that it may name, and names
	critical bool

	index    int
	depth    int  // the longest way from the create event
	past     set  // without the event itself
	unjudged bool // its past is frozen: it is kept for programs that know the unknown kind, and does not count alone

	// Worked out by somebody who may add events.
	alone set        // which of its past count, judged by these alone; nil if not known, and always where it has one parent
	role  event.Role // of its author when they wrote it, judged by its past alone; unranked if not known
}

// nobody is the place of no person.
const nobody = -1

// unranked stands for a role that was not worked out yet.
const unranked event.Role = 0xff

func (n *entry) is(kind event.Kind) bool { return n.act != nil && n.act.Kind() == kind }

// out says whether it is a removal or leave.
func (n *entry) out() bool { return n.is(event.KindRemove) || n.is(event.KindLeave) }

// person is what the events of a Group say about one person, in the order of the Group, whether
// they count or not.
type person struct {
	of     *share // who may change it: others copy it first
	id     crypto.PersonID
	joins  []int // invitations of them, or the create event
	outs   []int // removals and leaves of them
	roles  []int // changes of their role
	wrote  []int
	weight int // what those weigh that they wrote
}

// share stands for what a Group has for itself since it was last cloned.
type share struct{ _ byte }

// Group is the control set of a group.
type Group struct {
	bounds  bounds
	entries []*entry // parents before children
	byID    map[crypto.Hash]int
	order   []int // all events in order, see compare
	all     set
	counts  set   // the events that count, judged by all
	heads   []int // events that no other names as parent
	weight  int   // of all events

	settings []int // creation, renames, topics and history policies, in order
	unknown  []int // critical, of unknown kinds

	persons  []*person
	who      map[crypto.PersonID]int
	promoted []int // the founder, and everybody who was given the role of owner

	share *share // of the persons that no clone has too
	steps int    // what judging has cost since the last event came

	answers
}

// answers are kept until they may change.
type answers struct {
	now     *State
	states  map[string]*State // by heads
	members int               // of these states
	locator []crypto.Hash
}

// New returns the Group that a create event begins.
func New(create Event) (*Group, error) {
	if _, ok := create.Act.(event.Create); !ok || len(create.Parents) > 0 {
		return nil, ErrNotPermitted
	}
	g := &Group{bounds: usual, byID: make(map[crypto.Hash]int), who: make(map[crypto.PersonID]int), share: new(share)}
	n := &entry{id: create.ID, author: g.meet(create.Author), whom: nobody, clock: create.Clock, weight: create.weight(), act: create.Act, role: event.RoleOwner}
	g.insert(n, create.Act)
	g.promoted, g.counts = []int{n.author}, set{}.add(0)
	return g, nil
}

// Clone returns a Group that holds the same and can be changed by itself. It may be called while
// somebody asks the Group, but only one at a time may clone a Group or add to it or its clones.
func (g *Group) Clone() *Group {
	g.share = new(share)
	return &Group{
		bounds: g.bounds, entries: slices.Clone(g.entries), byID: maps.Clone(g.byID), order: slices.Clone(g.order),
		all: g.all.clone(), counts: g.counts, heads: slices.Clone(g.heads), weight: g.weight,
		settings: slices.Clone(g.settings), unknown: slices.Clone(g.unknown),
		persons: slices.Clone(g.persons), who: maps.Clone(g.who), promoted: slices.Clone(g.promoted), share: new(share),
	}
}

// Add takes an event in. The error is ErrParent, ErrNotPermitted, ErrFull or ErrDear. It is nil
// also if the event is here already.
func (g *Group) Add(e Event) error {
	if g.Has(e.ID) {
		return nil
	}
	n, err := g.admit(&e)
	if err != nil {
		return err
	}
	var before *Group // needed if judging may turn out too dear
	if g.stirs(n) {
		before = g.Clone()
	}
	g.insert(n, e.Act)
	counts, err := g.judge(g.all, set{}.add(n.index), g.counts)
	if err != nil {
		*g = *before
		return err
	}
	g.counts = counts
	return nil
}

// May says whether somebody is permitted to do something now: nil, or an error of Add. It is ErrFull
// also where they would be permitted to, but for the bounds of the group.
func (g *Group) May(author crypto.PersonID, act event.Control) error {
	e := Event{Author: author, Parents: g.Heads(), Act: act, Size: event.MaxHeader / 2}
	if act != nil {
		content, _ := act.Marshal() // what can't be written will not be
		e.Size += len(content)
	}
	n, err := g.admit(&e)
	switch {
	case err == nil && n.unjudged:
		return ErrNotPermitted
	case err == ErrNotPermitted && g.permitted(&e):
		return ErrFull
	}
	return err
}

// permitted says whether an event is permitted, whatever the bounds are.
func (g *Group) permitted(e *Event) bool {
	n, err := g.place(e)
	if err != nil {
		return false
	}
	alone, err := g.aloneOf(n)
	return err == nil && g.needs(n, view{alone, n.past}) <= event.RoleOwner
}

// admit says whether an event may be taken in, and where it stands.
func (g *Group) admit(e *Event) (*entry, error) {
	g.steps = 0
	n, err := g.place(e)
	if err != nil {
		return nil, err
	}
	alone, err := g.aloneOf(n)
	if err != nil {
		return nil, err
	}
	if len(n.parents) > 1 {
		n.alone = alone
	}
	v := view{alone, n.past}
	n.unjudged = g.frozen(v)
	if !g.bounded(n, e.Act, v) || !n.unjudged && g.needs(n, v) > event.RoleOwner {
		return nil, ErrNotPermitted
	}
	return n, g.room(n, e.Act)
}

// place finds out where an event stands, and that those whom it is about were invited before.
func (g *Group) place(e *Event) (*entry, error) {
	n := &entry{id: e.ID, whom: nobody, clock: e.Clock, weight: e.weight(), critical: e.Critical, index: len(g.entries), role: unranked}
	n.past = make(set, 0, len(g.all))
	for _, id := range e.Parents {
		i, ok := g.byID[id]
		if !ok {
			return nil, ErrParent
		}
		n.parents = append(n.parents, i)
		n.past = n.past.union(g.entries[i].past).add(i)
		n.depth = max(n.depth, g.entries[i].depth+1)
	}
	var known bool
	if n.author, known = g.invited(e.Author, n.past); !known || !g.areHeads(n.parents) {
		return nil, ErrNotPermitted
	}
	whom, named := e.Author, []crypto.Hash(nil)
	switch act := e.Act.(type) {
	case event.Leave:
		n.act, named = event.Leave{}, act.Lists
	case event.Remove:
		n.act, whom, named = event.Remove{}, act.Person, act.Lists
	case event.CutList:
		n.act, whom = event.CutList{}, act.Person
	case event.RoleChange:
		n.act, whom = act, act.Person
	case event.Invite:
		n.act = event.Invite{}
		return n, nil
	default:
		n.act = act
		return n, nil
	}
	if n.whom, known = g.invited(whom, n.past); !known {
		return nil, ErrNotPermitted
	}
	_, cuts := event.CutsOf(e.Author, e.Act)
	n.ends, n.lists = endsOf(cuts), g.listsOf(n, named)
	return n, nil
}

// invited returns a person by their place, and whether an event of some past invites them.
func (g *Group) invited(id crypto.PersonID, past set) (p int, ok bool) {
	p, ok = g.who[id]
	return p, ok && slices.ContainsFunc(g.persons[p].joins, past.has)
}

// areHeads says whether these events can have been the heads of somebody's control set: none is in
// another's past.
func (g *Group) areHeads(events []int) bool {
	for i, a := range events {
		for _, b := range events[:i] {
			if a == b || !g.concurrent(a, b) {
				return false
			}
		}
	}
	return 0 < len(events) && len(events) <= event.MaxControl
}

func (g *Group) insert(n *entry, act event.Control) {
	i := n.index
	g.entries = append(g.entries, n)
	g.byID[n.id] = i
	g.order = g.sorted(g.order, i)
	g.all = g.all.add(i)
	g.heads = append(slices.DeleteFunc(g.heads, n.past.has), i)
	g.weight += n.weight
	g.answers = answers{}
	author := g.own(n.author)
	author.wrote = append(author.wrote, i)
	author.weight += n.weight
	switch act := act.(type) {
	case event.Create:
		author.joins = append(author.joins, i)
		g.settings = append(g.settings, i)
	case event.Rename, event.Topic, event.History:
		g.settings = g.sorted(g.settings, i)
	case event.Invite:
		for _, id := range act.Persons {
			p := g.own(g.meet(id))
			p.joins = g.sorted(p.joins, i)
		}
	case event.Leave, event.Remove:
		p := g.own(n.whom)
		p.outs = g.sorted(p.outs, i)
	case event.RoleChange:
		p := g.own(n.whom)
		p.roles = g.sorted(p.roles, i)
		if act.Role == event.RoleOwner && !slices.Contains(g.promoted, n.whom) {
			g.promoted = append(g.promoted, n.whom)
		}
	case nil:
		if n.critical {
			g.unknown = append(g.unknown, i)
		}
	}
}

// meet returns the place of a person, who gets one if they have none.
func (g *Group) meet(id crypto.PersonID) int {
	p, ok := g.who[id]
	if !ok {
		p = len(g.persons)
		g.who[id] = p
		g.persons = append(g.persons, &person{of: g.share, id: id})
	}
	return p
}

// own returns a person to be changed.
func (g *Group) own(p int) *person {
	if old := g.persons[p]; old.of != g.share {
		g.persons[p] = &person{g.share, old.id, slices.Clone(old.joins), slices.Clone(old.outs), slices.Clone(old.roles), slices.Clone(old.wrote), old.weight}
	}
	return g.persons[p]
}

// sorted returns events that are in order with one more.
func (g *Group) sorted(events []int, i int) []int {
	at, _ := slices.BinarySearchFunc(events, i, g.compare)
	return slices.Insert(events, at, i)
}

// Has says whether an event is here.
func (g *Group) Has(id crypto.Hash) bool {
	_, ok := g.byID[id]
	return ok
}

// Ever says whether somebody is or was in the group, by what counts.
func (g *Group) Ever(id crypto.PersonID) bool {
	p, ok := g.who[id]
	return ok && slices.ContainsFunc(g.persons[p].joins, g.counts.has)
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

// compare sorts events: parents before children, and in the same way on every node.
func (g *Group) compare(a, b int) int {
	x, y := g.entries[a], g.entries[b]
	return cmp.Or(cmp.Compare(x.depth, y.depth), bytes.Compare(x.id[:], y.id[:]))
}

// concurrent says whether neither of two events is in the other's past.
func (g *Group) concurrent(a, b int) bool {
	return a != b && !g.entries[a].past.has(b) && !g.entries[b].past.has(a)
}
