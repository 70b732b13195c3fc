package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/gossip"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// gossipAbove is the size in members past which a group gossips beside direct push: up to it everybody can be expected to
// have a session with everybody, and each message goes once over each link, where gossip sends it about six times.
const gossipAbove = 64

// gossips keeps a router for each large group that the owner is in, and gives it what this device writes. The routers
// belong to the goroutine of run; the map is read by others under the lock.
type gossips struct {
	node  *Node
	above int
	wake  notify.Signal

	mu      gosync.Mutex
	running map[event.Conversation]*gossiping
	grown   map[event.Log]uint64 // own logs, by the last sequence
}

// gossiping is one group's router while it runs.
type gossiping struct {
	*gossip.Router
	members map[crypto.DeviceID]bool
	told    map[event.Log]uint64 // up to where own logs were published, or left to sync
	cancel  context.CancelFunc
	ended   chan struct{}
}

func newGossips(n *Node, above int) *gossips {
	if above == 0 {
		above = gossipAbove
	}
	return &gossips{node: n, above: above, wake: notify.NewSignal(),
		running: make(map[event.Conversation]*gossiping), grown: make(map[event.Log]uint64)}
}

// run follows the groups until ctx ends, and returns when every router has ended.
func (g *gossips) run(ctx context.Context) {
	defer func() {
		for _, r := range g.running {
			r.cancel()
			<-r.ended
		}
	}()
	for {
		g.follow(ctx)
		g.publish(ctx)
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
	}
}

// changed says that a group has changed.
func (g *gossips) changed() { g.wake.Give() }

// committed takes in that own logs have grown. It is called by the store's writer.
func (g *gossips) committed(c store.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range c.Logs {
		if l.Log.Device == g.node.me.device && g.running[l.Log.Conversation] != nil {
			g.grown[l.Log] = l.Segments.Last()
			g.wake.Give()
		}
	}
}

func (g *gossips) router(c event.Conversation) *gossiping {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running[c]
}

// follow starts and ends routers, and tells each whom it may meet.
func (g *gossips) follow(ctx context.Context) {
	n := g.node
	for _, c := range n.groups.All() {
		state, err := n.groups.State(c)
		if err != nil {
			continue
		}
		_, in := state.Member(n.me.person)
		r := g.router(c)
		switch large := in && len(state.Members) > g.above; {
		case large && r == nil:
			r = g.start(ctx, c)
		case !large && r != nil:
			g.mu.Lock()
			delete(g.running, c)
			g.mu.Unlock()
			r.cancel()
			<-r.ended
			continue
		}
		if r == nil {
			continue
		}
		members := make(map[crypto.DeviceID]bool)
		for _, m := range state.Members {
			them, _ := n.people.get(m.Person)
			for _, d := range them.card.Devices() {
				members[d] = d != n.me.device
			}
		}
		for d := range members {
			if members[d] && !r.members[d] {
				r.Add(d)
			}
		}
		for d := range r.members {
			if r.members[d] && !members[d] {
				r.Remove(d)
			}
		}
		r.members = members
		r.Refresh()
	}
}

// start has a router run until it is cancelled.
func (g *gossips) start(ctx context.Context, c event.Conversation) *gossiping {
	n := g.node
	secret, err := n.groups.Secret(c)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &gossiping{told: make(map[event.Log]uint64), cancel: cancel, ended: make(chan struct{})}
	logs, _ := n.store.Logs(c)
	for log, segments := range logs {
		if log.Device == n.me.device {
			r.told[log] = segments.Last() // what was written before is for sync
		}
	}
	r.Router = gossip.New(gossip.Config{
		Host: n.host, Secret: secret, Control: gossipControl{n.groups, c}, Log: n.log,
		Prove: func(ctx context.Context, from crypto.DeviceID, payload []byte) error {
			return n.heard(ctx, c, from, payload)
		},
		Share: func(e gossip.Epoch) { n.eachIn(c, func(s *session) { s.news.epoch(c, e) }) },
		Dropped: func(device crypto.DeviceID, _ int) {
			n.eachIn(c, func(s *session) {
				if s.peer == device {
					s.news.compare(c)
				}
			})
		},
	})
	g.mu.Lock()
	g.running[c] = r
	g.mu.Unlock()
	go func() { // ends with ctx
		defer close(r.ended)
		if err := r.Run(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("gossip ended", "conv", c, "err", err)
		}
	}()
	return r
}

