package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/fair"
)

// How many connections may have come in, in all maxConnsInbound that are proven and maxArriving +
// maxArrivingKept that are not. Those that this node dials have places of their own, which nobody
// can take from outside.
const (
	// maxConnsInbound: 1,000 peers, one and a half times, since two that dial each other at once
	// keep both connections for a while.
	maxConnsInbound = 1536
	// maxConnsStrangers: the sessions that strangers may have, and some that end or begin.
	maxConnsStrangers = 512
	// maxConnsOthers: the same of strangers and fellows together. The rest is for contacts alone.
	maxConnsOthers = 1024
	// maxArriving: connections whose peers have not proven who they are. When the power comes back,
	// an office gets in within some seconds. What is silent makes room for who comes later.
	maxArriving = 192
	// maxArrivingKept: the same of connections from addresses that contacts have used lately.
	maxArrivingKept = 64

	// maxKept is how many addresses of contacts are remembered, for keptFor after they were last
	// seen there: an office of contacts, over a long weekend.
	maxKept = 1024
	keptFor = 7 * 24 * time.Hour
)

// Why a connection is refused. Nobody is told but the log.
var (
	errCrowded = errors.New("too many connections of strangers")
	errMany    = errors.New("too many connections")
)

// entrance decides which connections may come in. One that has come takes a place until it has
// proven who it is, and then one by its peer's standing. Below the limits of all strangers, shares
// of each address are only fairness, by the rule of package fair; a peer of a contact's is charged
// to no address once it has proven itself.
//
// A connection that must make room for another is closed: among those that are not proven the one
// that came first, since an honest peer takes a fraction of a second, and else one that carries no
// stream.
type entrance struct {
	standing func(peer.ID) budget.Standing
	onLink   func(netip.Addr) bool
	busy     func(peer.ID) bool // has a stream that names a protocol

	turns turns // of handshakes of whoever comes from anywhere
	keeps turns // the same from addresses that contacts have used lately

	mu        sync.Mutex
	attempts  *fair.Rate[netip.Addr] // from anywhere
	again     *fair.Rate[netip.Addr] // from addresses that contacts have used lately
	arrivals  map[net.Conn]*arrival  // that are not proven
	arriving  *fair.Pool[netip.Addr, *arrival]
	kept      *fair.Pool[netip.Addr, *arrival]
	strangers *fair.Pool[netip.Addr, *arrival]
	fellows   map[*arrival]struct{}
	contacts  int
	known     map[netip.Addr]time.Time // where contacts were lately, and when
}

func newEntrance(cfg Config, busy func(peer.ID) bool) *entrance {
	e := &entrance{
		standing:  cfg.Standing,
		onLink:    cfg.OnLink,
		busy:      busy,
		arrivals:  make(map[net.Conn]*arrival),
		attempts:  fair.NewRate[netip.Addr](maxAttempts, attemptSpan),
		again:     fair.NewRate[netip.Addr](maxAttempts, attemptSpan),
		arriving:  fair.New[netip.Addr, *arrival](maxArriving),
		kept:      fair.New[netip.Addr, *arrival](maxArrivingKept),
		strangers: fair.New[netip.Addr, *arrival](maxConnsStrangers),
		fellows:   make(map[*arrival]struct{}),
		known:     make(map[netip.Addr]time.Time),
	}
	if e.onLink == nil {
		e.onLink = func(netip.Addr) bool { return true }
	}
	e.turns.init(handshakeRate, handshakeBurst)
	e.keeps.init(handshakeRate, handshakeBurst)
	return e
}

// keep remembers addresses at which contacts are. Connections from there have places and turns of
// their own as long as they are not proven.
func (e *entrance) keep(addrs ...netip.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, a := range addrs {
		if a = a.Unmap().WithZone(""); a.IsValid() {
			e.known[a] = now
		}
	}
	for len(e.known) > maxKept {
		var oldest netip.Addr
		for a, seen := range e.known {
			if !oldest.IsValid() || seen.Before(e.known[oldest]) {
				oldest = a
			}
		}
		delete(e.known, oldest)
	}
}

// isKept says that a contact was at an address lately. The caller holds the lock.
func (e *entrance) isKept(a netip.Addr) bool {
	seen, ok := e.known[a]
	if ok && time.Since(seen) > keptFor {
		delete(e.known, a)
		return false
	}
	return ok
}

// arrival is a connection that came in. It is the scope by which the upgrader says how far the
// connection is.
type arrival struct {
	network.ConnManagementScope
	entrance *entrance
	conn     net.Conn
	from     netip.Addr // its end; not valid for one from this machine, which takes no place
	holder   netip.Addr // who is charged while it is a stranger's
	kept     bool

	peer   peer.ID // once it is proven
	proven budget.Standing
	ended  bool
}

// arrive gives a connection a place, or reports why there is none. The caller closes it then.
func (e *entrance) arrive(conn manet.Conn, scope network.ConnManagementScope) (*arrival, error) {
	a := &arrival{ConnManagementScope: scope, entrance: e, conn: conn}
	ip, err := manet.ToIP(conn.RemoteMultiaddr())
	if err != nil {
		return nil, err
	}
	from, _ := netip.AddrFromSlice(ip)
	if from = from.Unmap(); from.IsLoopback() { // somebody on this machine has easier ways to harm it
		return a, nil
	}
	a.from, a.holder = from, fair.Holder(from, e.onLink(from))
	e.mu.Lock()
	pool, rate := e.arriving, e.attempts
	if a.kept = e.isKept(from); a.kept {
		pool, rate = e.kept, e.again
	}
	if !rate.Allow(a.holder, time.Now()) {
		e.mu.Unlock()
		return nil, errMany
	}
	goes := first(pool.Rivals(a.holder))
	if goes == nil && !pool.Take(a.holder, a) {
		goes = first(pool.All())
	}
	if goes != nil {
		pool.Swap(goes, a.holder, a)
	}
	e.arrivals[conn] = a
	e.mu.Unlock()
	goes.close()
	return a, nil
}

