// Package groups keeps the groups that this node knows: their control sets, in the store and as authority engines in
// memory, and what follows from them for each person: who is served what, whose events are taken, whom a message is for.
//
// It owns the order in which a control set changes: one change of a group at a time is proven, permitted by its engine,
// committed, and only then what this device writes under. It refuses what its author was not permitted, and what names a
// past that is not here. It knows no sessions, no names of persons and no cards: whose a device is it asks Authors.
//
// Its methods may be called from any goroutine. Those with a context commit, and return when that is on the disk; the
// others answer from memory or by a short look into the store. The store calls Heads, Readers and Out inside its
// transactions, so nothing here holds the lock of the engines while it calls the store.
package groups

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Why something is not done. Errors of authority and the store come through as they are.
var (
	// ErrUnknown: no such group is known here.
	ErrUnknown = errors.New("group is not known")
	// ErrUnproven: the bytes are not what their author signed, or no control events. Whoever brought them is to blame.
	ErrUnproven = errors.New("control event not proven")
	// ErrNotInvited: control events of a group that is not known and that the owner is not in by them. More may come.
	ErrNotInvited = errors.New("not invited")
)

// InvitationError says that the owner is in a group that is not known here, by somebody who may not bring them in.
type InvitationError struct {
	By   crypto.PersonID
	Name string // of the group, a claim
}

func (e *InvitationError) Error() string { return "invited by somebody who is not accepted" }

// NeedsCardError says that nobody's card with Head is known here. Ask for it and come again.
type NeedsCardError struct{ Head crypto.Hash }

func (e *NeedsCardError) Error() string {
	return fmt.Sprintf("no card with head %x is known", e.Head[:4])
}

// Authors knows whose devices are whose.
type Authors interface {
	// Author returns whose card has a head, if the device speaks for them at it; else a *NeedsCardError or
	// authority.ErrNotPermitted.
	Author(head crypto.Hash, device crypto.DeviceID) (crypto.PersonID, error)
	// Owner returns whose device this is now.
	Owner(device crypto.DeviceID) (crypto.PersonID, bool)
	// Keep has the store know a person whose events it is about to hold.
	Keep(ctx context.Context, person crypto.PersonID) error
}

// Change is how the control set of a group has changed.
type Change struct {
	ID            event.Conversation
	Before, After *authority.State // Before is nil for a group that is new here
}

// Config is what Groups are made of.
type Config struct {
	Authors Authors
	Changed func(Change) // after the commit, in the order of a group's changes; it must not change a group
}

// Groups are those that this node knows. Call Load before anything but Heads, Readers and Out.
type Groups struct {
	cfg   Config
	store *store.Store
	self  crypto.PersonID

	joining  gosync.Mutex // held while a group is made known
	outlines outlines

	mu     gosync.Mutex // guards the rest and every engine; never held while the store is called
	groups map[event.Conversation]*group
}

// group is one group.
type group struct {
	id      event.Conversation
	secret  [32]byte
	founder crypto.PersonID

	changing gosync.Mutex // held over a change of the control set, so that there is one at a time; taken before Groups.mu

	engine *authority.Group

	// What holds by what is on the disk: the engine may have taken what is about to be written.
	heads []crypto.Hash // what this device writes under
	state *authority.State
	pasts map[crypto.PersonID]past // of members that were asked for
	went  store.Reason             // how the owner went last
}

// publish lets everybody see what the engine says now. The caller holds Groups.mu.
func (it *group) publish(owner crypto.PersonID) {
	it.heads = it.engine.Heads()
	it.state = it.engine.State()
	it.pasts = make(map[crypto.PersonID]past)
	it.went = store.Removed // also where only their invitation has ceased to count
	if _, left := it.engine.LastOut(owner).(event.Leave); left {
		it.went = store.Left
	}
}

// New returns Groups that know none. They can be given to the store before it is open.
func New(cfg Config) *Groups {
	return &Groups{cfg: cfg, groups: make(map[event.Conversation]*group)}
}

// Load reads all groups from the store.
func (g *Groups) Load(s *store.Store) error {
	g.outlines.init(s)
	g.store, g.self = s, s.Own().Person
	ids, err := s.Groups()
	if err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	for _, id := range ids {
		it := &group{id: id}
		if err := g.read(it); errors.Is(err, ErrUnproven) {
			continue // nobody can be told by who began it: it is as if it were not here
		} else if err != nil {
			return fmt.Errorf("read group %v: %w", id, err)
		}
		g.groups[id] = it
	}
	return nil
}

