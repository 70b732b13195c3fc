package node

import (
	"context"
	gosync "sync"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// maxShared bounds the sightings that wait to be told to one peer.
const maxShared = sync.MaxSightings

// news is what the rest of the node tells a session. Putting never waits: what is newer replaces what is older of
// the same log, so a slow session holds nobody up and misses nothing.
type news struct {
	wake chan struct{}

	mu       gosync.Mutex
	joined   map[event.Conversation]bool // what the session wants to hear of
	held     map[event.Log]sync.Held
	order    []event.Log // of held
	records  []sync.HeldRecord
	rejoin   bool
	sighting []sync.Sighting
}

func (n *news) init() {
	n.wake = make(chan struct{}, 1)
	n.joined = make(map[event.Conversation]bool)
	n.held = make(map[event.Log]sync.Held)
}

// join says of which conversations the session wants to hear, from now on.
func (n *news) join(conversations ...event.Conversation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range conversations {
		n.joined[c] = true
	}
}

// hold says that more of a log is on the disk.
func (n *news) hold(log event.Log, segments event.Segments) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.joined[log.Conversation] {
		return
	}
	if _, waits := n.held[log]; !waits {
		n.order = append(n.order, log)
	}
	n.held[log] = sync.Held{Log: log, Segments: segments}
	signal(n.wake)
}

// record says that a newer record is on the disk.
func (n *news) record(r sync.HeldRecord) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.joined[r.Conversation] {
		n.records = append(n.records, r)
		signal(n.wake)
	}
}

// profile says that the owner has another name now.
func (n *news) profile(r event.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.joined {
		n.records = append(n.records, sync.HeldRecord{Conversation: c, Record: r})
	}
	signal(n.wake)
}

// policy says that what the peer may have has changed.
func (n *news) policy() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rejoin = true
	signal(n.wake)
}

// share says where devices may be.
func (n *news) share(sightings ...sync.Sighting) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room := max(0, maxShared-len(n.sighting))
	n.sighting = append(n.sighting, sightings[:min(room, len(sightings))]...)
	signal(n.wake)
}

// take empties the news.
func (n *news) take() (rejoin bool, inputs []sync.Input) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, log := range n.order {
		inputs = append(inputs, n.held[log])
	}
	for _, r := range n.records {
		inputs = append(inputs, r)
	}
	if len(n.sighting) > 0 {
		inputs = append(inputs, sync.Share{Sightings: n.sighting})
	}
	rejoin = n.rejoin
	clear(n.held)
	n.order, n.records, n.sighting, n.rejoin = nil, nil, nil, false
	return rejoin, inputs
}

// hearNews gives the machine what the rest of the node has told.
func (s *session) hearNews(ctx context.Context) error {
	rejoin, inputs := s.news.take()
	if rejoin && s.known {
		inputs = append(inputs, s.join())
	}
	for _, in := range inputs {
		if err := s.step(ctx, in); err != nil {
			return err
		}
	}
	return nil
}
