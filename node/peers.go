package node

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/store"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// savedAddrs is how many addresses of a device are kept for the next start: the one at which this node reached it,
// which nobody can forge, and those that were heard last.
const savedAddrs = 4

// rememberEvery is how old what is saved of a device may be while its addresses stay the same.
const rememberEvery = time.Minute

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
				Contact: a.Contact, Verified: a.Verified, LastSeen: a.Devices[device].LastSeen}
			for _, addr := range (discovery.Sighting{Addrs: state.Addrs}).Multiaddrs() {
				p.Addresses = append(p.Addresses, addr.String())
			}
			for _, source := range state.FoundBy {
				p.FoundBy = append(p.FoundBy, string(source))
			}
			if online {
				p.LastSeen = n.cfg.Now()
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
		n.people.parted(s.person, s)
		n.presence.bump()
	}
}

// remember is the job of saving where a session's device is.
type remember struct{ state dial.State }

// rememberDevices saves where the devices are of somebody whom the store has from now on: the sessions do, and of
// devices that have gone what is known still.
func (n *Node) rememberDevices(ctx context.Context, id crypto.PersonID) {
	them, _ := n.people.get(id)
	gone := make(map[crypto.DeviceID]store.DeviceInfo)
	err := n.hub.ask(ctx, func() {
		for _, device := range them.card.Devices() {
			if n.hub.remember(device) {
				continue
			}
			if state := n.hub.planner.State(peerID(device)); len(state.Addrs) > 0 {
				gone[device] = store.DeviceInfo{Addrs: addrTexts(state.Addrs), LastSeen: them.gone}
			}
		}
	})
	if err != nil || len(gone) == 0 {
		return // the node is stopping, or there is nothing to save
	}
	if err := n.people.update(ctx, id, func(p *store.Person) error {
		maps.Copy(p.Devices, gone)
		return nil
	}); err != nil && ctx.Err() == nil {
		n.log.Warn("save where a device was", "err", err)
	}
}

func addrTexts(addrs []netip.AddrPort) (out []string) {
	for _, a := range addrs[:min(len(addrs), savedAddrs)] {
		out = append(out, a.String())
	}
	return out
}

// worthSaving are the addresses of the peer for the next start.
func (s *session) worthSaving(state dial.State) (out []string) {
	add := func(a netip.AddrPort) {
		if text := a.String(); len(out) < savedAddrs && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if s.opened {
		if tcp, err := manet.ToNetAddr(s.stream.Conn().RemoteMultiaddr()); err == nil {
			if a, err := netip.ParseAddrPort(tcp.String()); err == nil {
				add(a)
			}
		}
	}
	for _, a := range state.Addrs {
		add(a)
	}
	return out
}

// rememberLast saves where the device of an ended session was last.
func (s *session) rememberLast(ctx context.Context, state dial.State) {
	s.logErrand("remember", s.remember(ctx, state))
}

// remember saves where a device of somebody in the store is, for the next start.
func (s *session) remember(ctx context.Context, state dial.State) error {
	n, device := s.node, s.peer
	them, ok := n.people.of(device)
	if !ok || !them.saved {
		return nil
	}
	old := them.Devices[device]
	info := store.DeviceInfo{Addrs: s.worthSaving(state), LastSeen: n.cfg.Now()}
	if len(info.Addrs) == 0 {
		info.Addrs = old.Addrs
	}
	if slices.Equal(info.Addrs, old.Addrs) && info.LastSeen.Sub(old.LastSeen).Abs() < rememberEvery {
		return nil
	}
	return n.people.update(ctx, them.ID, func(p *store.Person) error {
		if p.Devices == nil {
			p.Devices = make(map[crypto.DeviceID]store.DeviceInfo)
		}
		p.Devices[device] = info
		return nil
	})
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
