package memnet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
	mafmt "github.com/multiformats/go-multiaddr-fmt"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Host is a machine on a network. Several nodes may run on it, on different ports.
type Host struct {
	net       *Network
	addrs     []netip.Addr
	listeners []*listener
	withheld  []uint16
}

// Withhold has nobody listen on some ports, as a system does that keeps them for itself.
func (h *Host) Withhold(ports ...uint16) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.withheld = ports
}

// Move gives the host other addresses. Connections from addresses that it has no longer are dead.
// Listeners on all addresses listen on the new ones.
func (h *Host) Move(addrs ...netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for _, a := range h.addrs {
		if slices.Contains(addrs, a) {
			continue
		}
		delete(h.net.hosts, a)
		for p := range h.net.pairs {
			if p.path.a == a || p.path.b == a {
				p.dead = true
			}
		}
	}
	h.addrs = slices.Clone(addrs)
	for _, a := range addrs {
		h.net.hosts[a] = h
	}
	h.net.wake()
}

// Addrs returns the host's addresses.
func (h *Host) Addrs() []netip.Addr {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return slices.Clone(h.addrs)
}

// listener returns the listener at an address, or nil. The caller holds mu.
func (h *Host) listener(at netip.AddrPort) *listener {
	for _, l := range h.listeners {
		if l.takes(at) {
			return l
		}
	}
	return nil
}

// Dial connects to an address, for tests that speak for themselves. It waits while there is nobody.
func (h *Host) Dial(to netip.Addr, port uint16) (net.Conn, error) {
	c, err := h.net.dial(context.Background(), h, netip.AddrPortFrom(to, port))
	if err != nil {
		return nil, err // and no connection, which would be a nil pointer in the interface
	}
	return c, nil
}

// Transport is a link.Transport over this host.
func (h *Host) Transport(up transport.Upgrader, limits network.ResourceManager) (transport.Transport, error) {
	return &carrier{host: h, upgrader: up, limits: limits}, nil
}

type carrier struct {
	host     *Host
	upgrader transport.Upgrader
	limits   network.ResourceManager
}

func (c *carrier) CanDial(addr ma.Multiaddr) bool { return mafmt.TCP.Matches(addr) }
func (c *carrier) Protocols() []int               { return []int{ma.P_TCP} }
func (c *carrier) Proxy() bool                    { return false }

func (c *carrier) Dial(ctx context.Context, addr ma.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	to, err := addrPort(addr)
	if err != nil {
		return nil, err
	}
	scope, err := c.limits.OpenConnection(network.DirOutbound, true, addr)
	if err != nil {
		return nil, err
	}
	if err := scope.SetPeer(id); err != nil {
		scope.Done()
		return nil, err
	}
	raw, err := c.host.net.dial(ctx, c.host, to)
	if err != nil {
		scope.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	wrapped, err := manet.WrapNetConn(raw)
	if err != nil {
		raw.Close()
		scope.Done()
		return nil, err
	}
	return c.upgrader.Upgrade(ctx, c, wrapped, network.DirOutbound, id, scope)
}

func (c *carrier) Listen(addr ma.Multiaddr) (transport.Listener, error) {
	at, err := addrPort(addr)
	if err != nil {
		return nil, err
	}
	raw, err := c.host.listen(at)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(at), Err: err}
	}
	wrapped, err := manet.WrapNetListener(raw)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c.upgrader.UpgradeGatedMaListener(c, c.upgrader.GateMaListener(wrapped)), nil
}

func addrPort(addr ma.Multiaddr) (netip.AddrPort, error) {
	a, err := manet.ToNetAddr(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, syscall.EAFNOSUPPORT
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}

func (h *Host) listen(at netip.AddrPort) (*listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	has := slices.ContainsFunc(h.addrs, func(a netip.Addr) bool {
		return a == at.Addr() || at.Addr().IsUnspecified() && a.Is4() == at.Addr().Is4()
	})
	if !has {
		return nil, syscall.EADDRNOTAVAIL
	}
	if slices.Contains(h.withheld, at.Port()) {
		return nil, syscall.EACCES
	}
	if at.Port() == 0 {
		at = netip.AddrPortFrom(at.Addr(), h.net.pick())
	}
	for _, l := range h.listeners {
		if l.takes(at) || (&listener{at: at}).takes(l.at) {
			return nil, syscall.EADDRINUSE
		}
	}
	l := &listener{host: h, at: at, changed: make(chan struct{})}
	h.listeners = append(h.listeners, l)
	return l, nil
}

type listener struct {
	host    *Host
	at      netip.AddrPort // an unspecified address takes all of its version
	queue   []*conn
	closed  bool
	changed chan struct{}
}

func (l *listener) takes(at netip.AddrPort) bool {
	return l.at == at ||
		l.at.Port() == at.Port() && l.at.Addr().IsUnspecified() && l.at.Addr().Is4() == at.Addr().Is4()
}

func (l *listener) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func (l *listener) Accept() (net.Conn, error) {
	n := l.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(l.queue) == 0 {
		if l.closed {
			return nil, net.ErrClosed
		}
		n.wait(context.Background(), l.changed)
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

func (l *listener) Close() error {
	n := l.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	l.host.listeners = slices.DeleteFunc(l.host.listeners, func(o *listener) bool { return o == l })
	for _, c := range l.queue {
		c.pair.reset = true
		c.shut()
	}
	l.queue = nil
	l.notify()
	n.wake()
	return nil
}

// Multiaddrs returns the addresses to give to link.Host.Connect for a node that listens on a port
// of a host.
func Multiaddrs(host netip.Addr, port uint16) []ma.Multiaddr {
	m, err := manet.FromNetAddr(net.TCPAddrFromAddrPort(netip.AddrPortFrom(host, port)))
	if err != nil {
		panic(err) // not an address; a fault of the test's
	}
	return []ma.Multiaddr{m}
}
