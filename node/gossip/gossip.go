// Package gossip carries events of groups that are too large for a direct link between all members.
// It runs libp2p's gossipsub among the members, under keys that the members share. node/PROTOCOL.md
// has the bytes.
//
// A Router serves one group. It owns the group's epochs, which are kept in memory only, the streams
// that gossip uses, and the state of the library. It deals with the devices that the caller has
// added as fellow members and with nobody else: only with them it opens and accepts streams, only
// they are told its topics, and only those who know the group's secret can ask for its protocol. A
// payload is opened and proven before it is forwarded. A device that sends what no honest member
// forwards is cut off. limits.go has the bounds of sizes, rates and queues; whatever is dropped is
// counted and reported.
//
// It does not know what a payload is, who is a member or what the control state means: the caller
// says so, through Config, Add and Remove. It promises nothing about delivery. Sync brings whatever
// Publish refuses, Dropped reports, or members could not open because they have no epoch yet.
//
// New starts nothing; Run runs the router once and returns when it has ended. All methods may be
// called from any goroutine, before, during and after Run; but see Control for what its methods
// must not do.
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

// Config is what New needs. Log may be nil, the rest may not.
type Config struct {
	Host    *link.Host
	Secret  [32]byte // of the group; the name of the protocol is derived from it
	Control Control

	// Prove is given a payload and the member that forwarded it. If it returns nil, the payload was
	// proven, is new here and was taken; it is then forwarded. ErrForged means that no honest
	// member forwards such a payload; then the peer is cut off. On any other error, for example
	// when the payload is here already or can't be proven yet, it is not forwarded. Several
	// goroutines call it at once, and each waits for it.
	Prove func(ctx context.Context, from crypto.DeviceID, payload []byte) error
	// Share hands an epoch to every fellow member with a session, except those who handed over the
	// same. Run calls it and waits for it.
	Share func(Epoch)
	// Dropped says that messages to or from a member were dropped, so that the caller can compare
	// logs with it. Run calls it at most once a second for each device, and waits for it.
	Dropped func(device crypto.DeviceID, messages int)

	Log *slog.Logger
}

// Router gossips for one group.
type Router struct {
	cfg     Config
	self    peer.ID
	proto   protocol.ID
	members *members
	wake    chan struct{} // holds one: Run looks at everything when it wakes

	mu     sync.Mutex
	epochs *epochs
	engine *engine // nil: not running
	joined map[EpochID]*channel
}

// channel is the topic of an epoch whose messages can be opened.
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

// Add says that a device is a fellow member's, or another of the owner's own. The best time for it
// is when a session with the device begins, but it need not be connected.
func (r *Router) Add(device crypto.DeviceID) {
	id := peer.ID(device.PeerID())
	r.members.add(device, time.Now())
	if len(r.cfg.Host.ConnsTo(id)) > 0 {
		r.members.meet(id)
	}
}

// Remove says that a session with a device has ended, or that the device is no member's any more.
// From now on nothing is accepted from it, and its streams are ended. Call Refresh too if the
// control state has changed. A device that was cut off is dealt with again after it was removed and
// added.
func (r *Router) Remove(device crypto.DeviceID) {
	id := peer.ID(device.PeerID())
	r.members.remove(id)
	reset(r.cfg.Host.ConnsTo(id), r.proto)
}

// Refresh says that the group's control state has changed.
func (r *Router) Refresh() { r.poke() }

// Current returns the epoch that messages are sealed under now. The caller hands it to every fellow
// member when a session with them begins, and clears the key after that.
func (r *Router) Current() (Epoch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.epochs.current()
	if h == nil {
		return Epoch{}, false
	}
	return copyOf(h, time.Now()), true
}

// Learn takes an epoch that a fellow member has handed over. If it is known here to be older than
// they said, the answer is the same epoch with its right age, to be handed back; else it is nil.
// The error is ErrEpoch, ErrStranger or ErrTooMany.
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

// Publish seals a payload and sends it to the mesh. The payload reaches members who have the epoch
// and a path to this device. An answer of nil does not mean that it has reached anybody. A payload
// that was published or received before is not sent again. The error is ErrTooLarge, ErrNoEpoch,
// ErrStopped or that of ctx.
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
		return ErrNoEpoch // it was destroyed meanwhile
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

// open returns the payload of a message. The error is ErrNoEpoch or matches errSealed.
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
