package sightings

import (
	"net/netip"
	"slices"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/fair"
)

// packetsASecond is how many packets are read in a second, of each IP version and by all ways
// together. It is several times what 72 devices send that start at once. Reading that many costs 1 %
// of a core.
const packetsASecond = 500

// second is one second of one IP version.
type second struct {
	since  time.Time
	parsed *fair.Pool[netip.Addr, int] // packets, numbered, by who sent them
}

// Admit tells whether the sender of a packet may have one more read in this second. Who asks should
// have dropped before what can be of no use.
func (s *Sightings) Admit(from netip.Addr, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	this := &s.seconds[0]
	if from.Is4() {
		this = &s.seconds[1]
	}
	if this.parsed == nil || now.Sub(this.since) >= time.Second {
		*this = second{now, fair.New[netip.Addr, int](packetsASecond)}
	}
	return take(this.parsed, from)
}

// take takes one of the places that a pool shares among senders, for as long as the pool lasts.
func take(places *fair.Pool[netip.Addr, int], from netip.Addr) bool {
	return places.Take(fair.Holder(from, true), places.Len())
}

// LinkOf returns the link over which a packet came from somebody who is on it too; others' packets
// came through a router, and are to be dropped. index is that of the interface, or 0 if the system
// does not tell.
func LinkOf(links []discovery.Link, from netip.Addr, index int) (discovery.Link, bool) {
	at := slices.IndexFunc(links, func(l discovery.Link) bool {
		switch {
		case index != 0 && index != l.Index, from.Zone() != "" && index == 0 && from.Zone() != l.Name:
			return false
		}
		return l.OnLink(from)
	})
	if at < 0 {
		return discovery.Link{}, false
	}
	return links[at], true
}
