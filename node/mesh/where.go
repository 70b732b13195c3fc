package mesh

import (
	"net/netip"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/wire"
)

// What the register knows of where devices are, this one and others.

// networkNow returns this machine's interfaces.
func (r *Register) networkNow() discovery.Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.network
}

// Has says that an address is one of this machine's, of an interface that may be used.
func (r *Register) Has(local netip.Addr) bool {
	return slices.Contains(localAddrs(r.networkNow()), local.WithZone(""))
}

// Networked says that this machine is on a network.
func (r *Register) Networked() bool { return len(r.networkNow().Links) > 0 }

// setNetwork takes in this machine's interfaces, and returns those before.
func (r *Register) setNetwork(n discovery.Network) (before discovery.Network) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.network = r.network, n
	r.planner.NetworkChanged(time.Now())
	return before
}

// inUse returns the interfaces whose addresses others are told: the local network's, those that the
// owner named, and those that carry a session, such as that of a VPN.
func (r *Register) inUse() []discovery.Link {
	r.mu.Lock()
	defer r.mu.Unlock()
	carries := func(a netip.Addr) bool { return r.locals[a] > 0 }
	return slices.DeleteFunc(slices.Clone(r.network.Links), func(l discovery.Link) bool {
		return l.Unfit != "" && !l.Named && !slices.ContainsFunc(l.Addrs, carries)
	})
}

// mayTell returns of how many of n devices the peer of a session may tell now, and whether it is
// still no flood.
func (r *Register) mayTell(s *session.Session, n int) (may int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return 0, true
	}
	return e.tells.hear(n)
}

// carries says that a session runs over an address of this machine.
func (r *Register) carries(local netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return local.IsValid() && r.locals[local] > 0
}

// setOwn takes in where the peer of a session says that it is itself. ok says that others are to be
// told news: they could not know it when the peer was introduced. That is so once in a session at
// most, since the peer may say something else all the time.
func (r *Register) setOwn(s *session.Session, addrs []netip.AddrPort) (news wire.Sighting, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return news, false
	}
	e.own = addrs
	news = r.at(s.Peer())
	ok = !e.passed && len(missing(news.Addresses, e.told)) > 0
	e.passed = true
	return news, ok
}

// at returns where a device is, as is known here. The caller holds the lock.
func (r *Register) at(d crypto.DeviceID) wire.Sighting {
	return wire.Sighting{Device: d, Addresses: slices.Clone(r.planner.State(peerID(d)).Addrs)}
}

// where returns where the peer of a session is, by what it says of itself and by what was heard of
// it. It reports false if the session was replaced.
func (r *Register) where(s *session.Session) (own, heard []netip.AddrPort, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return nil, nil, false
	}
	return e.own, r.planner.State(peerID(s.Peer())).Addrs, true
}

// introduction returns where the peer of a session is, for the others, and where the others are,
// for the peer. It reports false if the session was replaced.
func (r *Register) introduction(s *session.Session) (peer wire.Sighting, others []wire.Sighting, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return peer, nil, false
	}
	for d := range r.devices {
		if len(others) == wire.MaxSightings-1 { // with this node's own they are as many as can be told
			break
		}
		if sighting := r.at(d); d != s.Peer() && len(sighting.Addresses) > 0 {
			others = append(others, sighting)
		}
	}
	peer = r.at(s.Peer())
	e.told = peer.Addresses
	return peer, others, true
}
