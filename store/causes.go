package store

import (
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// cause is an event that came before another one, and what is known of it here.
type cause struct {
	log      event.Log
	id       event.ID
	key      []byte // in bucketWaiting, without the slot of the event that waits
	t        int64  // its place in the order, if it is placed
	here     bool   // with its words, or gone for a reason
	placed   bool   // t is fixed
	earlier  bool   // it lies before everything that is held of its log
	excluded bool   // it will not come: it is withheld from this node, or does not count any more
}

// causes returns what came before an event: its predecessor in its log, and what its author had
// seen of other logs.
func (r *reader) causes(x *entry) ([]cause, error) {
	var out []cause
	h := &x.header
	if h.Sequence > 1 {
		p := event.Position{Device: h.Device, Instance: h.Instance, Sequence: h.Sequence - 1, ID: h.Previous}
		c, err := r.cause(x, x.in, p, x.Withheld&event.WithholdPrevious != 0)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	for i, p := range h.Seen {
		l, err := r.named(x.in.Conversation, p.Log(h.Conversation), layout.BranchFirst)
		if err != nil {
			return nil, err
		}
		c, err := r.cause(x, l, p, x.Withheld&event.WithholdSeen(i) != 0)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// cause looks up one cause of x. l is the log of the cause, nil if nothing of that is here.
func (r *reader) cause(x *entry, l *layout.Log, p event.Position, withheld bool) (c cause, err error) {
	c.earlier = l == nil || len(l.Segments) == 0 || p.Sequence < l.Segments[0].First
	if l != nil {
		if c.excluded = p.Sequence > l.Limit || l.GivenBack(p.Sequence); c.excluded {
			c.key = layout.WaitingFor(x.in.Conversation, p.Device, p.Instance, p.Sequence)
			c.id = p.ID
			return c, nil
		}
		if c.t, c.here, c.placed, err = r.placedAt(l, p); c.here && c.placed || err != nil {
			return c, err
		}
	}
	if c.earlier { // newcomers to a group get all of its control events, but not all of its logs
		if t, ok, err := r.controlAt(x.in.Conversation, p.ID); ok || err != nil {
			c.t, c.here, c.placed = t, true, true
			return c, err
		}
	}
	c.excluded = withheld && !c.here
	c.log, c.id = p.Log(x.header.Conversation), p.ID
	c.key = layout.WaitingFor(x.in.Conversation, p.Device, p.Instance, p.Sequence)
	return c, nil
}

// missing reports whether an event may have to wait for the cause: the cause may still come, or is
// here and not placed.
func (c *cause) missing() bool { return !c.excluded && !(c.here && c.placed) }

// held returns the key of the first cause that isn't here but may be on its way, as release.holds
// says. An event that was first seen at a time waits for such a cause whatever its patience. It
// returns nil if there is none.
func (r release) held(causes []cause, first int64) []byte {
	for i := range causes {
		if c := &causes[i]; c.missing() && !c.here && r.holds(c.log, first) {
			return c.key
		}
	}
	return nil
}

// missing is what an event still waits for.
type missing struct {
	absent, held []byte // keys of the first cause that isn't here, and of the first that isn't placed
	earlier      bool   // each of them lies before everything that is held of its log
}

// split returns which causes are missing, and the T of each cause that is placed.
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

// gap reports whether the row of x is to be marked, since an event that came before x is missing.
// In a group there is no mark if each missing event lies before everything that is held of its log:
// newcomers know that something was said before they came.
func (r *reader) gap(x *entry, m missing) (bool, error) {
	if m.absent == nil && m.held == nil {
		return false, nil
	}
	c, err := r.conversation(x.header.Conversation)
	return !m.earlier || !r.isGroup(&c), err
}

// stillGap reports whether a row that has a mark still needs it.
func (r *reader) stillGap(x *entry) (bool, error) {
	causes, err := r.causes(x)
	if err != nil {
		return false, err
	}
	m, _ := split(causes)
	return r.gap(x, m)
}

// placedAt returns T of the event at a position, whether it is here with its words or gone for a
// reason, and whether it is placed. In a forked log it may stand in the other branch.
func (r *reader) placedAt(l *layout.Log, p event.Position) (t int64, here, placed bool, err error) {
	if l.Top.Sequence == p.Sequence && l.Top.ID == p.ID {
		return l.Top.T, true, true, nil
	}
	st, err := r.stored(l.At(p.Sequence))
	if err != nil {
		return 0, false, false, err
	}
	if st != nil && idOf(st.HeaderBytes) == p.ID {
		return st.T, st.Absent != event.Dropped, st.Is(layout.FlagPlaced), nil
	}
	if l.Forked == 0 {
		return 0, false, false, nil
	}
	other, err := r.named(l.Conversation, l.Name, layout.BranchOther-l.Branch)
	if err != nil || other == nil {
		return 0, false, false, err
	}
	if st, err = r.stored(other.At(p.Sequence)); st == nil || idOf(st.HeaderBytes) != p.ID {
		return 0, false, false, err
	}
	return st.T, st.Absent != event.Dropped, st.Is(layout.FlagPlaced), nil
}

// controlAt returns the time of an event of a group's control set, and whether it is there.
func (r *reader) controlAt(conversation uint32, id event.ID) (int64, bool, error) {
	v := r.Get(bucketControls, layout.ControlKey(conversation, id))
	if v == nil {
		return 0, false, nil
	}
	st, err := layout.ParseEvent(v)
	if err != nil {
		return 0, false, err
	}
	h, err := event.ParseHeader(st.HeaderBytes)
	if err != nil {
		return 0, false, damaged("control event: %w", err)
	}
	return event.Time(h.Clock, st.FirstSeen, nil), true, nil
}

// logOfCause returns what a key of bucketWaiting says, and the log of the cause that is waited for.
func (r *reader) logOfCause(key []byte) (w layout.Waiting, log event.Log, err error) {
	if w, err = layout.ParseWaiting(key); err != nil {
		return w, log, err
	}
	l, err := r.log(w.Slot.Log)
	if err != nil {
		return w, log, err
	}
	return w, event.Log{Conversation: l.Name.Conversation, Device: w.Device, Instance: w.Instance}, nil
}
