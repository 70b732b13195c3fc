package mesh

import (
	"net/netip"
	"slices"

	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/discovery"
)

// Listening returns the addresses that the owner can give to others, those of the local network
// first.
func (m *Mesh) Listening(n discovery.Network) []netip.AddrPort {
	links := n.Multicast()
	for _, l := range n.Links {
		if l.Unfit != "" && l.Unfit != discovery.Container {
			links = append(links, l)
		}
	}
	return m.dialable(links, true)
}

// Network returns this machine's interfaces, as the mesh has heard of them last.
func (m *Mesh) Network() discovery.Network { return m.networkNow() }

// OwnAddrs returns the addresses at which others are told that they may reach this node.
func (m *Mesh) OwnAddrs() []netip.AddrPort { return m.dialable(m.inUse(), false) }

func (m *Mesh) dialable(links []discovery.Link, loopback bool) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range m.cfg.Host.ListenAddrs() {
		tcp, err := manet.ToNetAddr(a)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddrPort(tcp.String())
		switch {
		case err != nil:
		case addr.Addr().IsUnspecified():
			for _, own := range discovery.SelfAddrs(links, addr.Port()) {
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
