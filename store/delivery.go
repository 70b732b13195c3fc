package store

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// maxRanges bounds the pieces of what somebody has of one log, so that nobody can
// make an entry grow by what they acknowledge. Honest readers need a few.
const maxRanges = 1024

// Delivery is how far a log has come to a person. A segment counts if the event that it ends with is the one here: it was
// said by the person's device, which proves nothing of the log.
type Delivery struct {
	Person   crypto.PersonID
	Log      event.Log
	Segments []event.Segment
	Read     bool // by the person, not only on a disk of theirs
}

// NoteDelivered notes how far logs have come: over the link of a person's device, or by a
// receipt. For logs of one's own person that is what others have; of oneself it says what
// was read on another device, and makes that no longer unread here. It only grows. One
// about what is not here does nothing, and one that would leave a log in too many
// pieces is left out.
func (s *Store) NoteDelivered(ctx context.Context, deliveries []Delivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	return s.do(ctx, func(b *batch) error {
		for i := range deliveries {
			if err := b.deliver(&deliveries[i]); err != nil && err != ErrTooManySegments && err != ErrNoConversation {
				return err
			}
		}
		return nil
	})
}

func (b *batch) deliver(r *Delivery) error {
	c, err := b.conversation(r.Log.Conversation)
	if err != nil {
		return err
	}
	branches, err := b.branches(c.number, r.Log)
	if err != nil {
		return err
	}
	for i, l := range branches {
		ranges, err := b.agreed(branches, i, r.Segments)
		if err != nil {
			return err
		}
		if err := b.deliverBranch(r, l, ranges); err != nil {
			return err
		}
	}
	return nil
}

// deliverBranch notes how far one branch of a log has come.
func (b *batch) deliverBranch(r *Delivery, l *logState, ranges event.Ranges) error {
	switch me := b.isOwn(r.Person); {
	case me && r.Read && !b.isOwn(l.person):
		return b.readHere(l, ranges)
	case me || !b.isOwn(l.person):
		return nil
	}
	if r.Read {
		if _, err := b.grow(bucketRead, l, r.Person, ranges); err != nil {
			return err
		}
	}
	fresh, err := b.grow(bucketDelivered, l, r.Person, ranges)
	if err != nil || fresh == nil || b.Empty(bucketCancelled) {
		return err
	}
	return b.uncancel(l.number, fresh, func(p slot) (bool, error) {
		has, err := b.ranges(bucketDelivered, p.log, r.Person)
		return has.Covers(p.sequence), err
	})
}

// agreed returns the ranges of the segments that end with the event that is here, in the i-th of the branches of a log, or in
// the other one where that begins with what is in this one.
func (b *batch) agreed(branches []*logState, i int, segments []event.Segment) (event.Ranges, error) {
	var out event.Ranges
	for _, g := range segments {
		for k, l := range branches {
			st, err := b.stored(slot{l.number, g.Last})
			if err != nil {
				return nil, err
			}
			if st == nil || idOf(st.headerBytes) != g.ID {
				continue
			}
			part := event.Range{First: g.First, Last: g.Last}
			switch {
			case k != i:
				if part.Last, err = b.commonEnd(branches[i], l, g.Last); err != nil {
					return nil, err
				}
			case l.log.Device == b.s.own.Device.ID():
				// An own log has holes only where this disk went back: what is below may be of another branch.
				part.First = max(part.First, heldFrom(l.segments, g.Last))
			}
			out = out.Add(part)
		}
	}
	return out, nil
}

// heldFrom returns where the segment begins that has a sequence.
func heldFrom(s event.Segments, sequence uint64) uint64 {
	for _, g := range s {
		if g.First <= sequence && sequence <= g.Last {
			return g.First
		}
	}
	return sequence
}

