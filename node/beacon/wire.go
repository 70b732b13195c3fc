package beacon

import (
	"net/netip"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/multicast"
)

// Port is the UDP port to which beacons are sent.
const Port = 27830

// family is one of IPv4 and IPv6.
type family = multicast.Family

const v4, v6, families = multicast.V4, multicast.V6, multicast.Families

// Group returns where beacons are heard. The IPv4 one is for use within a site (RFC 2365), the IPv6
// one is link-local, not assigned for ever (RFC 4291) and from the range of those (RFC 3307). The
// last two bytes of each are the port.
func Group(f multicast.Family) multicast.Group {
	at := [...]netip.Addr{netip.MustParseAddr("239.255.108.182"), netip.MustParseAddr("ff12::8000:6cb6")}
	return multicast.Group{Family: f, At: netip.AddrPortFrom(at[f], Port), Name: "beacons", Most: size, Broadcast: f == v4}
}

// A socket hears packets of one IP version, as a multicast.Socket.
type socket interface {
	Ended() <-chan struct{}
	Close()
}

// wire is the edge to the network. Tests replace it.
type wire interface {
	// listen is multicast.Listen at group.
	listen(f family, links []discovery.Link, take func(b []byte, from netip.AddrPort, index int)) (socket, error)
	// send is multicast.Send.
	send(b []byte, from netip.Addr, link discovery.Link, to ...netip.AddrPort) error
}

// network is this machine's.
type network struct{}

func (network) listen(f family, links []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	s, err := multicast.Listen(Group(f), links, take)
	if err != nil {
		return nil, err // and no socket, which would be a nil pointer in the interface
	}
	return s, nil
}

func (network) send(b []byte, from netip.Addr, link discovery.Link, to ...netip.AddrPort) error {
	return multicast.Send(b, from, link, to...)
}

// targets returns where a beacon is sent in a network.
func targets(network netip.Prefix) []netip.AddrPort {
	if network.Addr().Is6() {
		return []netip.AddrPort{Group(v6).At}
	}
	out := []netip.AddrPort{Group(v4).At}
	if all, ok := multicast.Broadcast(network); ok {
		out = append(out, netip.AddrPortFrom(all, Port))
	}
	return out
}
