// Package link is the road between two devices: a libp2p host for an office network, assembled by hand.
//
// It owns the listening sockets, the connections, the resource limits and the addresses being dialled. A link is
// TCP, TLS 1.3 with the hybrid X25519MLKEM768 key agreement, and yamux; there is no second choice of anything, so
// there is nothing to negotiate down to. The handshake proves the device: whoever answers is the peer ID that was
// dialled, whatever suggested the address. A machine's clock plays no part in it.
//
// It refuses to know what is said on a stream, to keep addresses for longer than a dial, to dial on its own, and to
// relay, map ports or ask others what its address is. Nothing here retries: a caller that wants a peer calls Connect.
//
// New builds a host that is deaf. Set stream handlers and Notify first, then Listen; Close ends everything and waits.
// All methods may be called from any goroutine, except Close from within a handler or callback, which would wait for
// itself. A peer that falls silent is disconnected within 15 seconds, and its streams end with an error.
//
// Built from the swarm, the upgrader, the TCP transport and the blank host rather than libp2p's root package, which
// links QUIC, WebRTC and websockets: a program that only imports them is 330 packages and 10.4 MB, stripped; with the
// basic host 369 and 10.6 MB, and its identify, AutoNAT and relay services; with the root 537 and 21 MB.
package link

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	// ConnectTimeout bounds one Connect: time for a laptop that is just waking and for a dead address to be passed
	// over, short enough that a person who waits still watches.
	ConnectTimeout = 10 * time.Second
	// handshakeTimeout bounds an accepted connection that has not yet proven who it is.
	handshakeTimeout = 10 * time.Second
	// negotiateTimeout bounds a new stream that has not yet named its protocol, on either side.
	negotiateTimeout = 10 * time.Second

	// maxDials is how many addresses of one peer are dialled at once: all that a caller is expected to know. If some had to
	// wait, or were refused, whoever forges addresses at which nobody answers could hide the one at which the peer is.
	maxDials = 10
)

func init() { swarm.DefaultPerPeerRateLimit = maxDials }

// Config is what a host is made of.
type Config struct {
	Key ed25519.PrivateKey // the device's; its public half is the peer ID
	Log *slog.Logger       // receives the libraries' warnings; nil discards them

	// Transport makes the transport that carries links; nil means TCP. Simulations put a network in memory here.
	Transport Transport
}

// Transport makes what dials and listens. The upgrader adds TLS and yamux; the resource manager must be asked before
// a connection is opened, as the upgrader's own listeners do.
type Transport func(transport.Upgrader, network.ResourceManager) (transport.Transport, error)

// Host is one device's end of all its links.
type Host struct {
	swarm     *swarm.Swarm
	host      *protoHost
	peerstore peerstore.Peerstore
	limits    network.ResourceManager
	log       *slog.Logger
	calls     calls

	mu    sync.Mutex
	dials map[peer.ID]int // Connects in progress; a peer's addresses are kept while it has any
}

// New builds a host that neither listens nor dials yet. The caller must Close it.
func New(cfg Config) (_ *Host, err error) {
	if len(cfg.Key) != ed25519.PrivateKeySize {
		return nil, ErrKey
	}
	key, err := crypto.UnmarshalEd25519PrivateKey(cfg.Key)
	if err != nil {
		return nil, errors.Join(ErrKey, err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, errors.Join(ErrKey, err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	routeLibraryLogs(cfg.Log)
	h := &Host{log: cfg.Log, dials: make(map[peer.ID]int)}

	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for i := len(undo) - 1; i >= 0; i-- {
			_ = undo[i]()
		}
	}()

	store, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, fmt.Errorf("open address book: %w", err)
	}
	h.peerstore = store
	undo = append(undo, store.Close)
	if err := store.AddPrivKey(id, key); err != nil {
		return nil, fmt.Errorf("keep key: %w", err)
	}
	if h.limits, err = newLimits(); err != nil {
		return nil, fmt.Errorf("set limits: %w", err)
	}
	undo = append(undo, h.limits.Close)

	// One bus for the swarm and the host: gossip learns on it that a peer has gone.
	bus := eventbus.NewBus()
	h.swarm, err = swarm.NewSwarm(id, store, bus,
		swarm.WithResourceManager(h.limits),
		swarm.WithDialTimeout(ConnectTimeout),
		swarm.WithDialTimeoutLocal(ConnectTimeout),
		// A hundred sleeping laptops are no sign that a protocol is blocked.
		swarm.WithIPv6BlackHoleSuccessCounter(nil),
		swarm.WithUDPBlackHoleSuccessCounter(nil),
	)
	if err != nil {
		return nil, fmt.Errorf("assemble swarm: %w", err)
	}
	undo = append(undo, h.swarm.Close)

	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: newMuxer()}}
	secure, err := newSecurity(key, id, yamux.ID)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, h.limits, nil,
		upgrader.WithAcceptTimeout(handshakeTimeout))
	if err != nil {
		return nil, fmt.Errorf("assemble upgrader: %w", err)
	}
	if cfg.Transport == nil {
		cfg.Transport = newTCP
	}
	carrier, err := cfg.Transport(up, h.limits)
	if err != nil {
		return nil, fmt.Errorf("open transport: %w", err)
	}
	if err := h.swarm.AddTransport(carrier); err != nil {
		return nil, fmt.Errorf("add transport: %w", err)
	}
	blank := blankhost.NewBlankHost(h.swarm, blankhost.WithEventBus(bus))
	if blank == nil {
		return nil, errors.New("assemble host: refused by the library")
	}
	h.host = &protoHost{BlankHost: blank, calls: &h.calls}
	h.swarm.SetStreamHandler(h.host.serve)
	h.swarm.Notify(&network.NotifyBundle{DisconnectedF: h.forget})
	return h, nil
}