// commonEnd returns the last sequence of a branch from which what the other one has at a sequence goes on; 0 if that isn't known.
func (r *reader) commonEnd(branch, other *logState, sequence uint64) (uint64, error) {
	for _, g := range other.segments {
		if sequence < g.First || sequence > g.Last {
			continue
		}
		x, err := r.entry(slot{other.number, g.First})
		if err != nil || g.First == 1 {
			return 0, err
		}
		st, err := r.stored(slot{branch.number, g.First - 1})
		if err != nil || st == nil || idOf(st.headerBytes) != x.header.Previous {
			return 0, err
		}
		return g.First - 1, nil
	}
	return 0, nil
}

// grow adds to what a person has of a log, as far as that is held here, and returns
// what is new.
func (b *batch) grow(bucket tx.Bucket, l *logState, person crypto.PersonID, add event.Ranges) (event.Ranges, error) {
	old, err := b.ranges(bucket, l.number, person)
	if err != nil {
		return nil, err
	}
	held := l.segments.Ranges()
	add = add.Subtract(add.Subtract(held))
	fresh := add.Subtract(old)
	if len(fresh) == 0 {
		return nil, nil
	}
	all := old.Union(fresh)
	if len(all) > maxRanges {
		return nil, ErrTooManySegments
	}
	b.Put(bucket, deliveryKey(l.number, person), rangesBytes(all))
	b.visible = true
	b.delivery.audiences = nil
	return fresh, nil
}

// readHere marks rows of a log as read by the owner of this store.
func (b *batch) readHere(l *logState, ranges event.Ranges) error {
	ranges, err := b.withWhatIsNoRow(l, ranges)
	if err != nil {
		return err
	}
	fresh, err := b.grow(bucketRead, l, b.s.own.Person, ranges)
	if err == ErrTooManySegments {
		fresh, err = ranges, nil // they are read here, though no receipt says so
		b.visible = true
	}
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		b.noteUnsigned(Subject{l.log.Conversation, l.person})
	}
	for _, r := range fresh {
		for seq := r.First; seq <= r.Last; seq++ {
			st, err := b.stored(slot{l.number, seq})
			if err != nil {
				return err
			}
			if st != nil && st.is(flagShown) {
				b.Delete(bucketUnread, u64(st.arrival))
			}
		}
	}
	return nil
}

// maxNoRows bounds how far withWhatIsNoRow looks.
const maxNoRows = 256

// withWhatIsNoRow returns ranges with what directly precedes each in the log and has no row, such as reactions: else who
// reads every message of a log with as many reactions would have read it in as many pieces.
func (b *batch) withWhatIsNoRow(l *logState, ranges event.Ranges) (event.Ranges, error) {
	out := ranges
	for _, r := range ranges {
		first := r.First
		for first > 1 && r.First-first < maxNoRows {
			st, err := b.stored(slot{l.number, first - 1})
			if err != nil {
				return nil, err
			}
			if st == nil || st.is(flagShown) || !st.is(flagPlaced) || st.absent == event.Dropped { // a row, or it may become one
				break
			}
			first--
		}
		if first < r.First {
			out = out.Add(event.Range{First: first, Last: r.First - 1})
		}
	}
	return out, nil
}

// MarkRead marks messages of others as read; unless tell, nobody is to learn of it. It
// fails with ErrNoEvent if one is not here. Where too scattered messages of one log were read, nobody learns of some.
func (s *Store) MarkRead(ctx context.Context, tell bool, ids ...event.ID) error {
	return s.do(ctx, func(b *batch) error {
		rows := map[*logState]event.Ranges{}
		var order []*logState
		for _, id := range ids {
			x, err := b.view.rowEntry(id)
			if err != nil {
				return err
			}
			if b.isOwn(x.in.person) {
				continue
			}
			if !tell {
				b.Delete(bucketUnread, u64(x.arrival))
				continue
			}
			if rows[x.in] == nil {
				order = append(order, x.in)
			}
			rows[x.in] = rows[x.in].Add(event.Range{First: x.sequence, Last: x.sequence})
		}
		for _, l := range order {
			if err := b.readHere(l, rows[l]); err != nil {
				return err
			}
		}
		return nil
	})
}
