package groups

import (
	"bytes"
	"context"
	"math"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store/event"
)

// Shared is a group that concerns a person, and how far its control set goes here.
type Shared struct {
	ID      event.Conversation
	Secret  [32]byte
	Quiet   bool // one of the two is no member: only control events pass
	Fresh   bool // the person's invitation is the last that happened in it
	Locator []crypto.Hash
}

// Shared returns the groups of which a person may hear from here: those that both are in, and quietly those that one of
// the two has left or was removed from.
func (g *Groups) Shared(person crypto.PersonID) []Shared {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Shared
	for _, it := range g.groups {
		state := it.state
		_, me := state.Member(g.self)
		member, them := state.Member(person)
		if !me && !them || !it.engine.Ever(person) {
			continue
		}
		out = append(out, Shared{ID: it.id, Secret: it.secret, Quiet: !me || !them, Locator: it.engine.Locator(),
			Fresh: them && slices.Contains(it.engine.Heads(), member.Joined)})
	}
	slices.SortFunc(out, func(a, b Shared) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// Serves says whether what was written under control heads may be given to a person.
func (g *Groups) Serves(id event.Conversation, to crypto.PersonID, control []crypto.Hash) bool {
	serves := false
	_ = g.with(id, func(it *group) error { serves = it.engine.Serves(to, control); return nil })
	return serves
}

// Accepts says whether an author might write at this place of a log under control heads: authority.ErrParent,
// ErrNotPermitted or ErrCut if not, authority.ErrParent also where a control event that stands in the run is not known.
func (g *Groups) Accepts(author crypto.PersonID, run *event.Run) error {
	log, last := run.Log(), &run.Events[len(run.Events)-1]
	return g.with(log.Conversation, func(it *group) error {
		if last.Header.Kind.Class() == event.ClassControl && !it.engine.Has(crypto.Hash(last.ID)) {
			return authority.ErrParent
		}
		if last.Header.Kind == event.KindCreate {
			return nil // it stands under nothing, and is the group's own
		}
		return it.engine.Accepts(author, log, last.Header.Sequence, last.Header.Control)
	})
}

// Locator is where the control set of a group stands here; nil if the group is not known.
func (g *Groups) Locator(id event.Conversation) (locator []crypto.Hash) {
	_ = g.with(id, func(it *group) error { locator = it.engine.Locator(); return nil })
	return locator
}

// Secret is that of a group.
func (g *Groups) Secret(id event.Conversation) (secret [32]byte, err error) {
	err = g.with(id, func(it *group) error { secret = it.secret; return nil })
	return secret, err
}

// Covers says whether everything in older is among control heads or in their past.
func (g *Groups) Covers(id event.Conversation, control, older []crypto.Hash) bool {
	covers := false
	_ = g.with(id, func(it *group) error { covers = it.engine.Covers(control, older); return nil })
	return covers
}

// Current says whether every removal and leave that counts is in the past of control heads; authority.ErrParent if one of
// the heads is not known.
func (g *Groups) Current(id event.Conversation, control []crypto.Hash) (current bool, err error) {
	err = g.with(id, func(it *group) error { current, err = it.engine.Current(control); return err })
	return current, err
}

// Ever says whether a person is or was in a group.
func (g *Groups) Ever(id event.Conversation, person crypto.PersonID) bool {
	ever := false
	_ = g.with(id, func(it *group) error { ever = it.engine.Ever(person); return nil })
	return ever
}

// Fellows says whether two persons are or were in one group, one of them still.
func (g *Groups) Fellows(in, other crypto.PersonID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, it := range g.groups {
		if _, member := it.state.Member(in); member && it.engine.Ever(other) {
			return true
		}
	}
	return false
}

// Missing returns the control events that a person lacks and may have, parents first, at most a number of events and
// of bytes, but one at least. There may be more.
func (g *Groups) Missing(id event.Conversation, to crypto.PersonID, known []crypto.Hash, maxEvents, maxBytes int) (events []event.Event, more bool, err error) {
	var ids []crypto.Hash
	err = g.with(id, func(it *group) error { ids = it.engine.Missing(known, to); return nil })
	if err != nil || len(ids) == 0 {
		return nil, false, err
	}
	events, err = g.store.SomeControls(id, ids[:min(len(ids), maxEvents)], maxBytes)
	return events, len(events) > 0 && len(events) < len(ids), err
}

// past is how much of what was said a member may read, by the history policy that was in force when they came.
type past struct {
	all    bool
	from   int64         // what its author dates from then on, in ms
	joined []crypto.Hash // and what was written by who knew of their coming
}

// pastOf returns it; ErrNotInvited if they are no member. The caller holds Groups.mu.
func (it *group) pastOf(member crypto.PersonID) (past, error) {
	const day = 24 * 60 * 60 * 1000
	if p, ok := it.pasts[member]; ok {
		return p, nil
	}
	m, ok := it.state.Member(member)
	if !ok {
		return past{}, ErrNotInvited
	}
	p := past{from: m.JoinedClock, joined: []crypto.Hash{m.Joined}}
	then, err := it.engine.StateAt(p.joined)
	if err != nil {
		return past{}, err
	}
	switch h := then.History; h.Policy {
	case event.HistoryAll:
		p.all = true
	case event.HistoryDays:
		p.from -= int64(h.Days) * day
	}
	p.all = p.all || m.Joined == crypto.Hash(it.id) // who made the group
	it.pasts[member] = p
	return p, nil
}

// reads says whether a member with a past may read an event. The caller holds Groups.mu.
func (it *group) reads(member crypto.PersonID, p past, h *event.Header) bool {
	return p.all || it.engine.Serves(member, h.Control) && (h.Clock >= p.from || it.engine.Covers(h.Control, p.joined))
}

// Readable returns what a member may read of a run of a group: the events from their floor on, and the recalls for them.
// It has no events if that is nothing.
func (g *Groups) Readable(run event.Run, to crypto.PersonID) (event.Run, error) {
	err := g.with(run.Log().Conversation, func(it *group) error {
		p, err := it.pastOf(to)
		if err != nil || p.all {
			return err
		}
		first := slices.IndexFunc(run.Events, func(e event.Event) bool { return it.reads(to, p, &e.Header) })
		if first == 0 {
			return nil
		}
		if first < 0 {
			first = len(run.Events)
		}
		run.Events = run.Events[first:]
		run.Recalls = slices.DeleteFunc(slices.Clone(run.Recalls), func(e event.Event) bool { return !it.reads(to, p, &e.Header) })
		return nil
	})
	return run, err
}

// Limit has the store hide what is cut in a group, by what counts now: after a crash between a change and its limits, and
// where a run was let in before a removal and stored after it.
func (g *Groups) Limit(ctx context.Context, id event.Conversation) error {
	it, err := g.get(id)
	if err != nil {
		return err
	}
	it.changing.Lock()
	defer it.changing.Unlock()
	return g.limits(ctx, it)
}

// limits has the store hide and refuse what stands past the cuts of who was removed.
func (g *Groups) limits(ctx context.Context, it *group) error {
	first, err := g.store.FirstHeads(it.id)
	if err != nil {
		return err
	}
	limits := make(map[event.Log]uint64)
	g.mu.Lock()
	for log, held := range first {
		if limit := it.engine.Limit(held.Author, log, held.Control); limit != math.MaxUint64 {
			limits[log] = limit
		}
	}
	g.mu.Unlock()
	return g.store.SetLimits(ctx, it.id, limits)
}
