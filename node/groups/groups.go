// Package groups keeps the groups that this node knows. The control events of a group, which say
// who is in it and who may do what, are in the store, and in memory as an engine of package
// authority. From these the package answers who is served what, whose events are accepted, and whom
// a message is for.
//
// It owns the order in which a group changes. One change of a group at a time is proven, permitted
// by the engine and written to the disk. Only then do this device's events build on it, and the
// owner is told by notices, which the store keeps: they are worked out from what the group was when
// the owner was last told, so none is lost if the program ends before. The package refuses
// control events whose authors were not permitted to write them, and those that build on events
// that are not here. It knows no sessions, no names of persons and no cards: it asks Authors whose
// device has written an event.
//
// All methods may be called from any goroutine. Those that take a context write, and return when
// the change is on the disk; the others answer from memory or after a short look into the store.
// The store calls Heads, Readers and Out inside its transactions, and every event that comes needs
// an answer of its group. So a change is judged in a copy of the group's engine, under a lock that
// only other changes of that group need, and the copy takes the engine's place when the change is
// on the disk. Nothing here holds the lock of an engine while it calls the store.
package groups

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Errors of authority and the store come through as they are.
var (
	// ErrUnknown: no such group is known here.
	ErrUnknown = errors.New("group is not known")
	// ErrUnproven: these are not the bytes that their author signed, or no control events. The peer
	// that brought them is at fault.
	ErrUnproven = errors.New("control event not proven")
	// ErrNotMember: the person is in the group no more, or never was.
	ErrNotMember = errors.New("not a member")
	// ErrSuspended: judging the group has taken more of the processor than its share. Try again
	// after Config.Resumed.
	ErrSuspended = errors.New("group is over its share of the processor")
)

// NeedsCardError says that no card with this head is known here. Ask for it and try again.
type NeedsCardError struct{ Head crypto.Hash }

func (e *NeedsCardError) Error() string {
	return fmt.Sprintf("no card with head %x is known", e.Head[:4])
}

// Authors knows to whom devices belong.
type Authors interface {
	// Author returns the person whose card has this head, if the device spoke for them then. Else
	// it returns a *NeedsCardError (no such card is known) or authority.ErrNotPermitted (the device
	// is another's, or was revoked).
	Author(head crypto.Hash, device crypto.DeviceID) (crypto.PersonID, error)
	// Owner returns the person whose device this is now.
	Owner(device crypto.DeviceID) (crypto.PersonID, bool)
	// Keep makes a person known to the store, which is about to hold something of theirs.
	Keep(ctx context.Context, person crypto.PersonID) error
	// Card returns a person's card, nil if it is not known.
	Card(person crypto.PersonID) []byte
	// Brings says whether a person may bring the owner into groups: a contact may. Ignores says whether
	// the owner wants to hear nothing of that.
	Brings(person crypto.PersonID) bool
	Ignores(person crypto.PersonID) bool
}

// Change says what a group was before its control events changed, and what it is now.
type Change struct {
	ID            event.Conversation
	Before, After *authority.State // Before is nil for a group that is new here
}

// Config is what New needs.
type Config struct {
	Authors Authors
	// Changed is called after each change is on the disk, for one group in the order of its
	// changes. It must not change a group.
	Changed func(Change)
	// Arriving is called when a group begins to arrive and, with more, when more of it has come. It
	// may be nil, and must not change a group.
	Arriving func(id event.Conversation, more bool)
	// Requested is called when an invitation has come that waits for the owner; may be nil.
	Requested func()
	// Strained is told that control events of a group wait, since it is over its share of the
	// processor, or are left out, since there is no room for them here. The owner should know.
	Strained func(event.Conversation) // may be nil
	// Resumed is told that a group may go on which was over its share. See Resume.
	Resumed func(event.Conversation) // may be nil
	Now     func() time.Time         // monotonic; nil for time.Now
	Log     *slog.Logger             // may be nil
}

// Groups are the groups that this node knows. Call Load before anything else but Heads, Readers and
// Out.
type Groups struct {
	cfg   Config
	store *store.Store
	self  crypto.PersonID

	joining  gosync.Mutex // held while a new group becomes known, so that two calls can't make the same one known
	outlines outlines
	shares   *shares
	refused  refused

	mu       gosync.Mutex // guards the maps, not what is in the groups; nothing else is locked while it is held
	groups   map[event.Conversation]*group
	arriving map[event.Conversation]*arriving

	mostArriving int // maxArriving, but in tests
}

