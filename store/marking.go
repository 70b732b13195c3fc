package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// maxMarked is how many messages one transaction marks as read or unread, so that nobody waits long
// for the writer.
const maxMarked = 1000

// stretch is what one person has said that is to be marked as read: unread rows from a key up to the
// place (T, ID) at the end of upTo, of those that had arrived by then.
type stretch struct {
	from, upTo []byte
	arrived    uint64
}

// MarkReadTo marks messages of others as read that are shown in a conversation up to a message or
// notice, that one included; what has arrived later than it stays unread. Without one it marks all that
// is there now. Only messages that keep wants are marked. Their authors learn of it only if tell is
// set. It takes as many transactions as it needs. It returns how many were marked, and the arrival up
// to which they had come. Errors: ErrNoConversation, ErrNoEvent.
func (s *Store) MarkReadTo(ctx context.Context, tell bool, id event.Conversation, to *event.ID, keep Keep) (marked int, arrived uint64, err error) {
	var all []stretch
	err = s.view(func(r *reader) error {
		c, err := r.conversation(id)
		if err != nil {
			return err
		}
		arrived = r.Sequence(bucketArrivals)
		var place []byte
		if to != nil {
			if place, arrived, err = r.view.placeOf(&c, *to); err != nil {
				return err
			}
		}
		all, err = r.unread(&c, place, arrived, keep)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	marked, err = s.markRead(ctx, tell, all)
	return marked, arrived, err
}

// MarkAllRead does MarkReadTo for all that is there in all conversations.
func (s *Store) MarkAllRead(ctx context.Context, tell bool, keep Keep) (marked int, arrived uint64, err error) {
	var all []stretch
	if err := s.view(func(r *reader) error {
		arrived = r.Sequence(bucketArrivals)
		return r.eachConversation(func(c *layout.Conversation) error {
			some, err := r.unread(c, nil, arrived, keep)
			all = append(all, some...)
			return err
		})
	}); err != nil {
		return 0, 0, err
	}
	marked, err = s.markRead(ctx, tell, all)
	return marked, arrived, err
}

// CountUnread returns how many messages are unread of those that keep wants. Its cost grows with how many
// persons have said something in how many conversations, not with what they have said.
func (s *Store) CountUnread(keep Keep) (n int, err error) {
	err = s.view(func(r *reader) error {
		return r.eachConversation(func(c *layout.Conversation) error {
			for k, v := range r.Prefix(bucketVoices, layout.U32(c.Number)) {
				sum, err := layout.ParseVoice(v)
				if err != nil {
					return err
				}
				_, person, _ := layout.ParseVoiceKey(k)
				if sum.Unread > 0 && (keep == nil || keep(Source{Conversation: c.ID, Author: person})) {
					n += int(sum.Unread)
				}
			}
			return nil
		})
	})
	return n, err
}

// placeOf returns where a row is shown, as keys of rows end, and its arrival.
func (v *view) placeOf(c *layout.Conversation, id event.ID) (place []byte, arrived uint64, err error) {
	key, err := v.viewKey(c, id)
	if err != nil {
		return nil, 0, err
	}
	if n, ok := layout.NoticeOf(id); ok {
		return key[4:], n, nil
	}
	x, err := v.rowEntry(id)
	if err == nil && v.hidden(x) {
		err = ErrNoEvent
	}
	if err != nil {
		return nil, 0, err
	}
	return key[4:], x.Arrival, nil
}

// unread returns what is unread in a conversation up to a place, nil: all of it.
func (r *reader) unread(c *layout.Conversation, place []byte, arrived uint64, keep Keep) (all []stretch, err error) {
	for k, v := range r.Prefix(bucketVoices, layout.U32(c.Number)) {
		sum, err := layout.ParseVoice(v)
		if err != nil {
			return nil, err
		}
		_, person, _ := layout.ParseVoiceKey(k)
		if sum.Unread == 0 || keep != nil && !keep(Source{Conversation: c.ID, Author: person}) {
			continue
		}
		of := layout.UnreadOf(c.Number, person)
		upTo := append(bytes.Clone(of), place...)
		if place == nil {
			upTo = append(upTo, bytes.Repeat([]byte{0xff}, 8+16)...)
		}
		all = append(all, stretch{from: of, upTo: upTo, arrived: arrived})
	}
	return all, nil
}

// MarkArrived marks messages of others as read, by their arrivals. Their authors learn of it only if tell is
// set. It returns the latest arrival of each conversation. Errors: ErrNoEvent.
func (s *Store) MarkArrived(ctx context.Context, tell bool, arrivals ...uint64) (newest map[event.Conversation]uint64, err error) {
	err = s.do(ctx, func(b *batch) error {
		newest = map[event.Conversation]uint64{}
		m := marking{batch: b, logs: map[*layout.Log][]event.Range{}}
		for _, n := range arrivals {
			p, ok, err := b.arrivedAt(n)
			if err != nil {
				return err
			}
			if _, notice := p.Notice(); !ok || notice {
				return ErrNoEvent
			}
			l, err := b.log(p.Log)
			if err != nil {
				return err
			}
			newest[l.Name.Conversation] = max(newest[l.Name.Conversation], n)
			if b.isOwn(l.Person) {
				continue
			}
			if err := m.mark(p); err != nil {
				return err
			}
		}
		return m.tell(tell)
	})
	return newest, err
}

// markRead marks what stretches have, a part in each transaction.
func (s *Store) markRead(ctx context.Context, tell bool, all []stretch) (marked int, err error) {
	for len(all) > 0 && err == nil {
		var rest []stretch
		n := 0
		err = s.do(ctx, func(b *batch) error {
			m := marking{batch: b, logs: map[*layout.Log][]event.Range{}}
			rest = slices.Clone(all)
			for len(rest) > 0 && m.looked < maxMarked {
				done, err := m.read(&rest[0])
				if err != nil {
					return err
				}
				if done {
					rest = rest[1:]
				}
			}
			n = m.marked
			return m.tell(tell)
		})
		if err == nil {
			all, marked = rest, marked+n
		}
	}
	return marked, err
}

// marking is what one transaction marks as read.
type marking struct {
	*batch
	looked, marked int
	logs           map[*layout.Log][]event.Range
	order          []*layout.Log
}

// read marks rows of a stretch, and moves its beginning behind what it has looked at. It reports
// whether that was all.
func (m *marking) read(s *stretch) (done bool, err error) {
	var some []layout.Slot
	done = true
	for k, v := range m.From(bucketUnreadOf, s.from) {
		if bytes.Compare(k, s.upTo) > 0 {
			break
		}
		if m.looked == maxMarked {
			done = false
			break
		}
		m.looked++
		s.from = after(k)
		u, err := layout.ParseUnread(v)
		if err != nil {
			return false, err
		}
		if u.Arrival <= s.arrived {
			some = append(some, u.Slot)
		}
	}
	for _, p := range some {
		if err := m.mark(p); err != nil {
			return false, err
		}
	}
	m.marked += len(some)
	return done, nil
}

// mark marks the row in a slot.
func (m *marking) mark(p layout.Slot) error {
	x, err := m.entry(p)
	if err == nil {
		err = m.readRow(x)
	}
	if err != nil {
		return err
	}
	if m.logs[x.in] == nil {
		m.order = append(m.order, x.in)
	}
	m.logs[x.in] = append(m.logs[x.in], event.Range{First: x.Sequence, Last: x.Sequence})
	return nil
}

// tell has the authors told, if they are to be.
func (m *marking) tell(tell bool) error {
	if !tell {
		return nil
	}
	for _, l := range m.order {
		if _, err := m.tellRead(l, event.United(m.logs[l])); err != nil {
			return err
		}
	}
	return nil
}

// MarkUnread makes a message of somebody else's unread again, and those of others that are shown after
// it: up to 1,000 that keep wants. What their authors were told stays. Errors: ErrNoConversation,
// ErrNoEvent.
func (s *Store) MarkUnread(ctx context.Context, id event.Conversation, from event.ID, keep Keep) error {
	return s.do(ctx, func(b *batch) error {
		c, err := b.conversation(id)
		if err != nil {
			return err
		}
		x, err := b.view.rowEntry(from)
		switch {
		case err != nil:
			return err
		case x.in.Conversation != c.Number, !b.mayBeUnread(x, keep):
			return ErrNoEvent
		}
		marked, looked := 0, 0
		prefix := layout.U32(c.Number)
		for k, v := range b.From(bucketView, layout.ViewKey(c.Number, x.T, x.id)) {
			if !bytes.HasPrefix(k, prefix) || marked == maxMarked || looked == maxPassed {
				break
			}
			looked++
			p, _ := layout.SlotAt(v)
			if _, notice := p.Notice(); notice {
				continue
			}
			x, err := b.entry(p)
			if err != nil {
				return err
			}
			if unread, err := b.isUnread(x.Arrival); err != nil {
				return err
			} else if unread || !b.mayBeUnread(x, keep) {
				continue
			}
			if err := b.voices.putUnread(x); err != nil {
				return err
			}
			b.noteEvent(x.Slot)
			marked++
		}
		return nil
	})
}

// mayBeUnread reports whether a row is one that the owner can not have read: somebody else's, with its
// words, that is shown and wanted.
func (b *batch) mayBeUnread(x *entry, keep Keep) bool {
	return !b.isOwn(x.in.Person) && x.Absent == event.Present && !b.hidden(x) &&
		(keep == nil || keep(Source{Conversation: x.header.Conversation, Author: x.in.Person}))
}
