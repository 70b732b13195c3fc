package link

import (
	"net"
	"net/netip"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// gate keeps links off the addresses of this machine that are not to carry any. A connection that
// comes to another address is closed before a byte of it is read. An address is not dialled to
// which the system would send from another.
type gate struct {
	over func(local netip.Addr) bool
}

// open says whether a link may run between this machine's end of a connection and the other.
func (g gate) open(local ma.Multiaddr) bool {
	ip, err := manet.ToIP(local)
	if err != nil {
		return false
	}
	addr, ok := netip.AddrFromSlice(ip)
	return ok && g.over(addr.Unmap())
}

// InterceptAddrDial asks the system from which address it would send. A UDP socket that is
// connected says so, and sends nothing.
func (g gate) InterceptAddrDial(_ peer.ID, addr ma.Multiaddr) bool {
	to, err := manet.ToNetAddr(addr)
	if err != nil {
		return false
	}
	c, err := net.Dial("udp", to.String())
	if err != nil {
		return true // there is no way there, and the dial says so
	}
	defer c.Close()
	from, err := manet.FromNetAddr(c.LocalAddr())
	return err == nil && g.open(from)
}

func (g gate) InterceptPeerDial(peer.ID) bool { return true }

func (g gate) InterceptAccept(c network.ConnMultiaddrs) bool { return g.open(c.LocalMultiaddr()) }

// InterceptSecured looks again, since the way to an address may have changed meanwhile.
func (g gate) InterceptSecured(_ network.Direction, _ peer.ID, c network.ConnMultiaddrs) bool {
	return g.open(c.LocalMultiaddr())
}

func (g gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
