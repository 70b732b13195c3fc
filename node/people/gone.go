package people

import (
	"container/list"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// strangerStays is how long a stranger who has gone can still be written to by name. The owner
	// expects that somebody who was just seen can be named.
	strangerStays = time.Hour

	// maxGone bounds the strangers who have gone and are still known.
	maxGone = 256
)

// gone are the strangers who are known in memory only and may have gone, by the address by which
// they came last. Of too many, those go first who came by the address with the most, and of these
// who has gone first. So whoever makes persons by the thousand pushes out only their own. Each of
// its methods takes as long as there are addresses, at most maxGone, however many come and go.
type gone struct {
	by  map[string]*list.List // of crypto.PersonID, who has gone first at the front
	all map[crypto.PersonID]*leaver
}

// leaver is one of those who may have gone.
type leaver struct {
	address string
	at      time.Time
	element *list.Element
}

func newGone() gone {
	return gone{by: make(map[string]*list.List), all: make(map[crypto.PersonID]*leaver)}
}

// put notes that somebody may have gone.
func (g *gone) put(id crypto.PersonID, address string, now time.Time) {
	g.drop(id)
	if g.by[address] == nil {
		g.by[address] = list.New()
	}
	g.all[id] = &leaver{address, now, g.by[address].PushBack(id)}
}

// drop forgets somebody: they are in the store, or known no more.
func (g *gone) drop(id crypto.PersonID) {
	l := g.all[id]
	if l == nil {
		return
	}
	delete(g.all, id)
	there := g.by[l.address]
	if there.Remove(l.element); there.Len() == 0 {
		delete(g.by, l.address)
	}
}

// next takes out one who has gone too long ago, or one of too many; ok is false if there is none.
func (g *gone) next(now time.Time) (id crypto.PersonID, ok bool) {
	var most *list.List
	for _, there := range g.by {
		first := there.Front().Value.(crypto.PersonID)
		if now.Sub(g.all[first].at) >= strangerStays {
			g.drop(first)
			return first, true
		}
		if most == nil || there.Len() > most.Len() {
			most = there
		}
	}
	if len(g.all) <= maxGone {
		return id, false
	}
	id = most.Front().Value.(crypto.PersonID)
	g.drop(id)
	return id, true
}

// leave notes that somebody may have gone, if they are known only in memory, and drops strangers who
// have gone too long ago, or too many of them. The caller holds the lock.
func (p *People) leave(id crypto.PersonID) {
	now := time.Now()
	if a := p.known[id]; a != nil && !a.saved {
		p.gone.put(id, a.via, now)
	}
	for {
		id, ok := p.gone.next(now)
		if !ok {
			return
		}
		// Who is connected leaves once more.
		if a := p.known[id]; a != nil && !a.saved && !p.presence.Here(id) {
			p.drop(a)
		}
	}
}

// drop forgets somebody. The caller holds the lock.
func (p *People) drop(a *Person) {
	delete(p.known, a.ID)
	delete(p.direct, event.Direct(p.self, a.ID))
	delete(p.renamed, a.ID)
	for _, d := range a.Parsed.Devices() {
		delete(p.devices, d)
	}
	for _, h := range a.heads {
		delete(p.heads, h)
	}
}

// Came notes by which link address somebody has come. There they are counted while they are a
// stranger.
func (p *People) Came(id crypto.PersonID, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[id] == nil {
		return
	}
	p.edit(id, func(a *Person) { a.via = address })
	if !p.known[id].saved {
		p.gone.put(id, address, time.Now())
	}
}

// Via returns the link address by which somebody came last; "" if that is not known.
func (p *People) Via(id crypto.PersonID) string {
	a, _ := p.Get(id)
	return a.via
}

// Forgotten takes in whom the store does not have any more. They stay known for a while, like others
// who were only connected.
func (p *People) Forgotten(persons []crypto.PersonID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range persons {
		if a := p.known[id]; a != nil {
			p.edit(id, func(a *Person) { a.saved = false })
			p.leave(id)
		}
	}
}