// turn waits until a connection may begin its handshake. It returns from where that comes, if
// strangers are to be charged for it.
func (e *entrance) turn(ctx context.Context, conn net.Conn) (from netip.Addr, err error) {
	e.mu.Lock()
	a := e.arrivals[conn]
	e.mu.Unlock()
	switch {
	case a == nil: // from this machine
		return from, nil
	case a.kept:
		return from, e.keeps.wait(ctx, a.holder)
	}
	return a.from, e.turns.wait(ctx, a.holder)
}

// SetPeer takes in who the peer of the connection has proven to be.
func (a *arrival) SetPeer(id peer.ID) error {
	if err := a.ConnManagementScope.SetPeer(id); err != nil {
		return err
	}
	if !a.from.IsValid() {
		return nil
	}
	e := a.entrance
	standing := e.standing(id)
	if standing == budget.Contact {
		e.keep(a.from)
	}
	e.mu.Lock()
	if a.ended {
		e.mu.Unlock()
		return errCrowded
	}
	e.leave(a)
	a.peer = id
	goes, err := e.place(a, standing)
	e.mu.Unlock()
	goes.close()
	return err
}

// place gives a connection that is proven a place, and returns the one that must go for it. The
// caller holds the lock.
func (e *entrance) place(a *arrival, standing budget.Standing) (goes *arrival, err error) {
	others := e.strangers.Len() + len(e.fellows)
	full := others+e.contacts >= maxConnsInbound
	switch standing {
	case budget.Stranger:
		if others >= maxConnsOthers || full {
			return nil, errCrowded
		}
		for _, rival := range e.strangers.Rivals(a.holder) {
			if now := e.standing(rival.peer); now != budget.Stranger { // it has become more meanwhile
				e.leave(rival)
				e.enter(rival, now)
			} else if !e.busy(rival.peer) && goes == nil {
				goes = rival
			}
		}
		switch {
		case e.strangers.Take(a.holder, a):
			goes = nil
		case goes == nil:
			return nil, errCrowded
		default:
			e.strangers.Swap(goes, a.holder, a)
		}
		a.proven = budget.Stranger
		return goes, nil
	case budget.Fellow:
		if others >= maxConnsOthers || full {
			return nil, errCrowded
		}
	case budget.Contact:
		if full {
			if goes = e.least(); goes == nil {
				return nil, errMany
			}
			e.leave(goes)
		}
	}
	e.enter(a, standing)
	return goes, nil
}

// least returns one who must make room for a contact, if there is any.
func (e *entrance) least() *arrival {
	if s := e.strangers.All(); len(s) > 0 {
		return s[0]
	}
	for a := range e.fellows {
		return a
	}
	return nil
}

// enter counts a connection of a fellow or contact. The caller holds the lock.
func (e *entrance) enter(a *arrival, standing budget.Standing) {
	if a.proven = standing; standing == budget.Fellow {
		e.fellows[a] = struct{}{}
	} else {
		e.contacts++
	}
}

// leave gives back whichever place a connection has. The caller holds the lock.
func (e *entrance) leave(a *arrival) {
	if _, fellow := e.fellows[a]; fellow {
		delete(e.fellows, a)
	} else if a.proven == budget.Contact {
		e.contacts--
	}
	a.proven = budget.Stranger
	delete(e.arrivals, a.conn)
	for _, pool := range []*fair.Pool[netip.Addr, *arrival]{e.arriving, e.kept, e.strangers} {
		pool.Leave(a)
	}
}

// Done gives the place back. It may be called again.
func (a *arrival) Done() {
	a.ConnManagementScope.Done()
	a.entrance.mu.Lock()
	defer a.entrance.mu.Unlock()
	if !a.ended {
		a.ended = true
		a.entrance.leave(a)
	}
}

// close closes a connection that must make room, if there is one.
func (a *arrival) close() {
	if a != nil {
		_ = a.conn.Close()
		a.Done() // whoever was at work on it would do so later
	}
}

func first(all []*arrival) *arrival {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// doorway is an upgrader whose listeners ask the entrance.
type doorway struct {
	transport.Upgrader
	entrance *entrance
}

func (d doorway) GateMaListener(l manet.Listener) transport.GatedMaListener {
	return doorkeeper{d.Upgrader.GateMaListener(l), d.entrance}
}

func (d doorway) UpgradeListener(t transport.Transport, l manet.Listener) transport.Listener {
	return d.UpgradeGatedMaListener(t, d.GateMaListener(l))
}

type doorkeeper struct {
	transport.GatedMaListener
	entrance *entrance
}

// Accept returns the next connection that may come in.
func (l doorkeeper) Accept() (manet.Conn, network.ConnManagementScope, error) {
	for {
		conn, scope, err := l.GatedMaListener.Accept()
		if err != nil {
			return nil, nil, err
		}
		a, err := l.entrance.arrive(conn, scope)
		if err == nil {
			return conn, a, nil
		}
		scope.Done()
		_ = conn.Close()
	}
}
