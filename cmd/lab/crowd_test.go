//go:build lab && linux

package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// crowdVar names the file that the figures are written to; with it the crowd is as large as is
// promised, and everything takes as long. Without it a small crowd takes half a minute.
const crowdVar = "EARSHOT_CROWD"

// What is promised of a crowd of 50 on one network.
const (
	// seenByAll is how soon after its start a node is seen by all others, where one a second starts.
	seenByAll = 2 * time.Second
	// packetsOfEach is how many packets a second each sends to be found, when nothing happens: 30 of
	// 50 nodes.
	packetsOfEach = 30.0 / 50
)

// pacing is how large a crowd is, and how long each part takes.
type pacing struct {
	size  int
	every time.Duration // between two starts
	seen  time.Duration // seenByAll, where a machine is not busy with other tests
	idle  time.Duration
	cut   time.Duration // how long the bridge is down, at least
	whole time.Duration // until all see all, who start at once or whose bridge is up again
}

var (
	smallCrowd = pacing{size: 16, every: 400 * time.Millisecond, seen: promised, idle: 5 * time.Second, whole: time.Minute}
	fullCrowd  = pacing{size: 50, every: time.Second, seen: seenByAll, idle: time.Minute, cut: time.Minute, whole: time.Minute}
)

// A subnet is how the addresses of a network are made, and how earshot shows them.
type subnet struct{ name, address, bits, shown string }

func (s subnet) String() string { return s.name }

var (
	four = subnet{"IPv4", "10.9.0.%d", "/24", "/ip4/10.9.0."}
	six  = subnet{"IPv6", "fd00::%x", "/64", "/ip6/fd00::"}
)

