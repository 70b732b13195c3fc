package discovery

import (
	"fmt"
	"net"
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
		n := survey([]physical{{"other0", 1, up, ips("10.1.0.1")}, {test.name, 2, test.flags, ips("10.0.0.1")}}, test.named)
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
		"a router's bridge":       {all: []physical{{"br-lan", 2, upFlags, ips("10.0.0.1")}}, used: []string{"br-lan"}},
		"a container's network":   {all: []physical{{"br-0123456789ab", 2, upFlags, ips("10.0.0.1")}}, used: []string{"br-0123456789ab"}},
		"beside another":          {all: []physical{{"br-0123456789ab", 2, upFlags, ips("10.0.0.1")}, {"eth0", 3, upFlags, ips("10.1.0.1")}}, used: []string{"eth0"}, left: []LeftOut{{"br-0123456789ab", Container}}},
		"no multicast":            {all: []physical{{"eth0", 2, upFlags &^ net.FlagMulticast, ips("10.0.0.1")}}, left: []LeftOut{{"eth0", NoMulticast}}},
		"named, no multicast":     {all: []physical{{"tun0", 2, upFlags &^ net.FlagMulticast, ips("10.0.0.1")}}, named: []string{"tun0"}, left: []LeftOut{{"tun0", NoMulticast}}},
		"link-local only":         {all: []physical{{"eth0", 2, upFlags, ips("fe80::1")}}, used: []string{"eth0"}, left: []LeftOut{{"eth0", NoAddress}}},
		"named, without address":  {all: []physical{{"eth0", 2, upFlags, nil}}, named: []string{"eth0"}, left: []LeftOut{{"eth0", NoAddress}}},
		"named, not there":        {all: []physical{{"eth0", 2, upFlags, ips("10.0.0.1")}}, named: []string{"eth9", "eth9"}, left: []LeftOut{{"eth9", NotThere}}},
		"named, without cable":    {all: []physical{{"eth0", 2, upFlags &^ net.FlagRunning, ips("10.0.0.1")}}, named: []string{"eth0"}, left: []LeftOut{{"eth0", NotThere}}},
		"a tunnel":                {all: []physical{{"wg0", 2, upFlags, ips("10.0.0.1")}}, left: []LeftOut{{"wg0", Tunnel}}},
		"containers' ends":        {all: []physical{{"eth0", 2, upFlags, ips("10.0.0.1")}, {"veth1", 3, upFlags, ips("fe80::1")}, {"veth2", 4, upFlags, nil}}, used: []string{"eth0"}},
		"a tunnel and containers": {all: []physical{{"wg0", 2, upFlags, ips("10.0.0.1")}, {"docker0", 3, upFlags, ips("172.17.0.1")}}, left: []LeftOut{{"wg0", Tunnel}, {"docker0", Container}}},
	} {
		n := survey(test.all, test.named)
		var used []string
		for _, l := range n.Multicast() {
			used = append(used, l.Name)
		}
		if left := n.LeftOut(); !slices.Equal(used, test.used) || !slices.Equal(left, test.left) {
			t.Errorf("%s: used %v, want %v; left out %v, want %v", what, used, test.used, left, test.left)
		}
	}
}

func TestUnicastSortsAndStripsZones(t *testing.T) {
	got := unicast([]net.Addr{
		&net.IPNet{IP: net.ParseIP("fe80::1"), Mask: net.CIDRMask(64, 128)},
		&net.IPNet{IP: net.ParseIP("10.0.0.2"), Mask: net.CIDRMask(24, 32)},
		&net.IPAddr{IP: net.ParseIP("ff02::1")},
		&net.IPNet{IP: net.ParseIP("10.0.0.1"), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("10.0.0.1"), Mask: net.CIDRMask(16, 32)},
	})
	if want := ips("10.0.0.1", "10.0.0.2", "fe80::1"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
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
		return Network{Links: []Link{{Name: "eth0", Index: 2, Addrs: ips("10.0.0.1")}, {Name: "eth1", Index: 3, Addrs: ips("10.1.0.1", "fd00::1")}},
			Missing: []string{"eth7"}}
	}
	if !make().Equal(make()) {
		t.Error("the same differ")
	}
	for what, change := range map[string]func(*Network){
		"name":    func(n *Network) { n.Links[0].Name = "eth9" },
		"index":   func(n *Network) { n.Links[0].Index = 9 },
		"address": func(n *Network) { n.Links[1].Addrs[1] = ips("fd00::2")[0] },
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