// group is one group.
type group struct {
	id     event.Conversation
	secret [32]byte

	changing gosync.Mutex // held during a change of the control set, so that there is one at a time; taken before mu

	mu gosync.Mutex // guards the rest; held for as long as an answer takes, never while the store is called or a change is judged

	// What follows from the control events on the disk. The engine is replaced by a change, and
	// takes in nothing.
	engine *authority.Group
	heads  []crypto.Hash // on which this device's events build
	state  *authority.State
	pasts  map[crypto.PersonID]past // of the members for whom it was needed so far
	went   store.Reason             // how the owner got out the last time

	// By which join the owner has accepted to be in, and what the disk knows of that. These and the
	// next three change only while changing is held.
	accepted, kept crypto.Hash
	void           crypto.Hash // the owner was told that this one doesn't count
	asks           bool        // the owner is in by a join that they did not accept: state is without them
	asked          crypto.Hash // the last such join of which a request was made since the program began

	// What the owner has been told of. Both are empty if that is nothing.
	told      *authority.State
	toldHeads []crypto.Hash // the heads of all control events that there were then
}

// publish makes all methods answer by what an engine says and the owner has accepted. The caller
// holds changing, or has made the group and told nobody yet.
func (g *Groups) publish(it *group, engine *authority.Group) {
	heads, went := engine.Heads(), store.Removed // also if nobody removed them, but their invitation counts no longer
	if by, _ := engine.LastOut(g.self); by == g.self {
		went = store.Left
	}
	state, accepted, asks := g.asAccepted(it, engine.State())
	it.mu.Lock()
	defer it.mu.Unlock()
	it.engine, it.heads, it.state, it.went = engine, heads, state, went
	it.accepted, it.asks = accepted, asks
	it.pasts = make(map[crypto.PersonID]past)
}

