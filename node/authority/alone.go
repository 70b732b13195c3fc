package authority

import "github.com/earshot-im/earshot/store/event"

// What counts of the past of an event, judged by that past alone, decides whether the event is
// taken. It is the same for ever, and on every node. It is kept only where an event has several
// parents. Elsewhere it follows: an event that was taken counts by its own past.

// aloneOf returns what counts of the past of an event, judged by that past alone.
func (g *Group) aloneOf(n *entry) (set, error) {
	switch {
	case n.alone != nil:
		return n.alone, nil
	case g.all.within(n.past):
		return g.counts, nil
	case len(n.parents) == 0:
		return set{}, nil
	case len(n.parents) == 1:
		return g.after(n.parents[0])
	}
	most := n.parents[0] // the parent who knew most: little is to be judged anew
	for _, p := range n.parents[1:] {
		if g.entries[p].past.size() > g.entries[most].past.size() {
			most = p
		}
	}
	counts, err := g.after(most)
	if err != nil {
		return nil, err
	}
	fresh := n.past.clone().without(g.entries[most].past).without(set{}.add(most))
	return g.judge(n.past, fresh, counts)
}

// after returns what counts of an event and its past, judged by these alone.
func (g *Group) after(i int) (counts set, err error) {
	n := g.entries[i]
	chain := make(set, 0, len(g.all))
	for ; ; n = g.entries[n.parents[0]] {
		if !n.unjudged {
			chain = chain.add(n.index)
		}
		if len(n.parents) != 1 {
			break
		}
	}
	if n.alone == nil && len(n.parents) > 1 {
		if n.alone, err = g.aloneOf(n); err != nil {
			n.alone = nil
			return nil, err
		}
	}
	return chain.union(n.alone), nil
}

// roleOf returns what the author of an event was when they wrote it, judged by its past alone. It is
// none where that can't be judged.
func (g *Group) roleOf(n *entry) (event.Role, error) {
	if n.role != unranked {
		return n.role, nil
	}
	alone, err := g.aloneOf(n)
	if err != nil {
		return unranked, err
	}
	n.role = event.RoleNone
	if !n.unjudged {
		n.role = g.rank(n.author, view{alone, n.past}).role
	}
	return n.role, nil
}
