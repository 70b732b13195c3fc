package link

import (
	"errors"
	"net"
	"net/netip"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// gate keeps links off the addresses of this machine that are not to carry any. A connection that
// comes to another address, or from where the system would answer from another, is closed before a
// byte of it is read. An address is not dialled to which the system would send from another.
type gate struct {
	over func(local netip.Addr) bool
	from func(to ma.Multiaddr) (local ma.Multiaddr, err error) // as sendsFrom; nil: every way is open
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

// sendsFrom asks the system from which address it would send. A UDP socket that is connected says
// so, and sends nothing. The error is a *net.OpError if there is no way there.
func sendsFrom(to ma.Multiaddr) (local ma.Multiaddr, err error) {
	addr, err := manet.ToNetAddr(to)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("udp", addr.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return manet.FromNetAddr(c.LocalAddr())
}

// SendsFrom returns the address of this machine from which the system would send to another; not
// valid if there is no way there, or if the host's network is not the system's.
func (h *Host) SendsFrom(to netip.Addr) netip.Addr {
	if !h.system {
		return netip.Addr{}
	}
	m, err := manet.FromNetAddr(net.TCPAddrFromAddrPort(netip.AddrPortFrom(to, 1)))
	if err != nil {
		return netip.Addr{}
	}
	local, err := sendsFrom(m)
	if err != nil {
		return netip.Addr{}
	}
	ip, err := manet.ToIP(local)
	if err != nil {
		return netip.Addr{}
	}
	from, _ := netip.AddrFromSlice(ip)
	return from.Unmap()
}

// InterceptAddrDial lets an address pass to which there is no way: the dial says so.
func (g gate) InterceptAddrDial(_ peer.ID, addr ma.Multiaddr) bool {
	if g.from == nil {
		return true
	}
	local, err := g.from(addr)
	var none *net.OpError
	return err == nil && g.open(local) || errors.As(err, &none)
}

func (g gate) InterceptPeerDial(peer.ID) bool { return true }

// InterceptAccept looks at the way back as well: the system takes what comes to any of its
// addresses over any interface, so who is on another network need only send it there. Loopback
// addresses are this machine's own, and nobody else can come from them.
func (g gate) InterceptAccept(c network.ConnMultiaddrs) bool {
	if !g.open(c.LocalMultiaddr()) {
		return false
	}
	if g.from == nil || manet.IsIPLoopback(c.RemoteMultiaddr()) {
		return true
	}
	back, err := g.from(c.RemoteMultiaddr())
	return err == nil && g.open(back)
}

// InterceptSecured looks again, since the way to an address may have changed meanwhile.
func (g gate) InterceptSecured(_ network.Direction, _ peer.ID, c network.ConnMultiaddrs) bool {
	return g.open(c.LocalMultiaddr())
}

func (g gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
