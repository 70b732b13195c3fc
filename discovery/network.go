package discovery

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// A Link is one network interface that is up and has an address.
type Link struct {
	Name  string
	Index int
	Addrs []netip.Addr // unicast, sorted, IPv4 first, without zones
	Named bool         // the user asked for this interface

	// Prefixes are the networks of Addrs, sorted, without the hosts' bits: 10.0.0.0/24 where the
	// interface has 10.0.0.7/24.
	Prefixes []netip.Prefix

	// Unfit says why others are neither looked for nor told of this device by multicast over this
	// interface. It is empty where they are. Such an interface may carry connections all the same.
	Unfit Reason
	// Inside: by its name it belongs to containers or virtual machines, and is used since there is
	// no other.
	Inside bool
}

// A Network is what the interfaces looked like at one moment, sorted by index, without loopback. It
// is never changed once made, so it may be shared. If the user has named interfaces, it has only
// those.
type Network struct {
	Links   []Link
	Missing []string // interfaces that the user named and that are not up, sorted
}

// Reason says why nobody is found over an interface.
type Reason string

const (
	// Container: by its name the interface belongs to containers or virtual machines.
	Container Reason = "container"
	// Tunnel: by its name or kind it leads to another network.
	Tunnel Reason = "tunnel"
	// NoMulticast: it carries no multicast.
	NoMulticast Reason = "no_multicast"
	// NoAddress: it has no address that others can dial. IPv6 link-local ones are none.
	NoAddress Reason = "no_address"
	// NotThere: the user has named it, and it does not exist, is down or has no cable.
	NotThere Reason = "not_there"
)

// Equal tells whether two snapshots show the same interfaces and addresses.
func (n Network) Equal(o Network) bool {
	return slices.Equal(n.Missing, o.Missing) && slices.EqualFunc(n.Links, o.Links, func(a, b Link) bool {
		return a.Name == b.Name && a.Index == b.Index && a.Named == b.Named && a.Unfit == b.Unfit && a.Inside == b.Inside &&
			slices.Equal(a.Addrs, b.Addrs) && slices.Equal(a.Prefixes, b.Prefixes)
	})
}

// Multicast returns the interfaces over which others are looked for, and told of this device.
func (n Network) Multicast() (fit []Link) {
	for _, l := range n.Links {
		if l.Unfit == "" {
			fit = append(fit, l)
		}
	}
	return fit
}

// OnLink tells whether an address is one of a network that this machine is itself on, so that
// packets to it pass no router. The networks of containers do not count: they are inside this
// machine.
func (n Network) OnLink(addr netip.Addr) bool {
	return slices.ContainsFunc(n.Links, func(l Link) bool { return l.Unfit != Container && l.OnLink(addr) })
}

// OnLink tells whether an address is one of this interface's networks. Link-local addresses are, on
// every interface: a machine that got no other address may be beside one that did (RFC 3927).
func (l Link) OnLink(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(l.Prefixes, func(p netip.Prefix) bool {
		if p.IsSingleIP() && p.Addr().Is6() && l.Unfit == "" {
			// DHCPv6 gives out single addresses. Which network they belong to is said by a router
			// only, and is a /64 on every LAN.
			p = netip.PrefixFrom(p.Addr(), lanBits)
		}
		return p.Contains(addr)
	})
}

// lanBits is how long the prefix of an IPv6 LAN is (RFC 4291).
const lanBits = 64

// LeftOut is an interface over which nobody is found, and why.
type LeftOut struct {
	Interface string
	Reason    Reason
}

// LeftOut returns the interfaces over which nobody is found. It passes over those of containers
// and tunnels that have no address: each container has one, and nobody would look for others there.
func (n Network) LeftOut() (out []LeftOut) {
	for _, l := range n.Links {
		switch reachable := slices.ContainsFunc(l.Addrs, ofInterface); {
		case !reachable && (l.Unfit == "" || l.Named):
			out = append(out, LeftOut{l.Name, NoAddress})
		case reachable && l.Unfit != "":
			out = append(out, LeftOut{l.Name, l.Unfit})
		}
	}
	for _, name := range n.Missing {
		out = append(out, LeftOut{name, NotThere})
	}
	return out
}

