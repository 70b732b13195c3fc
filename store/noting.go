package store

import (
	"bytes"
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
		b.rewordEdited(l)
	}
	return b.noteExcluded(l, from, to)
}

// noteExcluded notes the rows that lack an event of a part of a log, which begins to count or counts
// no longer.
func (b *batch) noteExcluded(l *layout.Log, from, to uint64) error {
	cause := layout.WaitingFor(l.Conversation, l.Name.Device, l.Name.Instance, from+1)
	log := cause[:len(cause)-8]
	for k, v := range b.From(bucketGaps, cause) {
		g, err := layout.ParseGaps(k, v)
		switch {
		case err != nil:
			return err
		case !bytes.HasPrefix(k, log) || g.Sequence > to:
			return nil
		}
		b.note(changes.Rows, g.Log, g.Rows)
	}
	return nil
}

// putGap remembers for which causes the row of x is marked as having a gap. Rows of one log that
// lack one event are remembered together, by the first and the last of them: somebody may write as
// many as they like.
func (b *batch) putGap(x *entry, causes []cause) error {
	for i := range causes {
		c := &causes[i]
		if !c.missing() {
			continue
		}
		g := layout.Gaps{Log: x.Log, Rows: event.Range{First: x.Sequence, Last: x.Sequence}}
		key := append(layout.GapsFor(c.key, c.id), layout.U32(x.Log)...)
		if v := b.Get(bucketGaps, key); v != nil {
			old, err := layout.ParseGaps(key, v)
			if err != nil {
				return err
			}
			g.Rows = event.Range{First: min(old.Rows.First, x.Sequence), Last: max(old.Rows.Last, x.Sequence)}
		}
		b.Put(bucketGaps, key, g.Bytes())
		b.gaps = something
	}
	return nil
}

// closeGaps notes the rows that lacked an event, which has come or counts as having come. What else
// stands between them is noted too, and so is a row that lacks another event besides.
func (b *batch) closeGaps(conversation uint32, h *event.Header, id event.ID) error {
	if !b.anything(&b.gaps, bucketGaps) {
		return nil
	}
	keys, values := b.Copy(bucketGaps, layout.GapsFor(causeKey(conversation, h), id))
	for i, key := range keys {
		g, err := layout.ParseGaps(key, values[i])
		if err != nil {
			return err
		}
		b.note(changes.Rows, g.Log, g.Rows)
		b.Delete(bucketGaps, key)
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
				if first = last + 1; len(of) == 0 {
					continue // whoever comes was not there when most of a long log was written
				}
				changed, err := b.delivery.turned(b.delivery.audience(c, control), l.Number, stretch, of)
				if err != nil {
					return err
				}
				b.noteRows(l, changed...)
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
