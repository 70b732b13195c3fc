package store

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// maxRanges bounds in how many pieces somebody may have one log, so that nobody can make an entry
// grow by what they acknowledge. Honest readers need a few.
const maxRanges = 1024

// Delivery is how far a log has been delivered to a person. A segment counts only if its last event
// is the one that is here. It was claimed by the person's device and proves nothing of the log.
type Delivery struct {
	Person   crypto.PersonID
	Log      event.Log
	Segments []event.Segment
	Read     bool // the person has read the events; otherwise they are only on a disk of theirs
}

// NoteDelivered notes how far logs have been delivered, as acknowledgements over the link of a
// person's device or receipts say. A delivery of a log of the owner's says what another person has.
// A delivery to the owner says what they have read on another device, which is then not unread here
// either, also if it comes later. What is noted only grows. Any other delivery of events that are
// not here does nothing. A delivery that would leave the log in too many pieces is left out.
func (s *Store) NoteDelivered(ctx context.Context, deliveries []Delivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	return s.do(ctx, func(b *batch) error { return b.deliverAll(deliveries) })
}

// NoteDeliveredLater is NoteDelivered of what pending returns by then, together with what is written next, or
// else when later has passed. It may call pending more than once.
func (s *Store) NoteDeliveredLater(ctx context.Context, later time.Duration, pending func() []Delivery) error {
	return s.writer.DoLater(ctx, later, func(t *tx.Batch) error { return s.writing.batch(t).deliverAll(pending()) })
}

func (b *batch) deliverAll(deliveries []Delivery) error {
	for i := range deliveries {
		if err := b.deliver(&deliveries[i]); err != nil && err != ErrTooManySegments {
			return err
		}
	}
	return nil
}

// deliver notes one delivery, in each branch of its log.
func (b *batch) deliver(r *Delivery) error {
	return b.delivery.eachAgreed(r, func(l *layout.Log, ranges event.Ranges) error { return b.deliverBranch(r, l, ranges) })
}

// eachAgreed calls f for each branch of the log of a delivery that is here, with the ranges that the delivery
// says of it.
func (d *delivery) eachAgreed(r *Delivery, f func(*layout.Log, event.Ranges) error) error {
	c, err := d.conversation(r.Log.Conversation)
	if err != nil {
		return ignore(err, ErrNoConversation)
	}
	branches, err := d.branches(c.Number, r.Log)
	if err != nil {
		return err
	}
	for i, l := range branches {
		ranges, err := d.agreed(branches, i, r.Segments)
		if err != nil {
			return err
		}
		if err := f(l, ranges); err != nil {
			return err
		}
	}
	return nil
}

// deliverBranch notes how far one branch of a log has been delivered.
func (b *batch) deliverBranch(r *Delivery, l *layout.Log, ranges event.Ranges) error {
	switch me := b.isOwn(r.Person); {
	case me && r.Read && !b.isOwn(l.Person):
		ahead, err := b.readAhead(l, r.Segments)
		if err != nil {
			return err
		}
		return b.readHere(l, ranges.Union(ahead))
	case me || !b.isOwn(l.Person):
		return nil
	}
	if r.Read {
		fresh, err := b.grow(bucketRead, l, r.Person, ranges)
		if err != nil {
			return err
		}
		b.noteRows(l, fresh...)
	}
	fresh, err := b.grow(bucketDelivered, l, r.Person, ranges)
	if err != nil || fresh == nil {
		return err
	}
	b.noteRows(l, fresh...)
	if err := b.files.delivered(l, fresh); err != nil {
		return err
	}
	if b.Empty(bucketCancelled) {
		return nil
	}
	return b.cancelledTooLate(l.Number, fresh, func(p layout.Slot) (bool, error) {
		has, err := b.ranges(bucketDelivered, p.Log, r.Person)
		return has.Covers(p.Sequence), err
	})
}