// TestCrowd does not run beside others: it measures how many nodes share the processors.
func TestCrowd(t *testing.T) {
	file := os.Getenv(crowdVar)
	p, networks := smallCrowd, [][]subnet{{six}}
	if file != "" {
		p, networks = fullCrowd, [][]subnet{{six}, {four, six}}
	}
	var figures strings.Builder
	for _, some := range networks {
		name := strings.Trim(fmt.Sprint(some), "[]")
		t.Run(name, func(t *testing.T) {
			c := gather(&lab{T: t}, p, some)
			defer func() { fmt.Fprintf(&figures, "%d nodes, %s\n%s\n", p.size, name, strings.Join(c.figures, "\n")) }()
			c.oneByOne()
			c.idle()
			c.bridgeDown()
			c.messages()
			c.allAtOnce()
		})
	}
	t.Log("\n" + figures.String())
	if file != "" {
		if err := os.WriteFile(file, []byte(figures.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// A multitude is many hosts on one bridge, each with a node.
type multitude struct {
	*lab
	pacing
	bridged  string
	networks []subnet
	hosts    []*host
	nodes    []*node
	tap      *tap
	figures  []string // what was measured, a line each
}

// gather makes the hosts. Each gets an address in each of some networks.
func gather(l *lab, p pacing, networks []subnet) *multitude {
	l.Helper()
	c := &multitude{lab: l, pacing: p, bridged: l.bridge(), networks: networks}
	c.tap = l.tap(c.bridged)
	for i := range p.size {
		h := l.host()
		var addrs []string
		for _, n := range networks {
			addrs = append(addrs, fmt.Sprintf(n.address, i+1)+n.bits)
		}
		at := h.plug(c.bridged, addrs...)
		h.run("ip", "link", "set", at.near, "address", hardware(i))
		c.introduce(at, i)
		c.hosts = append(c.hosts, h)
	}
	c.newNodes()
	return c
}

func hardware(i int) string { return fmt.Sprintf("02:00:00:00:00:%02x", i+1) }

// introduce tells a host the hardware addresses of the others. A kernel keeps those that it has found
// out in one table for all its namespaces, which has room for fewer than 50 hosts know together.
func (c *multitude) introduce(at *cable, self int) {
	c.Helper()
	var all strings.Builder
	for i := range c.size {
		for _, n := range c.networks {
			if i != self {
				fmt.Fprintf(&all, "neigh add %s lladdr %s dev %s nud permanent\n", fmt.Sprintf(n.address, i+1), hardware(i), at.near)
			}
		}
	}
	at.ip(all.String())
}

// newNodes gives each host a node that nobody knows yet.
func (c *multitude) newNodes() {
	c.Helper()
	c.lab.nodes, c.nodes = nil, nil
	for i, h := range c.hosts {
		c.nodes = append(c.nodes, h.node(fmt.Sprint("Host ", i+1)))
	}
}

func (c *multitude) figure(format string, args ...any) {
	line := fmt.Sprintf("  "+format, args...)
	c.figures = append(c.figures, line)
	c.Log(line)
}

// cpu is the processor time that all nodes have had.
func (c *multitude) cpu() (all time.Duration) {
	for _, n := range c.nodes {
		all += n.cpu()
	}
	return all
}

// oneByOne starts the nodes one after the other, and measures how long after its start each is seen by
// all who are here.
func (c *multitude) oneByOne() {
	c.Helper()
	var watches []*watch
	var began []time.Time
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for _, n := range c.nodes {
		began = append(began, time.Now())
		n.start()
		watches = append(watches, n.watch())
		<-tick.C
	}
	var took []time.Duration
	for i, n := range c.nodes[1:] {
		var last time.Time
		var by *watch
		for _, w := range watches[:i+1] {
			if !poll(promised, func() bool { return !w.first(n).IsZero() }) {
				c.Fatalf("%s does not see %s", w.name, n.name)
			}
			if at := w.first(n); at.After(last) {
				last, by = at, w
			}
		}
		took = append(took, last.Sub(began[i+1]))
		if took[i] > c.seen {
			c.Errorf("%s is seen by all after %v, by %s last, want %v", n.name, round(took[i]), by.name, c.seen)
		}
	}
	for _, w := range watches {
		w.end()
	}
	slices.Sort(took)
	c.figure("started one every %v: seen by all after %v, %v at most", c.every, round(took[len(took)/2]), round(took[len(took)-1]))
	meet(promised, c.nodes...)
	for _, p := range c.nodes[0].must("peers") {
		for _, a := range p.list("addresses") {
			if !slices.ContainsFunc(c.networks, func(n subnet) bool { return strings.HasPrefix(a, n.shown) }) {
				c.Errorf("%s has the address %s", p.text("name"), a)
			}
		}
	}
}

// idle counts the packets while nothing happens.
func (c *multitude) idle() {
	c.Helper()
	cpu := c.cpu()
	c.tap.restart()
	began := time.Now()
	<-time.After(c.pacing.idle)
	sent := c.tap.restart()
	seconds := time.Since(began).Seconds()
	rate := float64(sent.all()) / seconds
	c.figure("idle: %.1f packets a second (%s), %.1f %% of a core", rate, sent, 100*(c.cpu()-cpu).Seconds()/seconds)
	if limit := packetsOfEach * float64(c.size); rate > limit {
		c.Errorf("%.1f packets a second, want %.0f", rate, limit)
	}
}

// bridgeDown takes the bridge down until nobody sees anybody. No host's interface sees that.
func (c *multitude) bridgeDown() {
	c.Helper()
	back := time.After(c.cut)
	c.command("ip", "link", "set", c.bridged, "down")
	for _, n := range c.nodes {
		n.until(noticed, n.name+" sees nobody", func() bool { count, _ := n.online(); return count == 0 })
	}
	<-back
	cpu := c.cpu()
	c.tap.restart()
	began := time.Now()
	c.command("ip", "link", "set", c.bridged, "up")
	connected := c.connected(began)
	meet(promised, c.nodes...)
	c.figure("bridge up again: all connected after %v, seen by all after %v at most, %v of processor time, %s", connected, since(began), round(c.cpu()-cpu), c.tap.restart())
}

// messages has one write to all others.
func (c *multitude) messages() {
	c.Helper()
	var sending sync.WaitGroup
	began := time.Now()
	for _, n := range c.nodes[1:] {
		sending.Go(func() { c.nodes[0].send(promised, n, "Good morning") })
	}
	sending.Wait()
	c.figure("%d messages delivered after %v", c.size-1, since(began))
	for _, n := range c.nodes[1:] {
		n.got("Good morning")
	}
}

// allAtOnce starts new nodes in the same moment.
func (c *multitude) allAtOnce() {
	c.Helper()
	for _, n := range c.nodes {
		n.kill()
	}
	c.newNodes()
	c.tap.restart()
	began := time.Now()
	var starting sync.WaitGroup
	errs := make([]error, c.size)
	for i, n := range c.nodes {
		starting.Go(func() { errs[i] = n.launch() })
	}
	starting.Wait()
	ready := since(began)
	if err := errors.Join(errs...); err != nil {
		c.Fatal(err)
	}
	connected := c.connected(began)
	cpu := c.cpu()
	for _, n := range c.nodes {
		me := n.one("status")
		n.person, n.device = me.text("person"), me.text("device")
	}
	meet(c.whole, c.nodes...)
	c.figure("all started at once: ready after %v, all connected after %v, seen by all after %v at most, %v of processor time, %s",
		ready, connected, since(began), round(cpu), c.tap.restart())
}

// connected waits until each node has a connection to each other. To ask the nodes themselves would
// cost as much as what is measured.
func (c *multitude) connected(began time.Time) time.Duration {
	c.Helper()
	for _, n := range c.nodes {
		if !poll(time.Until(began.Add(c.whole)), func() bool { return n.connections() >= c.size-1 }) {
			c.Fatalf("%s has %d connections", n.name, n.connections())
		}
	}
	return since(began)
}

// connections is to how many addresses the node's host has connections.
func (n *node) connections() int {
	const remote, state, established = 2, 3, "01" // proc(5)
	others := make(map[string]bool)
	for _, table := range []string{"tcp", "tcp6"} {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", n.cmd.Process.Pid, table))
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > state && f[state] == established {
				host, _, _ := strings.Cut(f[remote], ":")
				others[host] = true
			}
		}
	}
	return len(others)
}

// A watch is `peers --watch`: it tells when each device came.
type watch struct {
	*node
	end func()

	mu   sync.Mutex // guards seen
	seen map[string]time.Time
}

func (n *node) watch() *watch {
	n.Helper()
	w := &watch{node: n, seen: make(map[string]time.Time)}
	c := n.earshot(n.Context(), "peers", "--watch")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		n.Fatalf("watch: %v", err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var o object
			if json.Unmarshal(lines.Bytes(), &o) == nil && o.yes("online") {
				w.sees(o.text("device"))
			}
		}
	})
	w.end = sync.OnceFunc(func() { _ = c.Process.Kill(); reading.Wait(); _ = c.Wait() })
	n.Cleanup(w.end)
	return w
}

func (w *watch) sees(device string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[device].IsZero() {
		w.seen[device] = time.Now()
	}
}

// first is when another was first seen, or zero.
func (w *watch) first(other *node) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[other.device]
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
