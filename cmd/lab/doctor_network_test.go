//go:build lab && linux

package lab

import "strconv"

// undo has a fault healed whatever the fix says.
func undo(do func()) func(string) { return func(string) { do() } }

var networkFaults = []fault{
	{name: "no interface", both: true, check: "interfaces", code: "none", alone: true, make: func(w *ward) func(string) {
		w.annAt.remove()
		return undo(func() { w.ann.plug(w.bridge, "10.9.0.1/16") })
	}},
	{name: "no interface", check: "probe", code: "no_network", probe: true, alone: true, beside: []string{"interfaces"}, make: func(w *ward) func(string) {
		w.annAt.remove()
		return undo(func() { w.ann.plug(w.bridge, "10.9.0.1/16") })
	}},
	{name: "the cable is out", check: "interfaces", code: "none", make: func(w *ward) func(string) {
		w.annAt.out()
		return undo(w.annAt.in)
	}},
	{name: "no address", check: "interfaces", code: "none", make: func(w *ward) func(string) {
		w.annAt.del("10.9.0.1/16")
		return undo(func() { w.annAt.add("10.9.0.1/16") })
	}},
	{name: "only a tunnel", check: "interfaces", code: "none", make: func(w *ward) func(string) {
		w.annAt.rename("wg0")
		return undo(func() { w.annAt.rename("eth0") })
	}},
	{name: "the interface that was named is not there", check: "interfaces", code: "none", alone: true, make: func(w *ward) func(string) {
		w.ann.anew(func() { w.ann.flags = []string{"--interface", "late0"} })
		return undo(func() { w.annAt.rename("late0") })
	}},

	{name: "nothing goes out", both: true, check: "multicast", code: "out", needs: "nft", make: func(w *ward) func(string) {
		return undo(w.ann.firewall("output", dropOutMulticast))
	}},
	{name: "nothing comes in", both: true, check: "multicast", code: "in", needs: "nft", make: func(w *ward) func(string) {
		w.ann.firewall("input", dropMulticast)
		return w.ann.follows("sudo nft insert")
	}},
	{name: "mDNS does not come in", check: "multicast", code: "in", needs: "nft", make: func(w *ward) func(string) {
		w.ann.firewall("input", dropMDNS)
		return w.ann.follows("sudo nft insert")
	}},
	{name: "the switch drops ours", check: "multicast", code: "unheard", about: "Bob", needs: "nft", make: func(w *ward) func(string) {
		return undo(w.annAt.swallow(dropAnnouncements))
	}},
	{name: "the switch drops theirs", check: "multicast", code: "deaf", about: "Bob", needs: "nft", make: func(w *ward) func(string) {
		return undo(w.bobAt.swallow(dropAnnouncements))
	}},
}

var portFaults = []fault{
	{name: "held", both: true, check: "mdns_port", code: "held", make: func(w *ward) func(string) {
		w.ann.anew(func() { w.takes("dnsmasked", "udp:5353") })
		return w.ann.follows("sudo kill")
	}},
	{name: "held", both: true, check: "beacon", code: "held", make: func(w *ward) func(string) {
		w.ann.anew(func() { w.takes("beaconeer", "udp:27830") })
		return w.ann.follows("sudo kill")
	}},
	{name: "another has it", both: true, check: "port", code: "taken", make: func(w *ward) func(string) {
		var t *taker
		w.ann.anew(func() { t = w.takes("webserver", "tcp:"+w.port) })
		return func(fix string) {
			w.ann.anew(func() { w.ann.follows("sudo kill")(fix); t.end() })
		}
	}},
	{name: "another has it and the node can't start", check: "port", code: "taken", stopped: true, make: func(w *ward) func(string) {
		w.ann.flags = []string{"--listen", "4001"}
		w.ann.start()
		w.ann.down()
		w.takes("webserver", "tcp:4001")
		if err := w.ann.launch(); err == nil {
			w.Fatal("it has started")
		}
		w.ann.cmd = nil
		return w.ann.follows("sudo kill")
	}},
	{name: "dropped", check: "reachable", code: "closed", about: "Bob", needs: "nft", make: func(w *ward) func(string) {
		w.ann.firewall("input", dropCalls)
		return w.ann.follows("sudo nft insert")
	}},
	{name: "refused", check: "reachable", code: "closed", about: "Bob", needs: "iptables", make: func(w *ward) func(string) {
		w.ann.run("iptables", "-A", "INPUT", "-p", "tcp", "--syn", "-j", "REJECT", "--reject-with", "tcp-reset")
		return w.ann.follows("sudo iptables -I")
	}},
	{name: "ufw", check: "reachable", code: "closed", about: "Bob", beside: []string{"multicast"}, needs: "ufw", make: func(w *ward) func(string) {
		w.ann.hasUFW()
		return func(string) {
			for _, c := range w.said.wrong() {
				w.ann.follows("sudo ufw allow")(c.text("fix"))
			}
		}
	}},
}

// takes has a program take ports of Ann's host. Doctor is to name it.
func (w *ward) takes(name, ports string) *taker {
	w.Helper()
	t := w.ann.take(name, ports)
	w.about = append(w.about, name, strconv.Itoa(t.pid))
	return t
}

func (c *cable) rename(name string) {
	c.Helper()
	c.run("ip", "link", "set", c.near, "down")
	c.run("ip", "link", "set", c.near, "name", name)
	c.near = name
	c.run("ip", "link", "set", name, "up")
}
