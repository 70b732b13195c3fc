// Package memnet is a network in memory for whole nodes under virtual time: TCP as links see it, with faults on demand.
//
// It owns its hosts, their listeners and the connections between them. Nothing but mutexes, channels and timers lies
// beneath, so a bubble of testing/synctest that holds every node may run days in a second. Bytes of one connection
// arrive in order and whole; between connections, order is the scheduler's, as on a real network.
//
// Faults lie between two addresses, in both directions. Partition holds bytes back until Heal, as retransmission
// would; Drop leaves the open connections dead without a word, as a pulled cable does; Reset tears them with an error;
// Delay takes effect for bytes written later. A host that Moves leaves its connections dead as Drop does.
//
// It is for tests and simulations only. It does not lose or reorder the bytes of a connection, since TCP would not.
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
	// sendBuffer is how many bytes a connection takes before the writer waits: about a socket's buffers.
	sendBuffer = 256 << 10
	// backlog is how many connections wait to be accepted before more are refused, as listen(2) has it.
	backlog = 128
	// firstPort is where the ports begin that are picked for callers and for listeners on port 0.
	firstPort = 49152
)

// Network is a set of hosts that reach each other.
type Network struct {
	mu      sync.Mutex // guards everything of the network, its hosts, listeners and connections
	hosts   map[netip.Addr]*Host
	pairs   map[*pair]struct{}
	paths   map[path]fault
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

// wait gives mu up until something may have changed: the network, more, ctx, or the clock reaching one of the times
// (zero: never).
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

// pick returns the next free port of those that are picked. Connections of the whole network share the row, so that
// a log names each by its port.
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
	for n.paths[way].cut || n.hosts[to.Addr()] == nil || time.Now().Before(answer) {
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
	ours := &conn{pair: p, local: local, remote: to, in: back, out: there}
	theirs := &conn{pair: p, local: to, remote: local, in: there, out: back}
	p.ends = [2]*conn{ours, theirs}
	n.pairs[p] = struct{}{}
	l.queue = append(l.queue, theirs)
	l.notify()
	return ours, nil
}