// publish gossips what this device has written since.
func (g *gossips) publish(ctx context.Context) {
	g.mu.Lock()
	grown := maps.Clone(g.grown)
	clear(g.grown)
	g.mu.Unlock()
	for log, last := range grown {
		r := g.router(log.Conversation)
		if r == nil {
			continue
		}
		for first := r.told[log] + 1; first <= last; first = r.told[log] + 1 {
			run, err := g.node.store.LoadRun(log, first, event.MaxRunEvents, gossip.MaxPayload/2)
			if err != nil {
				break // recalled or cut meanwhile: sync says what is so
			}
			if forAll(&run) {
				err = r.Publish(ctx, run.Marshal())
			}
			if err != nil && !errors.Is(err, gossip.ErrTooLarge) && !errors.Is(err, gossip.ErrNoEpoch) && ctx.Err() == nil {
				g.node.log.Warn("gossip", "conv", log.Conversation, "err", err)
			}
			r.told[log] = run.Segment().Last
		}
	}
}

// heard lets in a run that came by gossip. It is forwarded if it is proven and has its place, also where it has come by
// another road: those behind this node may have no other.
func (n *Node) heard(ctx context.Context, c event.Conversation, from crypto.DeviceID, payload []byte) error {
	run, err := event.ParseRun(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", gossip.ErrForged, err)
	}
	if run.Log().Conversation != c || !forAll(&run) {
		return gossip.ErrForged
	}
	by, ok := n.people.of(from)
	if !ok {
		return errStranger
	}
	in := n.Ingest(ctx, run, Road{From: by.ID})
	switch {
	case errors.Is(in.Err, errUnproven):
		return fmt.Errorf("%w: %w", gossip.ErrForged, in.Err)
	case in.Err != nil:
		return in.Err
	case in.New:
		n.rounds.stored(nil, run.Log())
	}
	for i := range run.Events {
		if e := &run.Events[i]; e.Absent != event.Present && !in.Segments.Covers(e.Header.Sequence) {
			return errAbsence
		}
	}
	return nil
}

// forAll says that a run is as any member may get it: with all its words, and nothing in it that concerns one receiver.
func forAll(run *event.Run) bool {
	return run.Tag == nil && run.Number == 0 && !slices.ContainsFunc(run.Events, func(e event.Event) bool {
		return e.Absent == event.Dropped || e.Withheld != 0
	})
}

// shareEpoch hands the key of a large group to a peer that is in it.
func (s *session) shareEpoch(c event.Conversation) {
	if r := s.node.gossips.router(c); r != nil {
		if e, ok := r.Current(); ok {
			s.news.epoch(c, e)
		}
	}
}

// learnEpoch takes a key that the peer hands over.
func (s *session) learnEpoch(e sync.EpochShared) error {
	r := s.node.gossips.router(e.Conversation)
	if r == nil {
		return nil // this node thinks the group small: it hears all by direct links
	}
	answer, err := r.Learn(s.peer, gossip.Epoch{ID: e.Epoch.ID, Key: e.Epoch.Key, Control: e.Epoch.Control,
		Age: time.Duration(e.Epoch.Age) * time.Second})
	if answer != nil {
		s.news.epoch(e.Conversation, *answer)
	}
	if errors.Is(err, gossip.ErrEpoch) {
		return fmt.Errorf("%w: %w", sync.ErrProtocol, err)
	}
	return nil
}

// gossipControl is what a router asks of its group.
type gossipControl struct {
	groups *groups.Groups
	id     event.Conversation
}

func (c gossipControl) Heads() []crypto.Hash { return c.groups.Heads(c.id) }

func (c gossipControl) Covers(control, older []crypto.Hash) bool {
	return c.groups.Covers(c.id, control, older)
}

func (c gossipControl) Standing(control []crypto.Hash) gossip.Standing {
	switch current, err := c.groups.Current(c.id, control); {
	case err != nil:
		return gossip.Unknown
	case current:
		return gossip.Current
	}
	return gossip.Stale
}
