package node

import (
	"context"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/gossip"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// maxWanted bounds the cards that wait to be asked for from one peer: the members of a large group.
const maxWanted = 1024

// maxShared bounds the sightings that wait to be told to one peer.
const maxShared = sync.MaxSightings

// news is what the rest of the node tells a session. Putting never waits: what is newer replaces what is older of
// the same log, so a slow session holds nobody up and misses nothing.
type news struct {
	wake notify.Signal

	mu       gosync.Mutex
	joined   map[event.Conversation]bool // what the session hears of; false where it hears of control events only
	held     map[event.Log]sync.Held
	order    []event.Log // of held
	records  []sync.HeldRecord
	control  map[event.Conversation]bool // groups whose control set has grown
	wanted   []crypto.PersonID           // whose cards are missing
	groups   []sync.Input                // wishes about groups
	rejoin   bool
	sighting []sync.Sighting
}

func (n *news) init() {
	n.wake = notify.NewSignal()
	n.joined = make(map[event.Conversation]bool)
	n.held = make(map[event.Log]sync.Held)
	n.control = make(map[event.Conversation]bool)
}

// join says of which conversation the session hears, from now on: of all in it, or of control events only.
func (n *news) join(c event.Conversation, all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.joined[c] = all
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
	n.wake.Give()
}

// record says that a newer record is on the disk.
func (n *news) record(r sync.HeldRecord) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.joined[r.Conversation] {
		n.records = append(n.records, r)
		n.wake.Give()
	}
}

// change says that the control set of a group has grown.
func (n *news) change(c event.Conversation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, joined := n.joined[c]; joined {
		n.control[c] = true
		n.wake.Give()
	}
}

// in says whether the session hears of all in a conversation.
func (n *news) in(c event.Conversation) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.joined[c]
}

// follow has the peer tell everything that it gets in a group, compare what it holds. Neither is asked for often.
func (n *news) follow(c event.Conversation)  { n.wish(sync.Follow{Conversation: c, On: true}) }
func (n *news) compare(c event.Conversation) { n.wish(sync.Compare{Conversation: c}) }

// epoch hands the key of a group to the peer.
func (n *news) epoch(c event.Conversation, e gossip.Epoch) {
	n.wish(sync.ShareEpoch{Conversation: c, Epoch: sync.Epoch{ID: e.ID, Key: e.Key, Control: e.Control, Age: uint64(e.Age / time.Second)}})
}

func (n *news) wish(in sync.Input) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = append(n.groups, in)
	n.wake.Give()
}

// want has the peer asked for the cards of persons.
func (n *news) want(persons ...crypto.PersonID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room := max(0, maxWanted-len(n.wanted))
	n.wanted = append(n.wanted, persons[:min(room, len(persons))]...)
	n.wake.Give()
}

// policy says that what the peer may have has changed.
func (n *news) policy() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rejoin = true
	n.wake.Give()
}

// share says where devices may be.
func (n *news) share(sightings ...sync.Sighting) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room := max(0, maxShared-len(n.sighting))
	n.sighting = append(n.sighting, sightings[:min(room, len(sightings))]...)
	n.wake.Give()
}

// take empties the news. What changed in who may have what comes before what is to be had.
func (n *news) take() (rejoin bool, changed []event.Conversation, inputs []sync.Input) {
	n.mu.Lock()
	defer n.mu.Unlock()
	changed = slices.Collect(maps.Keys(n.control))
	for _, log := range n.order {
		inputs = append(inputs, n.held[log])
	}
	for _, r := range n.records {
		inputs = append(inputs, r)
	}
	inputs = append(inputs, n.groups...)
	for _, p := range n.wanted {
		inputs = append(inputs, sync.WantCard{Person: p})
	}
	if len(n.sighting) > 0 {
		inputs = append(inputs, sync.Share{Sightings: n.sighting})
	}
	rejoin = n.rejoin
	clear(n.held)
	clear(n.control)
	n.order, n.records, n.groups, n.wanted, n.sighting, n.rejoin = nil, nil, nil, nil, nil, false
	return rejoin, changed, inputs
}

// hearNews gives the machine what the rest of the node has told.
func (s *session) hearNews(ctx context.Context) error {
	rejoin, changed, news := s.news.take()
	var inputs []sync.Input
	if rejoin && s.known {
		s.forgetFloors()
		inputs = append(inputs, s.join())
	}
	for _, c := range changed {
		if locator := s.node.groups.Locator(c); locator != nil {
			inputs = append(inputs, sync.HeldControl{Conversation: c, Control: locator})
		}
	}
	for _, in := range news {
		if held, ok := in.(sync.Held); ok {
			if held.Segments = s.visible(held.Log, held.Segments); len(held.Segments) == 0 {
				continue
			}
			in = held
		}
		inputs = append(inputs, in)
	}
	for _, in := range inputs {
		if err := s.step(ctx, in); err != nil {
			return err
		}
	}
	return nil
}
