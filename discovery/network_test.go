package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
)

const upFlags = net.FlagUp | net.FlagRunning | net.FlagMulticast | net.FlagBroadcast

func TestUsableInterfaces(t *testing.T) {
	const up = upFlags
	const absent = Reason("absent")
	for _, test := range []struct {
		name  string
		flags net.Flags
		named []string
		want  Reason
	}{
		{"eth0", up, nil, ""},
		{"wlp3s0", up, nil, ""},
		{"enp0s31f6", up, nil, ""},
		{"br0", up, nil, ""}, // an office's own bridge
		{"br-lan", up, nil, ""},
		{"br-guest", up, nil, ""},
		{"br-0123456789ab", up, nil, Container},
		{"br-0123456789abc", up, nil, ""},
		{"eth0", up &^ net.FlagUp, nil, absent},
		{"eth0", up &^ net.FlagRunning, nil, absent}, // unplugged
		{"eth0", up &^ net.FlagMulticast, nil, NoMulticast},
		{"lo", up | net.FlagLoopback, nil, absent},
		{"lo", up | net.FlagLoopback, []string{"lo"}, absent},
		{"docker0", up, nil, Container},
		{"veth12ab", up, nil, Container},
		{"virbr0", up, nil, Container},
		{"wg0", up, nil, Tunnel},
		{"wg0", up &^ net.FlagMulticast, nil, NoMulticast},
		{"tailscale0", up, nil, Tunnel},
		{"ztabcdef", up, nil, Tunnel},
		{"utun3", up, nil, Tunnel},
		{"corp", up | net.FlagPointToPoint, nil, Tunnel}, // of any name
		{"docker0", up, []string{"docker0"}, ""},
		{"corp", up | net.FlagPointToPoint, []string{"corp"}, ""},
		{"corp", up &^ net.FlagMulticast, []string{"corp"}, NoMulticast},
		{"eth0", up, []string{"docker0"}, absent},
		{"docker0", up &^ net.FlagUp, []string{"docker0"}, absent},
	} {
		n := survey([]physical{{"other0", 1, up, hosts("10.1.0.1")}, {test.name, 2, test.flags, hosts("10.0.0.1")}}, test.named)
		got := absent
		for _, l := range n.Links {
			if l.Name == test.name {
				got = l.Unfit
			}
		}
		if got != test.want {
			t.Errorf("%s %v of %v: %q, want %q", test.name, test.flags, test.named, got, test.want)
		}
	}
}

