// Package memnet is a network in memory, for whole nodes under virtual time. Links see TCP; faults
// are made on demand.
//
// It owns its hosts, their listeners and the connections between them. It is made of mutexes,
// channels and timers only, so a bubble of testing/synctest with many nodes runs days in a second.
// Bytes of one connection arrive in order and none is lost; between connections the order depends
// on the scheduler, as on a real network.
//
// Faults are between two addresses, in both directions. Partition holds bytes back until Heal, as
// if they were sent again later. Drop leaves the open connections dead in silence, as a pulled
// cable does. Reset ends them with an error. Delay holds for bytes that are written later. When a
// host Moves, its old connections are dead as after Drop.
//
// It is for tests and simulations only. It neither loses nor reorders the bytes of a connection,
// since TCP doesn't either.
package memnet

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// sendBuffer is how many bytes a connection takes before the writer waits: about a socket's
	// buffers.
	sendBuffer = 256 << 10
	// backlog is how many connections may wait to be accepted, as in listen(2). Further ones are
	// refused.
	backlog = 128
	// firstPort is the first of the ports that are picked for callers, and for listeners on port 0.
	firstPort = 49152
)

// Network is a set of hosts that reach each other.
type Network struct {
	mu      sync.Mutex // guards everything of the network, its hosts, listeners and connections
	hosts   map[netip.Addr]*Host
	pairs   map[*pair]struct{}
	paths   map[path]fault
	shut    map[netip.Addr]bool
	port    uint16
	changed chan struct{} // closed and replaced when paths or hosts change
}

// path is two addresses, the lower first.
type path struct{ a, b netip.Addr }

func between(a, b netip.Addr) path {
	if b.Less(a) {
		a, b = b, a
	}
	return path{a, b}
}

type fault struct {
	cut   bool
	delay time.Duration // one way
}

// New makes a network without hosts.
func New() *Network {
	return &Network{
		hosts:   make(map[netip.Addr]*Host),
		pairs:   make(map[*pair]struct{}),
		paths:   make(map[path]fault),
		shut:    make(map[netip.Addr]bool),
		port:    firstPort,
		changed: make(chan struct{}),
	}
}

// Host attaches a machine with these addresses. Give its Transport to link.Config.
func (n *Network) Host(addrs ...netip.Addr) *Host {
	h := &Host{net: n}
	h.Move(addrs...)
	return h
}

// Delay sets how long bytes take from one address to the other.
func (n *Network) Delay(a, b netip.Addr, oneWay time.Duration) {
	n.update(a, b, func(f *fault) { f.delay = oneWay })
}

// Partition holds back everything between two addresses until Heal. Dials wait.
func (n *Network) Partition(a, b netip.Addr) {
	n.update(a, b, func(f *fault) { f.cut = true })
}

// Heal ends a partition: what was held back arrives on those connections that nobody has given up.
func (n *Network) Heal(a, b netip.Addr) {
	n.update(a, b, func(f *fault) { f.cut = false })
}

func (n *Network) update(a, b netip.Addr, change func(*fault)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.paths[between(a, b)]
	change(&f)
	n.paths[between(a, b)] = f
	n.wake()
}

// Shut puts an address behind a firewall, or away from it: nobody who dials there gets an answer. Its
// own dials and open connections are as before.
func (n *Network) Shut(a netip.Addr, shut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shut[a] = shut
	n.wake()
}

// Drop silences the open connections between two addresses for good. New ones work.
func (n *Network) Drop(a, b netip.Addr) {
	n.each(a, b, func(p *pair) { p.dead = true })
}

// Reset breaks the open connections between two addresses with an error at both ends.
func (n *Network) Reset(a, b netip.Addr) {
	n.each(a, b, func(p *pair) { p.reset = true })
}

func (n *Network) each(a, b netip.Addr, do func(*pair)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p := range n.pairs {
		if p.path == between(a, b) {
			do(p)
		}
	}
	n.wake()
}

// wake has everyone who waits look again. The caller holds mu.
func (n *Network) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// wait gives up mu until the network has changed, more has closed, ctx has ended, or one of the
// times has come (a zero time never comes).
func (n *Network) wait(ctx context.Context, more <-chan struct{}, times ...time.Time) {
	var clock <-chan time.Time
	times = slices.DeleteFunc(times, time.Time.IsZero)
	if len(times) > 0 {
		t := time.NewTimer(time.Until(slices.MinFunc(times, time.Time.Compare)))
		defer t.Stop()
		clock = t.C
	}
	changed := n.changed
	n.mu.Unlock()
	defer n.mu.Lock()
	select {
	case <-changed:
	case <-more:
	case <-ctx.Done():
	case <-clock:
	}
}

// pick returns the next free port. All connections of the network have different ones, so that a
// port names one in a log.
func (n *Network) pick() uint16 {
	p := n.port
	if n.port++; n.port == 0 {
		n.port = firstPort
	}
	return p
}

// dial connects a host to an address, in a round trip. A host that is not there never answers.
func (n *Network) dial(ctx context.Context, from *Host, to netip.AddrPort) (*conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(from.addrs, func(a netip.Addr) bool { return a.Is4() == to.Addr().Is4() })
	if i < 0 {
		return nil, syscall.ENETUNREACH
	}
	local := netip.AddrPortFrom(from.addrs[i], n.pick())
	way := between(local.Addr(), to.Addr())
	answer := time.Now().Add(2 * n.paths[way].delay)
	for n.paths[way].cut || n.hosts[to.Addr()] == nil || n.shut[to.Addr()] || time.Now().Before(answer) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var due time.Time
		if time.Now().Before(answer) {
			due = answer
		}
		n.wait(ctx, nil, due)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := n.hosts[to.Addr()].listener(to)
	if l == nil || len(l.queue) >= backlog {
		return nil, syscall.ECONNREFUSED
	}
	p := &pair{net: n, path: way}
	there, back := newPipe(), newPipe()
	near := &conn{pair: p, local: local, remote: to, in: back, out: there}
	far := &conn{pair: p, local: to, remote: local, in: there, out: back}
	p.ends = [2]*conn{near, far}
	n.pairs[p] = struct{}{}
	l.queue = append(l.queue, far)
	l.notify()
	return near, nil
}
