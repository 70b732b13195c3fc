//go:build lab && linux

package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	mdnsPort, beaconPort = "5353", "27830"

	// byBeacon is how soon two hosts find each other where mDNS is blocked.
	byBeacon = 3 * time.Second
)

// A direction is a hook of the host's firewall.
const in, out = "input", "output"

// stops has the host's firewall drop packets, or refuse to send them: those that a rule of nft is about.
func (h *host) stops(direction string, what ...string) {
	h.Helper()
	verdict := map[string]string{in: "drop", out: "reject"}[direction]
	for _, rule := range [][]string{
		{"add", "table", "inet", "lab"},
		{"add", "chain", "inet", "lab", direction, "{ type filter hook " + direction + " priority 0 ; }"},
		slices.Concat([]string{"add", "rule", "inet", "lab", direction}, what, []string{verdict}),
	} {
		h.run(append([]string{"nft"}, rule...)...)
	}
}

// TestFoundByBeacon has two hosts find each other in each way in which mDNS is kept from working.
func TestFoundByBeacon(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		addrs [2]string
		block func(*cable)
	}{
		"dropped":      {[2]string{"10.9.0.1/24", "10.9.0.2/24"}, func(c *cable) { c.stops(in, "udp", "dport", mdnsPort) }},
		"held":         {[2]string{"10.9.0.1/24", "10.9.0.2/24"}, func(c *cable) { c.squatter(mdnsPort) }},
		"held, IPv6":   {[2]string{"fd00::1/64", "fd00::2/64"}, func(c *cable) { c.squatter(mdnsPort) }},
		"no multicast": {[2]string{"10.9.0.1/24", "10.9.0.2/24"}, (*cable).muteMulticast},
		"held, no broadcast": {[2]string{"10.9.0.1/24", "10.9.0.2/24"}, func(c *cable) {
			c.squatter(mdnsPort)
			c.stops(out, "ip", "daddr", "10.9.0.255")
		}},
		"link-local v4": {[2]string{"169.254.3.1/16", "169.254.7.2/16"}, func(c *cable) { c.squatter(mdnsPort) }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			bridge := l.bridge()
			var nodes []*node
			for i, addr := range test.addrs {
				h := l.host()
				test.block(h.plug(bridge, addr))
				nodes = append(nodes, h.node([]string{"Ann", "Bob"}[i]))
			}
			for _, n := range nodes {
				n.start()
			}
			meet(byBeacon, nodes...)
			for _, n := range nodes {
				found := n.one("peers").list("found_by")
				if strings.Contains(strings.Join(found, " "), "mdns") {
					t.Errorf("%s found the other by %v, so mDNS is not blocked", n.name, found)
				}
				if troubles, _ := n.one("status").in("finding")["troubles"].([]any); len(troubles) != 0 {
					t.Errorf("%s complains though others are found: %v", n.name, troubles)
				}
			}
			foundByAny(nodes, "beacon")
			talk(promised, nodes[0], nodes[1])
		})
	}
}

// TestFoundByMDNSAlone holds the beacons' port: what is found then is found by mDNS. Each still sends
// beacons, so a host that can hear them finds who can't.
func TestFoundByMDNSAlone(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	for _, h := range hosts {
		h.squatter(beaconPort)
	}
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	foundByAny([]*node{ann, bob}, "mdns")
	for _, n := range []*node{ann, bob} {
		if troubles, _ := n.one("status").in("finding")["troubles"].([]any); len(troubles) != 0 {
			t.Errorf("%s complains though others are found: %v", n.name, troubles)
		}
	}
}

// TestWhoIsNotHeardIsSaid holds both ports on one host: its owner is told, and it is found all the
// same, since the other hears its beacons.
func TestWhoIsNotHeardIsSaid(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	hosts[0].squatter(mdnsPort, beaconPort)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	foundBy(bob, "beacon")
	ann.until(promised, "Ann is told that she hears nobody", func() bool {
		troubles, _ := ann.one("status").in("finding")["troubles"].([]any)
		return len(troubles) == 1 && troubles[0].(map[string]any)["code"] == "hear"
	})
}

// TestNodesOfOneMachineHearBeacons runs three nodes on a machine where mDNS is blocked, each on a port
// of its own.
func TestNodesOfOneMachineHearBeacons(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	for _, h := range hosts {
		h.squatter(mdnsPort)
	}
	ann, bob, cleo := hosts[0].up("Ann"), hosts[0].up("Bob"), hosts[1].up("Cleo")
	meet(2*byBeacon, ann, bob, cleo)
	for i, n := range []*node{ann, bob, cleo} {
		at := n.one("status").list("listening")
		if want := fmt.Sprintf("/tcp/%d/", 27830+i%2); len(at) == 0 || !strings.Contains(at[0], want) {
			t.Errorf("%s listens on %v, want %s", n.name, at, want)
		}
	}
}

// TestNamedByAPeer has Ann be found by beacons alone and Cy by mDNS alone. Bob meets both, and tells
// each of the other.
func TestNamedByAPeer(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 3)
	hosts[0].squatter(mdnsPort)
	for _, direction := range []string{in, out} {
		hosts[2].stops(direction, "udp", "dport", beaconPort)
	}
	ann, bob, cy := hosts[0].up("Ann"), hosts[1].up("Bob"), hosts[2].up("Cy")
	meet(promised, ann, bob, cy)
	for n, other := range map[*node]string{ann: "Cy", cy: "Ann"} {
		for _, p := range n.must("peers") {
			if found := p.list("found_by"); p.text("name") == other && slices.ContainsFunc(found, func(way string) bool { return way == "mdns" || way == "beacon" }) {
				t.Errorf("%s found %s by %v", n.name, other, found)
			}
		}
	}
	talk(promised, ann, cy)
}

// foundByAny expects that a source has named the other to one of two nodes: who was found first
// connects.
func foundByAny(nodes []*node, source string) {
	nodes[0].Helper()
	var found []string
	for _, n := range nodes {
		for _, p := range n.must("peers") {
			found = append(found, p.list("found_by")...)
		}
	}
	if !strings.Contains(" "+strings.Join(found, " ")+" ", " "+source+" ") {
		nodes[0].Errorf("they found each other by %v, want %s", found, source)
	}
}
