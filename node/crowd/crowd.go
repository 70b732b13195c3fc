// Package crowd keeps a gossip router for each large group that the owner is in. It gives the
// router what this device writes, and gives package ingest what comes by the router. In a group of
// up to Above members everybody can be expected to have a session with everybody, and gossip is not
// used.
//
// Run owns the routers and returns when all have ended. It looks at the groups again when Changed
// is called, and publishes what Committed was told. The other methods may be called by any
// goroutine: the store's writer calls Committed, and sessions call Share and Learn, by which the
// members of a group hand each other its gossip key.
//
// The package does not decide who is in a group or what is believed. Sync brings whatever gossip
// loses, so no failure here is final: a run that could not be published reaches the members by
// sync.
package crowd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/gossip"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// errAbsence: a run that came by gossip lacks a body and does not prove why, so it is not
// forwarded. Errors of package ingest come through as they are.
var errAbsence = errors.New("a body is absent for a reason that is not proven here")

// Above is the size in members past which a group gossips beside direct push. Up to it direct push
// is cheaper: each message goes once over each link, where gossip sends it about six times.
const Above = 64

// Config is what a Crowd is made of.
type Config struct {
	Host   *link.Host
	Store  *store.Store
	People *people.People
	Groups *groups.Groups
	Door   *ingest.Door
	Mesh   Mesh
	Above  int // the constant Above, or less in simulations
	Log    *slog.Logger
}

// Mesh knows the sessions.
type Mesh interface {
	// In returns the sessions that hear of everything in a conversation.
	In(event.Conversation) []*session.Session
}

// Crowd keeps the routers. They belong to the goroutine of Run; the map is read by others under the
// lock.
type Crowd struct {
	cfg  Config
	own  store.Own
	wake notify.Signal

	mu      gosync.Mutex
	running map[event.Conversation]*router
	grown   map[event.Log]uint64 // own logs that are to be published, with their last sequence
}

// router is one group's router while it runs.
type router struct {
	*gossip.Router
	members map[crypto.DeviceID]bool
	told    map[event.Log]uint64 // the last sequence of each own log that was published, or left to sync
	cancel  context.CancelFunc
	ended   chan struct{}
}

// New returns a Crowd without routers.
func New(cfg Config) *Crowd {
	return &Crowd{cfg: cfg, own: cfg.Store.Own(), wake: notify.NewSignal(),
		running: make(map[event.Conversation]*router), grown: make(map[event.Log]uint64)}
}