// New returns Groups that know no group yet. They can be given to the store before that is opened.
func New(cfg Config) *Groups {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Arriving == nil {
		cfg.Arriving = func(event.Conversation, bool) {}
	}
	if cfg.Requested == nil {
		cfg.Requested = func() {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Strained == nil {
		cfg.Strained = func(event.Conversation) {}
	}
	if cfg.Resumed == nil {
		cfg.Resumed = func(event.Conversation) {}
	}
	return &Groups{cfg: cfg, shares: newShares(cfg.Now), groups: make(map[event.Conversation]*group), arriving: make(map[event.Conversation]*arriving),
		mostArriving: maxArriving}
}

// Load reads all groups from the store.
func (g *Groups) Load(s *store.Store) error {
	g.outlines.init(s)
	g.store, g.self = s, s.Own().Person
	ids, err := s.Groups()
	if err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	all, err := s.Book().AllAccepted()
	if err != nil {
		return fmt.Errorf("read accepted groups: %w", err)
	}
	accepted := make(map[event.Conversation]book.Accepted, len(all))
	for _, a := range all {
		accepted[a.Group] = a
	}
	for _, id := range ids {
		a := accepted[id]
		delete(accepted, id)
		it := &group{id: id, accepted: a.Join}
		if a.Void {
			it.void = a.Join
		}
		if a.Welcome == nil { // else the program ended when the group had just arrived, and the disk is to know that
			it.kept = a.Join
		}
		if err := g.read(it); errors.Is(err, ErrUnproven) {
			continue // its create event can't be read any more, and nothing can be decided without that
		} else if err != nil {
			return fmt.Errorf("read group %v: %w", id, err)
		}
		if err := g.readTold(it); err != nil {
			return fmt.Errorf("read group %v: %w", id, err)
		}
		g.mu.Lock()
		g.groups[id] = it
		g.mu.Unlock()
	}
	return g.loadArriving(accepted)
}

// loadArriving reads the groups that are arriving.
func (g *Groups) loadArriving(accepted map[event.Conversation]book.Accepted) error {
	for id, of := range accepted {
		if of.Welcome == nil {
			continue // the group can't be read any more
		}
		w, err := wire.ParseWelcome(of.Welcome)
		if err != nil {
			return fmt.Errorf("read arriving group %v: %w", id, err)
		}
		a, err := newArriving(of, w)
		if err != nil {
			return fmt.Errorf("read arriving group %v: %w", id, err)
		}
		g.mu.Lock()
		g.arriving[id] = a
		g.mu.Unlock()
	}
	return nil
}

// read makes the engine of a group from the control events on the disk.
func (g *Groups) read(it *group) error {
	stored, err := g.store.Controls(it.id)
	if err != nil {
		return err
	}
	var events []authority.Event
	for i := range stored {
		e, err := g.understand(&stored[i])
		if needs := new(NeedsCardError); errors.As(err, &needs) {
			// Its author's card had two branches, and the one that this event names was given up
			// since.
			if owner, ok := g.cfg.Authors.Owner(stored[i].Header.Device); ok {
				e, err = actOf(owner, &stored[i])
			}
		}
		if err == nil { // else it doesn't count any more, and neither does what builds on it
			events = append(events, e)
		}
	}
	engine, err := authority.Restore(events)
	if err != nil {
		return fmt.Errorf("%w: no create event", ErrUnproven)
	}
	it.secret = secretOf(events)
	g.publish(it, engine)
	return nil
}

// secretOf returns the secret of a group from its create event.
func secretOf(events []authority.Event) (secret [32]byte) {
	for _, e := range events {
		if create, ok := e.Act.(event.Create); ok {
			return create.Secret
		}
	}
	return secret
}

// Heads returns the control heads on which this device's events in a group build. See
// store.Authority.
func (g *Groups) Heads(id event.Conversation) (heads []crypto.Hash) {
	_ = g.with(id, func(it *group) error { heads = it.heads; return nil })
	return heads
}

// Readers returns the persons whom a message under these control heads is for: members then and
// now, without the owner. See store.Authority.
func (g *Groups) Readers(id event.Conversation, control []crypto.Hash) (out []crypto.PersonID) {
	_ = g.with(id, func(it *group) error {
		out = slices.DeleteFunc(it.members(g.self, control), func(p crypto.PersonID) bool {
			_, still := it.state.Member(p)
			return !still
		})
		return nil
	})
	return out
}

// Members returns the persons, without the owner, who were in a group under these control heads.
// See store.Authority.
func (g *Groups) Members(id event.Conversation, control []crypto.Hash) (out []crypto.PersonID) {
	_ = g.with(id, func(it *group) error { out = it.members(g.self, control); return nil })
	return out
}

// members returns who, without the owner, was in under control heads. The caller holds mu.
func (it *group) members(owner crypto.PersonID, control []crypto.Hash) (out []crypto.PersonID) {
	then, err := it.engine.StateAt(control)
	if err != nil {
		then = it.state
	}
	for _, m := range then.Members {
		if m.Person != owner {
			out = append(out, m.Person)
		}
	}
	return out
}

// Out says whether the owner is out of a group, and how that came about the last time. See
// store.Authority.
func (g *Groups) Out(id event.Conversation) (out bool, how store.Reason) {
	_ = g.with(id, func(it *group) error {
		_, in := it.state.Member(g.self)
		out, how = !in, it.went
		return nil
	})
	return out, how
}

func (g *Groups) get(id event.Conversation) (*group, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if it := g.groups[id]; it != nil {
		return it, nil
	}
	return nil, ErrUnknown
}

// with has f answer for a group, while nothing changes it. f must be short.
func (g *Groups) with(id event.Conversation, f func(*group) error) error {
	it, err := g.get(id)
	if err != nil {
		return err
	}
	return it.with(f)
}

func (it *group) with(f func(*group) error) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	return f(it)
}

// all returns all groups, in the order of their IDs.
func (g *Groups) all() []*group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.SortedFunc(maps.Values(g.groups), func(a, b *group) int { return bytes.Compare(a.id[:], b.id[:]) })
}

// Known says whether a conversation is a group that is known here.
func (g *Groups) Known(id event.Conversation) bool {
	_, err := g.get(id)
	return err == nil
}

// All returns the IDs of all groups, in order.
func (g *Groups) All() (out []event.Conversation) {
	for _, it := range g.all() {
		out = append(out, it.id)
	}
	return out
}

// State returns the name, the members and so on of a group as they are now.
func (g *Groups) State(id event.Conversation) (state *authority.State, err error) {
	err = g.with(id, func(it *group) error { state = it.state; return nil })
	return state, err
}
