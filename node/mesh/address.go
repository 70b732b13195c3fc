package mesh

import (
	"net/netip"
	"slices"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/discovery"
)

// Listening returns the addresses that the owner can give to others, or where this node listens if
// the machine has no address now.
func (m *Mesh) Listening(n discovery.Network) []ma.Multiaddr {
	if addrs := (discovery.Sighting{Addrs: m.dialable(n, true)}).Multiaddrs(); len(addrs) > 0 {
		return addrs
	}
	return m.cfg.Host.ListenAddrs()
}

// Network returns this machine's interfaces, as the mesh has heard of them last.
func (m *Mesh) Network() discovery.Network { return m.networkNow() }

// OwnAddrs returns the addresses at which others may reach this node.
func (m *Mesh) OwnAddrs(n discovery.Network) []netip.AddrPort { return m.dialable(n, false) }

func (m *Mesh) dialable(n discovery.Network, loopback bool) []netip.AddrPort {
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
			for _, own := range discovery.SelfAddrs(n, addr.Port()) {
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
