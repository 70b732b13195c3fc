package authority

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// MaxEvents bounds the control events of a group.
const MaxEvents = 4096

const maxByMember = 64

var (
	ErrParent       = errors.New("a control event that it builds on is not here")
	ErrNotPermitted = errors.New("its author might not do that")
	ErrCut          = errors.New("past the cut of its author's removal")
	ErrFull         = errors.New("the group has had too many changes")
)

type Event struct {
	ID       crypto.Hash
	Author   crypto.PersonID
	Parents  []crypto.Hash
	Clock    int64
	Act      event.Control
	Critical bool
}

type State struct {
	Name, Topic string
	History     event.History
	Members     []Member
	Frozen      bool
}

type Member struct {
	Person      crypto.PersonID
	Role        event.Role
	Joined      crypto.Hash
	JoinedClock int64
	InvitedBy   crypto.PersonID
}

func (s *State) Member(p crypto.PersonID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(s.Members, p, func(m Member, p crypto.PersonID) int { return bytes.Compare(m.Person[:], p[:]) })
	if !ok {
		return Member{}, false
	}
	return s.Members[i], true
}

type set []uint64

func (s set) has(i int) bool { return i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }
func (s set) with(i int) set {
	for len(s) <= i/64 {
		s = append(s, 0)
	}
	s[i/64] |= 1 << (i % 64)
	return s
}
func (s set) clone() set { return slices.Clone(s) }
func (s set) or(o set) set {
	for len(s) < len(o) {
		s = append(s, 0)
	}
	for i := range o {
		s[i] |= o[i]
	}
	return s
}
func (s set) and(o set) set {
	out := make(set, min(len(s), len(o)))
	for i := range out {
		out[i] = s[i] & o[i]
	}
	return out
}
func (s set) covers(o set) bool {
	for i := range o {
		var m uint64
		if i < len(s) {
			m = s[i]
		}
		if o[i]&^m != 0 {
			return false
		}
	}
	return true
}

type node struct {
	Event
	past  set
	depth int
}

type Group struct {
	nodes  []*node
	byID   map[crypto.Hash]int
	heads  []int
	all    set
	counts set
	joins  map[crypto.PersonID][]int
	outs   map[crypto.PersonID][]int
	roles  map[crypto.PersonID][]int
	by     map[crypto.PersonID][]int
	states map[string]*State
}

func New(create Event) (*Group, error) {
	if _, ok := create.Act.(event.Create); !ok || len(create.Parents) > 0 {
		return nil, ErrNotPermitted
	}
	g := &Group{byID: map[crypto.Hash]int{}, joins: map[crypto.PersonID][]int{}, outs: map[crypto.PersonID][]int{},
		roles: map[crypto.PersonID][]int{}, by: map[crypto.PersonID][]int{}, states: map[string]*State{}}
	g.insert(&node{Event: create})
	g.counts = g.counts.with(0)
	return g, nil
}

func (g *Group) insert(n *node) {
	i := len(g.nodes)
	g.nodes = append(g.nodes, n)
	g.byID[n.ID] = i
	g.all = g.all.with(i)
	g.heads = slices.DeleteFunc(g.heads, func(h int) bool { return n.past.has(h) })
	g.heads = append(g.heads, i)
	g.by[n.Author] = append(g.by[n.Author], i)
	switch act := n.Act.(type) {
	case event.Create:
		g.joins[act.Person] = append(g.joins[act.Person], i)
	case event.Invite:
		for _, p := range act.Persons {
			g.joins[p] = append(g.joins[p], i)
		}
	case event.Leave:
		g.outs[n.Author] = append(g.outs[n.Author], i)
	case event.Remove:
		g.outs[act.Person] = append(g.outs[act.Person], i)
	case event.RoleChange:
		g.roles[act.Person] = append(g.roles[act.Person], i)
	}
}

func (g *Group) closure(heads []crypto.Hash) (set, error) {
	var s set
	for _, h := range heads {
		i, ok := g.byID[h]
		if !ok {
			return nil, ErrParent
		}
		s = s.or(g.nodes[i].past).with(i)
	}
	return s, nil
}

