package gossip

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/crypto"
)

// engine is what exists while Run runs.
type engine struct {
	host *fellowHost
	ps   *pubsub.PubSub
	met  event.Emitter
}

// Run gossips until ctx ends, and then returns nil. When it returns, every stream, handler and
// callback has ended and every key has been cleared. Only some timers of the library may still be
// running, since nobody can wait for them; they end with the same context and hold nothing. A
// router runs once.
func (r *Router) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, err := r.start(ctx)
	if err != nil {
		return err
	}
	connected := &network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) { r.members.meet(c.RemotePeer()) }}
	r.cfg.Host.Libp2p().Network().Notify(connected)
	defer func() {
		r.cfg.Host.Libp2p().Network().StopNotify(connected)
		r.mu.Lock()
		r.engine = nil
		clear(r.joined)
		r.epochs.destroy()
		r.mu.Unlock()
		cancel()
		e.host.close(r.proto)
		_ = e.met.Close()
	}()
	return r.loop(ctx, e)
}

func (r *Router) start(ctx context.Context) (*engine, error) {
	host := newFellowHost(r.cfg.Host.Libp2p(), r.members)
	met, err := host.bus.Emitter(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return nil, fmt.Errorf("make bus: %w", err)
	}
	params := pubsub.DefaultGossipSubParams()
	params.Connectors, params.MaxPendingConnections, params.PrunePeers = 0, 0, 0 // no peer exchange
	params.IDontWantMessageThreshold = dontWantFrom
	silent := slog.New(slog.DiscardHandler) // the library would log topics and sealed bytes
	ps, err := pubsub.NewGossipSubWithRouter(ctx, host, pubsub.DefaultGossipSubRouter(host),
		pubsub.WithLogger(silent),
		pubsub.WithRPCLogger(silent),
		pubsub.WithGossipSubProtocols([]protocol.ID{r.proto}, feature),
		pubsub.WithGossipSubParams(params),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), // events are signed themselves, and the mesh need not know who sent one
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(maxRPC),
		pubsub.WithMaxControlMessageSize(maxRPC),
		pubsub.WithPeerOutboundQueueSize(outboundQueue),
		pubsub.WithValidateQueueSize(proveQueue),
		pubsub.WithDefaultValidator(r.validator(host), pubsub.WithValidatorInline(true)),
		pubsub.WithSubscriptionFilter(r.members),
		pubsub.WithAppSpecificRpcInspector(func(id peer.ID, rpc *pubsub.RPC) error {
			return r.members.inspect(id, rpc, time.Now())
		}),
		pubsub.WithRawTracer(tracer{r.members}),
	)
	if err != nil {
		return nil, fmt.Errorf("start gossipsub: %w", err)
	}
	e := &engine{host, ps, met}
	r.mu.Lock()
	r.engine = e
	r.mu.Unlock()
	return e, nil
}

// feature says which parts of gossipsub are used: the mesh, and telling neighbours which messages
// not to send.
func feature(f pubsub.GossipSubFeature, _ protocol.ID) bool {
	return f == pubsub.GossipSubFeatureMesh || f == pubsub.GossipSubFeatureIdontwant
}

func messageID(m *pb.Message) string {
	id := crypto.Digest("gossip-message", append([]byte(m.GetTopic()), m.GetData()...))
	return string(id[:])
}

func (r *Router) loop(ctx context.Context, e *engine) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	retry := time.NewTicker(retryPause)
	defer retry.Stop()
	var reported time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		case <-retry.C:
			r.members.meet(e.host.Network().Peers()...)
		}
		for id := range r.members.takeMet() {
			_ = e.met.Emit(event.EvtPeerIdentificationCompleted{Peer: id, Protocols: []protocol.ID{r.proto}})
		}
		next, err := r.update(ctx, e.ps)
		if err != nil {
			return err
		}
		if due := reported.Add(reportPause); time.Until(due) > 0 {
			if r.members.hasDrops() && due.Before(next) {
				next = due
			}
		} else {
			for device, n := range r.members.takeDrops() {
				r.cfg.Dropped(device, n)
				reported = time.Now()
			}
		}
		timer.Reset(time.Until(next))
	}
}

// update brings the epochs up to the present, and joins and leaves topics to match. It returns when
// it is needed again.
func (r *Router) update(ctx context.Context, ps *pubsub.PubSub) (time.Time, error) {
	now := time.Now()
	r.mu.Lock()
	share, next := r.epochs.step(now)
	var gone, come []*channel
	var ids []EpochID
	for id, c := range r.joined {
		if r.epochs.find(id) == nil {
			gone = append(gone, c)
			delete(r.joined, id)
		}
	}
	for _, h := range r.epochs.held {
		if r.joined[h.ID] == nil && h.standing != Unknown {
			come, ids = append(come, &channel{name: topic(&h.Key)}), append(ids, h.ID)
		}
	}
	var told Epoch
	if share {
		told = copyOf(r.epochs.seal, now)
	}
	r.mu.Unlock()

	for _, c := range gone {
		c.leave()
		_ = c.topic.Close() // fails only when the library has ended
	}
	for i, c := range come {
		var err error
		if c.topic, err = ps.Join(c.name); err == nil {
			c.leave, err = c.topic.Relay()
		}
		switch {
		case ctx.Err() != nil:
			return next, nil
		case err != nil:
			return next, fmt.Errorf("join topic: %w", err)
		}
		r.mu.Lock()
		r.joined[ids[i]] = c
		r.mu.Unlock()
	}
	if share {
		r.cfg.Share(told)
		clear(told.Key[:])
	}
	return next, nil
}

// validator opens and proves each message before it is forwarded. The library calls it in a few
// goroutines of its own.
func (r *Router) validator(host *fellowHost) pubsub.ValidatorEx {
	return func(ctx context.Context, id peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if id == r.self {
			return pubsub.ValidationAccept
		}
		if !host.calls.begin() {
			return pubsub.ValidationIgnore
		}
		defer host.calls.end()
		device, err := crypto.DeviceFromPeer(id)
		if err != nil || !r.members.has(id) {
			return pubsub.ValidationIgnore
		}
		switch err := r.prove(ctx, device, m); {
		case err == nil:
			return pubsub.ValidationAccept
		case forged(err):
			if r.members.cutOff(id) {
				reset(r.cfg.Host.ConnsTo(id), r.proto)
				r.cfg.Log.Warn("gossip from member is forged", "peer", device, "err", err)
			}
			return pubsub.ValidationReject
		default:
			return pubsub.ValidationIgnore
		}
	}
}

func (r *Router) prove(ctx context.Context, from crypto.DeviceID, m *pubsub.Message) error {
	payload, err := r.open(m.GetTopic(), m.GetData())
	if err != nil {
		return err
	}
	return r.cfg.Prove(ctx, from, payload)
}
