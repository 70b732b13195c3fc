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

// Subject is what a receipt is about: what a person has written in a conversation.
type Subject struct {
	Conversation event.Conversation
	Author       crypto.PersonID
}

func (s *Subject) key() []byte { return slices.Concat(s.Conversation[:], s.Author[:]) }

// noteUnsigned notes that a receipt would say something else now than the last one did.
func (b *batch) noteUnsigned(of Subject) {
	if key := of.key(); b.Get(bucketUnsigned, key) == nil {
		b.Put(bucketUnsigned, key, []byte{})
	}
}

// noteReceived does noteUnsigned for the author of a log if more of the log has come, or something
// that contradicts it. In groups acknowledgements tell what has come, so only a contradiction needs
// a receipt there.
func (b *batch) noteReceived(l *layout.Log, more, forked bool) error {
	c, err := b.conversation(l.Name.Conversation)
	if err == nil && !b.isOwn(l.Person) && (forked || more && !b.isGroup(&c)) {
		b.noteUnsigned(Subject{c.ID, l.Person})
	}
	return err
}

// Unsigned returns the subjects on which a receipt would say something new: an event has come or
// was read since SignReceipt was last called for them. In a group an event that has come does not
// count, since acknowledgements tell it, unless it contradicts a log.
func (s *Store) Unsigned() (out []Subject, err error) {
	err = s.view(func(r *reader) error {
		for k := range r.Prefix(bucketUnsigned, nil) {
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

// SignReceipt signs the receipt on a subject as it would be now, in the way of book.SignRecord,
// unless worth says that it is not worth a signature. Errors: ErrNoConversation.
func (s *Store) SignReceipt(ctx context.Context, of Subject, worth func(event.Receipt) bool) (record event.Record, signed bool, err error) {
	about := event.ReceiptSubject(of.Conversation, of.Author, s.own.Store)
	err = s.do(ctx, func(b *batch) error {
		state, err := b.delivery.receiptState(of)
		if err != nil {
			return err
		}
		if signed = worth(state); signed {
			if record, err = b.s.book.Sign(b.Batch, event.KindReceipt, about, state.Marshal()); err != nil {
				return err
			}
		}
		if key := of.key(); b.Get(bucketUnsigned, key) != nil {
			b.Delete(bucketUnsigned, key)
		}
		return nil
	})
	return record, signed, err
}

// receiptState returns what a receipt would say now: what is held here of an author's logs, and
// what of it was read.
func (d *delivery) receiptState(of Subject) (event.Receipt, error) {
	c, err := d.conversation(of.Conversation)
	if err != nil {
		return event.Receipt{}, err
	}
	var delivered, read [][]event.LogSegment // by log
	err = d.eachLogOf(c.Number, of.Author, func(l *layout.Log) error {
		branches, err := d.branchesOf(l)
		if err != nil {
			return err
		}
		for _, l := range branches {
			held, seen, err := d.saidOf(l)
			if err != nil {
				return err
			}
			delivered, read = append(delivered, held), append(read, seen)
		}
		return nil
	})
	return event.Receipt{Delivered: latestSegments(delivered), Read: latestSegments(read)}, err
}

// saidOf returns what a receipt says of one branch of a log: what is held of it, and what of that
// was read.
func (d *delivery) saidOf(l *layout.Log) (held, read []event.LogSegment, err error) {
	say := func(g event.Segment) event.LogSegment {
		return event.LogSegment{Device: l.Name.Device, Instance: l.Name.Instance, Segment: g, Other: l.Branch == layout.BranchOther}
	}
	for _, g := range lastOf(l.Segments) {
		held = append(held, say(g))
	}
	ranges, err := d.ranges(bucketRead, l.Number, d.s.own.Person)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range lastOf(ranges.Subtract(ranges.Subtract(l.Segments.Ranges()))) {
		st, err := d.stored(l.At(g.Last))
		if err != nil {
			return nil, nil, err
		}
		if st != nil {
			read = append(read, say(event.Segment{First: g.First, Last: g.Last, ID: idOf(st.HeaderBytes)}))
		}
	}
	return held, read, nil
}

// lastOf returns the last elements of a list, as many as a receipt has room for.
func lastOf[T any](list []T) []T { return list[max(0, len(list)-event.MaxReceiptSegments):] }

// latestSegments chooses which segments of several logs a receipt lists, in its order.
func latestSegments(logs [][]event.LogSegment) []event.LogSegment {
	out := latest(logs, event.MaxReceiptSegments)
	slices.SortStableFunc(out, func(x, y event.LogSegment) int {
		return cmp.Or(bytes.Compare(x.Device[:], y.Device[:]), bytes.Compare(x.Instance[:], y.Instance[:]))
	})
	return out
}

// latest chooses what of several logs there is room for. It takes the last elements of each log, and the
// same number from each log that has so many. Room that is left over goes to the logs that were begun last.
func latest[T any](logs [][]T, room int) (out []T) {
	taken := make([]int, len(logs))
	for more := true; more && room > 0; {
		more = false
		for i := len(logs) - 1; i >= 0 && room > 0; i-- {
			if taken[i] < len(logs[i]) {
				taken[i]++
				room--
				more = true
			}
		}
	}
	for i, log := range logs {
		out = append(out, log[len(log)-taken[i]:]...)
	}
	return out
}
