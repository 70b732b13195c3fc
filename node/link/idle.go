package link

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/node/budget"
)

const (
	// idleTimeout bounds a connection that carries no stream: whoever dialled opens one at once.
	// One that does is left alone for idleAgain or up to twice that, till the moment at which all are
	// looked at, since the node wakes for it.
	idleTimeout = 5 * time.Second
	idleAgain   = time.Minute
)

// connected takes in a new connection.
func (h *Host) connected(_ network.Network, c network.Conn) {
	if ip, err := manet.ToIP(c.RemoteMultiaddr()); err == nil && h.entrance.standing(c.RemotePeer()) == budget.Contact {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			h.entrance.keep(addr)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idle[c] = time.AfterFunc(idleTimeout, func() { h.closeIdle(c) })
}

// disconnected forgets a connection that has ended.
func (h *Host) disconnected(c network.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.idle[c]; t != nil {
		t.Stop()
		delete(h.idle, c)
	}
}

// closeIdle closes a connection that carries no stream, and looks again later if it does.
func (h *Host) closeIdle(c network.Conn) {
	for _, s := range c.GetStreams() {
		if s.Protocol() != "" || s.Stat().Direction == network.DirOutbound {
			h.mu.Lock()
			defer h.mu.Unlock()
			if t := h.idle[c]; t != nil {
				t.Reset(untilLook(time.Since(h.began)))
			}
			return
		}
	}
	_ = c.Close()
}

// untilLook is how long it is to the next look, so long after the host began.
func untilLook(since time.Duration) time.Duration { return 2*idleAgain - since%idleAgain }

// Keep remembers addresses at which devices of contacts are: for connections from there some places
// are kept free that others can't take. Those to and from a device that is a contact's are
// remembered by themselves.
func (h *Host) Keep(addrs ...netip.Addr) { h.entrance.keep(addrs...) }
