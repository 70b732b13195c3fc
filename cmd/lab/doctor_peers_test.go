//go:build lab && linux

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// port is the TCP port on which the node listens.
func (n *node) port() string {
	n.Helper()
	return strings.Split(n.one("status").list("listening")[0], "/")[4]
}

// anew changes something while a node does not run.
func (n *node) anew(change func()) {
	n.Helper()
	running := n.cmd != nil
	if running {
		n.down()
	}
	change()
	if running {
		n.start()
	}
}

// again is anew after a power cut, after which nobody has heard it leave.
func (n *node) again(change func()) {
	n.Helper()
	n.kill()
	change()
	n.start()
}

// mute has a node call nobody: others reach it, or not.
func (n *node) mute() (remove func()) { n.Helper(); return n.firewall("output", dropCalls) }

var peerFaults = []fault{
	{name: "refused", check: "peers", code: "refused", about: "Bob", needs: "nft", make: func(w *ward) func(string) {
		var speaks, listens func()
		w.bob.again(func() { speaks, listens = w.bob.mute(), w.bob.firewall("input", refuseCalls) })
		return undo(func() { speaks(); listens() })
	}},
	{name: "refused as Fedora does", check: "peers", code: "refused", about: "Bob", needs: "nft", make: func(w *ward) func(string) {
		var speaks, listens func()
		w.bob.again(func() { speaks, listens = w.bob.mute(), w.bob.firewall("input", prohibitCalls) })
		return undo(func() { speaks(); listens() })
	}},
	{name: "timed out", check: "peers", code: "timed_out", about: "Bob", needs: "nft", make: func(w *ward) func(string) {
		var speaks, listens func()
		w.bob.again(func() { speaks, listens = w.bob.mute(), w.bob.firewall("input", dropCalls) })
		return undo(func() { speaks(); listens() })
	}},
	{name: "no route", check: "peers", code: "no_route", about: "Bob", make: func(w *ward) func(string) {
		return w.without("throw")
	}},
	{name: "forbidden by the system", check: "peers", code: "permission", about: "Bob", make: func(w *ward) func(string) {
		return w.without("prohibit")
	}},
	{name: "a route that makes no sense", check: "peers", code: "other", about: "Bob", make: func(w *ward) func(string) {
		return w.without("blackhole")
	}},
	{name: "another protocol", check: "peers", code: "other_version", about: "Bob", make: func(w *ward) func(string) {
		w.bob.again(func() { w.bob.binary, w.bob.env = odd, []string{protocolVar + "=1"} })
		return undo(func() { w.bob.again(func() { w.bob.binary, w.bob.env = binary, nil }) })
	}},
	{name: "somebody else answers", check: "peers", code: "wrong_identity", about: "Bob", make: func(w *ward) func(string) {
		at := w.bob.port()
		w.bob.down()
		cleo := w.bob.up("Cleo", "--listen", at, "--no-mdns")
		w.ann.anew(func() { w.ann.flags = []string{"--peer", "/ip4/10.9.0.2/tcp/" + at + "/p2p/" + w.bob.device} })
		return undo(func() { cleo.down(); w.bob.start() })
	}},

	{name: "five minutes ahead", check: "clock", code: "off", about: "5", make: func(w *ward) func(string) {
		w.others = append(w.others, w.joins("Cleo", "10.9.0.3/16"))
		w.befriend(w.ann, w.bob, w.others[0])
		w.ann.again(func() { w.ann.binary = odd; w.ann.setClock(5 * time.Minute) })
		meet(promised, w.ann, w.bob, w.others[0])
		return undo(func() { w.ann.again(func() { w.ann.setClock(0) }); meet(promised, w.ann, w.bob, w.others[0]) })
	}},

	{name: "down", check: "person", code: "not_seen", about: "Bob", who: "Bob", make: func(w *ward) func(string) {
		w.bob.down()
		return undo(w.bob.start)
	}},
	{name: "blocked", check: "person", code: "blocked", about: "Bob", who: "Bob", make: func(w *ward) func(string) {
		w.ann.must("block", w.bob.person)
		return func(fix string) {
			w.ann.follows("earshot")(fix)
			w.befriend(w.ann, w.bob)
		}
	}},
	{name: "no contact", check: "person", code: "not_accepted", about: "Bob", who: "Bob", make: func(w *ward) func(string) {
		w.ann.must("contacts", "remove", w.bob.person)
		return undo(func() { w.befriend(w.ann, w.bob) })
	}},

	{name: "another version is installed", check: "program", code: "old", about: oddVersion, make: func(w *ward) func(string) {
		w.ann.again(func() { w.ann.binary = odd })
		w.ann.binary = binary
		return w.ann.follows("earshot")
	}},
	{name: "its file was replaced", check: "program", code: "old", make: func(w *ward) func(string) {
		installed := filepath.Join(filepath.Dir(w.ann.log), "earshot")
		replace := func() {
			_ = os.Remove(installed) // not there yet, or running
			if err := copyProgram(binary, installed); err != nil {
				w.Fatal(err)
			}
		}
		w.ann.anew(func() { replace(); w.ann.binary = installed })
		replace()
		return w.ann.follows("earshot")
	}},
	{name: "it does not run", check: "node", code: "stopped", make: func(w *ward) func(string) {
		w.ann.down()
		return w.ann.follows("earshot up")
	}},
	{name: "it has never run", check: "node", code: "new", alone: true, make: func(w *ward) func(string) {
		w.ann.down()
		w.ann.dir += "2"
		w.ann.fill = []string{"NAME", "Ann"}
		return w.ann.follows("earshot up")
	}},
	{name: "it hangs", check: "node", code: "not_answering", alone: true, make: func(w *ward) func(string) {
		signal := func(s syscall.Signal) {
			if err := w.ann.cmd.Process.Signal(s); err != nil {
				w.Fatal(err)
			}
		}
		signal(syscall.SIGSTOP)
		return undo(func() { signal(syscall.SIGCONT) }) // `fg`
	}},
}

// without has Ann's machine know a route to Bob's that leads nowhere.
func (w *ward) without(route string) func(string) {
	w.Helper()
	w.bob.again(func() { w.ann.run("ip", "route", "add", route, "10.9.0.2/32") })
	return undo(func() { w.ann.run("ip", "route", "del", route, "10.9.0.2/32") })
}

// joins brings a further node.
func (w *ward) joins(name, addr string) *node {
	w.Helper()
	return w.hostAt(addr).up(name)
}

func (w *ward) hostAt(addrs ...string) *host {
	w.Helper()
	h := w.host()
	h.plug(w.bridge, addrs...)
	return h
}
