// Package link connects devices: it is a libp2p host for an office network.
//
// It owns the listening sockets, the connections, the resource limits and the addresses that are
// being dialled. A link is TCP, TLS 1.3 with the hybrid X25519MLKEM768 key agreement, and yamux.
// There is no alternative to any of these, so nobody can bring two devices to agree on something
// weaker. The handshake proves the device: whoever answers has the peer ID that was dialled,
// wherever the address came from. It does not depend on anybody's clock.
//
// The package does not look into streams, does not keep addresses for longer than a dial, and does
// not dial by itself. It does not relay, map ports or ask others for its own address. It retries
// nothing: a caller who wants a peer calls Connect.
//
// New returns a host that does not listen yet. Set stream handlers and Notify first, then call
// Listen. Close ends everything and waits for it. All methods may be called from any goroutine,
// except Close from a handler or callback, which would wait for itself. A peer whose machine
// is gone is disconnected within 15 seconds, and so is one whose program hangs while something waits
// for it; its streams end with an error.
//
// The host is assembled from libp2p's swarm, upgrader, TCP transport and blank host. The root
// package of libp2p would bring QUIC, WebRTC and websockets: 537 packages and 21 MB instead of 330
// packages and 10.4 MB. The basic host would bring identify, AutoNAT and relay services.
package link

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
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
	manet "github.com/multiformats/go-multiaddr/net"
	mstream "github.com/multiformats/go-multistream"

	"github.com/earshot-im/earshot/node/budget"
)

const (
	// ConnectTimeout bounds one Connect. It is long enough for a laptop that is just waking and for
	// giving up an address where nobody answers, and short enough for a person who waits.
	ConnectTimeout = 10 * time.Second
	// handshakeTimeout bounds an accepted connection that has not yet proven who it is.
	handshakeTimeout = 10 * time.Second
	// negotiateTimeout bounds the answer of a peer to whom this node has named the protocol of a
	// stream.
	negotiateTimeout = 10 * time.Second
	// namingTimeout bounds a stream that a peer opened and that has not named its protocol. A peer
	// names it at once.
	namingTimeout = 2 * time.Second

	// maxDials is how many addresses of one peer are dialled at once: as many as a caller may know.
	// If some had to wait or were refused, somebody could forge addresses at which nobody answers,
	// and so hide the one at which the peer is.
	maxDials = 10
)

func init() { swarm.DefaultPerPeerRateLimit = maxDials }

// Config is what New needs.
type Config struct {
	Key ed25519.PrivateKey // of the device; its public half is the peer ID
	Log *slog.Logger       // receives the warnings of libraries; nil discards them

	// Transport makes what carries links; nil means TCP. Simulations put a network in memory here.
	Transport Transport

	// Over says whether an address of this machine may carry links; nil: each may. It is asked
	// before each dial and for each connection that comes, by any goroutine.
	Over func(local netip.Addr) bool

	// Standing says what a device that has proven itself is to the owner; nil: all are strangers.
	// One that the owner named counts as a contact's. Strangers share what is theirs, and can't
	// touch what is kept for others. It is asked by any goroutine, may take a lock, and must not
	// call the host.
	Standing func(peer.ID) budget.Standing

	// Trusted says whether a device may know of the protocols of SetQuietHandler; nil: none may. As
	// Standing.
	Trusted func(peer.ID) bool

	// OnLink says whether an address is on a network of this machine; nil: each is. As Standing.
	OnLink func(netip.Addr) bool

	// Spent is told what a handshake with somebody who was not known has cost of one core; nil:
	// nobody. As Standing.
	Spent func(from netip.Addr, d time.Duration)
}

// Transport makes what dials and listens. The upgrader adds TLS and yamux. The resource manager
// must be asked before a connection is opened; listeners made by the upgrader do that.
type Transport func(transport.Upgrader, network.ResourceManager) (transport.Transport, error)

