//go:build lab && linux

package lab

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestTwoHosts(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	talk(promised, ann, bob)

	sent := ann.send(promised, bob, "Lunch at one?")
	read := bob.must("recv")
	if len(read) != 2 || read[1].text("text") != "Lunch at one?" || read[1].text("id") != sent.text("id") {
		t.Errorf("Bob reads %v", read)
	}
	ann.until(promised, "the read receipt is back", func() bool {
		m := ann.one("history", "Bob", "--limit", "1")
		return m.text("state") == "read" && m.text("id") == sent.text("id")
	})
	if more := bob.must("recv"); len(more) != 0 {
		t.Errorf("Bob reads again %v", more)
	}
	bob.down()
	ann.until(promised, "Bob, who stopped, is shown offline", func() bool { n, _ := ann.online(); return n == 0 })
}

func TestTwoNodesOnOneHost(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob, cleo := hosts[0].up("Ann"), hosts[0].up("Bob"), hosts[1].up("Cleo")
	meet(promised, ann, bob, cleo)
	talk(promised, ann, bob)
	talk(promised, ann, cleo)
	talk(promised, bob, cleo)
}

func TestPeerGivenAndSaved(t *testing.T) {
	l := newLab(t)
	bridge := l.bridge()
	hosts, cables := l.hosts(bridge, 2)
	for _, c := range cables {
		c.muteMulticast()
	}
	ann := hosts[0].up("Ann", "--no-mdns", "--listen", "/ip4/10.9.0.1/tcp/4001")
	bob := hosts[1].up("Bob", "--no-mdns")
	if count, _ := bob.online(); count != 0 {
		t.Fatal("Bob sees somebody whom nobody named")
	}
	bob.down()
	bob.flags = []string{"--no-mdns", "--peer", "/ip4/10.9.0.1/tcp/4001/p2p/" + ann.device}
	bob.start()
	meet(promised, ann, bob)
	foundBy(bob, "manual")
	talk(promised, ann, bob)

	bob.down()
	bob.flags = []string{"--no-mdns"}
	bob.start()
	meet(promised, ann, bob)
	foundBy(bob, "saved")
	talk(promised, ann, bob)

	// The other side, which was never told an address, by kill and with mDNS and beacons that nobody
	// hears.
	ann.kill()
	ann.flags = nil
	ann.start()
	meet(promised, ann, bob)
	talk(promised, ann, bob)

	// Both anew: neither may rely on the other's having stayed.
	ann.kill()
	bob.kill()
	ann.start()
	bob.start()
	meet(promised, ann, bob)
	talk(promised, ann, bob)
}

// TestTunnelWithoutMulticast joins three hosts as a VPN does. Two of them name the third, by the
// address that its status shows, and so hear of each other.
func TestTunnelWithoutMulticast(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 3)
	for _, c := range cables {
		c.asTunnel()
	}
	ann := hosts[0].up("Ann")
	flags := []string{"--peer", ann.one("status").list("listening")[0]}
	bob, cy := hosts[1].node("Bob", flags...), hosts[2].node("Cy", flags...)
	var starting sync.WaitGroup
	for _, n := range []*node{bob, cy} {
		starting.Go(n.start)
	}
	starting.Wait()
	meet(promised, ann, bob, cy)
	talk(promised, bob, cy)
	for _, p := range bob.must("peers") {
		if p.text("name") == "Cy" && !slices.Contains(p.list("found_by"), "peer") {
			t.Errorf("Bob found Cy by %v", p.list("found_by"))
		}
	}
}

