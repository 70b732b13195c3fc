//go:build lab && linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// numbered makes the names of bridges and interfaces, which are different in all tests since they
// share a namespace.
var numbered atomic.Int32

// A lab is the network of one test.
type lab struct {
	*testing.T
	nodes []*node
}

// newLab begins a test that runs beside others.
func newLab(t *testing.T) *lab {
	t.Parallel()
	return &lab{T: t}
}

func (l *lab) command(name string, args ...string) {
	l.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		l.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// bridge makes a network to plug hosts into. It carries every multicast
// everywhere, as a plain switch does.
func (l *lab) bridge() string {
	l.Helper()
	name := fmt.Sprintf("br%d", numbered.Add(1))
	l.command("ip", "link", "add", name, "type", "bridge", "mcast_snooping", "0")
	l.command("ip", "link", "set", name, "up")
	l.Cleanup(func() { l.command("ip", "link", "del", name) })
	return name
}

// A host is a network namespace, held by a process.
type host struct {
	*lab
	pid string
}

func (l *lab) host() *host {
	l.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), holderVar+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	in, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		l.Fatalf("start host: %v", err)
	}
	l.Cleanup(func() { in.Close(); c.Wait() })
	h := &host{lab: l, pid: strconv.Itoa(c.Process.Pid)}
	h.run("ip", "link", "set", "lo", "up")
	return h
}

// hosts makes n hosts on a bridge with the addresses 10.9.0.1, 10.9.0.2 …
func (l *lab) hosts(bridge string, n int) (hosts []*host, cables []*cable) {
	l.Helper()
	for i := range n {
		h := l.host()
		hosts = append(hosts, h)
		cables = append(cables, h.plug(bridge, fmt.Sprintf("10.9.0.%d/24", i+1)))
	}
	return hosts, cables
}

// inside is a command as it runs on the host. nsenter becomes the command, so
// the process is the command's own.
func (h *host) inside(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", h.pid, "-n", "--"}, args...)...)
}

// ip runs commands of ip on the host, one a line.
func (h *host) ip(lines string) {
	h.Helper()
	c := h.inside("ip", "-batch", "-")
	c.Stdin = strings.NewReader(lines)
	if out, err := c.CombinedOutput(); err != nil {
		h.Fatalf("ip: %v\n%s%s", err, lines, out)
	}
}

func (h *host) run(args ...string) {
	h.Helper()
	if out, err := h.inside(args...).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// A cable is an interface of a host that is plugged into a bridge.
type cable struct {
	*host
	bridge    string
	near, far string // the host's end and the bridge's
}

// plug gives the host an interface with these addresses.
func (h *host) plug(bridge string, addrs ...string) *cable {
	h.Helper()
	n := numbered.Add(1)
	c := &cable{host: h, bridge: bridge, near: fmt.Sprintf("eth%d", n), far: fmt.Sprintf("port%d", n)}
	h.command("ip", "link", "add", c.far, "type", "veth", "peer", "name", c.near, "netns", h.pid)
	h.command("ip", "link", "set", c.far, "master", bridge, "up")
	h.run("ip", "link", "set", c.near, "up")
	c.add(addrs...)
	return c
}

// add gives the interface addresses. IPv6 would keep one from use until nobody
// has objected for a second or two.
func (c *cable) add(addrs ...string) {
	c.Helper()
	var lines strings.Builder
	for _, a := range addrs {
		fmt.Fprintf(&lines, "addr add %s dev %s", a, c.near)
		if strings.Contains(a, ":") {
			lines.WriteString(" nodad")
		}
		lines.WriteString("\n")
	}
	c.ip(lines.String())
}

func (c *cable) del(addr string) {
	c.Helper()
	c.run("ip", "addr", "del", addr, "dev", c.near)
}

// out pulls the cable at the host, which sees that its carrier is gone.
func (c *cable) out() { c.Helper(); c.command("ip", "link", "set", c.far, "down") }
func (c *cable) in()  { c.Helper(); c.command("ip", "link", "set", c.far, "up") }

// cut pulls the cable behind the host's switch, so its interface sees nothing.
func (c *cable) cut()  { c.Helper(); c.command("ip", "link", "set", c.far, "nomaster") }
func (c *cable) mend() { c.Helper(); c.command("ip", "link", "set", c.far, "master", c.bridge) }

// move plugs the far end into another bridge; the host's interface sees nothing of it.
func (c *cable) move(bridge string) {
	c.Helper()
	c.command("ip", "link", "set", c.far, "master", bridge)
}

// remove takes the interface out of the host.
func (c *cable) remove() { c.Helper(); c.command("ip", "link", "del", c.far) }

// muteMulticast has the switch forward no multicast to this host; broadcast, and so ARP, goes on.
func (c *cable) muteMulticast() {
	c.Helper()
	c.command("ip", "link", "set", c.far, "type", "bridge_slave", "mcast_flood", "off")
}

// asTunnel has the interface say that it can't multicast, as a VPN's does.
func (c *cable) asTunnel() {
	c.Helper()
	c.muteMulticast()
	c.run("ip", "link", "set", c.near, "multicast", "off")
}
