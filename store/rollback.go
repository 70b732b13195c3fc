package store

import (
	"bytes"
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// Rollback compares how a peer holds a log of this device with what is held here. If the peer has
// more or other events, this disk went back in time: the log is closed, so that no sequence is used
// twice, and the events that nobody has are issued again in a new log, under the same keys. It
// reports whether this disk went back.
func (s *Store) Rollback(ctx context.Context, log event.Log, theirs event.Segments) (bool, error) {
	theirs = append(event.Segments(nil), theirs...)
	var back bool
	err := s.do(ctx, func(b *batch) error {
		back = false
		c, err := b.conversation(log.Conversation)
		if err != nil {
			return err
		}
		l, err := b.named(c.Number, log, layout.BranchFirst)
		if err != nil || l == nil || l.Number != c.Own {
			return err
		}
		if back, err = b.exceeds(l, theirs); err != nil || !back {
			return err
		}
		return b.rollback(&c, l)
	})
	return back, err
}

// Contradicts reports whether a peer says to hold more of a log that this device has written than
// is held here, or something else, and no event that came has proven that yet.
func (s *Store) Contradicts(log event.Log, theirs event.Segments) (yes bool, err error) {
	err = s.view(func(r *reader) error {
		l, err := r.inDoubt(log)
		if err != nil || l == nil {
			return err
		}
		yes, err = r.exceeds(l, theirs)
		return err
	})
	return yes, err
}

// Acknowledged returns how far a person is known to hold a log that this device has written. ok is
// false if this device has not written the log, or if it is forked and both branches are known.
func (s *Store) Acknowledged(log event.Log, p crypto.PersonID) (out event.Segments, ok bool, err error) {
	err = s.view(func(r *reader) error {
		l, err := r.inDoubt(log)
		if err != nil || l == nil {
			return err
		}
		ok = true
		got, err := r.ranges(bucketDelivered, l.Number, p)
		if err != nil {
			return err
		}
		for _, g := range got[:min(len(got), event.MaxSegments)] {
			st, err := r.stored(l.At(g.Last))
			if err != nil {
				return err
			}
			if st != nil {
				out = append(out, event.Segment{First: g.First, Last: g.Last, ID: idOf(st.HeaderBytes)})
			}
		}
		return nil
	})
	return out, ok, err
}

// inDoubt returns a log that this device has written, nil if it is forked and it is known where.
func (r *reader) inDoubt(log event.Log) (*layout.Log, error) {
	if log.Device != r.s.own.Device.ID() {
		return nil, nil
	}
	c, err := r.conversation(log.Conversation)
	if err == ErrNoConversation {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	branches, err := r.branches(c.Number, log)
	if err != nil || len(branches) == 0 {
		return nil, err
	}
	if len(branches) == 2 {
		if joined, err := r.forkKnown(branches[0], branches[1]); err != nil || joined {
			return nil, err
		}
	}
	return branches[0], nil
}

// exceeds reports whether segments say more than a log without holes has, or something else.
func (r *reader) exceeds(l *layout.Log, theirs event.Segments) (bool, error) {
	if theirs.Last() > l.Segments.Last() {
		return true, nil
	}
	for _, g := range theirs {
		st, err := r.stored(l.At(g.Last))
		if err != nil {
			return false, err
		}
		if st == nil || idOf(st.HeaderBytes) != g.ID {
			return true, nil
		}
	}
	return false, nil
}

// rollback closes the log that this device writes. Events that others have acknowledged stay in it,
// since they may have been passed on. The rest may be the beginning of a second branch, so it
// leaves the log: its rows stay where they are, under a log that is never served, and its messages
// are written again.
func (b *batch) rollback(c *layout.Conversation, l *layout.Log) error {
	c.Own = 0
	b.saveConversation(c)
	delete(b.s.writing.fresh, c.Number)
	b.own.sign(l.Number)
	var keep uint64
	for _, v := range b.Prefix(bucketDelivered, layout.U32(l.Number)) {
		got, err := layout.ParseRanges(v)
		if err != nil {
			return err
		}
		if n := len(got); n > 0 {
			keep = max(keep, got[n-1].Last)
		}
	}
	last := l.Segments.Last()
	if keep >= last {
		return nil
	}
	lost := b.addLog(l.Conversation, l.Name, l.Person, layout.BranchLost)
	lost.Segments, lost.Top = l.Segments, l.Top
	moved := map[layout.Slot]layout.Slot{}
	var entries []*entry
	for seq := keep + 1; seq <= last; seq++ {
		x, err := b.entry(l.At(seq))
		if err == ErrNoEvent {
			continue // a hole: of what came back from others, something is missing
		} else if err != nil {
			return err
		}
		from := x.Slot
		x.Slot.Log, x.in = lost.Number, lost
		l.Events--
		lost.Events++
		moved[from] = x.Slot
		b.move(x, from)
		entries = append(entries, x)
	}
	b.noteRows(lost, event.Range{First: keep + 1, Last: last})
	if err := b.shorten(l, keep); err != nil {
		return err
	}
	for _, bucket := range []tx.Bucket{bucketReissued, bucketCancelled} {
		b.redirect(bucket, moved)
	}
	return b.issueAgain(c, entries, func(recall, again *entry) {
		b.redirect(bucketCancelled, map[layout.Slot]layout.Slot{recall.Slot: again.Slot})
	})
}

// move puts an event into the slot that x has now, with all that refers to it.
func (b *batch) move(x *entry, from layout.Slot) {
	to := x.Slot.Bytes()
	b.Delete(bucketEvents, from.Bytes())
	b.save(x)
	ids.Put(b.Batch, x.id, ids.Slot(x.Slot.Bytes()))
	b.files.moveFates(from, x.Slot)
	if x.Is(layout.FlagShown) {
		b.Put(bucketKeys, layout.LocalKey(x.in.Conversation, x.in.Person, x.header.Key), to)
		b.Put(bucketView, layout.ViewKey(x.in.Conversation, x.T, x.id), to)
		b.Fail(b.arriving.put(x.Arrival, &x.Slot))
		b.Fail(b.files.move(x, from))
		b.Fail(b.voices.show(x))
	}
	switch {
	case x.header.Kind == event.KindRecall:
		prefix := layout.RecallsOf(x.in.Conversation, x.header.Target, x.in.Person)
		b.Delete(bucketRecalls, append(bytes.Clone(prefix), layout.U32(from.Log)...))
		b.Put(bucketRecalls, append(prefix, layout.U32(x.Log)...), layout.U64(x.Sequence))
	case isEdit(x.header.Kind) && x.Absent == event.Present: // the edit that is issued again counts
		b.Delete(bucketActs, from.Append(layout.EditKeys(x.in.Conversation, x.header.Target, x.header.Kind)))
	}
}

// redirect replaces the slots of events that moved, in a bucket that has slots as keys and at the
// beginning of its values.
func (b *batch) redirect(bucket tx.Bucket, moved map[layout.Slot]layout.Slot) {
	keys, values := b.Copy(bucket, nil)
	for i, k := range keys {
		from, _ := layout.SlotAt(k)
		to, _ := layout.SlotAt(values[i][:min(layout.SlotSize, len(values[i]))])
		newFrom, a := moved[from]
		newTo, z := moved[to]
		if !a {
			newFrom = from
		}
		if !z {
			newTo = to
		}
		if a || z {
			b.Delete(bucket, k)
			b.Put(bucket, newFrom.Bytes(), append(newTo.Bytes(), values[i][layout.SlotSize:]...))
		}
	}
}

// shorten removes from an own log what lies above the last sequence to keep.
func (b *batch) shorten(l *layout.Log, keep uint64) error {
	var left event.Segments
	for _, g := range l.Segments {
		if g.First > keep {
			break
		}
		if g.Last > keep {
			x, err := b.entry(l.At(keep))
			if err != nil {
				return err
			}
			g.Last, g.ID = keep, x.id
			b.own.signAt(x.Slot)
		}
		left = append(left, g)
	}
	l.Segments, l.Top = left, layout.Placed{}
	if n := left.Last(); n > 0 {
		x, err := b.entry(l.At(n))
		if err != nil {
			return err
		}
		l.Top = layout.Placed{Sequence: n, T: x.T, ID: x.id}
	}
	b.touch(l)
	b.grown[l.Number] = true
	return nil
}