// agreed returns the ranges of the segments whose last event is the one here, in the i-th branch of
// a log. A segment that ends in the other branch counts as far as both branches have the same.
func (d *delivery) agreed(branches []*layout.Log, i int, segments []event.Segment) (event.Ranges, error) {
	var out event.Ranges
	for _, g := range segments {
		for k, l := range branches {
			st, err := d.stored(l.At(g.Last))
			if err != nil {
				return nil, err
			}
			if st == nil || idOf(st.HeaderBytes) != g.ID {
				continue
			}
			part := event.Range{First: g.First, Last: g.Last}
			switch {
			case k != i:
				if part.Last, err = d.commonEnd(branches[i], l, g.Last); err != nil {
					return nil, err
				}
			case l.Name.Device == d.s.own.Device.ID():
				// An own log has holes only where this disk went back in time. Events below such a
				// hole may be of another branch.
				part.First = max(part.First, heldFrom(l.Segments, g.Last))
			}
			out = out.Add(part)
		}
	}
	return out, nil
}

// heldFrom returns the first sequence of the segment that covers a sequence.
func heldFrom(s event.Segments, sequence uint64) uint64 {
	for _, g := range s {
		if g.First <= sequence && sequence <= g.Last {
			return g.First
		}
	}
	return sequence
}

// commonEnd returns the last sequence that a branch has in common with the other one, given a
// sequence at which the other one has an event; 0 if that isn't known.
func (r *reader) commonEnd(branch, other *layout.Log, sequence uint64) (uint64, error) {
	for _, g := range other.Segments {
		if sequence < g.First || sequence > g.Last {
			continue
		}
		x, err := r.entry(other.At(g.First))
		if err == ErrNoEvent { // it was given back
			return 0, nil
		}
		if err != nil || g.First == 1 {
			return 0, err
		}
		st, err := r.stored(branch.At(g.First - 1))
		if err != nil || st == nil || idOf(st.HeaderBytes) != x.header.Previous {
			return 0, err
		}
		return g.First - 1, nil
	}
	return 0, nil
}

// grow adds to what a person has of a log, as far as it is held here, and returns what is new.
func (b *batch) grow(bucket tx.Bucket, l *layout.Log, person crypto.PersonID, add event.Ranges) (event.Ranges, error) {
	old, err := b.ranges(bucket, l.Number, person)
	if err != nil {
		return nil, err
	}
	held := l.Segments.Ranges()
	add = add.Subtract(add.Subtract(held))
	fresh := add.Subtract(old)
	if len(fresh) == 0 {
		return nil, nil
	}
	all := old.Union(fresh)
	if len(all) > maxRanges {
		return nil, ErrTooManySegments
	}
	b.Put(bucket, layout.DeliveryKey(l.Number, person), layout.RangesBytes(all))
	b.delivery.audiences = nil
	return fresh, nil
}

// tellRead has the author of a log told that the owner of this store has read events of it, and returns
// those of which they were not told before.
func (b *batch) tellRead(l *layout.Log, ranges event.Ranges) (fresh event.Ranges, err error) {
	ranges, err = b.withWhatIsNoRow(l, ranges)
	if err != nil {
		return nil, err
	}
	fresh, err = b.grow(bucketRead, l, b.s.own.Person, ranges)
	if err == ErrTooManySegments {
		fresh, err = ranges, nil // read here, but no receipt will say so
	}
	if err == nil && len(fresh) > 0 {
		b.noteUnsigned(Subject{l.Name.Conversation, l.Person})
	}
	return fresh, err
}

