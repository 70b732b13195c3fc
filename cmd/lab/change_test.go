//go:build lab && linux

package lab

import (
	"syscall"
	"testing"
	"time"
)

func TestLateInterface(t *testing.T) {
	t.Parallel()
	for name, addrs := range map[string][2]string{
		"IPv4": {"10.9.0.1/24", "10.9.0.2/24"},
		"IPv6": {"fd00::1/64", "fd00::2/64"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			bridge := l.bridge()
			late, early := l.host(), l.host()
			early.plug(bridge, addrs[1])
			ann, bob := late.up("Ann"), early.up("Bob")
			began := time.Now()
			late.plug(bridge, addrs[0])
			meet(promised, ann, bob)
			talk(time.Until(began.Add(promised)), ann, bob)
		})
	}
}

func TestAddressChange(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cable){
		"new before old goes": func(c *cable) {
			// Every distribution sets this; else the new address would go together with the old
			// one.
			c.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/"+c.near+"/promote_secondaries")
			c.add("10.9.0.77/24")
			c.del("10.9.0.1/24")
		},
		"old goes before new": func(c *cable) { c.del("10.9.0.1/24"); c.add("10.9.0.77/24") },
		"another network": func(c *cable) {
			c.del("10.9.0.1/24")
			c.add("192.168.7.1/24")
			c.run("ip", "route", "add", "10.9.0.0/24", "dev", c.near)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			hosts, cables := l.hosts(l.bridge(), 2)
			hosts[1].run("ip", "route", "add", "192.168.7.0/24", "dev", cables[1].near)
			ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
			meet(promised, ann, bob)
			talk(promised, ann, bob)
			change(cables[0])
			talk(promised+noticed, ann, bob)
			meet(time.Second, ann, bob)
		})
	}
}

// TestAddressSwap gives each of two hosts the other's address, as a DHCP server may. They use the
// same port, so whoever has saved an address finds somebody else behind it. Both have dialled
// somebody before, and so have looked up which addresses are their own.
func TestAddressSwap(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 3)
	cleo := hosts[2].up("Cleo")
	flags := []string{"--listen", "/ip4/0.0.0.0/tcp/4001", "--peer", cleo.one("status").list("listening")[0]}
	ann, bob := hosts[0].up("Ann", flags...), hosts[1].up("Bob", flags...)
	meet(promised, ann, bob, cleo)
	pairs := [][2]*node{{ann, cleo}, {bob, cleo}, {ann, bob}}
	for _, p := range pairs {
		talk(promised, p[0], p[1])
	}
	cables[0].del("10.9.0.1/24")
	cables[1].del("10.9.0.2/24")
	cables[0].add("10.9.0.2/24")
	cables[1].add("10.9.0.1/24")
	began := time.Now()
	for _, p := range pairs {
		talk(time.Until(began.Add(promised+noticed)), p[0], p[1])
	}
	meet(promised, ann, bob, cleo)
}

func TestCable(t *testing.T) {
	t.Parallel()
	for name, pull := range map[string]struct{ out, in func(*cable) }{
		"at the host":       {(*cable).out, (*cable).in},
		"behind the switch": {(*cable).cut, (*cable).mend},
	} {
		t.Run(name, func(t *testing.T) {
			const (
				away  = 20 * time.Second
				lines = 100
			)
			l := newLab(t)
			hosts, cables := l.hosts(l.bridge(), 2)
			ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
			meet(promised, ann, bob)
			talk(promised, ann, bob)

			pulled := time.Now()
			pull.out(cables[0])
			nodes := []*node{ann, bob}
			writers := []*writer{{node: ann, to: bob}, {node: bob, to: ann}}
			for _, w := range writers {
				w.queue(lines)
			}
			for _, n := range nodes {
				n.until(time.Until(pulled.Add(noticed)), n.name+" shows the other offline", func() bool {
					count, _ := n.online()
					return count == 0
				})
			}
			waits := func() bool {
				for _, n := range nodes {
					queue := n.must("outbox")
					if len(queue) != lines {
						return false
					}
					for _, m := range queue {
						if why := m.text("waiting_for"); why != "offline" && why != "unreachable" && why != "no_network" {
							return false
						}
					}
				}
				return true
			}
			ann.until(time.Second, "both outboxes say what they wait for", waits)
			ann.stays(time.Until(pulled.Add(away)), "all messages wait", waits)

			began := time.Now()
			pull.in(cables[0])
			ann.until(promised, "both outboxes are empty", func() bool {
				return ann.waiting()+bob.waiting() == 0
			})
			for _, w := range writers {
				if err := w.lookUp(); err != nil {
					t.Error(err)
				}
				w.arrived("recv", "--as", "lab")
			}
			talk(time.Until(began.Add(promised)), ann, bob)
		})
	}
}

// TestCableAtRest pulls a cable over which nothing is under way. Only the systems of the hosts are awake.
func TestCableAtRest(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	talk(promised, ann, bob)
	sees := func(n *node) bool { count, _ := n.online(); return count == 1 }
	ann.stays(noticed, "Bob is online", func() bool { return sees(ann) })

	pulled := time.Now()
	cables[0].cut()
	for _, n := range []*node{ann, bob} {
		n.until(time.Until(pulled.Add(noticed)), n.name+" shows the other offline", func() bool { return !sees(n) })
	}
	cables[0].mend()
	meet(promised, ann, bob)
}

// TestSecondInterface moves a host from one network to another by way of being on both.
func TestSecondInterface(t *testing.T) {
	l := newLab(t)
	first, second := l.bridge(), l.bridge()
	hosts, cables := l.hosts(first, 2)
	hosts[1].plug(second, "10.9.1.2/24")
	far := l.host()
	far.plug(second, "10.9.1.3/24")
	ann, bob, cleo := hosts[0].up("Ann"), hosts[1].up("Bob"), far.up("Cleo")
	meet(promised, ann, bob)
	meet(promised, bob, cleo)
	talk(promised, ann, bob)

	began := time.Now()
	hosts[0].plug(second, "10.9.1.1/24")
	meet(promised, ann, cleo)
	talk(time.Until(began.Add(promised)), ann, cleo)

	cables[0].remove()
	talk(promised+noticed, ann, bob)
	talk(promised, ann, cleo)
	meet(time.Second, ann, bob, cleo)
}

// TestFrozen stops a node as sleep stops the node of a laptop. Its machine still acknowledges what
// comes over its connections, and does nothing else for it.
func TestFrozen(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	talk(promised, ann, bob)
	signal := func(s syscall.Signal) {
		if err := bob.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	defer bob.cmd.Process.Signal(syscall.SIGCONT) // also when this fails, so that Bob can tell why
	ann.must("send", "Bob", "while you slept")
	ann.until(noticed, "Bob, who sleeps, is shown offline", func() bool { n, _ := ann.online(); return n == 0 })
	began := time.Now()
	signal(syscall.SIGCONT)
	ann.until(promised, "the message has arrived", func() bool { return ann.waiting() == 0 })
	bob.got("while you slept")
	talk(time.Until(began.Add(promised)), ann, bob)
}
