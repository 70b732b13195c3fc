package session

import (
	"slices"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxWanted bounds the cards that wait to be asked for from one peer.
	maxWanted = sync.MaxWanted

	// maxShared bounds the sightings that wait to be told to one peer.
	maxShared = wire.MaxSightings
)

// Inbox is what the rest of the node tells a session. Its methods may be called by any goroutine
// and never wait. What is told later replaces what was told before about the same log or group. So
// a slow session holds nobody up, and misses only cards and sightings past the bounds above, which
// come up again. The rooms that tell something ask the mesh which sessions hear of a conversation.
type Inbox struct {
	given notify.Signal
	self  crypto.DeviceID

	mu      gosync.Mutex
	some    bool                        // there is something in it
	deaf    map[event.Conversation]bool // in which others' logs are not heeded, see Heeds
	held    map[event.Log]sync.Held
	order   []event.Log // the keys of held, in the order in which they came
	records []sync.HeldRecord
	control map[event.Conversation]sync.HeldControl
	wishes  []sync.Input           // Follow, Compare, Room and ShareEpoch
	direct  map[event.Log]struct{} // of which is to be asked whether they come directly
	wanted  []crypto.PersonID
	shared  []wire.Sighting
	typing  map[event.Conversation]bool // where the owner writes, or has stopped
	away    *bool                       // the owner is; nil: nothing to tell
	rejoin  bool
}

func (n *Inbox) init(self crypto.DeviceID) {
	n.given, n.self = notify.NewSignal(), self
	n.deaf = make(map[event.Conversation]bool)
	n.held = make(map[event.Log]sync.Held)
	n.direct = make(map[event.Log]struct{})
	n.control = make(map[event.Conversation]sync.HeldControl)
}

// give wakes the session. The caller holds the lock.
func (n *Inbox) give() {
	n.some = true
	n.given.Give()
}

// Held says that more of a log is on the disk. The session is woken for it only if it heeds the log: in a group of
// fifty, forty of the sessions have nothing to do with what others write.
func (n *Inbox) Held(log event.Log, segments event.Segments) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, waits := n.held[log]; !waits {
		n.order = append(n.order, log)
	}
	n.held[log] = sync.Held{Log: log, Segments: segments}
	if n.some = true; log.Device == n.self || !n.deaf[log.Conversation] {
		n.given.Give()
	}
}

// heed notes whether others' logs of a conversation are heeded. What has come of them meanwhile is.
func (n *Inbox) heed(c event.Conversation, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !on {
		n.deaf[c] = true
		return
	}
	if delete(n.deaf, c); n.some {
		n.given.Give()
	}
}

// any reports whether there is something in the inbox.
func (n *Inbox) any() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.some
}

// Record says that a newer record is on the disk.
func (n *Inbox) Record(c event.Conversation, r event.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = append(n.records, sync.HeldRecord{Conversation: c, Record: r})
	n.give()
}

// Control says how far the control set of a group goes now.
func (n *Inbox) Control(c event.Conversation, locator []crypto.Hash) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.control[c] = sync.HeldControl{Conversation: c, Locator: locator}
	n.give()
}

// Follow has the peer tell everything that it gets in a group from now on. It is called rarely.
func (n *Inbox) Follow(c event.Conversation) { n.wish(sync.Follow{Conversation: c, On: true}) }

// Direct says that logs may have begun to come from their devices themselves, or, as far as the host says so
// when the session asks it, have ceased to. Only the second is a reason to wake the session.
func (n *Inbox) Direct(on bool, logs ...event.Log) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, log := range logs {
		n.direct[log] = struct{}{}
		n.some = true
	}
	if !on {
		n.give()
	}
}

// Compare has this node and the peer compare what they hold of a group. It is called rarely.
func (n *Inbox) Compare(c event.Conversation) { n.wish(sync.Compare{Conversation: c}) }

// Room says that there is room on the disk again. It is called rarely.
func (n *Inbox) Room() { n.wish(sync.Room{}) }

// Epoch hands the key of a group to the peer.
func (n *Inbox) Epoch(c event.Conversation, e wire.Epoch) {
	n.wish(sync.ShareEpoch{Conversation: c, Epoch: e})
}

func (n *Inbox) wish(in sync.Input) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wishes = append(n.wishes, in)
	n.give()
}

// Want has the peer asked for the cards of persons, of as many as there is room for.
func (n *Inbox) Want(persons ...crypto.PersonID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room := max(0, maxWanted-len(n.wanted))
	n.wanted = append(n.wanted, persons[:min(room, len(persons))]...)
	n.give()
}

// Policy says that what the peer may have has changed.
func (n *Inbox) Policy() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rejoin = true
	n.give()
}

// Share says where devices may be. Of more than there is room for the oldest go: what is said last of
// a device counts.
func (n *Inbox) Share(sightings ...wire.Sighting) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shared = append(n.shared, sightings...)
	n.shared = slices.Clone(n.shared[max(0, len(n.shared)-maxShared):])
	n.give()
}

// Typing says that the owner writes in a conversation, or has stopped.
func (n *Inbox) Typing(c event.Conversation, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.typing == nil {
		n.typing = make(map[event.Conversation]bool)
	}
	n.typing[c] = on
	n.give()
}

// Presence says whether the owner is away.
func (n *Inbox) Presence(away bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = &away
	n.give()
}

// take empties the inbox. The inputs are in the order in which the machine needs them: control
// events come before the events that were written under them. rejoin says that what the peer may
// have is to be told before all of them.
func (n *Inbox) take() (rejoin bool, inputs []sync.Input) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.control {
		inputs = append(inputs, c)
	}
	for _, log := range n.order {
		inputs = append(inputs, n.held[log])
	}
	for _, r := range n.records {
		inputs = append(inputs, r)
	}
	inputs = append(inputs, n.wishes...)
	for log := range n.direct {
		inputs = append(inputs, sync.Direct{Log: log})
	}
	for _, p := range n.wanted {
		inputs = append(inputs, sync.WantCard{Person: p})
	}
	if len(n.shared) > 0 {
		inputs = append(inputs, sync.Share{Sightings: n.shared})
	}
	for c, on := range n.typing {
		inputs = append(inputs, sync.ShareTyping{Conversation: c, On: on})
	}
	if n.away != nil {
		inputs = append(inputs, sync.SharePresence{Away: *n.away})
	}
	rejoin = n.rejoin
	clear(n.held)
	clear(n.control)
	clear(n.direct)
	n.order, n.records, n.wishes, n.wanted, n.shared, n.rejoin = nil, nil, nil, nil, nil, false
	n.typing, n.away, n.some = nil, nil, false
	return rejoin, inputs
}
