package link

import (
	"math"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/x/rate"
)

// Limits on what the node spends on links. The library's defaults count a whole IPv6 network as one
// host and admit eight connections from it. These count single addresses and are made for an office
// of a thousand.
const (
	// maxConns: 1,000 peers, twice, since two that dial each other at once keep both connections.
	maxConns = 2048
	// maxConnsInbound leaves room for what this node dials itself, however many others connect. It
	// also stops a hostile IPv6 host, which can have as many addresses as it likes and so gets
	// around maxConnsPerAddr.
	maxConnsInbound = 1536
	// maxConnsPeer: two, if both dialled at once, and two more while a lost pair times out. Each
	// address that this device is dialling counts as well.
	maxConnsPeer = 4
	// maxConnsPerAddr: several people's nodes may run on one terminal server or behind one address
	// translation. Loopback is exempt, since somebody on this machine has easier ways to harm it.
	maxConnsPerAddr = 64
	// maxConnsTransient: connections whose peers have not proven who they are. When the power comes
	// back, an office gets in within some seconds. No single address can take all of these.
	maxConnsTransient = 256

	// maxStreamsPeer, each way: a sync stream, gossip, and many files and calls at once.
	maxStreamsPeer = 32
	// maxStreams: eight for each of 1,000 peers.
	maxStreams = 8192
	// maxStreamsTransient: streams that have not named their protocol, which takes a round trip.
	maxStreamsTransient = 1024

	// maxWindow is how many bytes of one stream may be sent to us before we have read them: enough
	// for 1 Gbit/s with a delay of 16 ms, as in a busy Wi-Fi.
	maxWindow = 2 << 20
	// maxMemoryPeer: yamux reserves 256 KiB for every stream from its beginning, used or not. This
	// is enough for all streams of a peer. Windows grow only while less than half of it is
	// reserved.
	maxMemoryPeer = 2 * maxStreamsPeer * 256 << 10
	// maxMemory: the same for four streams of each of 1,000 peers. Memory is really used only where
	// a handler does not read. Here, too, windows grow only while less than half of it is reserved.
	maxMemory = 1 << 30

	// connRatePerAddr and connBurstPerAddr bound the attempts from and to one address a second.
	// Even if all nodes that one address may have reconnect twice at once, they are let in. Further
	// attempts are refused before any handshake.
	connRatePerAddr  = 4
	connBurstPerAddr = 2 * maxConnsPerAddr
	// connRate bounds all attempts a second. A handshake takes about a millisecond of one core, so
	// they take a quarter of one at worst. connBurst lets a whole office in at once.
	connRate  = 250
	connBurst = maxConns
	// rateGrace is how long an idle address's bucket is kept.
	rateGrace = 10 * time.Second

	// A link that is silent for keepAlive is probed, and closed if nothing has come after
	// writeTimeout more. So a pulled cable is noticed within 10 s.
	keepAlive    = 5 * time.Second
	writeTimeout = 5 * time.Second
)

// newMuxer returns the library's yamux with the times and windows above.
func newMuxer() *yamux.Transport {
	m := *yamux.DefaultTransport
	m.KeepAliveInterval = keepAlive
	m.ConnectionWriteTimeout = writeTimeout
	m.MaxIncomingStreams = maxStreamsPeer // of one connection; the resource manager counts those of a peer
	m.MaxStreamWindowSize = maxWindow
	return &m
}

func newLimits() (network.ResourceManager, error) {
	system := rcmgr.ResourceLimits{
		Conns: maxConns, ConnsInbound: maxConnsInbound, ConnsOutbound: maxConns, FD: maxConns,
		Streams: maxStreams, StreamsInbound: maxStreams, StreamsOutbound: maxStreams,
		Memory: maxMemory,
	}
	peer := rcmgr.ResourceLimits{
		Conns: maxConnsPeer + maxDials, ConnsInbound: maxConnsPeer, ConnsOutbound: maxConnsPeer + maxDials, FD: maxConnsPeer + maxDials,
		Streams: 2 * maxStreamsPeer, StreamsInbound: maxStreamsPeer, StreamsOutbound: maxStreamsPeer,
		Memory: maxMemoryPeer,
	}
	// Everything else is unlimited: protocols and services share the limits of the system and of
	// the peer.
	limits := rcmgr.PartialLimitConfig{
		System: system,
		Transient: rcmgr.ResourceLimits{
			Conns: maxConnsTransient, ConnsInbound: maxConnsTransient, ConnsOutbound: maxConnsTransient,
			FD:      maxConnsTransient,
			Streams: maxStreamsTransient, StreamsInbound: maxStreamsTransient, StreamsOutbound: maxStreamsTransient,
			Memory: maxMemory,
		},
		PeerDefault: peer,
	}.Build(rcmgr.InfiniteLimits)

	perAddr := rate.Limit{RPS: connRatePerAddr, Burst: connBurstPerAddr}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: maxConnsPerAddr}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 128, ConnCount: maxConnsPerAddr}},
		),
		rcmgr.WithNetworkPrefixLimit(
			[]rcmgr.NetworkPrefixLimit{{Network: netip.MustParsePrefix("127.0.0.0/8"), ConnCount: math.MaxInt}},
			[]rcmgr.NetworkPrefixLimit{{Network: netip.MustParsePrefix("::1/128"), ConnCount: math.MaxInt}},
		),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			NetworkPrefixLimits: []rate.PrefixLimit{
				{Prefix: netip.MustParsePrefix("127.0.0.0/8")},
				{Prefix: netip.MustParsePrefix("::1/128")},
			},
			GlobalLimit: rate.Limit{RPS: connRate, Burst: connBurst},
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: perAddr}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 128, Limit: perAddr}},
				GracePeriod:      rateGrace,
			},
		}),
	)
}