func (g *Group) Add(e Event) error {
	if g.Has(e.ID) {
		return nil
	}
	if len(e.Parents) == 0 {
		return ErrNotPermitted
	}
	past, err := g.closure(e.Parents)
	if err != nil {
		return err
	}
	if len(g.nodes) >= MaxEvents {
		return ErrFull
	}
	n := &node{Event: e, past: past}
	for _, p := range e.Parents {
		n.depth = max(n.depth, g.nodes[g.byID[p]].depth+1)
	}
	linear := past.covers(g.all)
	local := g.counts
	if !linear {
		local = g.decide(past)
	}
	if !g.permitted(n, local) {
		return ErrNotPermitted
	}
	g.insert(n)
	if linear {
		g.counts = g.counts.with(len(g.nodes) - 1)
	} else {
		g.counts = g.decide(g.all)
		clear(g.states)
	}
	return nil
}

func (g *Group) May(author crypto.PersonID, act event.Control) error {
	if len(g.nodes) >= MaxEvents {
		return ErrFull
	}
	if !g.permitted(&node{Event: Event{Author: author, Act: act, Parents: make([]crypto.Hash, len(g.heads))}, past: g.all}, g.counts) {
		return ErrNotPermitted
	}
	return nil
}

// standing is what a person is by a set of counting events.
type standing struct {
	role event.Role
	join int
}

func (g *Group) direct(p crypto.PersonID, w set) standing {
	best := -1
	var effective []int
	for _, j := range g.joins[p] {
		if !w.has(j) || slices.ContainsFunc(g.outs[p], func(o int) bool { return w.has(o) && !g.nodes[j].past.has(o) }) {
			continue
		}
		effective = append(effective, j)
		if best < 0 || g.earlier(j, best) {
			best = j
		}
	}
	if best < 0 {
		return standing{}
	}
	s := standing{event.RoleMember, best}
	if best == 0 {
		s.role = event.RoleOwner
	}
	var changes []int
	for _, r := range g.roles[p] {
		if w.has(r) && slices.ContainsFunc(effective, func(j int) bool { return g.nodes[r].past.has(j) }) {
			changes = append(changes, r)
		}
	}
	lowest := event.Role(0)
	for _, r := range changes {
		if slices.ContainsFunc(changes, func(o int) bool { return g.nodes[o].past.has(r) }) {
			continue
		}
		if role := g.nodes[r].Act.(event.RoleChange).Role; lowest == 0 || role < lowest {
			lowest = role
		}
	}
	if lowest != 0 {
		s.role = lowest
	}
	return s
}

func (g *Group) earlier(a, b int) bool {
	x, y := g.nodes[a], g.nodes[b]
	return cmp.Or(cmp.Compare(x.depth, y.depth), bytes.Compare(x.ID[:], y.ID[:])) < 0
}

// senior orders standings: who is before whom.
func (g *Group) senior(p crypto.PersonID, a standing, q crypto.PersonID, b standing) bool {
	if a.role != b.role {
		return a.role > b.role
	}
	if a.join != b.join {
		return g.earlier(a.join, b.join)
	}
	return bytes.Compare(p[:], q[:]) < 0
}

func (g *Group) standing(p crypto.PersonID, w set) standing {
	s := g.direct(p, w)
	if s.role == 0 || s.role == event.RoleOwner || g.hasOwner(w) {
		return s
	}
	for q := range g.joins {
		if other := g.direct(q, w); q != p && other.role != 0 && g.senior(q, other, p, s) {
			return s
		}
	}
	s.role = event.RoleOwner
	return s
}

func (g *Group) hasOwner(w set) bool {
	founder := g.nodes[0].Author
	if g.direct(founder, w).role == event.RoleOwner {
		return true
	}
	for p := range g.roles {
		if g.direct(p, w).role == event.RoleOwner {
			return true
		}
	}
	return false
}

func needs(a event.Control) event.Role {
	switch a.(type) {
	case event.Leave, event.Merge:
		return event.RoleMember
	case event.RoleChange:
		return event.RoleOwner
	}
	return event.RoleAdmin
}

func (g *Group) frozen(w set) bool {
	for i, n := range g.nodes {
		if n.Act == nil && n.Critical && w.has(i) {
			return true
		}
	}
	return false
}

// permitted says whether n's author might do it, w being what counts of its past.
func (g *Group) permitted(n *node, w set) bool {
	w = w.and(n.past)
	me := g.standing(n.Author, w)
	if me.role < needs(n.Act) || me.role == 0 || g.frozen(w) {
		return false
	}
	if me.role == event.RoleMember {
		mine := 0
		for _, i := range g.by[n.Author] {
			if n.past.has(i) {
				mine++
			}
		}
		if mine >= maxByMember {
			return false
		}
	}
	switch act := n.Act.(type) {
	case event.Create:
		return false
	case event.Merge:
		return len(n.Parents) >= 2
	case event.Remove:
		them := g.standing(act.Person, w)
		return act.Person != n.Author && (them.role == 0 || g.senior(n.Author, me, act.Person, them))
	case event.RoleChange:
		them := g.standing(act.Person, w)
		return them.role != 0 && act.Role <= me.role && (act.Person == n.Author || g.senior(n.Author, me, act.Person, them))
	}
	return true
}

