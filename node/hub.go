package node

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/sync"
)

const (
	syncProtocol = protocol.ID("/earshot/sync/1")

	// youngSession is how long two devices may have opened streams to each other at once. A stream that comes
	// later replaces the older one: its peer must have lost it.
	youngSession = 2 * time.Second
)

// Why a session was ended from here.
var (
	errReplaced  = errors.New("replaced by a newer session")
	errFull      = errors.New("too many peers")
	errGone      = errors.New("node is stopping")
	errBlocked   = errors.New("peer was blocked")
	errNotServed = errors.New("strangers are not served any more")
)

// hub owns whom this node dials and its sessions. Its state belongs to the goroutine of run; everybody else hands
// functions to that goroutine by do.
type hub struct {
	log      *slog.Logger
	host     *link.Host
	newPeer  func(stream network.Stream, opened bool) *session // makes a session, starts nothing
	changed  func()                                            // presence has changed
	place    func(s *session, own, heard []netip.AddrPort)     // takes in where the peer of a session is
	addrs    func(discovery.Network) []netip.AddrPort          // where this node listens
	self     func([]netip.AddrPort, discovery.Network)         // takes in where this device is announced
	mail     chan func()                                       // waits while full
	stopped  chan struct{}
	running  gosync.WaitGroup // dials, and sessions that were admitted
	planner  *dial.Planner
	sessions map[crypto.DeviceID]*session
	network  discovery.Network
}

func newHub(host *link.Host, log *slog.Logger) *hub {
	self := host.ID()
	return &hub{
		log:      log,
		host:     host,
		mail:     make(chan func(), 256),
		stopped:  make(chan struct{}),
		planner:  dial.New(dial.Config{Self: self, Seed: seed(self)}),
		sessions: make(map[crypto.DeviceID]*session),
	}
}

// seed makes the jitter of two devices differ.
func seed(id peer.ID) (n uint64) {
	for _, b := range []byte(id[max(0, len(id)-8):]) {
		n = n<<8 | uint64(b)
	}
	return n
}

// do has f run by the hub's goroutine, later. It reports false if the hub has stopped. The hub itself must not call it.
func (h *hub) do(f func()) bool {
	select {
	case h.mail <- f:
		return true
	case <-h.stopped:
		return false
	}
}

// ask has f run by the hub's goroutine and waits for it.
func (h *hub) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	if !h.do(func() { f(); close(done) }) {
		return errGone
	}
	select {
	case <-done:
		return nil
	case <-h.stopped:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// accept has the streams that peers open served, by run, until ctx ends. Call it before run, and both before listening: who
// dials and is not understood does not come back soon.
func (h *hub) accept(ctx context.Context) {
	h.host.SetStreamHandler(syncProtocol, func(s network.Stream) { h.serve(ctx, h.newPeer(s, false)) })
}

// run dials and serves until ctx ends, and returns when every dial and session has.
func (h *hub) run(ctx context.Context, networks <-chan discovery.Network) {
	ctx, cancel := context.WithCancel(ctx)
	wake := time.NewTimer(0)
	defer func() {
		h.host.RemoveStreamHandler(syncProtocol)
		cancel()
		h.drain()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-h.mail:
			f()
		case n := <-networks:
			h.networkChanged(n)
		case <-wake.C:
		}
		dials, at := h.planner.Next(time.Now())
		for _, d := range dials {
			h.running.Go(func() { h.dial(ctx, d) }) // ends with ctx
		}
		if at.IsZero() {
			wake.Stop()
		} else {
			wake.Reset(time.Until(at))
		}
	}
}

// drain goes on for those who have something to say when they end, until every dial and session has.
func (h *hub) drain() {
	ended := make(chan struct{})
	go func() { // ends with the dials and sessions, whose ctx has
		h.running.Wait()
		close(ended)
	}()
	for {
		select {
		case f := <-h.mail:
			f()
		case <-ended:
			close(h.stopped)
			return
		}
	}
}

// networkChanged follows an interface that came, went or changed its address, or a wake from sleep. Who is connected is told:
// otherwise they would look for this device where it was, if the session lasts longer than the address. A session may also
// have begun before the first network was known.
func (h *hub) networkChanged(n discovery.Network) {
	gone := slices.DeleteFunc(localAddrs(h.network), func(a netip.Addr) bool {
		return slices.Contains(localAddrs(n), a)
	})
	before := h.addrs(h.network)
	h.network = n
	if len(gone) > 0 {
		h.host.CloseLocal(gone)
	}
	if now := h.addrs(n); !slices.Equal(before, now) {
		for _, s := range h.sessions {
			s.news.share(sync.Sighting{Device: s.self, Addresses: now})
		}
	}
	h.planner.NetworkChanged(time.Now())
}

func localAddrs(n discovery.Network) (addrs []netip.Addr) {
	for _, l := range n.Links {
		addrs = append(addrs, l.Addrs...)
	}
	return addrs
}

// dial makes one attempt, and if it succeeds serves the session until that ends.
func (h *hub) dial(ctx context.Context, d dial.Dial) {
	s, err := h.open(ctx, d)
	h.do(func() { h.planner.Dialled(d.Device, err, time.Now()) })
	if err != nil {
		h.log.Debug("dial", "peer", d.Device, "addr", d.Addrs, "err", err)
		return
	}
	h.serve(ctx, s)
}

