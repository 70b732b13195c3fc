package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// recallWindow is how long after a message, by the two signed times, a recall still takes the words
// from those who hold them.
const recallWindow = 2 * time.Minute

// recalls takes the words of events that were recalled, and writes recalls.
type recalls struct {
	*batch
	some presence // in bucketRecalls
}

// none reports whether nothing was ever recalled.
func (k *recalls) none() bool { return !k.anything(&k.some, bucketRecalls) }

// applyRecall notes a recall, for the case that its target comes later or that the absence of the
// target must be explained to others, and takes the words of the target if it may.
func (k *recalls) applyRecall(x *entry) error {
	id := x.header.Target
	key := append(layout.RecallsOf(x.in.Conversation, id, x.in.Person), layout.U32(x.Log)...)
	if old := k.Get(bucketRecalls, key); old == nil || layout.Number(old) > x.Sequence {
		// The first of several counts: a limit of the log excludes it last.
		k.Put(bucketRecalls, key, layout.U64(x.Sequence))
	}
	k.some = something
	target, err := k.byID(id)
	if err == ErrNoEvent { // if it comes, it will be taken without its words
		return k.dropEdits(x.in.Conversation, id, x.in.Person)
	} else if err != nil {
		return err
	}
	if target.in.Conversation != x.in.Conversation || target.in.Person != x.in.Person || target.header.Kind.SelfProven() {
		return nil
	}
	switch late := x.header.Clock - target.header.Clock; {
	case target.Absent == event.Recalled:
		return k.dropEdits(x.in.Conversation, id, x.in.Person)
	case target.Absent == event.Present && !k.isOwn(x.in.Person) && max(late, -late) > recallWindow.Milliseconds():
		return nil
	}
	return k.forget(target)
}

// forget takes the words of an event that was recalled, and those of its edits. If the words were
// missing here, it is known now that they won't come, so the event counts as had.
func (k *recalls) forget(x *entry) error {
	if isEdit(x.header.Kind) && x.Absent == event.Present {
		k.index(x, false)
	}
	missing := x.Absent == event.Dropped
	if x.Absent == event.Present {
		if err := k.refundWords(x); err != nil {
			return err
		}
		k.Erase()
	}
	x.Absent, x.Sealed = event.Recalled, nil
	k.save(x)
	if missing {
		if err := k.order.countHad(x); err != nil {
			return err
		}
	}
	if x.Is(layout.FlagShown) {
		if _, err := k.voices.takeUnread(x); err != nil {
			return err
		}
	}
	if k.isOwn(x.in.Person) {
		k.files.forgetFates(x.Slot)
	}
	if err := k.files.drop(x); err != nil {
		return err
	}
	k.reword(x)
	k.noteEvent(x.Slot)
	return k.dropEdits(x.in.Conversation, x.id, x.in.Person)
}

// wordsRecalled reports whether the words of x, which came with it, are not to be kept: its author
// has recalled it, or the message that it is an edit of.
func (k *recalls) wordsRecalled(x *entry) (bool, error) {
	if k.none() {
		return false, nil
	}
	p, err := k.recallBy(x.in, x.id)
	if err != nil || p != (layout.Slot{}) || x.header.Kind != event.KindEdit {
		return p != layout.Slot{}, err
	}
	target, err := k.byID(x.header.Target)
	switch {
	case err == ErrNoEvent || err == nil && target.Absent == event.Dropped:
		p, err := k.recallBy(x.in, x.header.Target)
		return p != layout.Slot{}, err
	case err != nil:
		return false, err
	}
	return target.Absent == event.Recalled && target.in.Conversation == x.in.Conversation && target.in.Person == x.in.Person, nil
}

// recallOf returns where the recall stands that explains why x is absent: one of x by its author,
// or of the message that x is an edit of. It returns the zero slot if there is none.
func (r *reader) recallOf(x *entry) (layout.Slot, error) {
	p, err := r.recallBy(x.in, x.id)
	if err == nil && p == (layout.Slot{}) && x.header.Kind == event.KindEdit {
		p, err = r.recallBy(x.in, x.header.Target)
	}
	return p, err
}

