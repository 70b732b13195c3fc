package link

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	limiter "github.com/libp2p/go-libp2p/x/rate"

	"github.com/earshot-im/earshot/node/budget"
)

// Limits on what the node spends on links. The library's defaults count a whole IPv6 network as one
// host and admit eight connections from it. These are made for an office of a thousand. Who may come
// in is decided by the entrance; the resource manager holds what a single peer may have, and stands
// behind the rest.
const (
	// maxConnsOutbound: 1,000 peers, and what is being dialled. What comes in does not count.
	maxConnsOutbound = 1536
	// maxConnsPeer: two, if both dialled at once, and two more while a lost pair times out. Each
	// address that this device is dialling counts as well.
	maxConnsPeer = 4
	// maxComing: connections that are not proven, and some that were accepted and have no place.
	maxComing = maxArriving + maxArrivingKept + 64

	// maxStreamsPeer, each way: a sync stream, gossip, and many files and calls at once.
	maxStreamsPeer = 32

	// minWindow is what yamux gives each stream at its beginning.
	minWindow = 256 << 10
	// maxWindow is how many bytes of one stream may be sent to us before we have read them: enough
	// for 1 Gbit/s with a delay of 16 ms, as in a busy Wi-Fi.
	maxWindow = 2 << 20
	// maxMemoryPeer: yamux reserves 256 KiB for every stream from its beginning, used or not. This
	// is enough for all streams of a peer. Windows grow only while less than half of it is
	// reserved.
	maxMemoryPeer = 2 * maxStreamsPeer * 256 << 10
	// writeTimeout is how long a link may take no write, or not answer a ping.
	writeTimeout = 5 * time.Second
)

func newLimits(standing func(peer.ID) budget.Standing) (*limits, error) {
	// Everything that has no limit here is bounded by that of each peer, and by how many there are.
	unlimited := rcmgr.LimitVal(rcmgr.Unlimited)
	bounds := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: maxConnsInbound + maxComing + maxConnsOutbound, ConnsInbound: maxConnsInbound + maxComing,
			ConnsOutbound: maxConnsOutbound, FD: maxConnsInbound + maxComing + maxConnsOutbound,
			Streams: unlimited, StreamsInbound: unlimited, StreamsOutbound: unlimited, Memory: rcmgr.Unlimited64,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: unlimited, ConnsInbound: maxComing, ConnsOutbound: maxConnsOutbound, FD: unlimited,
			Streams: unlimited, StreamsInbound: unlimited, StreamsOutbound: unlimited, Memory: rcmgr.Unlimited64,
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: maxConnsPeer + maxDials, ConnsInbound: maxConnsPeer, ConnsOutbound: maxConnsPeer + maxDials, FD: maxConnsPeer + maxDials,
			Streams: 2 * maxStreamsPeer, StreamsInbound: maxStreamsPeer, StreamsOutbound: maxStreamsPeer,
			Memory: maxMemoryPeer,
		},
	}.Build(rcmgr.InfiniteLimits)
	manager, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(bounds),
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet([]rcmgr.ConnLimitPerSubnet{}, []rcmgr.ConnLimitPerSubnet{}),
		rcmgr.WithConnRateLimiters(&limiter.Limiter{}),
	)
	if err != nil {
		return nil, err
	}
	return &limits{ResourceManager: manager, standing: standing, peers: make(map[peer.ID]*streams)}, nil
}
