// Package fair shares the places of a pool by one rule: nobody may hold more than they leave free.
// Whoever is alone may take half of the places; each of two greedy ones ends at a third, each of k
// at 1/(k+1), and there is always room for one more.
//
// Identities cost nothing, so among strangers "somebody" is an address of the network, see [Holder].
// That is fairness and not security, since on a local network addresses cost nothing either: a pool
// keeps strangers apart from each other, and bounds them together.
//
// A [Pool] holds no lock and no clock. It knows places and nothing of what they are for, evicts
// nobody, and says only who would have to make room. Its owner calls it from one goroutine or under
// a lock.
package fair

import (
	"net/netip"
	"slices"
)

// networkBits is how much of an IPv6 address from beyond the local network names one holder: the
// rest is for whoever is there to choose.
const networkBits = 64

// Holder returns the address that holds the places of whoever comes from one: the address itself,
// or the network of a /64 for an IPv6 address that is not on a network of this machine.
func Holder(from netip.Addr, onLink bool) netip.Addr {
	from = from.Unmap().WithZone("")
	if from.Is4() || onLink || !from.IsValid() {
		return from
	}
	network, _ := from.Prefix(networkBits) // never fails for IPv6
	return network.Addr()
}

// Pool is places for things of type T, and who holds them: mostly a [Holder].
type Pool[K, T comparable] struct {
	size int
	of   map[T]K
	held map[K][]T // in the order in which they were taken
	all  []T       // the same of all
}

// New returns an empty pool of so many places.
func New[K, T comparable](size int) *Pool[K, T] {
	return &Pool[K, T]{size: size, of: make(map[T]K), held: make(map[K][]T)}
}

// Len returns how many places are taken.
func (p *Pool[K, T]) Len() int { return len(p.all) }

// Has says that something has a place.
func (p *Pool[K, T]) Has(t T) bool {
	_, ok := p.of[t]
	return ok
}

// All returns what has a place, the first first.
func (p *Pool[K, T]) All() []T { return slices.Clone(p.all) }

// Take gives something a place that its holder may take, or reports false.
func (p *Pool[K, T]) Take(holder K, t T) bool {
	if p.Has(t) {
		return true
	}
	if !p.fits(holder) {
		return false
	}
	p.put(holder, t)
	return true
}

// Swap takes a place from what has it, and gives it to something else.
func (p *Pool[K, T]) Swap(goes T, holder K, t T) {
	p.Leave(goes)
	p.put(holder, t)
}

func (p *Pool[K, T]) fits(holder K) bool { return len(p.held[holder])+1 <= p.size-(len(p.all)+1) }

func (p *Pool[K, T]) put(holder K, t T) {
	p.of[t] = holder
	p.held[holder] = append(p.held[holder], t)
	p.all = append(p.all, t)
}

// Rivals returns those of whom one has to go before a holder may take one more place, the first
// first: of the one who holds most, if that is by more than one place, or else the holder's own.
// They are none if the holder may take it, and if everybody holds one. Swap puts another into the
// place of the one that goes.
func (p *Pool[K, T]) Rivals(holder K) []T {
	own := p.held[holder]
	if p.fits(holder) {
		return nil
	}
	most := own
	for _, other := range p.held { // of equals the one that has waited longest, so that a run can be repeated
		if len(other) > len(own)+1 && (len(other) > len(most) || len(other) == len(most) && p.before(other[0], most[0])) {
			most = other
		}
	}
	return slices.Clone(most)
}

func (p *Pool[K, T]) before(a, b T) bool { return slices.Index(p.all, a) < slices.Index(p.all, b) }

// Leave gives a place back. It does nothing for what has none.
func (p *Pool[K, T]) Leave(t T) {
	holder, ok := p.of[t]
	if !ok {
		return
	}
	is := func(other T) bool { return other == t }
	delete(p.of, t)
	p.all = slices.DeleteFunc(p.all, is)
	if p.held[holder] = slices.DeleteFunc(p.held[holder], is); len(p.held[holder]) == 0 {
		delete(p.held, holder)
	}
}
