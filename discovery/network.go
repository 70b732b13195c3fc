package discovery

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// A Link is one network interface with its unicast addresses, sorted, IPv4 first, without zones.
type Link struct {
	Name  string
	Index int
	Addrs []netip.Addr
}

// A Network is what the usable interfaces looked like at one moment, sorted by index. It is never
// changed once made, so it may be shared.
type Network struct {
	Links []Link
}

// Equal tells whether two snapshots show the same interfaces and addresses.
func (n Network) Equal(o Network) bool {
	return slices.EqualFunc(n.Links, o.Links, func(a, b Link) bool {
		return a.Name == b.Name && a.Index == b.Index && slices.Equal(a.Addrs, b.Addrs)
	})
}

// SelfAddrs returns the addresses at which others may reach a node that listens on port: at most
// MaxAddrs, taken from each interface in turn so that one with many addresses does not hide the
// next.
func SelfAddrs(n Network, port uint16) []netip.AddrPort {
	var out []netip.AddrPort
	for i, more := 0, true; more; i++ {
		more = false
		for _, l := range n.Links {
			dialable := slices.DeleteFunc(slices.Clone(l.Addrs), func(a netip.Addr) bool { return !ofInterface(a) })
			if i >= len(dialable) {
				continue
			}
			if len(out) == MaxAddrs {
				return out
			}
			out = append(out, netip.AddrPortFrom(dialable[i], port))
			more = true
		}
	}
	return out
}

// shunned lists how the names of interfaces begin that belong to containers, virtual machines and
// tunnels. Devices behind them are not on this local network, and announcing their addresses would
// mislead others. The name decides and not the driver: a veth that was renamed to eth0 is the LAN
// of that machine.
var shunned = []string{
	"docker", "br-", "veth", "podman", "cni", "flannel", "cali", "cilium", "lxc", "lxd", "incus", "nerdctl", "kube",
	"virbr", "vnet", "vmnet", "vboxnet",
	"tun", "tap", "wg", "tailscale", "ts0", "zt", "utun", "ipsec", "ppp", "nordlynx", "proton", "nebula", "ham",
	"awdl", "llw", // Apple's own peer-to-peer links
}

// ReadNetwork returns a function for NewWatcher that reads this machine's interfaces. It leaves out
// loopback, and interfaces that are down, unplugged or without multicast. If names are given, only
// these count; else all do but those of tunnels and containers. A name that does not exist is no
// error, since the interface may appear later.
func ReadNetwork(names ...string) func() (Network, error) {
	return func() (Network, error) {
		all, err := net.Interfaces()
		if err != nil {
			return Network{}, fmt.Errorf("list network interfaces: %w", err)
		}
		var n Network
		for _, i := range all {
			if !usable(i.Name, i.Flags, names) {
				continue
			}
			// An interface that has vanished since it was listed is left out.
			if addrs, err := i.Addrs(); err == nil && len(addrs) > 0 {
				n.Links = append(n.Links, Link{Name: i.Name, Index: i.Index, Addrs: unicast(addrs)})
			}
		}
		slices.SortFunc(n.Links, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
		return n, nil
	}
}

func usable(name string, flags net.Flags, names []string) bool {
	const needed = net.FlagUp | net.FlagRunning | net.FlagMulticast
	if flags&needed != needed || flags&net.FlagLoopback != 0 {
		return false
	}
	if len(names) > 0 {
		return slices.Contains(names, name)
	}
	return flags&net.FlagPointToPoint == 0 &&
		!slices.ContainsFunc(shunned, func(p string) bool { return strings.HasPrefix(name, p) })
}

func unicast(addrs []net.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue // anycast and multicast addresses come in other forms
		}
		out = append(out, p.Addr().Unmap().WithZone(""))
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