// newTCP never dials from a listening port: with several nodes on one machine that would have two sockets claim the
// same pair of addresses, and no two of them may listen on one port and share its callers by chance.
func newTCP(up transport.Upgrader, limits network.ResourceManager) (transport.Transport, error) {
	return tcp.NewTCPTransport(up, limits, nil, tcp.DisableReuseport(), tcp.WithConnectionTimeout(ConnectTimeout))
}

// ID is this device's peer ID.
func (h *Host) ID() peer.ID { return h.swarm.LocalPeer() }

// Libp2p is the door for libraries that are built on a libp2p host, such as gossipsub.
//
// There is no identify protocol here, so nobody emits event.EvtPeerIdentificationCompleted, by which gossipsub learns
// of peers after it has started (those connected before are found without). Whoever runs it emits that event on the
// host's EventBus, with the gossip protocol in Protocols, for each peer that has told that it speaks it. That peers
// have gone it learns from event.EvtPeerConnectednessChanged, which the swarm emits. Its signing key is in the
// Peerstore; there is no certified address record of a peer, so peer exchange must stay off; the connection manager
// ignores its tags. The protocol named counts among a peer's streams in the limits: one each way.
func (h *Host) Libp2p() host.Host { return h.host }

// SetStreamHandler names who serves the streams that peers open for a protocol. Each stream gets a goroutine, which
// handle runs in; Close resets the stream and waits for handle to return.
func (h *Host) SetStreamHandler(proto protocol.ID, handle func(network.Stream)) {
	h.host.SetStreamHandler(proto, handle)
}

// RemoveStreamHandler refuses new streams of a protocol; those open go on.
func (h *Host) RemoveStreamHandler(proto protocol.ID) { h.host.RemoveStreamHandler(proto) }

// NewStream opens a stream to a connected peer and agrees on its protocol. It never dials: without a connection it
// returns ErrNotConnected.
func (h *Host) NewStream(ctx context.Context, id peer.ID, proto protocol.ID) (network.Stream, error) {
	s, err := h.host.NewStream(network.WithNoDial(ctx, "the caller connects"), id, proto)
	if errors.Is(err, network.ErrNoConn) {
		return nil, ErrNotConnected
	}
	return s, err
}

// Connect makes sure that there is a connection to the peer, dialling the addresses given and no others, up to maxDials
// of them at once; where there is a connection it returns at once. Addresses that name no IP are passed over, since the
// library would ask the DNS on behalf of whoever suggested them; so are link-local ones, which it cannot dial. Connect
// takes at most ConnectTimeout. Two peers that dial each other at once may end up with two connections; both work.
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
	// The library waits up to five minutes after failures; whoever calls has a reason to try now.
	h.swarm.Backoff().Clear(id)
	// It dials none of its own addresses, which it looks up once a minute; the peer may have got one that was ours till
	// just now. Closing no listeners makes it look again.
	h.swarm.ListenClose()
	_, err := h.swarm.DialPeer(ctx, id)
	if err != nil {
		return shorten(err)
	}
	return nil
}

// shorten makes of the library's account of every address, over several lines, one of what went wrong at the first.
func shorten(err error) error {
	var dial *swarm.DialError
	if !errors.As(err, &dial) || len(dial.DialErrors) == 0 {
		return err
	}
	at := dial.DialErrors[0]
	var system syscall.Errno
	if errors.As(at.Cause, &system) {
		return fmt.Errorf("%s: %w", at.Address, system)
	}
	return fmt.Errorf("%s: %w", at.Address, at.Cause)
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

// forget drops what the library would otherwise keep for ever about every device that ever connected.
func (h *Host) forget(_ network.Network, c network.Conn) {
	if len(h.swarm.ConnsToPeer(c.RemotePeer())) == 0 {
		h.peerstore.RemovePeer(c.RemotePeer())
	}
}

// Notify asks to be told of connections, not of peers: a peer may have several. Disconnected follows connected for
// each connection; callbacks for different connections may run at the same time. A callback must not block: it holds
// up the connection's first streams, and Close.
func (h *Host) Notify(connected, disconnected func(network.Conn)) {
	h.swarm.Notify(&network.NotifyBundle{
		ConnectedF:    func(_ network.Network, c network.Conn) { connected(c) },
		DisconnectedF: func(_ network.Network, c network.Conn) { disconnected(c) },
	})
}

// Conns are the connections now open, with their local and remote addresses.
func (h *Host) Conns() []network.Conn { return h.swarm.Conns() }

// ConnsTo are the connections now open to one peer.
func (h *Host) ConnsTo(id peer.ID) []network.Conn { return h.swarm.ConnsToPeer(id) }

// CloseLocal closes the connections from addresses that this machine no longer has; they could only time out.
func (h *Host) CloseLocal(gone []netip.Addr) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, c := range h.swarm.Conns() {
		ip, err := manet.ToIP(c.LocalMultiaddr())
		if err != nil {
			continue
		}
		local, ok := netip.AddrFromSlice(ip)
		if !ok {
			continue
		}
		for _, g := range gone {
			if g.Unmap().WithZone("") == local.Unmap() {
				wg.Go(func() { _ = c.Close() })
				break
			}
		}
	}
}

// Close ends listening, dialling, connections and streams, and returns when every handler, callback and goroutine
// of the host has.
func (h *Host) Close() error {
	h.calls.close()
	err := h.swarm.Close()
	h.calls.wait()
	return errors.Join(err, h.peerstore.Close(), h.limits.Close())
}