// TestOnlyTheNamedInterface has a host on two networks use one of them, though the other could dial
// it, also at its address on the first, and before that one of which there is none yet.
func TestOnlyTheNamedInterface(t *testing.T) {
	l := newLab(t)
	used, other := l.bridge(), l.bridge()
	ann := l.host()
	ann.plug(other, "10.9.1.1/24")
	bobs, cys := l.host(), l.host()
	bobs.plug(used, "10.9.0.2/24")
	cys.plug(other, "10.9.1.3/24")
	bob, cy := bobs.up("Bob"), cys.node("Cy", "--peer", "10.9.1.1:4001")

	n := ann.node("Ann", "--interface", "late0", "--listen", "4001", "--peer", "10.9.1.3:4001")
	n.start()
	cy.start()
	unreached := func(n *node) bool {
		list, _ := n.one("status").in("finding")["unreached"].([]any)
		return len(list) == 1
	}
	cy.until(promised, "Cy does not reach Ann over a network that is not named", func() bool { return unreached(cy) })
	n.until(promised, "Ann does not reach Cy either", func() bool { return unreached(n) })
	if at := n.one("status").list("listening"); len(at) != 0 {
		t.Errorf("Ann listens on %v before there is the interface", at)
	}
	c := ann.plug(used, "10.9.0.1/24")
	c.run("ip", "link", "set", c.near, "down")
	c.run("ip", "link", "set", c.near, "name", "late0")
	c.run("ip", "link", "set", "late0", "up")
	meet(promised, n, bob)
	talk(promised, n, bob)
	cys.run("ip", "route", "add", "10.9.0.1", "via", "10.9.1.1")
	dan := cys.node("Dan", "--peer", "10.9.0.1:4001")
	dan.start()
	dan.until(promised, "Dan does not reach Ann's address over a network that is not named", func() bool { return unreached(dan) })
	if count, _ := n.online(); count != 1 || !unreached(cy) {
		t.Error("Ann and Cy have met")
	}
}

// TestRoutersBridge joins two hosts whose only interface is called as OpenWrt calls it.
func TestRoutersBridge(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 2)
	for _, c := range cables {
		c.run("ip", "link", "set", c.near, "down")
		c.run("ip", "link", "set", c.near, "name", "br-lan")
		c.run("ip", "link", "set", "br-lan", "up")
	}
	meet(promised, hosts[0].up("Ann"), hosts[1].up("Bob"))
}

// TestOwnNetworkGone takes the last interface of a host down: those who were here are shown to be
// gone soon, though nobody has hung up.
func TestOwnNetworkGone(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]func(*cable){
		"down":    func(c *cable) { c.run("ip", "link", "set", c.near, "down") },
		"removed": (*cable).remove,
		"flushed": func(c *cable) { c.run("ip", "addr", "flush", "dev", c.near) },
		"tunnel":  func(c *cable) { c.run("ip", "link", "set", c.near, "down") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			hosts, cables := l.hosts(l.bridge(), 2)
			if name == "tunnel" {
				cables[0].asTunnel()
			}
			bob := hosts[1].up("Bob")
			ann := hosts[0].up("Ann", "--peer", bob.one("status").list("listening")[0])
			meet(promised, ann, bob)
			talk(promised, ann, bob)
			down(cables[0])
			// The interfaces are read every other second.
			ann.until(4*time.Second, "Ann shows Bob offline", func() bool { n, _ := ann.online(); return n == 0 })
			ann.must("send", "Bob", "are you there?")
			why := ann.one("outbox")
			t.Logf("the outbox: %v", why)
			if want := "no_network"; why.text("waiting_for") != want {
				t.Errorf("the outbox says %v", why)
			}
		})
	}
}

// TestSavedBeforeMDNS restarts a node on a network where mDNS works: it should not have to wait for
// it.
func TestSavedBeforeMDNS(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	talk(promised, ann, bob)
	bob.kill()
	ann.until(promised, "Bob is shown offline", func() bool { n, _ := ann.online(); return n == 0 })
	bob.start()
	// An mDNS answer takes a second or so, an address at hand a handshake.
	bob.sees(2*time.Second, ann)
	foundBy(bob, "saved")
}

// foundBy expects that a source has named the only peer.
func foundBy(n *node, source string) {
	n.Helper()
	if p := n.one("peers"); !slices.Contains(p.list("found_by"), source) {
		n.Errorf("%s found %s by %v, want %s", n.name, p.text("name"), p.list("found_by"), source)
	}
}
