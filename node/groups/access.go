package groups

import (
	"context"
	"math"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store/event"
)

// Shared is a group that this node may mention to a person.
type Shared struct {
	ID      event.Conversation
	Secret  [32]byte
	Quiet   bool // the owner or the person is no member any more: they exchange only control events
	Apart   bool // the person is not to know what is here, see Others
	Welcome bool // the owner has brought the person in, who may not know of it

	Void []crypto.Hash // joins of a person who is apart, ascending, none of which counts
	Join crypto.Hash   // of a group that is arriving: what brings the owner in
	Seek bool          // and it is offered to everybody, since the members may not know the join
}

// Shared returns the groups that this node may mention to a person, in the order of their IDs:
// those in which both are or were, and at least one still is.
func (g *Groups) Shared(person crypto.PersonID) (out []Shared) {
	for _, it := range g.all() {
		_ = it.with(func(it *group) error {
			_, me := it.state.Member(g.self)
			member, them := it.state.Member(person)
			if it.shared(g.self, person) {
				out = append(out, Shared{ID: it.id, Secret: it.secret, Quiet: !me || !them,
					Welcome: them && member.InvitedBy == g.self && member.Joined != crypto.Hash(it.id)})
			}
			return nil
		})
	}
	return out
}

// shared says whether the group may be mentioned to a person. The caller holds mu.
func (it *group) shared(owner, person crypto.PersonID) bool {
	_, me := it.state.Member(owner)
	_, them := it.state.Member(person)
	return (me || them) && it.engine.Ever(person)
}

// Member says whether a person is a member of a group that is known here.
func (g *Groups) Member(id event.Conversation, person crypto.PersonID) (is bool) {
	_ = g.with(id, func(it *group) error { _, is = it.state.Member(person); return nil })
	return is
}

// Serves says whether what was written under control heads may be given to a person.
func (g *Groups) Serves(id event.Conversation, to crypto.PersonID, control []crypto.Hash) bool {
	serves := false
	_ = g.with(id, func(it *group) error { serves = it.engine.Serves(to, control); return nil })
	return serves
}

// Accepts says whether the author of a run was permitted to write it: nil, or authority.ErrParent,
// ErrNotPermitted or ErrCut. It is authority.ErrParent also where a control event in the run is not
// known yet.
func (g *Groups) Accepts(author crypto.PersonID, run *event.Run) error {
	log, last := run.Log(), &run.Events[len(run.Events)-1]
	return g.with(log.Conversation, func(it *group) error {
		if last.Header.Kind.Class() == event.ClassControl && !it.engine.Has(crypto.Hash(last.ID)) {
			return authority.ErrParent
		}
		if last.Header.Kind == event.KindCreate {
			return nil // a create event builds on nothing, and this is the one of the group
		}
		return it.engine.Accepts(author, log, last.Header.Sequence, last.Header.Control)
	})
}

// Locator returns some IDs of control events of a group, from which another node can tell what is
// lacking here (see authority.Group.Locator); nil if the group is not known.
func (g *Groups) Locator(id event.Conversation) (locator []crypto.Hash) {
	if locator = g.locatorOf(id); locator != nil {
		return locator
	}
	_ = g.with(id, func(it *group) error { locator = it.engine.Locator(); return nil })
	return locator
}

// Secret returns the secret of a group, which everybody has who has seen its create event.
func (g *Groups) Secret(id event.Conversation) (secret [32]byte, err error) {
	err = g.with(id, func(it *group) error { secret = it.secret; return nil })
	return secret, err
}

// Covers says whether each of the older control heads is among the others or in their past.
func (g *Groups) Covers(id event.Conversation, control, older []crypto.Hash) bool {
	covers := false
	_ = g.with(id, func(it *group) error { covers = it.engine.Covers(control, older); return nil })
	return covers
}

// Current says whether nobody who was a member by these control heads has gone since. It is
// authority.ErrParent if one of the heads is not known.
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