// voids says whether d, if it counts, takes x's author the right to x.
func (g *Group) voids(d, x int) bool {
	a, b := g.nodes[d], g.nodes[x]
	if d == x || a.past.has(x) || b.past.has(d) {
		return false
	}
	if _, ok := b.Act.(event.Leave); ok {
		return false
	}
	switch act := a.Act.(type) {
	case event.Leave:
		return a.Author == b.Author
	case event.Remove:
		return act.Person == b.Author
	case event.RoleChange:
		return act.Person == b.Author && act.Role < needs(b.Act)
	}
	return false
}

// decide returns which events of a set, which has the past of each of its events, count.
func (g *Group) decide(of set) set {
	counts, decided := set{}.with(0), set{}.with(0)
	var open []int
	for i := 1; i < len(g.nodes); i++ {
		if of.has(i) {
			open = append(open, i)
		}
	}
	var reductions []int
	for _, i := range open {
		switch g.nodes[i].Act.(type) {
		case event.Leave, event.Remove, event.RoleChange:
			reductions = append(reductions, i)
		}
	}
	for len(open) > 0 {
		var stuck []int
		progress := false
		open = slices.DeleteFunc(open, func(x int) bool {
			if !decided.covers(g.nodes[x].past) {
				return false
			}
			yes := g.permitted(g.nodes[x], counts)
			if yes {
				pending := false
				for _, d := range reductions {
					if g.voids(d, x) {
						if counts.has(d) {
							yes, pending = false, false
							break
						}
						pending = pending || !decided.has(d)
					}
				}
				if pending {
					stuck = append(stuck, x)
					return false
				}
			}
			decided = decided.with(x)
			if yes {
				counts = counts.with(x)
			}
			progress = true
			return true
		})
		if progress {
			continue
		}
		best := slices.MinFunc(stuck, func(a, b int) int {
			x, y := g.nodes[a], g.nodes[b]
			sx, sy := g.standing(x.Author, counts.and(x.past)), g.standing(y.Author, counts.and(y.past))
			switch {
			case x.Author == y.Author && sx == sy:
				return bytes.Compare(x.ID[:], y.ID[:])
			case g.senior(x.Author, sx, y.Author, sy):
				return -1
			}
			return 1
		})
		counts, decided = counts.with(best), decided.with(best)
		open = slices.DeleteFunc(open, func(x int) bool { return x == best })
	}
	return counts
}

func (g *Group) Has(id crypto.Hash) bool { _, ok := g.byID[id]; return ok }

