package mesh

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

// sharedNetwork is what providers use between them and their customers (RFC 6598). Some VPNs use it.
var sharedNetwork = netip.MustParsePrefix("100.64.0.0/10")

// How many devices peers may tell of. What is past that is not looked at: it costs a few
// microseconds each, and devices are told of by many.
const (
	// tellsBurst: all who are here, twice. Each newcomer after that comes alone.
	tellsBurst = 2 * wire.MaxSightings
	tellsEvery = newsEvery
	// Contacts are few, and may know many.
	contactTellsBurst = 8 * tellsBurst
	contactTellsEvery = tellsEvery / 4
	// maxUnheard is how many may be passed over in a session, within the time in which so many may be
	// told. A peer that tells more floods this node, and the session ends.
	maxUnheard = 1024

	// newsBurst and newsEvery bound how often everybody is told of strangers who come: it costs a
	// frame for each session. Newcomers are told of everybody in any case.
	newsBurst = 64
	newsEvery = time.Second / 4
)

// teller is how many devices the peer of a session may tell of, and how many of more are passed over.
type teller struct{ heard, unheard *rate.Limiter }

func newTeller(as budget.Standing) teller {
	every, burst := rate.Every(tellsEvery), tellsBurst
	if as == budget.Contact {
		every, burst = rate.Every(contactTellsEvery), contactTellsBurst
	}
	return teller{rate.NewLimiter(every, burst), rate.NewLimiter(every, maxUnheard)}
}

// hear returns how many of n devices are taken in, and whether it is still no flood.
func (t teller) hear(n int) (may int, ok bool) {
	for may < n && t.heard.Allow() {
		may++
	}
	return may, t.unheard.AllowN(time.Now(), n-may)
}

var errFlood = fmt.Errorf("%w: it tells of devices without end", sync.ErrProtocol)

// Told takes in where the peer of a session says that devices are, as far as it is believed. An error
// ends the session.
func (m *Mesh) Told(by *session.Session, sightings []wire.Sighting) error {
	may, ok := m.mayTell(by, len(sightings))
	if !ok {
		return errFlood
	}
	for _, s := range sightings[:may] {
		if s.Device == m.cfg.Self {
			continue
		}
		addrs := slices.DeleteFunc(slices.Clone(s.Addresses), func(a netip.AddrPort) bool { return !m.believes(by, s, a) })
		if len(addrs) > 0 {
			m.Sighted(discovery.Sighting{Device: peerID(s.Device), Addrs: addrs, Source: discovery.FromPeer})
		}
		if s.Device == by.Peer() {
			if news, ok := m.setOwn(by, addrs); ok {
				m.tellOf(by, news)
			}
			m.found(by)
		}
	}
	return nil
}

// tellOf tells everybody where the peer of a session is, unless that is a stranger and many have come
// lately.
func (m *Mesh) tellOf(s *session.Session, at wire.Sighting) {
	if m.standingOf(s) > budget.Stranger || m.news.Allow() {
		m.share(at, s)
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
	case at.Port() < discovery.LeastPort:
		return false
	case m.Network().OnLink(addr), s.Device == by.Peer() && addr == remote(by).Addr().Unmap():
		return true
	}
	contact := m.standingOf(by) == budget.Contact
	return contact && m.cfg.Known(s.Device) && private(addr) && m.carries(m.from(addr))
}

func private(a netip.Addr) bool { return a.IsPrivate() || sharedNetwork.Contains(a) }