// readHere marks rows of a log as read by the owner of this store.
func (b *batch) readHere(l *layout.Log, ranges event.Ranges) error {
	fresh, err := b.tellRead(l, ranges)
	if err != nil {
		return err
	}
	for _, r := range fresh {
		for seq := r.First; seq <= r.Last; seq++ {
			st, err := b.stored(l.At(seq))
			if err != nil {
				return err
			}
			if st == nil || !st.Is(layout.FlagShown) {
				continue
			}
			if unread, err := b.isUnread(st.Arrival); err != nil {
				return err
			} else if !unread {
				continue
			}
			x, err := b.entry(l.At(seq))
			if err == nil {
				err = b.readRow(x)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// readRow takes a row from those that are unread.
func (b *batch) readRow(x *entry) error {
	was, err := b.voices.takeUnread(x)
	if was {
		b.noteEvent(x.Slot)
	}
	return err
}

// readAhead returns those segments that the owner has read and whose end is not here: their device
// says so that had them, which may be this one before its disk went back in time. What of them is
// missing is remembered, so that it is not unread when it comes.
func (b *batch) readAhead(l *layout.Log, segments []event.Segment) (ahead event.Ranges, err error) {
	if l.Forked != 0 {
		return nil, nil
	}
	for _, g := range segments {
		st, err := b.stored(l.At(g.Last))
		if err != nil {
			return nil, err
		}
		if st == nil {
			ahead = ahead.Add(event.Range{First: g.First, Last: g.Last})
		}
	}
	old, err := b.ranges(bucketRead, l.Number, b.s.own.Person)
	if err != nil {
		return nil, err
	}
	missing := ahead.Subtract(l.Segments.Ranges()).Subtract(old)
	if all := old.Union(missing); len(missing) > 0 && len(all) <= maxRanges {
		b.Put(bucketRead, layout.DeliveryKey(l.Number, b.s.own.Person), layout.RangesBytes(all))
	}
	return ahead, nil
}

// maxNoRows bounds how many events withWhatIsNoRow looks back.
const maxNoRows = 256

// withWhatIsNoRow returns ranges of a log, each extended back over the events without a row that
// precede it, such as reactions. Otherwise somebody who has read every message of a log that has as
// many reactions would have read it in as many pieces.
func (b *batch) withWhatIsNoRow(l *layout.Log, ranges event.Ranges) (event.Ranges, error) {
	out := slices.Clone(ranges)
	for _, r := range ranges {
		first := r.First
		for first > 1 && r.First-first < maxNoRows {
			st, err := b.stored(l.At(first - 1))
			if err != nil {
				return nil, err
			}
			mayBeRow := st == nil || st.Is(layout.FlagShown) || !st.Is(layout.FlagPlaced) || st.Absent == event.Dropped
			if mayBeRow {
				break
			}
			first--
		}
		if first < r.First {
			out = append(out, event.Range{First: first, Last: r.First - 1})
		}
	}
	return event.United(out), nil
}

// MarkRead marks messages of others as read. Their authors learn of it only if tell is set. It
// fails with ErrNoEvent if a message is not here. If the read messages of one log are scattered
// over too many pieces, their author learns of only some.
func (s *Store) MarkRead(ctx context.Context, tell bool, ids ...event.ID) error {
	return s.do(ctx, func(b *batch) error {
		entries, logs, err := b.ofOthers(ids)
		if err != nil {
			return err
		}
		for _, x := range entries {
			if err := b.readRow(x); err != nil { // also if TellRead has told of it before
				return err
			}
		}
		if !tell {
			return nil
		}
		for l, ranges := range logs {
			if err := b.readHere(l, ranges); err != nil {
				return err
			}
		}
		return nil
	})
}

// TellRead has the authors of messages told that the owner has read them. Here they stay unread.
func (s *Store) TellRead(ctx context.Context, ids ...event.ID) error {
	return s.do(ctx, func(b *batch) error {
		_, logs, err := b.ofOthers(ids)
		if err != nil {
			return err
		}
		for l, ranges := range logs {
			if _, err := b.tellRead(l, ranges); err != nil {
				return err
			}
		}
		return nil
	})
}

// ofOthers returns those of some messages that others have written, and where in their logs they are, in
// the order in which the logs are first named.
func (b *batch) ofOthers(ids []event.ID) (entries []*entry, logs iter.Seq2[*layout.Log, event.Ranges], err error) {
	rows := map[*layout.Log][]event.Range{}
	var order []*layout.Log
	for _, id := range ids {
		x, err := b.view.rowEntry(id)
		if err != nil {
			return nil, nil, err
		}
		if b.isOwn(x.in.Person) {
			continue
		}
		entries = append(entries, x)
		if rows[x.in] == nil {
			order = append(order, x.in)
		}
		rows[x.in] = append(rows[x.in], event.Range{First: x.Sequence, Last: x.Sequence})
	}
	return entries, func(yield func(*layout.Log, event.Ranges) bool) {
		for _, l := range order {
			if !yield(l, event.United(rows[l])) {
				return
			}
		}
	}, nil
}
