package link

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// NewStream opens a stream to a connected peer and agrees on its protocol. It never dials: without
// a connection it returns ErrNotConnected.
func (h *Host) NewStream(ctx context.Context, id peer.ID, proto protocol.ID) (network.Stream, error) {
	s, err := h.host.NewStream(network.WithNoDial(ctx, "the caller connects"), id, proto)
	if errors.Is(err, network.ErrNoConn) {
		return nil, ErrNotConnected
	}
	return s, err
}

// Connect makes sure that there is a connection to the peer. If there is one it returns at once;
// else it dials the given addresses and no others, up to maxDials of them at once. It leaves out
// addresses without an IP, since the library would ask the DNS for whoever suggested them, and
// link-local ones, which it can't dial. Connect takes at most ConnectTimeout. Two peers that dial
// each other at once may end up with two connections; both work.
func (h *Host) Connect(ctx context.Context, id peer.ID, addrs []ma.Multiaddr) error {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	done, ok := h.calls.begin(cancel)
	if !ok {
		return ErrClosed
	}
	defer done()
	h.hold(id, ma.FilterAddrs(addrs, manet.IsThinWaist))
	defer h.release(id)
	// The library would refuse to dial for up to five minutes after a failure, but the caller has a
	// reason to try now.
	h.swarm.Backoff().Clear(id)
	// The library doesn't dial addresses of this machine, which it looks up once a minute. The peer
	// may just have got one that was ours before. Closing no listener at all has the library look
	// again.
	h.swarm.ListenClose()
	switch _, err := h.swarm.DialPeer(ctx, id); {
	case errors.Is(err, context.DeadlineExceeded):
		return ErrNoAnswer
	case err != nil:
		return shorten(err)
	}
	return nil
}

// shorten makes one line out of the library's report about every address: what went wrong at the
// first.
func shorten(err error) error {
	var dial *swarm.DialError
	if !errors.As(err, &dial) || len(dial.DialErrors) == 0 {
		return err
	}
	at := dial.DialErrors[0]
	cause := at.Cause
	var system syscall.Errno
	var other sec.ErrPeerIDMismatch
	switch {
	case errors.As(cause, &other):
		cause = &OtherError{other.Actual}
	case errors.Is(cause, swarm.ErrDialToSelf):
		cause = ErrSelf
	case errors.Is(cause, swarm.ErrGaterDisallowedConnection):
		cause = ErrOver
	case errors.Is(cause, context.DeadlineExceeded):
		cause = ErrNoAnswer
	case errors.As(cause, &system):
		cause = system
	}
	return fmt.Errorf("%s: %w", at.Address, cause)
}

// hold gives the swarm the addresses to dial, until the last Connect to that peer has ended.
func (h *Host) hold(id peer.ID, addrs []ma.Multiaddr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials[id]++
	h.peerstore.AddAddrs(id, addrs, peerstore.TempAddrTTL)
}

func (h *Host) release(id peer.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dials[id]--; h.dials[id] == 0 {
		delete(h.dials, id)
		h.peerstore.ClearAddrs(id)
		h.swarm.Backoff().Clear(id)
	}
}
