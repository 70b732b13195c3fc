package store

import (
	"encoding/binary"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// A batch names whatever it changes of what people see, and finish writes these names into the
// journal (package changes). So the change counter moves exactly when the journal has something new
// to tell: a row or a notice that arrived, or a subject that was noted here.

// writeNotes writes what was noted into the journal. All of it stands at one number: that of the
// last row or notice that arrived in the batch or, if there is none, a new one.
func (b *batch) writeNotes() {
	if b.notes.Empty() {
		return
	}
	if !b.arrived {
		b.Next(bucketArrivals)
	}
	b.notes.Write(b.Batch, b.Sequence(bucketArrivals))
}

// arrive takes a number from the change counter, for something that stays there for ever.
func (b *batch) arrive() uint64 {
	b.arrived = true
	return b.Next(bucketArrivals)
}

// noteRows notes that what is shown of events of a log has changed. Events without a row do no
// harm.
func (b *batch) noteRows(l *layout.Log, events ...event.Range) {
	b.note(changes.Rows, l.Number, events...)
}

// note notes events of a log. It counts as a change of the batch.
func (b *batch) note(kind changes.Kind, log uint32, events ...event.Range) {
	b.notes.Events(kind, log, events...)
	b.Defer()
}

// noteEvent notes that what is shown of one event has changed. If the row is that of another event
// with the same key, that row is meant.
func (b *batch) noteEvent(p layout.Slot) {
	b.note(changes.Rows, p.Log, event.Range{First: p.Sequence, Last: p.Sequence})
}

func (b *batch) noteConversation(id event.Conversation) {
	b.notes.Conversation(id)
	b.Defer()
}

// noteAuthor notes all messages of a person.
func (b *batch) noteAuthor(p crypto.PersonID) error {
	return b.eachConversation(func(c *layout.Conversation) error {
		return b.eachLogOf(c.Number, p, func(l *layout.Log) error {
			branches, err := b.branchesOf(l)
			for _, l := range branches {
				b.noteRows(l, event.Range{First: 1, Last: b.lastIn(l)})
			}
			return err
		})
	})
}

// lastIn returns the sequence of the last event that stands in a log, 0 if none does.
func (b *batch) lastIn(l *layout.Log) uint64 {
	p, _ := layout.SlotAt(b.lastKey(bucketEvents, l.Number))
	return p.Sequence
}

// noteLimit notes what changes when a log gets another limit: its events come into view or leave
// it, with what they edit and react to. The owner sees what they wrote in any case, but not
// everybody gets it. Whoever waits for an event of the log in vain has no gap any more where the
// event does not count.
func (b *batch) noteLimit(l *layout.Log, limit uint64) error {
	from, to := min(l.Limit, limit), max(l.Limit, limit)
	branches, err := b.branchesOf(l)
	if err != nil {
		return err
	}
	kind := changes.Effects
	if b.isOwn(l.Person) {
		kind = changes.Rows
	}
	for _, l := range branches {
		b.note(kind, l.Number, event.Range{First: from + 1, Last: min(to, b.lastIn(l))})
	}
	prefix := layout.WaitingFor(l.Conversation, l.Name.Device, l.Name.Instance, 0)
	prefix = prefix[:len(prefix)-8]
	for key := range b.Prefix(bucketGaps, prefix) {
		row, _ := layout.SlotAt(key)
		if seq := binary.BigEndian.Uint64(key[len(prefix):]); seq > from && seq <= to {
			b.noteEvent(row)
		}
	}
	return nil
}

// causeKey is how the keys of what waits for an event begin, and of the gaps that it closes.
func causeKey(conversation uint32, h *event.Header) []byte {
	return layout.WaitingFor(conversation, h.Device, h.Instance, h.Sequence)
}

// putGaps remembers for which causes the row of x is marked as having a gap.
func (o *order) putGaps(x *entry, causes []cause) {
	for i := range causes {
		if causes[i].missing() {
			o.Put(bucketGaps, x.Slot.Append(slices.Clone(causes[i].key)), []byte{})
			o.batch.gaps = something
		}
	}
}

// closeGaps notes the rows whose gap goes since an event has come, or counts as having come. What
// such a row still lacks has a key of its own.
func (b *batch) closeGaps(conversation uint32, h *event.Header) error {
	if !b.anything(&b.gaps, bucketGaps) {
		return nil
	}
	keys, _ := b.Copy(bucketGaps, causeKey(conversation, h))
	for _, key := range keys {
		p, _ := layout.SlotAt(key)
		x, err := b.entry(p)
		if err == ErrNoEvent { // an own one that was moved, since this disk went back in time
			b.Delete(bucketGaps, key)
			continue
		} else if err != nil {
			return err
		}
		gap, err := b.stillGap(x)
		if err != nil {
			return err
		}
		if !gap {
			b.Delete(bucketGaps, key)
			b.noteEvent(p)
		}
	}
	return nil
}

// noteStates notes the messages of the owner's in a group whose progress is another one because
// persons have come into the group or have gone from it.
func (b *batch) noteStates(c *layout.Conversation, moved []crypto.PersonID) error {
	if len(moved) == 0 || b.s.cfg.Authority == nil {
		return nil
	}
	return b.eachLogOf(c.Number, b.s.own.Person, func(l *layout.Log) error {
		for _, g := range l.Segments {
			for first := g.First; first <= g.Last; {
				control, last, err := b.sameControl(l, first, g.Last)
				if err != nil {
					return err
				}
				stretch := event.Range{First: first, Last: last}
				then := b.s.cfg.Authority.Members(c.ID, control)
				of := slices.DeleteFunc(slices.Clone(moved), func(p crypto.PersonID) bool {
					return !b.isOwn(p) && !slices.Contains(then, p)
				})
				changed, err := b.delivery.turned(b.delivery.audience(c, control), l.Number, stretch, of)
				if err != nil {
					return err
				}
				b.noteRows(l, changed...)
				first = last + 1
			}
		}
		return nil
	})
}

// turned returns the events of a part of an own log whose progress may depend on whether the
// persons who moved count as readers. If the owner is among them, that are also all events which
// some other reader lacks.
func (d *delivery) turned(a *audience, log uint32, part event.Range, moved []crypto.PersonID) (out event.Ranges, err error) {
	rest := a.without(moved)
	if len(moved) == 0 {
		return nil, nil
	}
	if len(rest.persons) == 0 { // without a reader no event has any progress
		return event.Ranges{part}, nil
	}
	all, err := d.coverage(rest, log)
	if err != nil {
		return nil, err
	}
	for _, p := range moved {
		if d.isOwn(p) {
			out = out.Union(event.Ranges{part}.Subtract(all.delivered))
			continue
		}
		theirs, err := d.coverage(a.alone(p), log)
		if err != nil {
			return nil, err
		}
		out = out.Union(all.delivered.Subtract(theirs.delivered)).Union(all.read.Subtract(theirs.read))
	}
	return event.Ranges{part}.Subtract(event.Ranges{part}.Subtract(out)), nil
}

// without returns the others of an audience.
func (a *audience) without(persons []crypto.PersonID) *audience {
	rest := a.alone(crypto.PersonID{})
	rest.persons, rest.one = slices.DeleteFunc(slices.Clone(a.persons), func(p crypto.PersonID) bool { return slices.Contains(persons, p) }), false
	return rest
}
