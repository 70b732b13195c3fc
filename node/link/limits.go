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

// What the node spends on links. The library's defaults count a whole IPv6 office as one host and admit eight of it;
// these count addresses, and are sized for an office of a thousand.
const (
	// maxConns: 1,000 peers, twice, since two that dial each other at once keep both connections.
	maxConns = 2048
	// maxConnsInbound leaves room for what this node dials itself, however many crowd in. An IPv6 host can take as
	// many addresses as it likes, so this, not maxConnsPerAddr, is what stops a hostile one.
	maxConnsInbound = 1536
	// maxConnsPeer: two dialled at once, and as many again while a lost pair times out. Each address that this device dials
	// counts as well, for as long as that takes.
	maxConnsPeer = 4
	// maxConnsPerAddr: several people's nodes on one terminal server or behind one address translation. Loopback is
	// exempt: whoever is on this machine has easier ways to harm it.
	maxConnsPerAddr = 64
	// maxConnsTransient: connections that have not proven who they are. An office that gets its power back is let in
	// over some seconds; one address alone cannot fill it.
	maxConnsTransient = 256

	// maxStreamsPeer, each way: a sync stream, gossip, and many files and calls at once.
	maxStreamsPeer = 32
	// maxStreams: eight for each of 1,000 peers.
	maxStreams = 8192
	// maxStreamsTransient: streams that have not named their protocol; that takes a round trip on the LAN.
	maxStreamsTransient = 1024

	// maxWindow is what one stream may have on its way to us unread: 1 Gbit/s over 16 ms, a busy Wi-Fi.
	maxWindow = 2 << 20
	// maxMemoryPeer: yamux promises every stream 256 KiB from its beginning, whether used or not; this is that for
	// all of a peer's streams. Windows grow only while less than half of it is promised.
	maxMemoryPeer = 2 * maxStreamsPeer * 256 << 10
	// maxMemory: the same promise for four streams of each of 1,000 peers. Memory is really used only where a handler
	// does not read. Here, too, windows grow only within half of it.
	maxMemory = 1 << 30

	// connRatePerAddr and connBurstPerAddr bound attempts, ours included, a second for one address: every node of a
	// full address may reconnect twice at once. Above it they are refused before any handshake.
	connRatePerAddr  = 4
	connBurstPerAddr = 2 * maxConnsPerAddr
	// connRate bounds attempts a second in all: a handshake costs about a millisecond of one core, so at worst a
	// quarter of it; connBurst lets an office come at once.
	connRate  = 250
	connBurst = maxConns
	// rateGrace is how long an idle address's bucket is kept.
	rateGrace = 10 * time.Second

	// keepAlive and writeTimeout: a link that is silent for keepAlive is probed, and closed if nothing has come after
	// writeTimeout more. So a pulled cable is noticed within 10 s.
	keepAlive    = 5 * time.Second
	writeTimeout = 5 * time.Second
)

// newMuxer is the library's yamux with our times and windows.
func newMuxer() *yamux.Transport {
	m := *yamux.DefaultTransport
	m.KeepAliveInterval = keepAlive
	m.ConnectionWriteTimeout = writeTimeout
	m.MaxIncomingStreams = maxStreamsPeer // of a connection; the resource manager counts a peer's over all
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
	// What is not said here is unlimited: protocols and services share the system's and the peer's.
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
