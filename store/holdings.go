package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// What becomes of others' attachments here is told to their authors by holdings, which are signed as
// receipts are. What was once held whole is kept as ranges of each log, which go on over what has no
// attachments. So they are few however long somebody holds all that comes, and to sign costs the same
// whatever was ever said. Of what else there is to say the last is kept: event.MaxHeldStates messages of
// each author in each conversation.
//
// A device that was restored says in the name of a new store what is so (see restored.go). What it had said in the
// name of an earlier one stands at the author until it is said anew: so of each message that it named then it says
// what is so now, even that it is only offered.

// noteUnsaid notes that holdings would say something else now than the last ones did.
func (f *files) noteUnsaid(of Subject) {
	if key := of.key(); f.Get(bucketUnsaid, key) == nil {
		f.Put(bucketUnsaid, key, []byte{})
	}
	if f.said == nil {
		f.said = map[Subject]struct{}{}
	}
	f.said[of] = struct{}{}
}

func subjectOf(x *entry) Subject { return Subject{x.header.Conversation, x.in.Person} }

// fare takes in that something has become of an attachment of somebody else's message.
func (f *files) fare(x *entry) error {
	refs, err := f.refs(x.Slot)
	if err != nil {
		return err
	}
	held, err := f.heldHere(x.Log)
	if err != nil || held.Covers(x.Sequence) { // what was held stays held
		return err
	}
	f.noteUnsaid(subjectOf(x))
	if _, err := f.unlist(x); err != nil {
		return err
	}
	all, some := true, false
	for _, ref := range refs {
		state := FileState(ref.State).said()
		all = all && state == event.FileHeld
		some = some || state != event.FileOffered
	}
	switch {
	case all:
		return f.hold(x, held)
	case some:
		f.list(x)
	}
	return nil
}

// heldHere returns the ranges of a log all of whose attachments are, or were, held.
func (r *reader) heldHere(log uint32) (event.Ranges, error) {
	return layout.ParseRanges(r.Get(bucketHeldHere, layout.U32(log)))
}

// hold adds a message to what was held of its log, together with what has no attachments between it and
// what was held before and after it.
func (f *files) hold(x *entry, held event.Ranges) error {
	g := event.Range{First: x.Sequence, Last: x.Sequence}
	if k, _ := f.Before(bucketBlobRefs, x.Slot.Bytes()); k != nil {
		of, err := layout.FileAt(k)
		if err != nil {
			return err
		}
		if of.Log == x.Log && held.Covers(of.Sequence) {
			if joined, err := f.joined(x.in, of.Sequence, x.Sequence); err != nil {
				return err
			} else if joined {
				g.First = of.Sequence
			}
		}
	}
	if k, _ := f.Seek(bucketBlobRefs, x.in.At(x.Sequence+1).Bytes()); k != nil {
		of, err := layout.FileAt(k)
		if err != nil {
			return err
		}
		if of.Log == x.Log && held.Covers(of.Sequence) {
			if joined, err := f.joined(x.in, x.Sequence, of.Sequence); err != nil {
				return err
			} else if joined {
				g.Last = of.Sequence
			}
		}
	}
	held = held.Add(g)
	held = held[max(0, len(held)-maxRanges):]
	f.Put(bucketHeldHere, layout.U32(x.Log), layout.RangesBytes(held))
	return nil
}

