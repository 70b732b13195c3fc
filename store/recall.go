package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// RecallWindow is how long after a message, by the two signed times, a recall still
// takes the words from those who hold them.
const RecallWindow = 2 * time.Minute

// applyRecall notes whom a recall is of, in case the target comes later or its
// absence must be explained, and takes the words if it may.
func (b *batch) applyRecall(x *entry) error {
	body, err := b.content(x)
	if err != nil {
		return err
	}
	recall, err := event.ParseRecall(body.Content)
	if err != nil {
		return damaged("recall: %w", err)
	}
	b.put(bucketRecalls, append(recallsOf(x.in.conversation, recall.Target), u32(x.log)...), u64(x.sequence))
	b.recalls = 2
	target, err := b.byID(recall.Target)
	if err == ErrNoEvent {
		return nil
	} else if err != nil {
		return err
	}
	if target.in.conversation != x.in.conversation || target.in.person != x.in.person || target.header.Kind.SelfProven() {
		return nil
	}
	switch late := x.header.Clock - target.header.Clock; {
	case target.absent == event.Recalled:
		return nil
	case target.absent == event.Present && !b.isOwn(x.in.person) && max(late, -late) > RecallWindow.Milliseconds():
		return nil
	}
	b.forget(target)
	return nil
}

// forget takes the words of an event that was recalled.
func (b *batch) forget(x *entry) {
	x.absent, x.sealed = event.Recalled, nil
	b.save(x)
	if x.is(flagShown) {
		b.delete(bucketUnread, u64(x.arrival))
		b.visible = true
	}
}

// recalled reports whether a recall by the author of x is here.
func (b *batch) recalled(x *entry) (bool, error) {
	if !b.anything(&b.recalls, bucketRecalls) {
		return false, nil
	}
	p, err := b.recallOf(x)
	return p != pointer{}, err
}

// recallOf returns where a recall of x by its author is, or nothing.
func (r *reader) recallOf(x *entry) (pointer, error) {
	var found pointer
	err := r.each(bucketRecalls, recallsOf(x.in.conversation, x.id), func(k, v []byte) error {
		n := binary.BigEndian.Uint32(k[len(k)-4:])
		l, err := r.log(n)
		if err != nil {
			return err
		}
		// One that is not served would explain nothing to others.
		if l.person != x.in.person || l.branch == branchLost {
			return nil
		}
		found = pointer{n, number(v)}
		return errStop
	})
	return found, err
}

// Cancel takes back a message of one's own that no reader holds: it appends a recall
// and drops the words in one transaction. Errors: ErrNoEvent (not a message of one's
// own), ErrAcknowledged. To cancel twice is no error.
func (s *Store) Cancel(ctx context.Context, id event.ID) (Entry, error) {
	body := event.Body{}
	h := event.Header{Kind: event.KindRecall}
	for _, b := range [][]byte{body.Salt[:], h.Key[:]} {
		if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
			return Entry{}, err
		}
	}
	var out Entry
	err := s.do(ctx, func(b *batch) error {
		x, err := b.rowEntry(id)
		if err != nil {
			return err
		}
		if !b.isOwn(x.in.person) {
			return ErrNoEvent
		}
		state, err := b.state(x)
		switch {
		case err != nil:
			return err
		case state == Cancelled:
			out.Existing = true
			out.Row, err = b.row(x)
			return err
		case state != Queued:
			return ErrAcknowledged
		}
		c, err := b.conversation(x.header.Conversation)
		if err != nil {
			return err
		}
		for y := x; y != nil; {
			h.Clock = b.clock()
			body.Content = event.Recall{Target: y.id}.Marshal()
			recall, err := b.write(&c, h, body)
			if err != nil {
				return err
			}
			if y, err = b.entry(y.pointer); err != nil { // as it is now
				return err
			}
			b.forget(y)
			b.put(bucketCancelled, y.pointer.bytes(), append(recall.pointer.bytes(), 0))
			if y, err = b.reissue(y); err != nil {
				return err
			}
		}
		if x, err = b.entry(x.pointer); err != nil {
			return err
		}
		out = Entry{}
		out.Row, err = b.row(x)
		return err
	})
	return out, err
}

// reissue returns the event that took the place of x, nil if none did.
func (r *reader) reissue(x *entry) (*entry, error) {
	p, ok := pointerAt(r.get(bucketReissued, x.pointer.bytes()))
	if !ok {
		return nil, nil
	}
	return r.entry(p)
}

// arrived marks cancelled messages of a log that a reader turned out to have: who
// acknowledges a message, but not the recall that goes with it since, has the words.
func (b *batch) arrived(log uint32, now event.Ranges, covers func(pointer) (bool, error)) error {
	keys, values := b.drain(bucketCancelled, u32(log))
	for i, k := range keys {
		target, ok := pointerAt(k)
		if !ok || len(values[i]) != pointerSize+1 {
			return damaged("cancelled message")
		}
		recall, _ := pointerAt(values[i][:pointerSize])
		if values[i][pointerSize] != 0 || !now.Covers(target.sequence) {
			continue
		}
		has, err := covers(recall)
		if err != nil {
			return err
		}
		if !has {
			b.put(bucketCancelled, k, append(bytes.Clone(values[i][:pointerSize]), 1))
		}
	}
	return nil
}
