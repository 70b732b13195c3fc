package discovery

import (
	"fmt"
	"net"
	"slices"
	"testing"
)

func TestUsableInterfaces(t *testing.T) {
	const up = net.FlagUp | net.FlagRunning | net.FlagMulticast | net.FlagBroadcast
	for _, test := range []struct {
		name  string
		flags net.Flags
		named []string
		want  bool
	}{
		{"eth0", up, nil, true},
		{"wlp3s0", up, nil, true},
		{"enp0s31f6", up, nil, true},
		{"br0", up, nil, true}, // an office's own bridge
		{"eth0", up &^ net.FlagUp, nil, false},
		{"eth0", up &^ net.FlagRunning, nil, false}, // unplugged
		{"eth0", up &^ net.FlagMulticast, nil, false},
		{"lo", up | net.FlagLoopback, nil, false},
		{"lo", up | net.FlagLoopback, []string{"lo"}, false},
		{"docker0", up, nil, false},
		{"br-1a2b3c", up, nil, false},
		{"veth12ab", up, nil, false},
		{"virbr0", up, nil, false},
		{"wg0", up, nil, false},
		{"tailscale0", up, nil, false},
		{"ztabcdef", up, nil, false},
		{"utun3", up, nil, false},
		{"corp", up | net.FlagPointToPoint, nil, false}, // a tunnel of any name
		{"docker0", up, []string{"docker0"}, true},
		{"corp", up | net.FlagPointToPoint, []string{"corp"}, true},
		{"eth0", up, []string{"docker0"}, false},
		{"docker0", up &^ net.FlagUp, []string{"docker0"}, false},
	} {
		if got := usable(test.name, test.flags, test.named); got != test.want {
			t.Errorf("%s %v of %v: got %v", test.name, test.flags, test.named, got)
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
	got := SelfAddrs(n, 4001)
	if len(got) != MaxAddrs {
		t.Fatalf("%d addresses: %v", len(got), got)
	}
	want := []string{"10.0.0.1:4001", "10.1.0.1:4001", "[2001:db8::1]:4001", "[fd00::1]:4001", "[2001:db8::2]:4001"}
	for i, w := range want {
		if got[i].String() != w {
			t.Errorf("address %d: got %v, want %s", i, got[i], w)
		}
	}
	if got := SelfAddrs(Network{}, 4001); got != nil {
		t.Errorf("without interfaces: %v", got)
	}
}

func TestNetworkEqual(t *testing.T) {
	make := func() Network {
		return Network{Links: []Link{{"eth0", 2, ips("10.0.0.1")}, {"eth1", 3, ips("10.1.0.1", "fd00::1")}}}
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
	} {
		n := make()
		change(&n)
		if n.Equal(make()) {
			t.Errorf("a changed %s is not seen", what)
		}
	}
}
