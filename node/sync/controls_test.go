package sync_test

import (
	"bytes"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// controls is a control set on a disk.
type controls struct {
	world  *world
	events map[crypto.Hash]*event.Event
	order  []crypto.Hash // parents first
}

func newControls(w *world) *controls {
	return &controls{world: w, events: map[crypto.Hash]*event.Event{}}
}

func (c *controls) clone() *controls {
	return &controls{c.world, maps.Clone(c.events), slices.Clone(c.order)}
}

func (c *controls) add(e *event.Event) {
	if c.events[e.ID] == nil {
		c.events[e.ID] = e
		c.order = append(c.order, e.ID)
	}
}

func (c *controls) knows(ids []crypto.Hash) bool {
	return !slices.ContainsFunc(ids, func(id crypto.Hash) bool { return c == nil || c.events[id] == nil })
}

// act is what a control event does to a person.
type act struct {
	id     crypto.Hash
	person int
	in     bool
	cuts   []event.Position
}

// acts returns what was done, of what is in past; nil is everything.
func (c *controls) acts(past map[crypto.Hash]bool) []act {
	var all []act
	if c == nil {
		return nil
	}
	for _, id := range c.order {
		if past != nil && !past[id] {
			continue
		}
		e := c.events[id]
		body, err := e.ParseBody()
		c.world.must(err)
		content, err := event.ParseControl(e.Header.Kind, body.Content)
		c.world.must(err)
		switch x := content.(type) {
		case event.Create:
			all = append(all, act{id: id, person: int(x.Person[0]) - 1, in: true})
		case event.Invite:
			for _, p := range x.Persons {
				all = append(all, act{id: id, person: int(p[0]) - 1, in: true})
			}
		case event.Remove:
			all = append(all, act{id: id, person: int(x.Person[0]) - 1, cuts: x.Cuts})
		}
	}
	return all
}

func (c *controls) was(person int) bool {
	return slices.ContainsFunc(c.acts(nil), func(a act) bool { return a.in && a.person == person })
}

func (c *controls) isMember(person int) bool { return c.stands(c.acts(nil), person) }

// stands reports whether of some acts an invitation of a person has all removals in its past.
func (c *controls) stands(acts []act, person int) bool {
	return slices.ContainsFunc(acts, func(in act) bool {
		return in.in && in.person == person && !slices.ContainsFunc(acts, func(out act) bool {
			return !out.in && out.person == person && !c.world.past(in.id)[out.id]
		})
	})
}

// removed reports whether some acts have a removal of a person without an invitation after it.
func (c *controls) removed(acts []act, person int) bool {
	return slices.ContainsFunc(acts, func(out act) bool {
		return !out.in && out.person == person && !slices.ContainsFunc(acts, func(in act) bool {
			return in.in && in.person == person && c.world.past(in.id)[out.id]
		})
	})
}

func (c *controls) heads() []crypto.Hash {
	var heads []crypto.Hash
	for _, id := range c.order {
		if !slices.ContainsFunc(c.order, func(o crypto.Hash) bool { return o != id && c.world.past(o)[id] }) {
			heads = append(heads, id)
		}
	}
	slices.SortFunc(heads, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	return heads[:min(len(heads), event.MaxControl)]
}

func (c *controls) locator() []crypto.Hash {
	locator := c.heads()
	for back := 1; back < len(c.order) && len(locator) < event.MaxLocator; back *= 2 {
		locator = append(locator, c.order[len(c.order)-1-back])
	}
	return locator
}

// missing returns what is not in the past of the known ones, as far as a person may have it.
func (c *controls) missing(known []crypto.Hash, to int, max int) (events []event.Event, more bool) {
	have := map[crypto.Hash]bool{}
	for _, id := range known {
		if c.events[id] != nil {
			maps.Copy(have, c.world.past(id))
		}
	}
	member := c.isMember(to)
	for _, id := range c.order {
		if have[id] {
			continue
		}
		before := maps.Clone(c.world.past(id))
		delete(before, id)
		orphan := slices.ContainsFunc(c.events[id].Header.Control, func(p crypto.Hash) bool { return !have[p] })
		if orphan || !member && c.removed(c.acts(before), to) {
			continue
		}
		have[id] = true
		if len(events) == max {
			return events, true
		}
		events = append(events, *c.events[id])
	}
	return events, false
}

// past returns a control event and all before it.
func (w *world) past(id crypto.Hash) map[crypto.Hash]bool {
	if past := w.pasts[id]; past != nil {
		return past
	}
	past := map[crypto.Hash]bool{id: true}
	for _, p := range w.written[event.ID(id)].Header.Control {
		maps.Copy(past, w.past(p))
	}
	w.pasts[id] = past
	return past
}

// pastOf returns the control events that an event was written under. An invitation counts itself.
func (w *world) pastOf(e *event.Event) map[crypto.Hash]bool {
	past := map[crypto.Hash]bool{}
	for _, id := range e.Header.Control {
		maps.Copy(past, w.past(id))
	}
	if e.Header.Kind == event.KindCreate || e.Header.Kind == event.KindInvite {
		past[crypto.Hash(e.ID)] = true
	}
	return past
}