func (g *Group) Heads() []crypto.Hash {
	out := make([]crypto.Hash, len(g.heads))
	for i, h := range g.heads {
		out[i] = g.nodes[h].ID
	}
	slices.SortFunc(out, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	return out
}

func (g *Group) State() *State {
	s, _ := g.StateAt(g.Heads())
	return s
}

func (g *Group) StateAt(heads []crypto.Hash) (*State, error) {
	var key []byte
	for _, h := range heads {
		key = append(key, h[:]...)
	}
	if s := g.states[string(key)]; s != nil {
		return s, nil
	}
	w, err := g.closure(heads)
	if err != nil {
		return nil, err
	}
	w = w.and(g.counts)
	s := g.state(w)
	if len(g.states) >= 64 {
		clear(g.states)
	}
	g.states[string(key)] = s
	return s, nil
}

func (g *Group) state(w set) *State {
	s := &State{Frozen: g.frozen(w)}
	var name, topic, history = -1, -1, -1
	later := func(cur *int, i int) {
		if *cur < 0 || g.earlier(*cur, i) {
			*cur = i
		}
	}
	for i, n := range g.nodes {
		if !w.has(i) {
			continue
		}
		switch act := n.Act.(type) {
		case event.Create:
			s.Name, s.History = act.Name, act.History
		case event.Rename:
			later(&name, i)
		case event.Topic:
			later(&topic, i)
		case event.History:
			later(&history, i)
		}
	}
	if name >= 0 {
		s.Name = g.nodes[name].Act.(event.Rename).Name
	}
	if topic >= 0 {
		s.Topic = g.nodes[topic].Act.(event.Topic).Topic
	}
	if history >= 0 {
		s.History = g.nodes[history].Act.(event.History)
	}
	owner := false
	first := -1
	var order []standing
	for p := range g.joins {
		st := g.direct(p, w)
		if st.role == 0 {
			continue
		}
		owner = owner || st.role == event.RoleOwner
		join := g.nodes[st.join]
		s.Members = append(s.Members, Member{Person: p, Role: st.role, Joined: join.ID, JoinedClock: join.Clock, InvitedBy: join.Author})
		order = append(order, st)
		if i := len(order) - 1; first < 0 || g.senior(p, st, s.Members[first].Person, order[first]) {
			first = i
		}
	}
	if !owner && first >= 0 {
		s.Members[first].Role = event.RoleOwner
	}
	slices.SortFunc(s.Members, func(a, b Member) int { return bytes.Compare(a.Person[:], b.Person[:]) })
	return s
}

func (g *Group) Covers(heads, older []crypto.Hash) bool {
	w, err := g.closure(heads)
	if err != nil {
		return false
	}
	for _, o := range older {
		i, ok := g.byID[o]
		if !ok || !w.has(i) {
			return false
		}
	}
	return true
}

func (g *Group) Accepts(author crypto.PersonID, log event.Log, sequence uint64, control []crypto.Hash) error {
	if len(control) == 0 {
		return ErrNotPermitted
	}
	w, err := g.closure(control)
	if err != nil {
		return err
	}
	if g.direct(author, w.and(g.counts)).role == 0 {
		return ErrNotPermitted
	}
	if g.limit(author, log, w) < sequence {
		return ErrCut
	}
	return nil
}

func (g *Group) limit(author crypto.PersonID, log event.Log, w set) uint64 {
	limit := uint64(math.MaxUint64)
	for _, o := range g.outs[author] {
		if !g.counts.has(o) {
			continue
		}
		var cuts []event.Position
		switch act := g.nodes[o].Act.(type) {
		case event.Leave:
			cuts = act.Cuts
		case event.Remove:
			cuts = act.Cuts
		}
		i := slices.IndexFunc(cuts, func(c event.Position) bool { return c.Device == log.Device && c.Instance == log.Instance })
		switch {
		case i >= 0:
			limit = min(limit, cuts[i].Sequence)
		case !w.has(o):
			limit = 0
		}
	}
	return limit
}

func (g *Group) Limit(author crypto.PersonID, log event.Log, first []crypto.Hash) uint64 {
	w, err := g.closure(first)
	if err != nil {
		return math.MaxUint64
	}
	if g.direct(author, w.and(g.counts)).role == 0 {
		return 0
	}
	return g.limit(author, log, w)
}

func (g *Group) Ever(p crypto.PersonID) bool { return len(g.joins[p]) > 0 }

func (g *Group) out(to crypto.PersonID, w set) bool {
	for _, o := range g.outs[to] {
		if w.has(o) && g.counts.has(o) && !slices.ContainsFunc(g.joins[to], func(j int) bool {
			return w.has(j) && g.counts.has(j) && g.nodes[j].past.has(o)
		}) {
			return true
		}
	}
	return false
}

func (g *Group) Serves(to crypto.PersonID, control []crypto.Hash) bool {
	w, err := g.closure(control)
	return err == nil && g.Ever(to) && !g.out(to, w)
}

func (g *Group) Missing(known []crypto.Hash, to crypto.PersonID) []crypto.Hash {
	if !g.Ever(to) {
		return nil
	}
	var have set
	for _, k := range known {
		if i, ok := g.byID[k]; ok {
			have = have.or(g.nodes[i].past).with(i)
		}
	}
	var out []crypto.Hash
	member := g.direct(to, g.counts).role != 0
	for i, n := range g.nodes {
		if !have.has(i) && (member || !g.out(to, n.past)) {
			out = append(out, n.ID)
		}
	}
	return out
}

func (g *Group) Locator() []crypto.Hash {
	out := g.Heads()
	order := make([]int, len(g.nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if g.earlier(a, b) {
			return 1
		}
		return -1
	})
	for step := 1; step < len(order) && len(out) < 32; step *= 2 {
		if id := g.nodes[order[step]].ID; !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out[:min(len(out), 32)]
}