func (h *hub) open(ctx context.Context, d dial.Dial) (*session, error) {
	addrs := discovery.Sighting{Device: d.Device, Addrs: d.Addrs}.Multiaddrs()
	if err := h.host.Connect(ctx, d.Device, addrs); err != nil {
		return nil, err
	}
	stream, err := h.host.NewStream(ctx, d.Device, syncProtocol)
	if err != nil {
		for _, c := range h.host.ConnsTo(d.Device) {
			closeUnused(c)
		}
		return nil, err
	}
	return h.newPeer(stream, true), nil
}

// serve runs a session in the caller's goroutine until it ends.
func (h *hub) serve(ctx context.Context, s *session) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.cancel = cancel
	refused := errGone
	if h.ask(context.WithoutCancel(ctx), func() { refused = h.admit(ctx, s) }) != nil || refused != nil {
		_ = s.stream.Reset()
		closeUnused(s.stream.Conn())
		return
	}
	defer h.running.Done()
	err := s.run(ctx)
	level := slog.LevelDebug
	if errors.Is(err, sync.ErrProtocol) || errors.Is(err, sync.ErrPeerProof) {
		level = slog.LevelWarn // the owner may want to know who
	}
	h.log.Log(ctx, level, "session ended", "peer", s.peer, "err", err)
	_ = h.ask(context.WithoutCancel(ctx), func() { h.ended(s, err) }) // it does not stop before
}

// closeUnused closes a connection that carries no session: it is of no use, and the next dial would find it again.
func closeUnused(c network.Conn) {
	for _, s := range c.GetStreams() {
		if s.Protocol() == syncProtocol {
			return
		}
	}
	_ = c.Close()
}

// admit makes s the session with its peer and counts it as running, or says why not.
func (h *hub) admit(ctx context.Context, s *session) error {
	if ctx.Err() != nil {
		return errGone
	}
	old := h.sessions[s.peer]
	if old != nil && old.opened != s.opened && time.Since(old.since) < youngSession && old.openedByLower() {
		return errReplaced
	}
	if !h.planner.Connected(peerID(s.peer), time.Now()) {
		return errFull
	}
	h.running.Add(1)
	h.sessions[s.peer] = s
	if old != nil {
		old.cancel(errReplaced)
	}
	return nil
}

// ended takes a session out.
func (h *hub) ended(s *session, err error) {
	if h.sessions[s.peer] != s {
		return
	}
	h.found(s)
	delete(h.sessions, s.peer)
	cause := dial.Lost
	switch {
	case errors.Is(err, sync.ErrIncompatible):
		cause = dial.Incompatible
	case errors.Is(err, sync.ErrProtocol), errors.Is(err, sync.ErrPeerProof):
		cause = dial.Fault
	}
	h.planner.Disconnected(peerID(s.peer), cause, time.Now())
	h.changed()
}

// sighted takes in what a source found.
func (h *hub) sighted(s discovery.Sighting) {
	h.do(func() { h.planner.Sighted(s, time.Now()) })
}

// sightedSelf takes in where this device is announced, by this node or another.
func (h *hub) sightedSelf(s discovery.Sighting) {
	h.do(func() { h.self(s.Addrs, h.network) })
}

// introduce tells a new session's peer who else is here, and the others of it.
func (h *hub) introduce(s *session) {
	if h.sessions[s.peer] != s {
		return
	}
	own := sync.Sighting{Device: s.self, Addresses: h.addrs(h.network)}
	toNew := []sync.Sighting{own}
	here := sync.Sighting{Device: s.peer, Addresses: h.planner.State(peerID(s.peer)).Addrs}
	for device, other := range h.sessions {
		if other == s {
			continue
		}
		if addrs := h.planner.State(peerID(device)).Addrs; len(addrs) > 0 && len(toNew) < sync.MaxSightings {
			toNew = append(toNew, sync.Sighting{Device: device, Addresses: addrs})
		}
		if len(here.Addresses) > 0 {
			other.news.share(here)
		}
	}
	s.news.share(toNew...)
	h.found(s)
	h.changed()
}

// found takes in where the peer of a session is, by what was heard of it till now.
func (h *hub) found(s *session) {
	if h.sessions[s.peer] == s {
		h.place(s, s.ownAddrs, h.planner.State(peerID(s.peer)).Addrs)
	}
}

// pin says whether devices are to be reached whoever else is there.
func (h *hub) pin(devices []crypto.DeviceID, contact bool) {
	h.do(func() {
		for _, d := range devices {
			h.planner.Pin(peerID(d), contact, time.Now())
		}
	})
}

// states returns what is known of every device that is connected or has an address, by device.
func (h *hub) states(ctx context.Context) (map[crypto.DeviceID]dial.State, error) {
	out := make(map[crypto.DeviceID]dial.State)
	err := h.ask(ctx, func() {
		for _, id := range h.planner.Devices() {
			if device, err := crypto.DeviceFromPeer(id); err == nil {
				out[device] = h.planner.State(id)
			}
		}
	})
	return out, err
}