// TestOnlyInterfaceIsUsedOrSaidWhyNot: a machine whose only interface had a name like br-lan, or no
// multicast, or link-local addresses only, found nobody, and nothing said so.
func TestOnlyInterfaceIsUsedOrSaidWhyNot(t *testing.T) {
	for what, test := range map[string]struct {
		all   []physical
		named []string
		used  []string
		left  []LeftOut
	}{
		"a router's bridge":       {all: []physical{{"br-lan", 2, upFlags, hosts("10.0.0.1")}}, used: []string{"br-lan"}},
		"a container's network":   {all: []physical{{"br-0123456789ab", 2, upFlags, hosts("10.0.0.1")}}, used: []string{"br-0123456789ab"}},
		"beside another":          {all: []physical{{"br-0123456789ab", 2, upFlags, hosts("10.0.0.1")}, {"eth0", 3, upFlags, hosts("10.1.0.1")}}, used: []string{"eth0"}, left: []LeftOut{{"br-0123456789ab", Container}}},
		"no multicast":            {all: []physical{{"eth0", 2, upFlags &^ net.FlagMulticast, hosts("10.0.0.1")}}, left: []LeftOut{{"eth0", NoMulticast}}},
		"named, no multicast":     {all: []physical{{"tun0", 2, upFlags &^ net.FlagMulticast, hosts("10.0.0.1")}}, named: []string{"tun0"}, left: []LeftOut{{"tun0", NoMulticast}}},
		"link-local only":         {all: []physical{{"eth0", 2, upFlags, hosts("fe80::1")}}, used: []string{"eth0"}, left: []LeftOut{{"eth0", NoAddress}}},
		"named, without address":  {all: []physical{{"eth0", 2, upFlags, nil}}, named: []string{"eth0"}, left: []LeftOut{{"eth0", NoAddress}}},
		"named, not there":        {all: []physical{{"eth0", 2, upFlags, hosts("10.0.0.1")}}, named: []string{"eth9", "eth9"}, left: []LeftOut{{"eth9", NotThere}}},
		"named, without cable":    {all: []physical{{"eth0", 2, upFlags &^ net.FlagRunning, hosts("10.0.0.1")}}, named: []string{"eth0"}, left: []LeftOut{{"eth0", NotThere}}},
		"a tunnel":                {all: []physical{{"wg0", 2, upFlags, hosts("10.0.0.1")}}, left: []LeftOut{{"wg0", Tunnel}}},
		"containers' ends":        {all: []physical{{"eth0", 2, upFlags, hosts("10.0.0.1")}, {"veth1", 3, upFlags, hosts("fe80::1")}, {"veth2", 4, upFlags, nil}}, used: []string{"eth0"}},
		"a tunnel and containers": {all: []physical{{"wg0", 2, upFlags, hosts("10.0.0.1")}, {"docker0", 3, upFlags, hosts("172.17.0.1")}}, left: []LeftOut{{"wg0", Tunnel}, {"docker0", Container}}},
	} {
		n := survey(test.all, test.named)
		var used []string
		for _, l := range n.Multicast() {
			used = append(used, l.Name)
			if l.Inside != (what == "a container's network") {
				t.Errorf("%s: inside: %v", what, l.Inside)
			}
		}
		if left := n.LeftOut(); !slices.Equal(used, test.used) || !slices.Equal(left, test.left) {
			t.Errorf("%s: used %v, want %v; left out %v, want %v", what, used, test.used, left, test.left)
		}
	}
}

// hosts returns addresses as interfaces have them: of networks of the usual lengths, if none is given.
func hosts(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			a := netip.MustParseAddr(t)
			p = netip.PrefixFrom(a, map[bool]int{true: 24, false: 64}[a.Is4()])
		}
		out = append(out, p)
	}
	return out
}