// Run follows the groups until ctx ends, and returns when every router has ended.
func (g *Crowd) Run(ctx context.Context) {
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

// Changed says that a group has changed.
func (g *Crowd) Changed() { g.wake.Give() }

// Committed takes in that own logs have grown. It is called by the store's writer.
func (g *Crowd) Committed(c store.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range c.Logs {
		if l.Log.Device == g.own.Device.ID() && g.running[l.Log.Conversation] != nil {
			g.grown[l.Log] = l.Segments.Last()
			g.wake.Give()
		}
	}
}

func (g *Crowd) router(c event.Conversation) *router {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running[c]
}

// follow starts and ends routers, and tells each whom it may meet.
func (g *Crowd) follow(ctx context.Context) {
	for _, c := range g.cfg.Groups.All() {
		state, err := g.cfg.Groups.State(c)
		if err != nil {
			continue
		}
		_, in := state.Member(g.own.Person)
		r := g.router(c)
		switch large := in && len(state.Members) > g.cfg.Above; {
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
			them, _ := g.cfg.People.Get(m.Person)
			for _, d := range them.Parsed.Devices() {
				members[d] = d != g.own.Device.ID()
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
func (g *Crowd) start(ctx context.Context, c event.Conversation) *router {
	secret, err := g.cfg.Groups.Secret(c)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &router{told: make(map[event.Log]uint64), cancel: cancel, ended: make(chan struct{})}
	logs, _ := g.cfg.Store.Logs(c)
	for log, segments := range logs {
		if log.Device == g.own.Device.ID() {
			r.told[log] = segments.Last() // what was written before is for sync
		}
	}
	r.Router = gossip.New(gossip.Config{
		Host: g.cfg.Host, Secret: secret, Control: control{g.cfg.Groups, c}, Log: g.cfg.Log,
		Prove: func(ctx context.Context, from crypto.DeviceID, payload []byte) error {
			return g.Heard(ctx, c, from, payload)
		},
		Share: func(e gossip.Epoch) {
			for _, s := range g.cfg.Mesh.In(c) {
				s.Inbox.Epoch(c, onWire(e))
			}
		},
		Dropped: func(device crypto.DeviceID, _ int) {
			for _, s := range g.cfg.Mesh.In(c) {
				if s.Peer() == device {
					s.Inbox.Compare(c)
				}
			}
		},
	})
	g.mu.Lock()
	g.running[c] = r
	g.mu.Unlock()
	go func() { // ends with ctx
		defer close(r.ended)
		if err := r.Run(ctx); err != nil && ctx.Err() == nil {
			g.cfg.Log.Warn("gossip ended", "conv", c, "err", err)
		}
	}()
	return r
}

// publish gossips what this device has written since the last call.
func (g *Crowd) publish(ctx context.Context) {
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
			run, err := g.cfg.Store.LoadRun(log, first, event.MaxRunEvents, gossip.MaxPayload/2)
			if err != nil {
				break // recalled or cut meanwhile: sync will tell the members
			}
			if forAll(&run) {
				err = r.Publish(ctx, run.Marshal())
			}
			if err != nil && !errors.Is(err, gossip.ErrTooLarge) && !errors.Is(err, gossip.ErrNoEpoch) && ctx.Err() == nil {
				g.cfg.Log.Warn("gossip", "conv", log.Conversation, "err", err)
			}
			r.told[log] = run.Segment().Last
		}
	}
}

// Heard lets in a run that came by gossip. If it returns no error, the router forwards the run,
// even one that this node already had: members further on may get it by no other way.
func (g *Crowd) Heard(ctx context.Context, c event.Conversation, from crypto.DeviceID, payload []byte) error {
	run, err := event.ParseRun(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", gossip.ErrForged, err)
	}
	if run.Log().Conversation != c || !forAll(&run) {
		return gossip.ErrForged
	}
	by, ok := g.cfg.People.Of(from)
	if !ok {
		return ingest.ErrStranger
	}
	in := g.cfg.Door.Gossiped(ctx, run, by.ID)
	switch {
	case errors.Is(in.Err, ingest.ErrUnproven):
		return fmt.Errorf("%w: %w", gossip.ErrForged, in.Err)
	case in.Err != nil:
		return in.Err
	}
	for i := range run.Events {
		if e := &run.Events[i]; e.Absent != event.Present && !in.Segments.Covers(e.Header.Sequence) {
			return errAbsence
		}
	}
	return nil
}

// forAll says that any member may get the run as it is: no words are left out, and nothing in it
// concerns one receiver only.
func forAll(run *event.Run) bool {
	return run.Tag == nil && run.Number == 0 && !slices.ContainsFunc(run.Events, func(e event.Event) bool {
		return e.Absent == event.Dropped || e.Withheld != 0
	})
}

// Share hands the key of a group to the peer of a session that is in it. It does nothing where the
// group does not gossip.
func (g *Crowd) Share(c event.Conversation, s *session.Session) {
	if r := g.router(c); r != nil {
		if e, ok := r.Current(); ok {
			s.Inbox.Epoch(c, onWire(e))
		}
	}
}

// Learn takes a key that the peer of a session hands over. An error ends the session.
func (g *Crowd) Learn(s *session.Session, e sync.EpochShared) error {
	r := g.router(e.Conversation)
	if r == nil {
		return nil // for this node the group is small: it hears everything over direct links
	}
	answer, err := r.Learn(s.Peer(), gossip.Epoch{ID: e.Epoch.ID, Key: e.Epoch.Key, Control: e.Epoch.Control,
		Age: time.Duration(e.Epoch.Age) * time.Second})
	if answer != nil {
		s.Inbox.Epoch(e.Conversation, onWire(*answer))
	}
	if errors.Is(err, gossip.ErrEpoch) {
		return fmt.Errorf("%w: %w", sync.ErrProtocol, err)
	}
	return nil
}

// onWire returns an epoch as a frame has it.
func onWire(e gossip.Epoch) wire.Epoch {
	return wire.Epoch{ID: e.ID, Key: e.Key, Control: e.Control, Age: uint64(e.Age / time.Second)}
}

// control answers what a router asks about its group.
type control struct {
	groups *groups.Groups
	id     event.Conversation
}

func (c control) Heads() []crypto.Hash { return c.groups.Heads(c.id) }

func (c control) Covers(control, older []crypto.Hash) bool {
	return c.groups.Covers(c.id, control, older)
}

func (c control) Standing(control []crypto.Hash) gossip.Standing {
	switch current, err := c.groups.Current(c.id, control); {
	case err != nil:
		return gossip.Unknown
	case current:
		return gossip.Current
	}
	return gossip.Stale
}