// Fellows says whether there is a group in which one person is and the other is or was.
func (g *Groups) Fellows(in, other crypto.PersonID) (fellows bool) {
	for _, it := range g.all() {
		_ = it.with(func(it *group) error {
			_, member := it.state.Member(in)
			fellows = fellows || member && it.engine.Ever(other)
			return nil
		})
	}
	return fellows
}

// Fellow says whether a person is in a group with the owner now: one that the owner has accepted, or
// into which a contact has brought them.
func (g *Groups) Fellow(person crypto.PersonID) (fellow bool) {
	for _, it := range g.all() {
		_ = it.with(func(it *group) error {
			_, me := it.state.Member(g.self)
			_, them := it.state.Member(person)
			fellow = fellow || me && them
			return nil
		})
	}
	return fellow
}

// Missing returns control events for a person who has those in known and their past: the others
// that the person may have, parents first. It returns at most maxEvents events and maxBytes bytes,
// but at least one event, and whether there are more.
func (g *Groups) Missing(id event.Conversation, to crypto.PersonID, known []crypto.Hash, maxEvents, maxBytes int) (events []event.Event, more bool, err error) {
	if a := g.arrivingOf(id); a != nil { // who is not in yet gives nothing but the join
		return a.joinFor(known), false, nil
	}
	var ids []crypto.Hash
	err = g.with(id, func(it *group) error { ids = it.engine.Missing(known, to); return nil })
	if err != nil || len(ids) == 0 {
		return nil, false, err
	}
	events, err = g.store.SomeControls(id, ids[:min(len(ids), maxEvents)], maxBytes)
	return events, len(events) > 0 && len(events) < len(ids), err
}

// past is how much a member may read of what was said before they came. It follows from the history
// policy that was in force when they came.
type past struct {
	all    bool          // everything; if not, the next two count
	from   int64         // events whose clock is at this time (ms) or later may be read
	joined []crypto.Hash // the event by which the member came: events whose authors knew of it may be read too
}

// pastOf returns the past of a member; ErrNotMember if they are none. The caller holds mu.
func (it *group) pastOf(member crypto.PersonID) (past, error) {
	const day = 24 * 60 * 60 * 1000
	if p, ok := it.pasts[member]; ok {
		return p, nil
	}
	m, ok := it.state.Member(member)
	if !ok {
		return past{}, ErrNotMember
	}
	p := past{from: m.JoinedClock, joined: []crypto.Hash{m.Joined}}
	h, err := it.engine.HistoryAt(p.joined)
	if err != nil {
		return past{}, err
	}
	switch h.Policy {
	case event.HistoryAll:
		p.all = true
	case event.HistoryDays:
		p.from -= int64(h.Days) * day
	}
	p.all = p.all || m.Joined == crypto.Hash(it.id) // they made the group
	it.pasts[member] = p
	return p, nil
}

// reads says whether a member with a past may read an event. The caller holds mu.
func (it *group) reads(member crypto.PersonID, p past, h *event.Header) bool {
	return p.all || it.engine.Serves(member, h.Control) && (h.Clock >= p.from || it.engine.Covers(h.Control, p.joined))
}

// Readable returns the part of a run that a member may read: its events from the first that they
// may read on, and the recalls that they may read. It has no events if they may read none.
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

// Limit has the store hide the events that stand in the logs of a group beyond their ends. Every
// change does that as well. It is needed once more after a crash between a change and its limits,
// and where a run was accepted before a removal and stored after it.
func (g *Groups) Limit(ctx context.Context, id event.Conversation) error {
	it, err := g.get(id)
	if err != nil {
		return err
	}
	it.changing.Lock()
	defer it.changing.Unlock()
	return g.limits(ctx, it)
}

// limits has the store hide and refuse what those who are out wrote beyond the ends of their logs.
func (g *Groups) limits(ctx context.Context, it *group) error {
	first, err := g.store.FirstHeads(it.id)
	if err != nil {
		return err
	}
	limits := make(map[event.Log]uint64)
	_ = it.with(func(it *group) error {
		for log, held := range first {
			if limit := it.engine.Limit(held.Author, log, held.Control); limit != math.MaxUint64 {
				limits[log] = limit
			}
		}
		return nil
	})
	return g.store.SetLimits(ctx, it.id, limits)
}