// recallBy returns where a recall of an event stands by the author of a log, or the zero slot.
func (r *reader) recallBy(in *layout.Log, id event.ID) (layout.Slot, error) {
	for k, v := range r.Prefix(bucketRecalls, layout.RecallsOf(in.Conversation, id, in.Person)) {
		n := binary.BigEndian.Uint32(k[len(k)-4:])
		l, err := r.log(n)
		if err != nil {
			return layout.Slot{}, err
		}
		// A recall that is not served explains nothing to others.
		if l.Person == in.Person && l.Branch != layout.BranchLost && layout.Number(v) <= l.Limit {
			return layout.Slot{Log: n, Sequence: layout.Number(v)}, nil
		}
	}
	return layout.Slot{}, nil
}

// Cancel takes back a message of the owner's that no reader holds: it appends a recall and drops
// the words in one transaction. Errors: ErrNoEvent (not a message of the owner's), ErrAcknowledged,
// ErrUndelivered. To cancel twice is no error.
func (s *Store) Cancel(ctx context.Context, id event.ID) (Entry, error) {
	h, body, err := newBlank(s.cfg.Rand, event.KindRecall, nil)
	if err != nil {
		return Entry{}, err
	}
	var out Entry
	err = s.do(ctx, func(b *batch) error {
		x, err := b.view.rowEntry(id)
		if err != nil {
			return err
		}
		if !b.isOwn(x.in.Person) {
			return ErrNoEvent
		}
		now, err := b.delivery.progress(x)
		switch {
		case err != nil:
			return err
		case now.State == Cancelled:
			out.Existing = true
			out.Row, err = b.view.row(x)
			return err
		case now.State == Undelivered:
			return ErrUndelivered
		case now.State != Queued:
			return ErrAcknowledged
		}
		if err := b.view.eachIssue(x, b.recalls.unacknowledged); err != nil {
			return err
		}
		c, err := b.conversation(x.header.Conversation)
		if err != nil {
			return err
		}
		if err := b.view.eachIssue(x, func(y *entry) error { return b.recalls.takeBack(&c, y, h, body) }); err != nil {
			return err
		}
		if x, err = b.entry(x.Slot); err != nil {
			return err
		}
		out = Entry{}
		out.Row, err = b.view.row(x)
		return err
	})
	return out, err
}