// joined reports whether there is no attachment to come between two messages of a log, of which all that
// are shown there are known: all of it is here, and nothing of it waits or stands for another row.
func (f *files) joined(l *layout.Log, first, last uint64) (bool, error) {
	if (event.Ranges{{First: first, Last: last}}).Subtract(l.Segments.Ranges()) != nil {
		return false, nil
	}
	if f.Empty(bucketWaiting) && f.Empty(bucketTwins) {
		return true, nil
	}
	if last-first > maxNoRows {
		return false, nil
	}
	for seq := first + 1; seq < last; seq++ {
		x, err := f.entry(l.At(seq))
		if err == ErrNoEvent {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if !x.Is(layout.FlagPlaced) || x.header.Kind == event.KindText && x.Absent == event.Present && !x.Is(layout.FlagShown) {
			return false, nil
		}
	}
	return true, nil
}

// holdingsOf is how the keys begin of those messages of an author of which something else is to be said
// than that they are held.
func holdingsOf(x *entry) []byte { return layout.AuthorKey(x.in.Conversation, x.in.Person) }

// list puts a message behind those of which something is to be said, the first of which may go for it.
func (f *files) list(x *entry) {
	prefix := holdingsOf(x)
	if f.Count(bucketHoldings, prefix) >= event.MaxHeldStates {
		k, _ := f.Seek(bucketHoldings, prefix)
		f.Delete(bucketHoldings, bytes.Clone(k))
	}
	f.Put(bucketHoldings, append(prefix, layout.U64(f.Next(bucketHoldings))...), x.Slot.Bytes())
}

// unlist takes a message out of these, and reports whether it was among them.
func (f *files) unlist(x *entry) (bool, error) {
	slot := x.Slot.Bytes()
	for k, v := range f.Prefix(bucketHoldings, holdingsOf(x)) {
		if bytes.Equal(v, slot) {
			f.Delete(bucketHoldings, bytes.Clone(k))
			return true, nil
		}
	}
	return false, nil
}

// Unsaid returns the subjects on which holdings would say something new.
func (s *Store) Unsaid() (out []Subject, err error) {
	err = s.view(func(r *reader) error {
		for k := range r.Prefix(bucketUnsaid, nil) {
			of, err := subjectAt(k)
			if err != nil {
				return err
			}
			out = append(out, of)
		}
		return nil
	})
	return out, err
}

// SignHoldings signs what has become here of the attachments of what somebody has written in a
// conversation, in the way of book.SignRecord. If there is nothing to say, and never was, nothing is signed.
// Errors: ErrNoConversation.
func (s *Store) SignHoldings(ctx context.Context, of Subject) (record event.Record, signed bool, err error) {
	about := event.ReceiptSubject(of.Conversation, of.Author, s.own.Store)
	err = s.do(ctx, func(b *batch) error {
		state, err := b.holdings(of)
		if err != nil {
			return err
		}
		signed = len(state.Held) > 0 || len(state.States) > 0 || s.book.Signed(b.Batch, event.KindHoldings, about)
		if signed {
			if record, err = b.s.book.Sign(b.Batch, event.KindHoldings, about, state.Marshal()); err != nil {
				return err
			}
		}
		if key := of.key(); b.Get(bucketUnsaid, key) != nil {
			b.Delete(bucketUnsaid, key)
		}
		return nil
	})
	return record, signed, err
}

// holdings returns what holdings would say now. Of a log that is forked they say what stands before the
// fork: of two events at one place they could not tell which is meant.
func (r *reader) holdings(of Subject) (out event.Holdings, err error) {
	c, err := r.conversation(of.Conversation)
	if err != nil {
		return out, err
	}
	var held [][]event.HeldRange // by log
	if err := r.eachLogOf(c.Number, of.Author, func(l *layout.Log) error {
		ranges, err := r.heldHere(l.Number)
		if l.Forked != 0 {
			ranges = ranges.Subtract(event.Ranges{{First: l.Forked, Last: event.MaxInteger}})
		}
		var last []event.HeldRange
		for _, g := range ranges[max(0, len(ranges)-event.MaxHeldRanges):] {
			last = append(last, event.HeldRange{Device: l.Name.Device, Instance: l.Name.Instance, Range: g})
		}
		held = append(held, last)
		return err
	}); err != nil {
		return out, err
	}
	out.Held = latest(held, event.MaxHeldRanges)
	slices.SortStableFunc(out.Held, func(x, y event.HeldRange) int {
		return cmp.Or(bytes.Compare(x.Device[:], y.Device[:]), bytes.Compare(x.Instance[:], y.Instance[:]))
	})
	for _, v := range r.Prefix(bucketHoldings, layout.AuthorKey(c.Number, of.Author)) {
		if err := r.addState(&out, v); err != nil {
			return out, err
		}
	}
	if err := r.addNamedBefore(&out, &c, of); err != nil {
		return out, err
	}
	slices.SortFunc(out.States, func(x, y event.HeldState) int {
		return cmp.Or(bytes.Compare(x.Device[:], y.Device[:]), bytes.Compare(x.Instance[:], y.Instance[:]), cmp.Compare(x.Sequence, y.Sequence))
	})
	return out, nil
}

// addNamedBefore adds the messages that this device has named in the name of earlier stores, in what room is left.
func (r *reader) addNamedBefore(to *event.Holdings, c *layout.Conversation, of Subject) error {
	earlier, err := r.saidBefore(of)
	for i := range earlier {
		for k := range earlier[i].States {
			s := &earlier[i].States[k]
			l, err := r.named(c.Number, s.Log(c.ID), layout.BranchFirst)
			if err != nil {
				return err
			}
			said := slices.ContainsFunc(to.States, func(o event.HeldState) bool { return o.Log(c.ID) == s.Log(c.ID) && o.Sequence == s.Sequence })
			if l == nil || l.Person != of.Author || said || len(to.States) == event.MaxHeldStates {
				continue
			}
			held, err := r.heldHere(l.Number)
			if err != nil {
				return err
			}
			if held.Covers(s.Sequence) {
				continue
			}
			if err := r.addState(to, l.At(s.Sequence).Bytes()); err != nil {
				return err
			}
		}
	}
	return err
}

// saidBefore returns the holdings on a subject that this device has signed in the name of earlier stores.
func (r *reader) saidBefore(of Subject) (out []event.Holdings, err error) {
	own := event.ReceiptSubject(of.Conversation, of.Author, r.s.own.Store)
	records, err := r.s.book.RecordsIn(r.Reader, event.KindHoldings, own[:len(own)-len(r.s.own.Store)])
	for i := range records {
		if records[i].Device != r.s.own.Device.ID() || bytes.Equal(records[i].Subject, own) {
			continue
		}
		says, err := event.ParseHoldings(records[i].Value)
		if err != nil {
			return nil, damaged("holdings: %w", err)
		}
		out = append(out, says)
	}
	return out, err
}

// addState adds what is to be said of the message in a slot.
func (r *reader) addState(to *event.Holdings, slot []byte) error {
	p, ok := layout.SlotAt(slot)
	if !ok {
		return damaged("slot of %d bytes", len(slot))
	}
	l, err := r.log(p.Log)
	if err != nil || l.Branch != layout.BranchFirst || l.Forked != 0 && p.Sequence >= l.Forked {
		return err
	}
	refs, err := r.refs(p)
	if err != nil || len(refs) == 0 {
		return err
	}
	s := event.HeldState{Device: l.Name.Device, Instance: l.Name.Instance, Sequence: p.Sequence}
	for _, ref := range refs {
		s.States = append(s.States, FileState(ref.State).said())
	}
	to.States = append(to.States, s)
	return nil
}

// subjectAt reads the key of a subject.
func subjectAt(k []byte) (Subject, error) {
	if len(k) != len(event.Conversation{})+len(crypto.PersonID{}) {
		return Subject{}, damaged("subject of %d bytes", len(k))
	}
	return Subject{event.Conversation(k[:32]), crypto.PersonID(k[32:])}, nil
}