// read makes the engine of a group from what is on the disk.
func (g *Groups) read(it *group) error {
	stored, err := g.store.Controls(it.id)
	if err != nil {
		return err
	}
	var events []authority.Event
	for i := range stored {
		e, err := g.understand(&stored[i])
		if needs := new(NeedsCardError); errors.As(err, &needs) {
			// It was written under a branch of the author's card that another has displaced since.
			if owner, ok := g.cfg.Authors.Owner(stored[i].Header.Device); ok {
				e, err = g.by(owner, &stored[i])
			}
		}
		if err == nil { // else it counts no more, nor what builds on it
			events = append(events, e)
		}
	}
	engine, secret, err := build(events)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	it.engine, it.secret, it.founder = engine, secret, founder(events)
	it.publish(g.self)
	return nil
}

// founder is who wrote the create event.
func founder(events []authority.Event) (p crypto.PersonID) {
	for _, e := range events {
		if create, ok := e.Act.(event.Create); ok {
			return create.Person
		}
	}
	return p
}

// Founder is who made a group, whoever is in it now.
func (g *Groups) Founder(id event.Conversation) (p crypto.PersonID) {
	_ = g.with(id, func(it *group) error { p = it.founder; return nil })
	return p
}

// build makes an engine of a control set in any order. What its author was not permitted is left out.
func build(events []authority.Event) (engine *authority.Group, secret [32]byte, err error) {
	first := slices.IndexFunc(events, func(e authority.Event) bool {
		_, ok := e.Act.(event.Create)
		return ok
	})
	if first < 0 {
		return nil, secret, fmt.Errorf("%w: no create event", ErrUnproven)
	}
	if engine, err = authority.New(events[first]); err != nil {
		return nil, secret, err
	}
	rest := slices.Delete(slices.Clone(events), first, first+1)
	for len(rest) > 0 {
		var later []authority.Event
		for _, e := range rest {
			switch err := engine.Add(e); {
			case errors.Is(err, authority.ErrParent):
				later = append(later, e)
			case err != nil && !errors.Is(err, authority.ErrNotPermitted):
				return nil, secret, err
			}
		}
		if len(later) == len(rest) {
			break // their parents are not here: they come with them
		}
		rest = later
	}
	return engine, events[first].Act.(event.Create).Secret, nil
}

// Heads is what this device writes under in a group. See store.Authority.
func (g *Groups) Heads(id event.Conversation) []crypto.Hash {
	g.mu.Lock()
	defer g.mu.Unlock()
	if it := g.groups[id]; it != nil {
		return it.heads
	}
	return nil
}

// Readers are whom a message written under control heads is for: the members then who still are. See store.Authority.
func (g *Groups) Readers(id event.Conversation, control []crypto.Hash) []crypto.PersonID {
	g.mu.Lock()
	defer g.mu.Unlock()
	it := g.groups[id]
	if it == nil {
		return nil
	}
	now := it.state
	then, err := it.engine.StateAt(control)
	if err != nil {
		then = now
	}
	var out []crypto.PersonID
	for _, m := range then.Members {
		if _, still := now.Member(m.Person); still && m.Person != g.self {
			out = append(out, m.Person)
		}
	}
	return out
}

// Out says whether the owner is out of a group, and how they went last. See store.Authority.
func (g *Groups) Out(id event.Conversation) (out bool, how store.Reason) {
	g.mu.Lock()
	defer g.mu.Unlock()
	it := g.groups[id]
	if it == nil {
		return false, store.NoReason
	}
	_, in := it.state.Member(g.self)
	return !in, it.went
}

func (g *Groups) get(id event.Conversation) (*group, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if it := g.groups[id]; it != nil {
		return it, nil
	}
	return nil, ErrUnknown
}

// with runs f on the engine of a group.
func (g *Groups) with(id event.Conversation, f func(*group) error) error {
	it, err := g.get(id)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return f(it)
}

// Known says whether a conversation is a group that is known here.
func (g *Groups) Known(id event.Conversation) bool {
	_, err := g.get(id)
	return err == nil
}

// All returns the IDs of all groups, in order.
func (g *Groups) All() []event.Conversation {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]event.Conversation, 0, len(g.groups))
	for id := range g.groups {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b event.Conversation) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// State is what a group is now.
func (g *Groups) State(id event.Conversation) (state *authority.State, err error) {
	err = g.with(id, func(it *group) error { state = it.state; return nil })
	return state, err
}
