package store

import (
	"bytes"
	"context"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// add stores a new event, places it and whatever waited for it, and does what it
// asks for.
func (b *batch) add(x *entry) error {
	b.putID(x.id, x.pointer)
	ok, err := b.place(x, waitForAll)
	if err != nil {
		return err
	}
	b.save(x)
	if ok {
		if err := b.wake(x); err != nil {
			return err
		}
	}
	switch {
	case x.header.Kind == event.KindRecall:
		return b.applyRecall(x)
	case x.absent == event.Present && indexed(x.header.Kind):
		return b.index(x, true)
	}
	return nil
}

// patience says which causes an event waits for.
type patience int

const (
	waitForAll  patience = iota
	waitForHeld          // for those that are here and wait themselves
	waitForNone
)

// place settles T of an event if its causes are placed, or those that it waits for, and
// makes its row. Otherwise it notes the first cause that it waits for. The caller saves x.
func (b *batch) place(x *entry, wait patience) (bool, error) {
	var causes []int64
	var absent, held []byte // the first cause that isn't here, and that is and isn't placed
	earlier := true         // what is missing came before all that is here of its log
	want := func(l *logState, p event.Position) error {
		before := l == nil || len(l.segments) == 0 || p.Sequence < l.segments[0].First
		here := false
		if l != nil {
			if p.Sequence > l.limit { // it comes to nobody any more
				return nil
			}
			t, found, placed, err := b.placedAt(l, p)
			if placed || err != nil {
				causes = append(causes, t)
				return err
			}
			here = found
		}
		if before { // newcomers to a group get its control events, not all of the log
			if t, ok, err := b.controlAt(x.in.conversation, p.ID); ok || err != nil {
				causes = append(causes, t)
				return err
			}
		}
		switch key := waitingFor(x.in.conversation, p.Device, p.Instance, p.Sequence); {
		case here && held == nil:
			held = key
		case !here && absent == nil:
			absent = key
		}
		earlier = earlier && before
		return nil
	}
	h := &x.header
	if h.Sequence > 1 {
		p := event.Position{Device: h.Device, Instance: h.Instance, Sequence: h.Sequence - 1, ID: h.Previous}
		if err := want(x.in, p); err != nil {
			return false, err
		}
	}
	for _, p := range h.Seen {
		l, err := b.named(x.in.conversation, p.Log(h.Conversation), branchFirst)
		if err == nil {
			err = want(l, p)
		}
		if err != nil {
			return false, err
		}
	}
	var key []byte
	switch {
	case wait == waitForAll && absent != nil:
		key = absent
	case wait != waitForNone:
		key = held
	}
	if key != nil {
		b.put(bucketWaiting, x.pointer.append(key), u64(uint64(x.firstSeen)))
		b.waiting = 2
		return false, nil
	}
	if absent != nil || held != nil {
		c, err := b.conversation(h.Conversation)
		if err != nil {
			return false, err
		}
		if !earlier || !b.isGroup(&c) { // newcomers to a group know that there was something
			x.flags |= flagGap
		}
	}
	x.t = event.Time(h.Clock, x.firstSeen, causes)
	x.flags |= flagPlaced
	if h.Sequence > x.in.head.sequence {
		x.in.head = placed{h.Sequence, x.t, x.id}
		b.touch(x.in)
		if logs := b.s.fresh[x.in.conversation]; logs != nil && x.in.branch == branchFirst {
			logs[x.in.number] = true
		}
	}
	return true, b.show(x)
}

// placedAt returns T of the event at a position, whether it is here and whether it is
// placed. A fork may have it in its other branch.
func (b *batch) placedAt(l *logState, p event.Position) (t int64, here, placed bool, err error) {
	if l.head.sequence == p.Sequence && l.head.id == p.ID {
		return l.head.t, true, true, nil
	}
	st, err := b.stored(pointer{l.number, p.Sequence})
	if err != nil {
		return 0, false, false, err
	}
	if st != nil && idOf(st.head) == p.ID {
		return st.t, true, st.is(flagPlaced), nil
	}
	if l.forked == 0 {
		return 0, false, false, nil
	}
	other, err := b.named(l.conversation, l.log, branchOther-l.branch)
	if err != nil || other == nil {
		return 0, false, false, err
	}
	if st, err = b.stored(pointer{other.number, p.Sequence}); st == nil || idOf(st.head) != p.ID {
		return 0, false, false, err
	}
	return st.t, true, st.is(flagPlaced), nil
}

// controlAt returns the time of a control event of a group's control set, and whether it
// is there.
func (b *batch) controlAt(conversation uint32, id event.ID) (int64, bool, error) {
	v := b.get(bucketControls, controlKey(conversation, id))
	if v == nil {
		return 0, false, nil
	}
	st, err := parseStored(v)
	if err != nil {
		return 0, false, err
	}
	h, err := event.ParseHeader(st.head)
	if err != nil {
		return 0, false, damaged("control event: %w", err)
	}
	return event.Time(h.Clock, st.firstSeen, nil), true, nil
}

// show makes the row of an event that is placed, if it is one that people see and
// its key has none yet. The caller saves x.
func (b *batch) show(x *entry) error {
	if x.absent != event.Present {
		return nil
	}
	switch x.header.Kind.Class() {
	case event.ClassMessage:
	case event.ClassOther:
		body, err := b.content(x)
		if err != nil {
			return err
		}
		if body.Fallback == "" {
			return nil
		}
	default:
		return nil
	}
	key := localKey(x.in.conversation, x.in.person, x.header.Key)
	if b.get(bucketKeys, key) != nil {
		return nil
	}
	row := viewKey(x.in.conversation, x.t, x.id)
	if last := b.lastKey(bucketView, x.in.conversation); last != nil && bytes.Compare(row, last) < 0 {
		x.flags |= flagLate
	}
	x.flags |= flagShown
	x.arrival = b.next(bucketArrivals)
	b.shown = true
	p := x.pointer.bytes()
	b.put(bucketKeys, key, p)
	b.put(bucketView, row, p)
	b.put(bucketArrivals, u64(x.arrival), p)
	if x.in.person == b.s.own.Person {
		return nil
	}
	read, err := b.ranges(bucketRead, x.log, b.s.own.Person)
	if err == nil && !read.Covers(x.sequence) { // another own device may have read it
		b.put(bucketUnread, u64(x.arrival), p)
	}
	return err
}

// wake places what waited for x, and what waited for that.
func (b *batch) wake(x *entry) error {
	if !b.anything(&b.waiting, bucketWaiting) {
		return nil
	}
	for queue := []*entry{x}; len(queue) > 0; queue = queue[1:] {
		h := &queue[0].header
		keys, _ := b.drain(bucketWaiting, waitingFor(queue[0].in.conversation, h.Device, h.Instance, h.Sequence))
		for _, k := range keys {
			b.delete(bucketWaiting, k)
			y, err := b.waiter(k)
			if err != nil {
				return err
			}
			ok, err := b.place(y, waitForAll)
			if err != nil {
				return err
			}
			if ok {
				b.save(y)
				queue = append(queue, y)
			}
		}
	}
	return nil
}

func (b *batch) waiter(key []byte) (*entry, error) {
	p, _ := pointerAt(key)
	x, err := b.entry(p)
	if err == ErrNoEvent {
		err = damaged("an event that waits is not there")
	}
	return x, err
}

// Release shows what has waited since before the given time for a cause that did not
// come: in one conversation, whose sync round has ended, or in all if conv is nil.
func (s *Store) Release(ctx context.Context, conv *event.Conversation, before time.Time) error {
	any := false
	if err := s.view(func(r *reader) error {
		any = !r.empty(bucketWaiting)
		return nil
	}); err != nil || !any {
		return err
	}
	return s.do(ctx, func(b *batch) error {
		var prefix []byte
		if conv != nil {
			c, err := b.conversation(*conv)
			if err != nil {
				return err
			}
			prefix = u32(c.number)
		}
		return b.release(prefix, before.UnixMilli())
	})
}

// release goes over what is due: first, as long as that brings any along, those whose
// causes that are here are placed; then those that wait for one which itself waits, but
// not as long.
func (b *batch) release(prefix []byte, before int64) error {
	for wait := waitForHeld; wait <= waitForNone; {
		placed := false
		keys, values := b.drain(bucketWaiting, prefix)
		for i, k := range keys {
			first := int64(number(values[i]))
			// What was first seen in the future came before the clock was set back.
			if first > before && first <= b.now || b.get(bucketWaiting, k) == nil {
				continue
			}
			x, err := b.waiter(k)
			if err != nil {
				return err
			}
			b.delete(bucketWaiting, k)
			ok, err := b.place(x, wait)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			placed = true
			b.save(x)
			if err := b.wake(x); err != nil {
				return err
			}
		}
		if !placed {
			wait++
		}
	}
	return nil
}
