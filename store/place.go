package store

import (
	"bytes"
	"context"
	"time"

	"github.com/earshot-im/earshot/crypto"
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
		if err := b.arrive(x); err != nil {
			return err
		}
	}
	switch {
	case x.header.Kind == event.KindRecall:
		return b.applyRecall(x)
	case x.absent == event.Present && indexed(x.header.Kind):
		b.index(x, true)
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

// cause is something that came before an event, and what is known of it here.
type cause struct {
	key      []byte // of bucketWaiting, without the pointer
	t        int64
	here     bool // with its words, or gone for a reason
	placed   bool // t is settled
	earlier  bool // it came before all that was had of its log
	excluded bool // it is not for this node, or for nobody any more
}

// causes returns what came before an event: its predecessor in its log, and what its author had seen.
func (r *reader) causes(x *entry) ([]cause, error) {
	var out []cause
	h := &x.header
	if h.Sequence > 1 {
		p := event.Position{Device: h.Device, Instance: h.Instance, Sequence: h.Sequence - 1, ID: h.Previous}
		c, err := r.cause(x, x.in, p, x.withheld&event.WithholdPrevious != 0)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	for i, p := range h.Seen {
		l, err := r.named(x.in.conversation, p.Log(h.Conversation), branchFirst)
		if err != nil {
			return nil, err
		}
		c, err := r.cause(x, l, p, x.withheld&event.WithholdSeen(i) != 0)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// cause looks up one; l is its log, nil if nothing of that is here.
func (r *reader) cause(x *entry, l *logState, p event.Position, withheld bool) (c cause, err error) {
	c.earlier = l == nil || len(l.segments) == 0 || p.Sequence < l.segments[0].First
	if l != nil {
		if c.excluded = p.Sequence > l.limit; c.excluded {
			return c, nil
		}
		if c.t, c.here, c.placed, err = r.placedAt(l, p); c.here && c.placed || err != nil {
			return c, err
		}
	}
	if c.earlier { // newcomers to a group get its control events, not all of the log
		if t, ok, err := r.controlAt(x.in.conversation, p.ID); ok || err != nil {
			c.t, c.here, c.placed = t, true, true
			return c, err
		}
	}
	c.excluded = withheld && !c.here
	c.key = waitingFor(x.in.conversation, p.Device, p.Instance, p.Sequence)
	return c, nil
}

// missing is what of an event's causes it waits for.
type missing struct {
	absent, held []byte // keys of the first cause that isn't here, and that is and isn't placed
	earlier      bool   // all of them came before all that was had of their logs
}

// split returns which causes are missing, and T of those that are placed.
func split(causes []cause) (m missing, times []int64) {
	m.earlier = true
	for _, c := range causes {
		if c.placed {
			times = append(times, c.t)
		}
		if c.excluded || c.here && c.placed {
			continue
		}
		m.earlier = m.earlier && c.earlier
		switch {
		case c.here && m.held == nil:
			m.held = c.key
		case !c.here && m.absent == nil:
			m.absent = c.key
		}
	}
	return m, times
}

// place settles T of an event if its causes are here and placed, or those that it waits for, and
// makes its row. Otherwise it notes the first cause that it waits for. The caller saves x.
func (b *batch) place(x *entry, wait patience) (bool, error) {
	causes, err := b.causes(x)
	if err != nil {
		return false, err
	}
	m, times := split(causes)
	var key []byte
	switch {
	case wait == waitForAll && m.absent != nil:
		key = m.absent
	case wait != waitForNone:
		key = m.held
	}
	if key != nil {
		b.put(bucketWaiting, x.pointer.append(key), u64(uint64(x.firstSeen)))
		b.waiting = 2
		return false, nil
	}
	gap, err := b.gap(x, m)
	if err != nil {
		return false, err
	}
	if gap {
		x.flags |= flagGap
	}
	x.t = event.Time(x.header.Clock, x.firstSeen, times)
	x.flags |= flagPlaced
	return true, b.show(x)
}

// gap reports whether what is missing is to be marked. Newcomers to a group know that there was something before all
// that they have.
func (r *reader) gap(x *entry, m missing) (bool, error) {
	if m.absent == nil && m.held == nil {
		return false, nil
	}
	c, err := r.conversation(x.header.Conversation)
	return !m.earlier || !r.isGroup(&c), err
}

// stillGap reports whether something is missing now that came before a row with a mark.
func (r *reader) stillGap(x *entry) (bool, error) {
	causes, err := r.causes(x)
	if err != nil {
		return false, err
	}
	m, _ := split(causes)
	return r.gap(x, m)
}

// lead notes that an event is placed and had: the next that this device writes names the highest of each log as seen.
func (b *batch) lead(x *entry) {
	if x.header.Sequence <= x.in.head.sequence {
		return
	}
	x.in.head = placed{x.header.Sequence, x.t, x.id}
	b.touch(x.in)
	if logs := b.s.fresh[x.in.conversation]; logs != nil && x.in.branch == branchFirst {
		logs[x.in.number] = true
	}
}

// placedAt returns T of the event at a position, whether it is here with its words or gone for a reason, and whether it
// is placed. A fork may have it in its other branch.
func (r *reader) placedAt(l *logState, p event.Position) (t int64, here, placed bool, err error) {
	if l.head.sequence == p.Sequence && l.head.id == p.ID {
		return l.head.t, true, true, nil
	}
	st, err := r.stored(pointer{l.number, p.Sequence})
	if err != nil {
		return 0, false, false, err
	}
	if st != nil && idOf(st.head) == p.ID {
		return st.t, st.absent != event.Dropped, st.is(flagPlaced), nil
	}
	if l.forked == 0 {
		return 0, false, false, nil
	}
	other, err := r.named(l.conversation, l.log, branchOther-l.branch)
	if err != nil || other == nil {
		return 0, false, false, err
	}
	if st, err = r.stored(pointer{other.number, p.Sequence}); st == nil || idOf(st.head) != p.ID {
		return 0, false, false, err
	}
	return st.t, st.absent != event.Dropped, st.is(flagPlaced), nil
}

// controlAt returns the time of a control event of a group's control set, and whether it
// is there.
func (r *reader) controlAt(conversation uint32, id event.ID) (int64, bool, error) {
	v := r.get(bucketControls, controlKey(conversation, id))
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
			y, err := b.waiter(k)
			if err != nil {
				return err
			}
			ok, err := b.tryAgain(k, y, waitForAll)
			if err != nil {
				return err
			}
			if ok && y.absent != event.Dropped {
				b.lead(y)
				queue = append(queue, y)
			}
		}
	}
	return nil
}

// tryAgain places what has waited under a key. If it waits on, that may be under another.
func (b *batch) tryAgain(key []byte, x *entry, wait patience) (bool, error) {
	b.delete(bucketWaiting, key)
	ok, err := b.place(x, wait)
	if ok {
		b.save(x)
	}
	return ok, err
}

// waitLess has an event that waits not wait for causes that are not for this node.
func (b *batch) waitLess(x *entry, withheld uint32) error {
	causes, err := b.causes(x)
	if err != nil {
		return err
	}
	for _, c := range causes {
		key := x.pointer.append(c.key)
		if b.get(bucketWaiting, key) == nil {
			continue
		}
		x.withheld |= withheld
		b.save(x)
		if ok, err := b.tryAgain(key, x, waitForAll); err != nil || !ok {
			return err
		}
		return b.arrive(x)
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
// come: in one conversation, or in all if conv is nil. What still has to wait, since the log
// of its cause may bring that, waits says by when it was first seen here; nil: nothing has to.
// It is called within the transaction and must not call the store.
func (s *Store) Release(ctx context.Context, conv *event.Conversation, before time.Time, waits func(cause event.Log, since time.Time) bool) error {
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
		return b.release(prefix, before.UnixMilli(), waits)
	})
}

// release goes over what is due: first, as long as that brings any along, those whose
// causes that are here are placed; then those that wait for one which itself waits, but
// not as long.
func (b *batch) release(prefix []byte, before int64, waits func(event.Log, time.Time) bool) error {
	for wait := waitForHeld; wait <= waitForNone; {
		placed := false
		keys, values := b.drain(bucketWaiting, prefix)
		for i, k := range keys {
			first := int64(number(values[i]))
			// What was first seen in the future came before the clock was set back.
			if first > before && first <= b.now || b.get(bucketWaiting, k) == nil {
				continue
			}
			if waits != nil {
				log, err := b.logOfCause(k)
				if err != nil {
					return err
				}
				if waits(log, time.UnixMilli(first)) {
					continue
				}
			}
			x, err := b.waiter(k)
			if err != nil {
				return err
			}
			ok, err := b.tryAgain(k, x, wait)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			placed = true
			if err := b.arrive(x); err != nil {
				return err
			}
		}
		if !placed {
			wait++
		}
	}
	return nil
}

// logOfCause returns the log of the cause that an event waits for under a key.
func (r *reader) logOfCause(key []byte) (event.Log, error) {
	p, ok := pointerAt(key)
	if !ok || len(key) != 4+32+8+8+pointerSize {
		return event.Log{}, damaged("waiting event of %d bytes", len(key))
	}
	l, err := r.log(p.log)
	if err != nil {
		return event.Log{}, err
	}
	return event.Log{Conversation: l.log.Conversation, Device: crypto.DeviceID(key[4:36]), Instance: event.Instance(key[36:44])}, nil
}
