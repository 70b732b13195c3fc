package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// How many lines the outbox has is counted by ranges: what a reader lacks of an own log, less the events
// that have no line. Which these are stands in the bucket "unlisted", so that no event need be looked at but
// the few that stand for the message of another event.

// list notes how an own event stands in the outbox, for finish.
func (b *batch) list(p layout.Slot, l layout.Listing) { b.listings[p] = l }

// listingOf says how an own event stands in the outbox. It agrees with queue.look.
func (r *reader) listingOf(x *entry) layout.Listing {
	class := x.header.Kind.Class()
	switch {
	case x.Absent != event.Present, class == event.ClassAct, class == event.ClassControl:
		return layout.Bare
	case !x.Is(layout.FlagShown), r.isReissued(x.Slot):
		return layout.Behind
	}
	return layout.Listed
}

// writeListings writes what was noted by list.
func (b *batch) writeListings() error {
	slots := slices.SortedFunc(maps.Keys(b.listings), func(x, y layout.Slot) int {
		return cmp.Or(cmp.Compare(x.Log, y.Log), cmp.Compare(x.Sequence, y.Sequence))
	})
	for i := 0; i < len(slots); {
		part := layout.UnlistedSlot(slots[i])
		was, err := b.unlisted(part)
		if err != nil {
			return err
		}
		now, changed := was, false
		for ; i < len(slots) && layout.UnlistedSlot(slots[i]) == part; i++ {
			if p := slots[i]; now.Of(p.Sequence) != b.listings[p] {
				now, changed = now.With(p.Sequence, b.listings[p]), true
			}
		}
		switch {
		case changed && now == nil:
			b.Delete(bucketUnlisted, part.Bytes())
		case changed:
			b.Put(bucketUnlisted, part.Bytes(), now)
		}
	}
	return nil
}

// unlisted returns which events of a part of a log are not listed.
func (r *reader) unlisted(part layout.Slot) (layout.Unlisted, error) {
	return layout.ParseUnlisted(r.Get(bucketUnlisted, part.Bytes()))
}

// CountOutbox returns how many lines EachPending tells. Its cost grows with the number of logs and readers, and
// hardly with what is pending.
func (s *Store) CountOutbox() (lines int, err error) {
	err = s.view(func(r *reader) error {
		lines, err = r.countOutbox()
		return err
	})
	return lines, err
}

func (r *reader) countOutbox() (lines int, err error) {
	count := counting{reader: r, seen: map[line]bool{}}
	err = r.eachLacking(count.add)
	return count.lines, err
}

// line is a line of the outbox.
type line struct {
	id event.ID
	to crypto.PersonID
}

// counting counts lines of the outbox.
type counting struct {
	*reader
	lines int
	seen  map[line]bool // those of events that are Behind
}

// add counts the lines of a part of a log that a person lacks.
func (c *counting) add(l *layout.Log, missing event.Range, to crypto.PersonID) error {
	for first := missing.First; first <= missing.Last; {
		part := layout.UnlistedSlot(l.At(first))
		last := min(missing.Last, part.Sequence+layout.UnlistedEvents-1)
		u, err := c.unlisted(part)
		if err != nil {
			return err
		}
		listed, behind := u.Count(event.Range{First: first, Last: last})
		c.lines += listed
		for _, seq := range behind {
			if err := c.behind(l.At(seq), to); err != nil {
				return err
			}
		}
		first = last + 1
	}
	return nil
}

// behind counts the line of a message for which the event in a slot stands, unless it is counted already.
func (c *counting) behind(p layout.Slot, to crypto.PersonID) error {
	x, err := c.entry(p)
	if err != nil {
		return err
	}
	if x, err = c.lineBehind(x, to, c.seen); x == nil || err != nil {
		return err
	}
	c.lines++
	return nil
}

// lineBehind returns the message for which an event stands that is one of several; nil if it has no line for a
// person, or has it by another event. seen are the lines that were returned before.
func (r *reader) lineBehind(x *entry, to crypto.PersonID, seen map[line]bool) (*entry, error) {
	x, err := r.stillFor(x, to)
	if x == nil || err != nil {
		return nil, err
	}
	of := line{x.id, to}
	if seen[of] {
		return nil, nil
	}
	seen[of] = true
	if l := x.in; l.Branch == layout.BranchFirst && r.listingOf(x) == layout.Listed {
		counted, err := r.counted(l)
		if err != nil || counted.Ranges().Covers(x.Sequence) {
			return nil, err // by its own event, which the person lacks too
		}
	}
	return x, nil
}

// isReissued reports whether an own event was issued again. Mostly none was.
func (r *reader) isReissued(p layout.Slot) bool {
	return r.delivery.anything(&r.delivery.reissued, bucketReissued) && r.Get(bucketReissued, p.Bytes()) != nil
}
