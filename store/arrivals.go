package store

import (
	"iter"

	"github.com/earshot-im/earshot/store/layout"
)

// Rows of all conversations arrive at numbers of the change counter. Those that come together, and stand behind each
// other in one log, have one row of the database together: bucketArrivals. Which of others' messages are unread stands
// in maps of bits by these numbers: bucketUnread.

// stretchAt returns the last stretch that begins at a number or before; its Count is 0 if there is none.
func (r *reader) stretchAt(n uint64) (layout.Stretch, error) {
	k, v := r.Before(bucketArrivals, layout.U64(n+1))
	if k == nil {
		return layout.Stretch{}, nil
	}
	return layout.ParseStretch(k, v)
}

// arrivedAt returns where the row stands that arrived at a number. ok is false if there is none.
func (r *reader) arrivedAt(n uint64) (p layout.Slot, ok bool, err error) {
	s, err := r.stretchAt(n)
	if err == nil {
		p, ok = s.At(n)
	}
	return p, ok, err
}

// arrivals goes over what arrived from a number on, by its number and slot as an index has them. Where the database is
// damaged the slot is empty.
func (r *reader) arrivals(n uint64) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		from := n
		switch s, err := r.stretchAt(n); {
		case err != nil:
			yield(layout.U64(n), []byte{})
			return
		case s.Count > 0 && s.End() > n:
			from = s.First
		}
		for k, v := range r.From(bucketArrivals, layout.U64(from)) {
			s, err := layout.ParseStretch(k, v)
			if err != nil {
				yield(k, []byte{})
				return
			}
			for s = s.Part(n, s.End()); s.Count > 0; s = s.Part(s.First+1, s.End()) {
				if !yield(layout.U64(s.First), s.Slot.Bytes()) {
					return
				}
			}
		}
	}
}

// firstArrival returns the first that arrived from a number on, as arrivals has it; nil if there is none.
func (r *reader) firstArrival(n uint64) (k, v []byte) {
	for k, v := range r.arrivals(n) {
		return k, v
	}
	return nil, nil
}

// arriving is what a batch adds to bucketArrivals: that is written when the batch finishes, or looks there.
type arriving struct {
	*batch
	last layout.Stretch // Count is 0: nothing was looked at yet
	adds bool           // last has to be written
}

// add notes that a row has arrived, later than all others.
func (a *arriving) add(n uint64, p layout.Slot) error {
	if a.last.Count == 0 {
		var err error
		if a.last, err = a.stretchAt(n); err != nil {
			return err
		}
	}
	if a.last.Goes(n, p) {
		a.last.Count++
	} else {
		a.finish()
		a.last = layout.Stretch{First: n, Slot: p, Count: 1}
	}
	a.adds = true
	a.Defer()
	return nil
}

// finish writes what was added.
func (a *arriving) finish() {
	if a.adds {
		a.Put(bucketArrivals, layout.U64(a.last.First), a.last.Bytes())
	}
	a.adds = false
}

// put puts a row in another slot, or takes it away if that is nil.
func (a *arriving) put(n uint64, p *layout.Slot) error {
	a.finish()
	s, err := a.stretchAt(n)
	if err != nil {
		return err
	}
	a.last = layout.Stretch{} // it may be another now
	if _, ok := s.At(n); ok {
		a.Delete(bucketArrivals, layout.U64(s.First))
		for _, part := range []layout.Stretch{s.Part(s.First, n), s.Part(n+1, s.End())} {
			if part.Count > 0 {
				a.Put(bucketArrivals, layout.U64(part.First), part.Bytes())
			}
		}
	}
	if p != nil {
		one := layout.Stretch{First: n, Slot: *p, Count: 1}
		a.Put(bucketArrivals, layout.U64(n), one.Bytes())
	}
	return nil
}

// unreadMap returns the map in which a number is. It may be changed by the batch to which the reader belongs.
func (r *reader) unreadMap(n uint64) (*layout.UnreadMap, error) {
	part := layout.UnreadPart(n)
	if m := r.unreads[part]; m != nil {
		return m, nil
	}
	m, err := layout.ParseUnreadMap(r.Get(bucketUnread, layout.U64(part)))
	if err != nil {
		return nil, err
	}
	if r.unreads == nil {
		r.unreads = map[uint64]*layout.UnreadMap{}
	}
	r.unreads[part] = &m
	return &m, nil
}

// isUnread reports whether the message that arrived at a number is somebody else's that was not read.
func (r *reader) isUnread(n uint64) (bool, error) {
	m, err := r.unreadMap(n)
	return err == nil && m.Has(n), err
}

// unreadFrom is arrivals of what is unread.
func (r *reader) unreadFrom(n uint64) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		var near layout.Stretch
		for k, v := range r.From(bucketUnread, layout.U64(layout.UnreadPart(n))) {
			m, err := layout.ParseUnreadMap(v)
			if err != nil || len(k) != 8 {
				yield(k, []byte{})
				return
			}
			part := layout.Number(k)
			at := 0
			if n > part {
				at = int(n - part)
			}
			for at = m.Next(at); at < layout.UnreadNumbers; at = m.Next(at + 1) {
				arrived := part + uint64(at)
				p, ok := near.At(arrived)
				if !ok {
					if near, err = r.stretchAt(arrived); err == nil {
						p, ok = near.At(arrived)
					}
				}
				slot := []byte{} // an unread message that has not arrived is damage
				if ok {
					slot = p.Bytes()
				}
				if !yield(layout.U64(arrived), slot) {
					return
				}
			}
		}
	}
}

// setUnread notes whether the message that arrived at a number is unread. It is written when the batch finishes.
func (b *batch) setUnread(n uint64, unread bool) error {
	m, err := b.unreadMap(n)
	if err != nil || m.Has(n) == unread {
		return err
	}
	m.Set(n, unread)
	b.turned[layout.UnreadPart(n)] = true
	b.Defer()
	return nil
}

// writeUnread writes what setUnread has changed.
func (b *batch) writeUnread() {
	for part := range b.turned {
		if m := b.unreads[part]; *m == (layout.UnreadMap{}) {
			b.Delete(bucketUnread, layout.U64(part))
		} else {
			b.Put(bucketUnread, layout.U64(part), m[:])
		}
	}
}