func TestUnicastSorts(t *testing.T) {
	got := unicast([]net.Addr{
		&net.IPNet{IP: net.ParseIP("fe80::1"), Mask: net.CIDRMask(64, 128)},
		&net.IPNet{IP: net.ParseIP("10.0.0.2"), Mask: net.CIDRMask(24, 32)},
		&net.IPAddr{IP: net.ParseIP("ff02::1")},
		&net.IPNet{IP: net.ParseIP("10.0.0.1"), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("10.0.0.1"), Mask: net.CIDRMask(16, 32)},
		&net.IPNet{IP: net.ParseIP("10.0.0.2"), Mask: net.CIDRMask(24, 32)},
	})
	if want := hosts("10.0.0.1/16", "10.0.0.1/24", "10.0.0.2/24", "fe80::1/64"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	l := survey([]physical{{"eth0", 2, upFlags, got}}, nil).Links[0]
	if want := ips("10.0.0.1", "10.0.0.2", "fe80::1"); !slices.Equal(l.Addrs, want) {
		t.Errorf("addresses %v, want %v", l.Addrs, want)
	}
	if want := hosts("10.0.0.0/16", "10.0.0.0/24", "fe80::/64"); !slices.Equal(l.Prefixes, want) {
		t.Errorf("networks %v, want %v", l.Prefixes, want)
	}
}

// TestOnLinkIsWhatNoRouterLiesBefore: whatever address was heard of was dialled, also those of
// machines elsewhere.
func TestOnLinkIsWhatNoRouterLiesBefore(t *testing.T) {
	n := survey([]physical{
		{"eth0", 2, upFlags, hosts("10.0.0.7/24", "fd00:1::7/64", "2001:db8::7/128", "fe80::7/64")},
		{"wg0", 3, upFlags, hosts("10.8.0.2/24", "fd00:8::2/128")},
		{"docker0", 4, upFlags, hosts("172.17.0.1/16")},
	}, nil)
	for addr, want := range map[string]bool{
		"10.0.0.9":        true,
		"10.0.1.9":        false,
		"169.254.3.4":     true,
		"fd00:1::9":       true,
		"fd00:1:0:1::9":   false,
		"2001:db8::9":     true, // beside an address that DHCPv6 gave out
		"2001:db8:0:1::9": false,
		"fe80::9%eth0":    true,
		"10.8.0.9":        true,
		"fd00:8::2":       true,
		"fd00:8::9":       false, // a tunnel has single addresses
		"172.17.0.2":      false,
		"192.0.2.1":       false,
		"::ffff:10.0.0.9": true,
	} {
		if got := n.OnLink(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	if l := n.Links[0]; l.OnLink(netip.MustParseAddr("10.8.0.9")) {
		t.Error("an address of one interface counts on another")
	}
	if (Network{}).OnLink(netip.MustParseAddr("10.0.0.9")) || (Network{}).OnLink(netip.Addr{}) || n.OnLink(netip.Addr{}) {
		t.Error("nothing is on link without a network or an address")
	}
}

func TestSelfAddrs(t *testing.T) {
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("2001:db8::%x", i+1))
	}
	n := Network{Links: []Link{
		{Name: "eth0", Index: 2, Addrs: ips(append([]string{"10.0.0.1"}, many...)...)},
		{Name: "eth1", Index: 3, Addrs: ips("10.1.0.1", "fe80::1", "fd00::1")},
	}}
	got := SelfAddrs(n.Links, 4001)
	if len(got) != MaxAddrs {
		t.Fatalf("%d addresses: %v", len(got), got)
	}
	want := []string{"10.0.0.1:4001", "10.1.0.1:4001", "[2001:db8::1]:4001", "[fd00::1]:4001", "[2001:db8::2]:4001"}
	for i, w := range want {
		if got[i].String() != w {
			t.Errorf("address %d: got %v, want %s", i, got[i], w)
		}
	}
	if got := SelfAddrs(nil, 4001); got != nil {
		t.Errorf("without interfaces: %v", got)
	}
}

func TestNetworkEqual(t *testing.T) {
	make := func() Network {
		return Network{Links: []Link{{Name: "eth0", Index: 2, Addrs: ips("10.0.0.1"), Prefixes: hosts("10.0.0.0/24")}, {Name: "eth1", Index: 3, Addrs: ips("10.1.0.1", "fd00::1")}},
			Missing: []string{"eth7"}}
	}
	if !make().Equal(make()) {
		t.Error("the same differ")
	}
	for what, change := range map[string]func(*Network){
		"name":    func(n *Network) { n.Links[0].Name = "eth9" },
		"index":   func(n *Network) { n.Links[0].Index = 9 },
		"address": func(n *Network) { n.Links[1].Addrs[1] = ips("fd00::2")[0] },
		"network": func(n *Network) { n.Links[0].Prefixes[0] = hosts("10.0.0.0/16")[0] },
		"fewer":   func(n *Network) { n.Links[1].Addrs = n.Links[1].Addrs[:1] },
		"gone":    func(n *Network) { n.Links = n.Links[:1] },
		"use":     func(n *Network) { n.Links[0].Unfit = NoMulticast },
		"wish":    func(n *Network) { n.Links[0].Named = true },
		"missing": func(n *Network) { n.Missing = nil },
	} {
		n := make()
		change(&n)
		if n.Equal(make()) {
			t.Errorf("a changed %s is not seen", what)
		}
	}
}
