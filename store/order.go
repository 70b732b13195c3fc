package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
)

// add stores a new event, places it and whatever waited for it, and does what it
// asks for.
func (b *batch) add(x *entry) error {
	ids.Put(b.Batch, x.id, ids.Place(x.slot.bytes()))
	ok, err := b.place(x, release{})
	if err != nil {
		return err
	}
	b.save(x)
	if ok {
		if err := b.nowHad(x); err != nil {
			return err
		}
	}
	switch {
	case x.header.Kind == event.KindRecall:
		return b.applyRecall(x)
	case x.absent == event.Present && isEdit(x.header.Kind):
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
	log      event.Log
	key      []byte // of bucketWaiting, without the slot
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
	c.log = p.Log(x.header.Conversation)
	c.key = waitingFor(x.in.conversation, p.Device, p.Instance, p.Sequence)
	return c, nil
}

// missing reports whether an event waits for a cause, as far as it waits for any.
func (c *cause) missing() bool { return !c.excluded && !(c.here && c.placed) }

// held returns the key of a cause that isn't here and that an event, first seen at a time, waits for whatever its patience.
func (r release) held(causes []cause, first int64) []byte {
	for i := range causes {
		if c := &causes[i]; c.missing() && !c.here && r.holds(c.log, first) {
			return c.key
		}
	}
	return nil
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
		if !c.missing() {
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
func (b *batch) place(x *entry, until release) (bool, error) {
	causes, err := b.causes(x)
	if err != nil {
		return false, err
	}
	m, times := split(causes)
	key := m.absent
	if until.wait != waitForAll {
		key = until.held(causes, x.firstSeen)
	}
	if key == nil && until.wait != waitForNone {
		key = m.held
	}
	if key != nil {
		b.Put(bucketWaiting, x.slot.append(key), u64(uint64(x.firstSeen)))
		b.waiting = something
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
	if x.header.Sequence <= x.in.top.sequence {
		return
	}
	x.in.top = placed{x.header.Sequence, x.t, x.id}
	b.touch(x.in)
	if logs := b.s.writing.fresh[x.in.conversation]; logs != nil && x.in.branch == branchFirst {
		logs[x.in.number] = true
	}
}

// placedAt returns T of the event at a position, whether it is here with its words or gone for a reason, and whether it
// is placed. A fork may have it in its other branch.
func (r *reader) placedAt(l *logState, p event.Position) (t int64, here, placed bool, err error) {
	if l.top.sequence == p.Sequence && l.top.id == p.ID {
		return l.top.t, true, true, nil
	}
	st, err := r.stored(slot{l.number, p.Sequence})
	if err != nil {
		return 0, false, false, err
	}
	if st != nil && idOf(st.headerBytes) == p.ID {
		return st.t, st.absent != event.Dropped, st.is(flagPlaced), nil
	}
	if l.forked == 0 {
		return 0, false, false, nil
	}
	other, err := r.named(l.conversation, l.log, branchOther-l.branch)
	if err != nil || other == nil {
		return 0, false, false, err
	}
	if st, err = r.stored(slot{other.number, p.Sequence}); st == nil || idOf(st.headerBytes) != p.ID {
		return 0, false, false, err
	}
	return st.t, st.absent != event.Dropped, st.is(flagPlaced), nil
}

// controlAt returns the time of a control event of a group's control set, and whether it
// is there.
func (r *reader) controlAt(conversation uint32, id event.ID) (int64, bool, error) {
	v := r.Get(bucketControls, controlKey(conversation, id))
	if v == nil {
		return 0, false, nil
	}
	st, err := parseStored(v)
	if err != nil {
		return 0, false, err
	}
	h, err := event.ParseHeader(st.headerBytes)
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
	if row, ok := slotAt(b.Get(bucketKeys, key)); ok {
		b.putTwin(row, x)
		return nil
	}
	row := viewKey(x.in.conversation, x.t, x.id)
	if last := b.lastKey(bucketView, x.in.conversation); last != nil && bytes.Compare(row, last) < 0 {
		x.flags |= flagLate
	}
	x.flags |= flagShown
	x.arrival = b.Next(bucketArrivals)
	b.shown = true
	p := x.slot.bytes()
	b.Put(bucketKeys, key, p)
	b.Put(bucketView, row, p)
	b.Put(bucketArrivals, u64(x.arrival), p)
	if x.in.person == b.s.own.Person {
		return nil
	}
	read, err := b.ranges(bucketRead, x.log, b.s.own.Person)
	if err == nil && !read.Covers(x.sequence) { // another own device may have read it
		b.Put(bucketUnread, u64(x.arrival), p)
	}
	return err
}

// Release shows what has waited since before the given time for a cause that did not
// come: in one conversation, or in all if conv is nil. What still has to wait, since the log
// of its cause may bring that, waits says by when it was first seen here; nil: nothing has to.
// It is called within transactions and must not call the store. Release takes as many
// transactions as it needs, between which others write.
func (s *Store) Release(ctx context.Context, conv *event.Conversation, before time.Time, waits func(cause event.Log, since time.Time) bool) error {
	// First those whose causes that are here are placed, and whatever waits for them; then
	// those that wait for one which itself waits, but not as long.
	for _, wait := range []patience{waitForHeld, waitForNone} {
		until := release{wait, before.UnixMilli(), waits}
		for from := []byte{}; ; {
			keys, err := s.due(conv, from, until)
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				break
			}
			if err := s.releaseAll(ctx, keys, until); err != nil {
				return err
			}
			from = after(keys[len(keys)-1])
		}
	}
	return nil
}

// MaxWait is how long an event waits for its causes at most.
const MaxWait = time.Minute

// release says how patient those are that have waited since before a time.
type release struct {
	wait   patience
	before int64
	waits  func(cause event.Log, since time.Time) bool // see Release
}

// holds reports whether what was first seen at a time still waits for a cause in a log.
func (r release) holds(cause event.Log, first int64) bool {
	return r.waits != nil && r.waits(cause, time.UnixMilli(first))
}

// due reports whether what was first seen at a time has waited for long enough. What was
// first seen in the future came before the clock was set back.
func (r release) due(first, now int64) bool { return first <= r.before || first > now }

// due returns the keys of what is due, from one on: as many as one transaction places.
func (s *Store) due(conv *event.Conversation, from []byte, until release) (keys [][]byte, err error) {
	now := s.cfg.Now().UnixMilli()
	err = s.view(func(r *reader) error {
		var prefix []byte
		if conv != nil && !r.Empty(bucketWaiting) {
			c, err := r.conversation(*conv)
			if err != nil {
				return err
			}
			prefix = u32(c.number)
		}
		if bytes.Compare(from, prefix) < 0 {
			from = prefix
		}
		for k, v := range r.From(bucketWaiting, from) {
			if !bytes.HasPrefix(k, prefix) || len(keys) == maxWoken {
				break
			}
			first := int64(number(v))
			if !until.due(first, now) {
				continue
			}
			if log, err := r.logOfCause(k); err != nil {
				return err
			} else if !until.holds(log, first) {
				keys = append(keys, bytes.Clone(k))
			}
		}
		return nil
	})
	return keys, err
}

// releaseAll places what waits under keys, in as many transactions as that and whatever waits for it takes.
func (s *Store) releaseAll(ctx context.Context, keys [][]byte, until release) error {
	for len(keys) > 0 {
		done := 0
		if err := s.do(ctx, func(b *batch) error {
			for done = 0; done < len(keys) && b.woken < maxWoken; done++ {
				if err := b.release(keys[done], until); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		keys = keys[done:]
	}
	return nil
}

// release places what waits under a key, unless it will be woken by what it waits for, which is due as well.
func (b *batch) release(key []byte, until release) error {
	if b.Get(bucketWaiting, key) == nil {
		return nil // it was
	}
	first := int64(number(b.Get(bucketWaiting, key)))
	st, err := b.causeOf(key)
	if err != nil || st != nil && !st.is(flagPlaced) && until.due(st.firstSeen, b.now) && (!b.overdue(first) || b.overdue(st.firstSeen)) {
		return err
	}
	if err := b.placeWaiter(key, until, until); err != nil {
		return err
	}
	return b.wakeSome()
}

// overdue reports whether what was first seen at a time has waited as long as anything does. Its cause may not: else whoever
// brings one cause of another, each in time, could hide it for ever.
func (b *batch) overdue(first int64) bool {
	return b.now-first >= MaxWait.Milliseconds() || first > b.now
}

// causeOf returns what the event under a key of bucketWaiting waits for, nil if it isn't here.
func (b *batch) causeOf(key []byte) (*stored, error) {
	log, err := b.logOfCause(key)
	if err != nil {
		return nil, err
	}
	l, err := b.named(binary.BigEndian.Uint32(key), log, branchFirst)
	if err != nil || l == nil {
		return nil, err
	}
	return b.stored(slot{l.number, binary.BigEndian.Uint64(key[44:])})
}

// logOfCause returns the log of what the event under a key of bucketWaiting waits for.
func (r *reader) logOfCause(key []byte) (event.Log, error) {
	p, ok := slotAt(key)
	if !ok || len(key) != waitingSize+slotSize {
		return event.Log{}, damaged("key of %d bytes of what waits", len(key))
	}
	l, err := r.log(p.log)
	if err != nil {
		return event.Log{}, err
	}
	return event.Log{Conversation: l.log.Conversation, Device: crypto.DeviceID(key[4:36]), Instance: event.Instance(key[36:44])}, nil
}

// waitLess has an event that waits not wait for causes that are not for this node.
func (b *batch) waitLess(x *entry, withheld uint32) error {
	causes, err := b.causes(x)
	if err != nil {
		return err
	}
	for _, c := range causes {
		key := x.slot.append(c.key)
		if b.Get(bucketWaiting, key) == nil {
			continue
		}
		x.withheld |= withheld
		b.save(x)
		b.Delete(bucketWaiting, key)
		if ok, err := b.place(x, release{}); err != nil || !ok {
			return err
		}
		b.save(x)
		return b.nowHad(x)
	}
	return nil
}
