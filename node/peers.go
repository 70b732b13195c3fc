package node

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/dial"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// recently is how long after a sighting a device that no dial reaches counts as unreachable rather than off: mDNS names
// each device about once a minute.
const recently = 2 * time.Minute

// Status is the node at a glance.
func (n *Node) Status(ctx context.Context) (Status, error) {
	me, err := n.Me(ctx)
	if err != nil {
		return Status{}, err
	}
	outbox, err := n.store.Outbox()
	if err != nil {
		return Status{}, err
	}
	s := Status{Person: me.Person, Name: me.Name, Device: me.Device, Version: n.cfg.Version, Outbox: len(outbox)}
	if s.Warnings, err = n.Warnings(ctx); err != nil {
		return Status{}, err
	}
	for _, a := range n.listening() {
		s.Listening = append(s.Listening, fmt.Sprintf("%s/p2p/%s", a, me.Device))
	}
	for _, a := range n.people.all() {
		s.Peers += len(a.online)
	}
	return s, nil
}

// Peers lists the devices in earshot, and those of contacts that are not, the connected ones first.
func (n *Node) Peers(ctx context.Context) ([]Peer, error) {
	states, err := n.hub.states(ctx)
	if err != nil {
		return nil, err
	}
	var out []Peer
	for _, a := range n.people.all() {
		if a.ID == n.me.person {
			continue
		}
		for _, device := range a.card.Devices() {
			_, online := a.online[device]
			if !online && !a.Contact {
				continue
			}
			state := states[device]
			p := Peer{Person: a.ID, Name: a.Claimed, Petname: a.Petname, Device: device, Online: online,
				Contact: a.Contact, Verified: a.Verified, LastSeen: a.whereabouts(device, n.cfg.Now()).LastSeen}
			for _, addr := range (discovery.Sighting{Addrs: state.Addrs}).Multiaddrs() {
				p.Addresses = append(p.Addresses, addr.String())
			}
			for _, source := range state.FoundBy {
				p.FoundBy = append(p.FoundBy, string(source))
			}
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Peer) int {
		if a.Online != b.Online {
			if a.Online {
				return -1
			}
			return 1
		}
		return bytes.Compare(a.Person[:], b.Person[:])
	})
	return out, nil
}

// listening are the addresses that others can give to --peer, or where it listens if this machine has none now.
func (n *Node) listening() []ma.Multiaddr {
	network, err := n.networks()
	if err == nil {
		if addrs := (discovery.Sighting{Addrs: n.dialable(network, true)}).Multiaddrs(); len(addrs) > 0 {
			return addrs
		}
	}
	return n.host.ListenAddrs()
}

// ownAddrs are the addresses at which others may reach this node.
func (n *Node) ownAddrs(network discovery.Network) []netip.AddrPort {
	return n.dialable(network, false)
}

func (n *Node) dialable(network discovery.Network, loopback bool) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range n.host.ListenAddrs() {
		tcp, err := manet.ToNetAddr(a)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddrPort(tcp.String())
		switch {
		case err != nil:
		case addr.Addr().IsUnspecified():
			for _, own := range discovery.SelfAddrs(network, addr.Port()) {
				if own.Addr().Is4() == addr.Addr().Is4() && !slices.Contains(out, own) {
					out = append(out, own)
				}
			}
		case loopback || !addr.Addr().IsLoopback():
			out = append(out, addr)
		}
	}
	return out[:min(len(out), discovery.MaxAddrs)]
}

// entered has a session hear what is committed from now on.
func (n *Node) entered(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions[s] = struct{}{}
}

// left takes in that a session has ended.
func (n *Node) left(s *session) {
	n.mu.Lock()
	delete(n.sessions, s)
	n.unfollow(s)
	n.mu.Unlock()
	n.rounds.left(s)
	if s.known {
		n.people.parted(s.person, s, n.cfg.Now())
		n.presence.Bump()
	}
}

// why says what a message to somebody waits for.
func why(them *acquaintance, states map[crypto.DeviceID]dial.State) (waitingFor, detail string) {
	if them.Blocked {
		return WaitUnanswered, "blocked here"
	}
	if len(them.online) > 0 {
		return WaitUnanswered, "connected, but not taken yet; they may have to accept you first"
	}
	waitingFor, detail = WaitOffline, "not in earshot"
	for _, device := range them.card.Devices() {
		state := states[device]
		switch {
		case state.Ended == dial.Incompatible && !state.Connected:
			return WaitIncompatible, "speaks another version"
		case state.Fails > 0 && time.Since(state.Seen) < recently:
			waitingFor, detail = WaitUnreachable, fmt.Sprintf("%d dials failed, the last: %s", state.Fails, state.Err)
		}
	}
	return waitingFor, detail
}
