package gossip

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

// fellowHost is what the library sees of the host: fellow members and nobody else. With others it
// opens and accepts no streams, and it dials nobody. It has an event bus of its own, so that other
// groups do not hear which devices this group meets.
type fellowHost struct {
	host.Host
	members *members
	bus     event.Bus
	calls   calls
}

func newFellowHost(h host.Host, m *members) *fellowHost {
	return &fellowHost{Host: h, members: m, bus: eventbus.NewBus()}
}

func (h *fellowHost) EventBus() event.Bus { return h.bus }

func (h *fellowHost) Network() network.Network { return fellowNetwork{h.Host.Network(), h.members} }

// Connect always refuses: the node decides whom to connect to.
func (h *fellowHost) Connect(context.Context, peer.AddrInfo) error { return ErrStranger }

func (h *fellowHost) NewStream(ctx context.Context, id peer.ID, protos ...protocol.ID) (network.Stream, error) {
	if !h.calls.begin() {
		return nil, ErrStopped
	}
	defer h.calls.end()
	if !h.members.has(id) {
		return nil, ErrStranger
	}
	s, err := h.Host.NewStream(network.WithNoDial(ctx, "the node connects"), id, protos...)
	if err != nil {
		return nil, err
	}
	if !h.members.has(id) || ctx.Err() != nil { // it may have ended meanwhile
		_ = s.Reset()
		return nil, ErrStranger
	}
	return s, nil
}

func (h *fellowHost) SetStreamHandler(proto protocol.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(proto, func(s network.Stream) {
		id := s.Conn().RemotePeer()
		if !h.calls.begin() {
			_ = s.Reset()
			return
		}
		defer h.calls.end()
		if !h.members.has(id) {
			_ = s.Reset()
			return
		}
		h.members.meet(id) // the peer gossips, so open a stream to it as well
		handle(s)
		h.members.quiet(id)
	})
}

// reset ends the streams of a protocol on some connections.
func reset(conns []network.Conn, proto protocol.ID) {
	for _, c := range conns {
		for _, s := range c.GetStreams() {
			if s.Protocol() == proto {
				_ = s.Reset()
			}
		}
	}
}

// close refuses further streams, ends those that are open, and returns when every handler has
// ended. The library's context must have ended before.
func (h *fellowHost) close(proto protocol.ID) {
	h.RemoveStreamHandler(proto)
	h.calls.close()
	reset(h.Host.Network().Conns(), proto)
	h.calls.wait()
}

// fellowNetwork shows connections to fellow members only.
type fellowNetwork struct {
	network.Network
	members *members
}

func (n fellowNetwork) Peers() []peer.ID {
	var peers []peer.ID
	for _, id := range n.Network.Peers() {
		if n.members.has(id) {
			peers = append(peers, id)
		}
	}
	return peers
}

func (n fellowNetwork) Connectedness(id peer.ID) network.Connectedness {
	if !n.members.has(id) {
		return network.NotConnected
	}
	return n.Network.Connectedness(id)
}

// calls counts what is under way, so that the end can wait for it.
type calls struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// begin counts a call until end; false after close.
func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

func (c *calls) end() { c.running.Done() }

func (c *calls) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *calls) wait() { c.running.Wait() }