// SelfAddrs returns the addresses at which others may reach a node that listens on port on these
// interfaces: at most MaxAddrs, taken from each interface in turn so that one with many addresses
// does not hide the next.
func SelfAddrs(links []Link, port uint16) []netip.AddrPort {
	var out []netip.AddrPort
	for i, more := 0, true; more; i++ {
		more = false
		for _, l := range links {
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

// The beginnings of the names of interfaces over which others are not looked for. Devices behind
// them are not on this local network, and announcing their addresses would mislead others. The name
// decides and not the driver: a veth that was renamed to eth0 is the LAN of that machine.
var (
	containers = []string{
		"docker", "veth", "podman", "cni", "flannel", "cali", "cilium", "lxc", "lxd", "incus", "nerdctl", "kube",
		"virbr", "vnet", "vmnet", "vboxnet",
	}
	tunnels = []string{
		"tun", "tap", "wg", "tailscale", "ts0", "zt", "utun", "ipsec", "ppp", "nordlynx", "proton", "nebula", "ham",
		"awdl", "llw", // Apple's own peer-to-peer links
	}
)

// dockerBridge is how Docker names the bridges that it makes: after the network's ID. Other bridges
// that begin with br-, such as the br-lan of a router, are networks like any other.
var dockerBridge = regexp.MustCompile(`^br-[0-9a-f]{12}$`)

// ReadNetwork returns a function for NewWatcher that reads this machine's interfaces. If names are
// given, only these count. A name that does not exist is no error, since the interface may appear
// later.
func ReadNetwork(names ...string) func() (Network, error) {
	return func() (Network, error) {
		system, err := net.Interfaces()
		if err != nil {
			return Network{}, fmt.Errorf("list network interfaces: %w", err)
		}
		var all []physical
		for _, i := range system {
			// An interface that has vanished since it was listed is left out.
			if addrs, err := i.Addrs(); err == nil {
				all = append(all, physical{i.Name, i.Index, i.Flags, unicast(addrs)})
			}
		}
		return survey(all, names), nil
	}
}

// physical is an interface as the system shows it.
type physical struct {
	name  string
	index int
	flags net.Flags
	addrs []netip.Prefix // with the hosts' bits
}

// survey makes a snapshot of interfaces.
func survey(all []physical, names []string) Network {
	n := Network{Missing: slices.Compact(slices.Sorted(slices.Values(names)))}
	for _, i := range all {
		const up = net.FlagUp | net.FlagRunning
		named := slices.Contains(names, i.name)
		if i.flags&up != up || i.flags&net.FlagLoopback != 0 || len(names) > 0 && !named {
			continue
		}
		n.Missing = slices.DeleteFunc(n.Missing, func(m string) bool { return m == i.name })
		if len(i.addrs) > 0 || named {
			l := Link{Name: i.name, Index: i.index, Named: named, Unfit: unfit(i, named)}
			for _, a := range i.addrs {
				l.Addrs, l.Prefixes = append(l.Addrs, a.Addr()), append(l.Prefixes, a.Masked())
			}
			slices.SortFunc(l.Prefixes, netip.Prefix.Compare)
			l.Addrs, l.Prefixes = slices.Compact(l.Addrs), slices.Compact(l.Prefixes)
			n.Links = append(n.Links, l)
		}
	}
	slices.SortFunc(n.Links, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	if !slices.ContainsFunc(n.Links, func(l Link) bool { return l.Unfit != Container }) {
		// Where there is nothing else, as inside a container, its network is the local network.
		for i := range n.Links {
			n.Links[i].Unfit, n.Links[i].Inside = "", true
		}
	}
	return n
}

// unfit says why an interface is not used for multicast. A name that the user gave is believed.
func unfit(i physical, named bool) Reason {
	begins := func(p string) bool { return strings.HasPrefix(i.name, p) }
	switch {
	case len(i.addrs) == 0:
		return NoAddress
	case i.flags&net.FlagMulticast == 0:
		return NoMulticast
	case named:
		return ""
	case dockerBridge.MatchString(i.name), slices.ContainsFunc(containers, begins):
		return Container
	case i.flags&net.FlagPointToPoint != 0, slices.ContainsFunc(tunnels, begins):
		return Tunnel
	}
	return ""
}

// unicast returns an interface's addresses with the lengths of their networks, sorted, IPv4 first.
func unicast(addrs []net.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue // anycast and multicast addresses come in other forms
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(out)
}
