package gossip

import (
	"errors"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
)

// members are the devices that the router may meet, and what each may still cost. It is also the library's filter of
// what peers say they listen to. Any goroutine may call it; it calls nobody but poke.
type members struct {
	poke func() // tells Run that there is something to take; must not block

	mu      sync.Mutex
	fellows map[peer.ID]*fellow
	drops   map[crypto.DeviceID]int // not yet reported
	met     map[peer.ID]struct{}    // to be told to the library: it may open a stream to them
}

type fellow struct {
	device   crypto.DeviceID
	cut      bool // sent what no honest member does; met again only when it is added anew
	topics   map[string]struct{}
	messages bucket
	bytes    bucket
	epochs   bucket
	queued   int // messages handed to its queue and not yet to the link; may be below 0 for a moment
}

func newMembers(poke func()) *members {
	return &members{
		poke:    poke,
		fellows: make(map[peer.ID]*fellow),
		drops:   make(map[crypto.DeviceID]int),
		met:     make(map[peer.ID]struct{}),
	}
}

func (m *members) add(device crypto.DeviceID, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := peer.ID(device.PeerID())
	if m.fellows[id] != nil {
		return
	}
	m.fellows[id] = &fellow{
		device:   device,
		topics:   make(map[string]struct{}),
		messages: bucket{burstMessages, now},
		bytes:    bucket{burstBytes, now},
		epochs:   bucket{epochBurst, now},
	}
}

func (m *members) remove(id peer.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fellows[id]; f != nil {
		delete(m.drops, f.device)
		delete(m.fellows, id)
		delete(m.met, id)
	}
}

// cutOff reports whether the peer was a fellow member until now.
func (m *members) cutOff(id peer.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fellow(id)
	if f == nil {
		return false
	}
	f.cut = true
	delete(m.met, id)
	return true
}

// meet has the library look whether it has a stream to a fellow member.
func (m *members) meet(ids ...peer.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if m.fellow(id) != nil {
			m.met[id] = struct{}{}
			m.poke()
		}
	}
}

// takeMet returns whom the library is to meet.
func (m *members) takeMet() map[peer.ID]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	met := m.met
	m.met = make(map[peer.ID]struct{})
	return met
}

// fellow returns what is kept of a fellow member, nil for everyone else. The caller holds mu.
func (m *members) fellow(id peer.ID) *fellow {
	if f := m.fellows[id]; f != nil && !f.cut {
		return f
	}
	return nil
}

func (m *members) has(id peer.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fellow(id) != nil
}

// mayTell charges a device for an epoch that is new here.
func (m *members) mayTell(id peer.ID, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fellow(id)
	switch {
	case f == nil:
		return ErrStranger
	case !f.epochs.take(1, now, epochBurst, 1/epochEvery.Seconds()):
		return ErrTooMany
	}
	return nil
}

// inspect sees every frame before the library does anything with it. Of one that goes beyond the peer's rate the
// messages are taken out and reported, before they are marked as seen: another peer may still bring them.
func (m *members) inspect(id peer.ID, rpc *pubsub.RPC, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fellow(id)
	if f == nil {
		return ErrStranger
	}
	rpc.Partial, rpc.TestExtension = nil, nil // no extensions are spoken
	if len(rpc.Publish) == 0 {
		return nil
	}
	size := 0
	for _, p := range rpc.Publish {
		size += len(p.GetData())
	}
	if !f.messages.take(len(rpc.Publish), now, burstMessages, rateMessages) || !f.bytes.take(size, now, burstBytes, rateBytes) {
		m.drop(f, len(rpc.Publish))
		rpc.Publish = nil
	}
	return nil
}

// sent counts messages into and out of a peer's queue.
func (m *members) sent(id peer.ID, messages int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fellow(id); f != nil {
		f.queued += messages
	}
}

// lost counts as dropped what was queued for a peer whose stream has ended.
func (m *members) lost(id peer.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fellow(id); f != nil {
		m.drop(f, f.queued)
		f.queued = 0
	}
}

func (m *members) dropped(id peer.ID, messages int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fellow(id); f != nil {
		m.drop(f, messages)
	}
}

// drop pokes for the first only: Run comes back for the others. The caller holds mu.
func (m *members) drop(f *fellow, messages int) {
	if messages <= 0 {
		return
	}
	if len(m.drops) == 0 {
		m.poke()
	}
	m.drops[f.device] += messages
}

func (m *members) hasDrops() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.drops) > 0
}

func (m *members) takeDrops() map[crypto.DeviceID]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	drops := m.drops
	m.drops = make(map[crypto.DeviceID]int)
	return drops
}

// quiet forgets what a peer listened to, when it has ended its stream.
func (m *members) quiet(id peer.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fellows[id]; f != nil {
		clear(f.topics)
	}
}

var errTopics = errors.New("too many topics")

func (m *members) CanSubscribe(string) bool { return true }

// FilterIncomingSubscriptions makes it a pubsub.SubscriptionFilter. Topics of epochs that have not come yet are
// remembered too, since nobody says again what they listen to.
func (m *members) FilterIncomingSubscriptions(id peer.ID, told []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fellow(id)
	if f == nil {
		return nil, ErrStranger
	}
	if len(told) > 2*maxTopics {
		return nil, errTopics
	}
	var kept []*pb.RPC_SubOpts
	for _, t := range told {
		name := t.GetTopicid()
		switch {
		case !t.GetSubscribe():
			delete(f.topics, name)
		case len(name) != topicSize || len(f.topics) >= maxTopics:
			continue
		default:
			f.topics[name] = struct{}{}
		}
		kept = append(kept, t)
	}
	return kept, nil
}

// bucket holds what a peer may still spend.
type bucket struct {
	left float64
	at   time.Time
}

// take spends n, or nothing if there is less left. It fills by rate a second, up to burst.
func (b *bucket) take(n int, now time.Time, burst, rate float64) bool {
	if d := now.Sub(b.at); d > 0 {
		b.left = min(burst, b.left+d.Seconds()*rate)
		b.at = now
	}
	if float64(n) > b.left {
		return false
	}
	b.left -= float64(n)
	return true
}
