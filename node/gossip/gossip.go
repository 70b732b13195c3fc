// Package gossip is the last road for a group's events: gossipsub, for groups that outgrow direct links. What it carries
// is written down in node/PROTOCOL.md.
//
// A Router is one group's. It owns the group's epochs, which live in memory only, the streams that gossip uses and the
// library's state. It meets the devices that the caller has added as fellow members and nobody else: it opens and takes
// streams with them only, tells its topics to them only, and its protocol can be asked for only by who knows the
// group's secret. A payload is opened and proven before it is forwarded; who sends what no honest member forwards is cut
// off. Sizes, rates and queues are bounded by the constants of limits.go, and a drop anywhere is counted and reported.
//
// It refuses to know what a payload is, who is a member and what the control state means: the caller says so, through
// Config, Add and Remove. It promises nothing about delivery. Whatever Publish refuses, Dropped reports or nobody got
// because they have no epoch yet is left to sync, which is beneath all roads.
//
// New starts nothing; Run runs the router once and returns when it has ended. All methods may be called from any
// goroutine, before Run, during and after it; but see Control for what its methods must not do.
package gossip

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/link"
)

// Config is what a router is made of. Log may be nil; the rest may not.
type Config struct {
	Host    *link.Host
	Secret  [32]byte // the group's; it names the protocol
	Control Control

	// Prove takes a payload that somebody published, from the member that forwarded it. Nil means that it is proven, new
	// here and taken: it is forwarded. ErrForged means that no honest member forwards such: the peer is cut off. Any
	// other error, of what is here already or can't be proven yet, means that it goes no further. It is called by several
	// goroutines at once, and holds up one of them.
	Prove func(ctx context.Context, from crypto.DeviceID, payload []byte) error
	// Share hands an epoch to every fellow member that has a session, save who has handed it over itself. Run calls it
	// and waits for it.
	Share func(Epoch)
	// Dropped says that messages between this device and a member were dropped on the way, in either direction: compare
	// with it. Run calls it, at most once a second for each device, and waits for it.
	Dropped func(device crypto.DeviceID, messages int)

	Log *slog.Logger
}

// Router gossips for one group.
type Router struct {
	cfg     Config
	self    peer.ID
	proto   protocol.ID
	members *members
	wake    chan struct{} // one waiting is enough

	mu     sync.Mutex
	epochs *epochs
	engine *engine // nil: not running
	joined map[EpochID]*channel
}

// channel is the topic of an epoch that may be opened with.
type channel struct {
	name  string
	topic *pubsub.Topic
	leave pubsub.RelayCancelFunc
}

// New makes a router that has no members yet and does nothing before Run.
func New(cfg Config) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	self, err := crypto.DeviceFromPeer(cfg.Host.ID())
	if err != nil {
		panic(err) // link makes hosts of Ed25519 keys only
	}
	r := &Router{
		cfg:    cfg,
		self:   cfg.Host.ID(),
		proto:  protocolID(cfg.Secret),
		wake:   make(chan struct{}, 1),
		epochs: newEpochs(self, cfg.Control, rand.Reader),
		joined: make(map[EpochID]*channel),
	}
	r.members = newMembers(r.poke)
	r.cfg.Secret = [32]byte{}
	return r
}

func (r *Router) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Add names a device that may be met: a fellow member's, or another of one's own, best when a session with it begins. It
// need not be connected.
func (r *Router) Add(device crypto.DeviceID) {
	id := peer.ID(device.PeerID())
	r.members.add(device, time.Now())
	if len(r.cfg.Host.ConnsTo(id)) > 0 {
		r.members.meet(id)
	}
}

// Remove has done with a device, when its session has ended or it is no member's any more: from now on nothing is taken
// from it, and its streams are ended. Call Refresh too if the control state has changed. A device that was cut off is met
// again once it has been removed and added anew.
func (r *Router) Remove(device crypto.DeviceID) {
	id := peer.ID(device.PeerID())
	r.members.remove(id)
	reset(r.cfg.Host.ConnsTo(id), r.proto)
}

// Refresh says that the group's control state has changed.
func (r *Router) Refresh() { r.poke() }

// Current returns the epoch to seal under, to be handed to every fellow member when a session with it begins. The key is
// the caller's to destroy.
func (r *Router) Current() (Epoch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.epochs.current()
	if h == nil {
		return Epoch{}, false
	}
	return copyOf(h, time.Now()), true
}

// Learn takes an epoch that a fellow member has handed over. An answer that isn't nil is the same epoch with the age
// that is known here, to be handed back. The error is ErrEpoch, ErrStranger or ErrTooMany.
func (r *Router) Learn(from crypto.DeviceID, told Epoch) (answer *Epoch, err error) {
	if err := told.check(); err != nil {
		return nil, err
	}
	id, now := peer.ID(from.PeerID()), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.members.has(id) {
		return nil, ErrStranger
	}
	if r.epochs.index(told.ID) < 0 {
		if err := r.members.mayTell(id, now); err != nil {
			return nil, err
		}
	}
	r.poke()
	if better, younger := r.epochs.learn(now, told); younger {
		return &better, nil
	}
	return nil, nil
}

// Publish hands a payload to the mesh, sealed. It reaches who has the epoch and a path to here, or doesn't; that it
// returned nil says nothing about it. A payload that was published or taken before is not sent again. The error is
// ErrTooLarge, ErrNoEpoch, ErrStopped or that of ctx.
func (r *Router) Publish(ctx context.Context, payload []byte) error {
	if len(payload) > MaxPayload {
		return ErrTooLarge
	}
	engine, topic, sealed, err := r.seal(payload)
	if err != nil {
		return err
	}
	if !engine.host.calls.begin() {
		return ErrStopped
	}
	defer engine.host.calls.end()
	err = topic.Publish(ctx, sealed)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, pubsub.ErrTopicClosed):
		return ErrNoEpoch // destroyed meanwhile
	default:
		return ErrStopped
	}
}

func (r *Router) seal(payload []byte) (*engine, *pubsub.Topic, []byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine == nil {
		return nil, nil, nil, ErrStopped
	}
	h := r.epochs.current()
	if h == nil || r.joined[h.ID] == nil {
		return nil, nil, nil, ErrNoEpoch
	}
	return r.engine, r.joined[h.ID].topic, seal(h.ID, &h.Key, payload), nil
}

// open returns the payload of a message, ErrNoEpoch, or an error that matches errSealed.
func (r *Router) open(name string, sealed []byte) ([]byte, error) {
	e, err := parseEnvelope(sealed)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	h := r.epochs.find(e.epoch)
	if h == nil {
		r.mu.Unlock()
		return nil, ErrNoEpoch
	}
	key := h.Key
	r.mu.Unlock()
	defer clear(key[:])
	if topic(&key) != name {
		return nil, errSealed
	}
	return e.open(&key)
}