// Host is one device's end of all its links.
type Host struct {
	swarm     *swarm.Swarm
	host      *protoHost
	peerstore peerstore.Peerstore
	limits    *limits
	entrance  *entrance
	system    bool // links run over the system's network
	log       *slog.Logger
	calls     calls
	began     time.Time

	mu    sync.Mutex
	idle  map[network.Conn]*time.Timer // see connected
	dials map[peer.ID]int              // calls of Connect in progress; a peer's addresses are kept as long as there are any
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
	if cfg.Standing == nil {
		cfg.Standing = func(peer.ID) budget.Standing { return budget.Stranger }
	}
	if cfg.Trusted == nil {
		cfg.Trusted = func(peer.ID) bool { return false }
	}
	routeLibraryLogs(cfg.Log)
	h := &Host{log: cfg.Log, system: cfg.Transport == nil, began: time.Now(),
		idle: make(map[network.Conn]*time.Timer), dials: make(map[peer.ID]int)}

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
	if h.limits, err = newLimits(cfg.Standing); err != nil {
		return nil, fmt.Errorf("set limits: %w", err)
	}
	undo = append(undo, h.limits.Close)
	h.entrance = newEntrance(cfg, h.limits.busy)

	var gater connmgr.ConnectionGater
	if cfg.Over != nil {
		g := gate{over: cfg.Over}
		if cfg.Transport == nil { // the system knows no ways of another network than its own
			g.from = sendsFrom
		}
		gater = g
	}
	// The swarm and the host share a bus, on which gossip learns that a peer has gone.
	bus := eventbus.NewBus()
	h.swarm, err = swarm.NewSwarm(id, store, bus,
		swarm.WithConnectionGater(gater),
		swarm.WithResourceManager(h.limits),
		swarm.WithDialTimeout(ConnectTimeout),
		swarm.WithDialTimeoutLocal(ConnectTimeout),
		// The library would stop using IPv6 after many dials that failed. That a hundred laptops
		// sleep means no such thing.
		swarm.WithIPv6BlackHoleSuccessCounter(nil),
		swarm.WithUDPBlackHoleSuccessCounter(nil),
	)
	if err != nil {
		return nil, fmt.Errorf("assemble swarm: %w", err)
	}
	undo = append(undo, h.swarm.Close)

	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: newMuxer(h.entrance.standing)}}
	secure, err := newSecurity(key, id, yamux.ID)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	secure.turn, secure.spent = h.entrance.turn, cfg.Spent
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, h.limits, gater,
		upgrader.WithAcceptTimeout(handshakeTimeout))
	if err != nil {
		return nil, fmt.Errorf("assemble upgrader: %w", err)
	}
	if cfg.Transport == nil {
		cfg.Transport = newTCP
	}
	carrier, err := cfg.Transport(doorway{up, h.entrance}, h.limits)
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
	h.host = &protoHost{BlankHost: blank, calls: &h.calls, may: cfg.Trusted, quiet: mstream.NewMultistreamMuxer[protocol.ID]()}
	h.swarm.SetStreamHandler(h.host.serve)
	h.swarm.Notify(&network.NotifyBundle{ConnectedF: h.connected, DisconnectedF: h.forget})
	return h, nil
}

// newTCP makes a transport that never dials from a listening port. With several nodes on one
// machine two sockets could claim the same pair of addresses then, and two nodes could listen on
// one port, with callers reaching either by chance.
func newTCP(up transport.Upgrader, limits network.ResourceManager) (transport.Transport, error) {
	return tcp.NewTCPTransport(up, limits, nil, tcp.DisableReuseport(), tcp.WithConnectionTimeout(ConnectTimeout))
}

// ID is this device's peer ID.
func (h *Host) ID() peer.ID { return h.swarm.LocalPeer() }

// Libp2p returns the host for libraries that are built on libp2p, such as gossipsub.
//
// Gossipsub learns of new peers by event.EvtPeerIdentificationCompleted, which the identify
// protocol emits. There is none here, so whoever runs gossipsub emits that event on the host's
// EventBus, with the gossip protocol in Protocols, for each peer that is known to speak it. It
// learns that a peer has gone by event.EvtPeerConnectednessChanged, which the swarm emits. Peer
// exchange must stay off, since there are no certified address records of peers. The streams of
// gossipsub count among those of a peer in the limits: one each way.
func (h *Host) Libp2p() host.Host { return h.host }

// SetStreamHandler has handle serve the streams that peers open for a protocol, each in a goroutine
// of its own. Close resets the streams and waits for handle to return.
func (h *Host) SetStreamHandler(proto protocol.ID, handle func(network.Stream)) {
	h.host.SetStreamHandler(proto, handle)
}

// SetQuietHandler is SetStreamHandler for a protocol that no device may know of but those that
// Config.Trusted names. To others the host answers as if it didn't have the protocol.
func (h *Host) SetQuietHandler(proto protocol.ID, handle func(network.Stream)) {
	h.host.setQuiet(proto, handle)
}

// RemoveStreamHandler refuses new streams of a protocol. Open ones go on.
func (h *Host) RemoveStreamHandler(proto protocol.ID) { h.host.RemoveStreamHandler(proto) }

// forget drops what the library would otherwise keep for ever about every device that ever
// connected.
func (h *Host) forget(_ network.Network, c network.Conn) {
	h.disconnected(c)
	if len(h.swarm.ConnsToPeer(c.RemotePeer())) == 0 {
		h.peerstore.RemovePeer(c.RemotePeer())
	}
}

// Notify has two functions called for each connection, when it is there and after it has ended. A
// peer may have several connections, and calls for different connections may run at the same time.
// The functions must not block: the first streams of the connection wait for them, and so does
// Close.
func (h *Host) Notify(connected, disconnected func(network.Conn)) {
	h.swarm.Notify(&network.NotifyBundle{
		ConnectedF:    func(_ network.Network, c network.Conn) { connected(c) },
		DisconnectedF: func(_ network.Network, c network.Conn) { disconnected(c) },
	})
}

// Conns returns the connections now open, with their local and remote addresses.
func (h *Host) Conns() []network.Conn { return h.swarm.Conns() }

// ConnsTo returns the connections now open to one peer.
func (h *Host) ConnsTo(id peer.ID) []network.Conn { return h.swarm.ConnsToPeer(id) }

// CloseLocal closes the connections from addresses that this machine no longer has. They would only
// time out.
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

// Close ends listening, dialling, connections and streams, and returns when every handler, callback
// and goroutine of the host has ended.
func (h *Host) Close() error {
	h.calls.close()
	err := h.swarm.Close()
	h.calls.wait()
	return errors.Join(err, h.peerstore.Close(), h.limits.Close())
}
