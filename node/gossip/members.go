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

// members are the devices that the router deals with, and how much each may still send. It is also
// the library's filter for the topics that peers say they listen to. Any goroutine may call it; it
// calls nothing but poke.
type members struct {
	poke func() // tells Run that there is something to do; must not block

	mu      sync.Mutex
	fellows map[peer.ID]*fellow
	drops   map[crypto.DeviceID]int // not yet reported
	met     map[peer.ID]struct{}    // whom the library is to be told of, so that it opens a stream to them
}

type fellow struct {
	device   crypto.DeviceID
	cut      bool // it sent what no honest member sends, and is dealt with again only once it was removed and added
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

// meet has the library open a stream to fellow members to whom it has none.
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

// takeMet returns the members whom the library is to be told of, once.
func (m *members) takeMet() map[peer.ID]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	met := m.met
	m.met = make(map[peer.ID]struct{})
	return met
}

// fellow returns what is kept about a fellow member, nil for everyone else. The caller holds mu.
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

// mayTell counts an epoch that is new here against how many the member that tells it may hand over.
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

// inspect sees every frame before the library does anything with it. Where a frame exceeds the
// peer's rate, its messages are taken out and reported. The library has not noted them as seen by
// then, so another peer may still bring them.
func (m *members) inspect(id peer.ID, rpc *pubsub.RPC, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fellow(id)
	if f == nil {
		return ErrStranger
	}
	rpc.Partial, rpc.TestExtension = nil, nil // no extensions are used
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

// sent counts messages that enter a peer's queue, and those that leave it as negative numbers.
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

// drop counts dropped messages. It pokes for the first only, since Run then comes back for the
// others. The caller holds mu.
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

// quiet forgets which topics a peer listened to, after its stream has ended.
func (m *members) quiet(id peer.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fellows[id]; f != nil {
		clear(f.topics)
	}
}

var errTopics = errors.New("too many topics")

func (m *members) CanSubscribe(string) bool { return true }

// FilterIncomingSubscriptions and CanSubscribe make members a pubsub.SubscriptionFilter. It also
// keeps topics of epochs that have not come here yet, since peers don't say a second time what they
// listen to.
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