// unacknowledged returns ErrAcknowledged if anybody else has x, an event of the owner's.
func (k *recalls) unacknowledged(x *entry) error {
	slots, err := k.delivery.slots(x)
	if err != nil {
		return err
	}
	for _, p := range slots {
		for _, v := range k.Prefix(bucketDelivered, layout.U32(p.Log)) {
			got, err := layout.ParseRanges(v)
			if err == nil && got.Covers(p.Sequence) {
				err = ErrAcknowledged
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// takeBack recalls an own message, and notes whether anybody else has it by now. Readers who don't
// have it will never get it.
func (k *recalls) takeBack(c *layout.Conversation, x *entry, h event.Header, body event.Body) error {
	taken := byte(0)
	if err := k.unacknowledged(x); err == ErrAcknowledged {
		taken = 1
	} else if err != nil {
		return err
	}
	recall, err := k.recall(c, x, h, body)
	if err == nil {
		k.Put(bucketCancelled, x.Slot.Bytes(), append(recall.Slot.Bytes(), taken))
	}
	return err
}

// recall writes a recall of an own event, and takes the words.
func (k *recalls) recall(c *layout.Conversation, x *entry, h event.Header, body event.Body) (*entry, error) {
	h.Clock = k.clock()
	h.Target = x.id
	recall, err := k.own.write(c, h, body)
	if err != nil {
		return nil, err
	}
	if x, err = k.entry(x.Slot); err != nil { // as it is now
		return nil, err
	}
	return recall, k.forget(x)
}

// Recall takes back a message of the owner's and all edits of it, within two minutes: everybody who
// holds them drops the words. Errors: ErrNoEvent (not a message of the owner's), ErrTooLate. To
// recall twice is no error.
func (s *Store) Recall(ctx context.Context, id event.ID) (Entry, error) {
	h, body, err := newBlank(s.cfg.Rand, event.KindRecall, nil)
	if err != nil {
		return Entry{}, err
	}
	var out Entry
	err = s.do(ctx, func(b *batch) error {
		out = Entry{}
		x, err := b.view.rowEntry(id)
		if err != nil {
			return err
		}
		if !b.isOwn(x.in.Person) {
			return ErrNoEvent
		}
		if out.Existing = x.Absent == event.Recalled; !out.Existing {
			if err := b.recalls.recallAll(x, h, body); err != nil {
				return err
			}
			if x, err = b.entry(x.Slot); err != nil { // as it is now
				return err
			}
		}
		out.Row, err = b.view.row(x)
		return err
	})
	return out, err
}

// recallAll writes recalls of all events that stand for an own message, and of their edits.
func (k *recalls) recallAll(x *entry, h event.Header, body event.Body) error {
	if late := k.clock() - x.header.Clock; max(late, -late) > recallWindow.Milliseconds() {
		return ErrTooLate
	}
	c, err := k.conversation(x.header.Conversation)
	if err != nil {
		return err
	}
	return k.view.eachIssue(x, func(y *entry) error {
		edits, err := k.edits(c.Number, y.id, y.in.Person)
		if err != nil {
			return err
		}
		for _, z := range edits {
			if _, err := k.recall(&c, z, h, body); err != nil {
				return err
			}
		}
		return k.takeBack(&c, y, h, body)
	})
}

// eachIssue calls f for the events that stand for a message: for x, and for what was issued again
// in its place. Of somebody else's message these are the events that came under the same key.
func (v *view) eachIssue(x *entry, f func(*entry) error) error {
	for err := error(nil); x != nil; {
		if err = f(x); err != nil {
			return err
		}
		if !v.isOwn(x.in.Person) {
			return v.eachTwin(x, f)
		}
		if x, err = v.reissue(x); err != nil {
			return err
		}
	}
	return nil
}

// maxTwins bounds how many events are remembered that came under the key of another. No disk goes
// back in time more often.
const maxTwins = 8

// putTwin notes somebody else's event whose key has a row already: edits of it, and reactions to
// it, belong to that row.
func (b *batch) putTwin(row layout.Slot, x *entry) {
	if row == x.Slot || b.isOwn(x.in.Person) {
		return
	}
	if b.Count(bucketTwins, row.Bytes()) < maxTwins {
		b.Put(bucketTwins, x.Slot.Append(row.Bytes()), []byte{})
		b.view.twins = something
		b.noteEvent(row)
		if y, err := b.entry(row); err == nil { // edits of the twin may be here already
			b.reword(y)
		}
	}
}

// eachTwin calls f for the events that came under the key of x, which has the row.
func (v *view) eachTwin(x *entry, f func(*entry) error) error {
	if !v.anything(&v.twins, bucketTwins) {
		return nil
	}
	for k := range v.Prefix(bucketTwins, x.Slot.Bytes()) {
		p, _ := layout.SlotAt(k)
		y, err := v.entry(p)
		if err == ErrNoEvent { // it was given back
			continue
		}
		if err != nil {
			return err
		}
		if err := f(y); err != nil {
			return err
		}
	}
	return nil
}

// reissue returns the event that took the place of x, nil if none did.
func (v *view) reissue(x *entry) (*entry, error) {
	p, ok := layout.SlotAt(v.Get(bucketReissued, x.Slot.Bytes()))
	if !ok {
		return nil, nil
	}
	return v.entry(p)
}

// cancelledTooLate marks cancelled messages of a log that a reader turns out to have. A reader who
// acknowledges a message, but not the recall that has gone with it since, has the words. covers
// tells whether the reader has the event in a slot.
func (b *batch) cancelledTooLate(log uint32, now event.Ranges, covers func(layout.Slot) (bool, error)) error {
	var keys, values [][]byte
	for _, g := range now {
		for k, v := range b.From(bucketCancelled, layout.Slot{Log: log, Sequence: g.First}.Bytes()) {
			if target, ok := layout.SlotAt(k); !ok || len(v) != layout.SlotSize+1 {
				return damaged("cancelled message")
			} else if target.Log != log || target.Sequence > g.Last {
				break
			}
			keys, values = append(keys, bytes.Clone(k)), append(values, bytes.Clone(v))
		}
	}
	for i, k := range keys {
		recall, _ := layout.SlotAt(values[i][:layout.SlotSize])
		if values[i][layout.SlotSize] != 0 {
			continue
		}
		has, err := covers(recall)
		if err != nil {
			return err
		}
		if !has {
			b.Put(bucketCancelled, k, append(values[i][:layout.SlotSize], 1))
		}
	}
	return nil
}
