package mesh

import (
	"net/netip"
	"slices"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/wire"
)

// leastPort is the lowest port that is dialled where somebody else says so: below it are services of
// the system, and nodes listen above it.
const leastPort = 1024

// sharedNetwork is what providers use between them and their customers (RFC 6598). Some VPNs use it.
var sharedNetwork = netip.MustParsePrefix("100.64.0.0/10")

// Told takes in where the peer of a session says that devices are, as far as it is believed.
func (m *Mesh) Told(by *session.Session, sightings []wire.Sighting) {
	for _, s := range sightings {
		if s.Device == m.cfg.Self {
			continue
		}
		addrs := slices.DeleteFunc(slices.Clone(s.Addresses), func(a netip.AddrPort) bool { return !m.believes(by, s, a) })
		if len(addrs) > 0 {
			m.Sighted(discovery.Sighting{Device: peerID(s.Device), Addrs: addrs, Source: discovery.FromPeer})
		}
		if s.Device == by.Peer() {
			if news, ok := m.setOwn(by, addrs); ok {
				m.share(news, by)
			}
			m.found(by)
		}
	}
}

// believes says whether an address is dialled at which a device is, by what the peer of a session
// says. Else anybody could have this node connect to whatever they name. It must be on a network of
// this machine; or be where the peer itself is, that tells of itself; or be told by a contact of a
// device that is known here, and be private and behind an interface that carries a session: so
// devices meet that are in several networks of an office, or in a VPN.
func (m *Mesh) believes(by *session.Session, s wire.Sighting, at netip.AddrPort) bool {
	addr := at.Addr()
	switch {
	case at.Port() < leastPort:
		return false
	case m.Network().OnLink(addr), s.Device == by.Peer() && addr == remote(by).Addr().Unmap():
		return true
	}
	contact := m.standingOf(by) == budget.Contact
	return contact && m.cfg.Known(s.Device) && private(addr) && m.carries(m.from(addr))
}

func private(a netip.Addr) bool { return a.IsPrivate() || sharedNetwork.Contains(a) }
