package room

import (
	"slices"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const kindNotice = "notice" // of Message

// screen is where the screen is in the rows, and what it has told of that.
type screen struct {
	place Place
	moves int
	told  bool // the layout of this place, by Shown
	first string
	last  string

	// from is where the screen begins as far as is known: what is not read there or after it is not to
	// leave the screen while that follows the end.
	from position

	unread int // of the conversation, as the node counts
}

// moved sends the screen to a place. from is as of screen.
func (s *screen) moved(p Place, from position) {
	*s = screen{place: p, moves: s.moves + 1, from: from, unread: s.unread}
}

// end is the position behind the last row.
func (w *window) end() position {
	if len(w.rows) == 0 {
		return position{}
	}
	p := at(w.rows[len(w.rows)-1].Message)
	p.id += "\x00"
	return p
}

// look takes what the owner looks at.
func (r *Room) look(now int64, in Input) {
	switch in := in.(type) {
	case Shown:
		r.show(now, in)
	case ToEnd:
		r.toEnd()
	case JumpTo:
		r.jump(in.ID, in.Select)
	case JumpUnread:
		if r.line.id == "" {
			break
		}
		id := r.line.id
		if i := r.line.index(&r.rows); i >= 0 {
			id = r.rows.id(i)
		}
		r.jump(id, false)
	case Select:
		r.picks.on, r.picks.steps = true, 0
		if r.rows.find(in.ID) >= 0 {
			r.picks.id, r.picks.fresh = in.ID, true
		}
	case Step:
		r.step(in.By)
	case Deselect:
		r.picks = picks{}
	}
	r.blurred()
}

func (r *Room) show(now int64, in Shown) {
	if in.Moves != r.screen.moves || !r.loads.opened {
		return
	}
	s := &r.screen
	s.told, s.first, s.last = true, in.First, in.Last
	if m := r.rows.get(in.First); m != nil {
		s.from = at(m)
	}
	if in.AtEnd && in.First == in.Last && !r.rows.after {
		s.from = r.rows.end() // it fills the screen: where it were held, its end would never be seen
	}
	switch {
	case in.AtEnd && !r.rows.after:
		s.place = Place{End: true}
	case r.rows.find(in.Row) >= 0:
		s.place = Place{Row: in.Row, Offset: in.Offset}
	}
	r.picks.fresh = false
	r.gaze.show(in.Whole, now)
	r.trim()
}

// shown returns the indices of the first and the last row on the screen, as far as is known.
func (r *Room) shown() (first, last int) {
	s := &r.screen
	if s.told {
		first, last = r.rows.find(s.first), r.rows.find(s.last)
	}
	if !s.told || first < 0 || last < first {
		first = len(r.rows.rows) - 1
		if p := s.place; !p.End {
			first = max(0, r.rows.find(p.Row))
		} else if i := r.rows.find(r.hold()); i >= 0 {
			first = i
		}
		last = first
	}
	if i := r.rows.find(r.picks.id); i >= 0 && r.picks.fresh {
		first, last = min(first, i), max(last, i)
	}
	return first, last
}

func (r *Room) toEnd() {
	r.picks.steps = 0
	if r.rows.after || !r.loads.opened || r.loads.stale {
		r.load(whole{why: ending})
		return
	}
	if w := r.loads.whole; w != nil && w.why == jumping {
		r.loads.whole = nil // they have thought better of it
	}
	r.screen.moved(Place{End: true}, r.rows.end())
}

func (r *Room) jump(id string, selects bool) {
	r.loads.missing, r.picks.steps = "", 0
	if r.rows.find(id) < 0 {
		if id != "" {
			r.load(whole{why: jumping, id: id, selects: selects})
		}
		return
	}
	r.screen.moved(Place{Row: id, Middle: true}, position{})
	if selects {
		r.picks.on, r.picks.id, r.picks.fresh = true, id, true
	}
}

// anchor returns the position of the row that stays where it is; none while the screen follows the end.
func (r *Room) anchor() position {
	if m := r.rows.get(r.screen.place.Row); m != nil {
		return at(m)
	}
	return position{}
}

// keep has a row stand where the anchor stood, if that was at a position and is gone: the next one, or
// else the last.
func (r *Room) keep(anchor position) {
	p := &r.screen.place
	if p.End || r.rows.find(p.Row) >= 0 {
		return
	}
	if len(r.rows.rows) == 0 {
		*p = Place{End: true}
		return
	}
	p.Row = r.rows.id(min(r.rows.from(anchor), len(r.rows.rows)-1))
}

// hold returns the row that is not to leave the screen while that follows the end: the first on it
// which was not read.
func (r *Room) hold() string {
	if !r.screen.place.End {
		return ""
	}
	for _, row := range r.rows.rows[r.rows.from(r.screen.from):] {
		if r.gaze.waits(row.Message) {
			return row.Message.Id
		}
	}
	return ""
}

// below returns how many messages below the screen were not read.
func (r *Room) below() int {
	if !r.loads.opened || len(r.rows.rows) == 0 {
		return 0
	}
	_, last := r.shown()
	n, above := 0, 0
	for i, row := range r.rows.rows {
		switch {
		case !r.gaze.waits(row.Message):
		case i > last:
			n++
		default:
			above++
		}
	}
	if r.rows.after {
		n = max(n, r.screen.unread-above)
	}
	return n
}

// put takes a row that is new or another one now.
func (r *Room) put(now int64, row Row) {
	m := row.Message
	if !r.loads.note(m.Id, &row) {
		r.reread()
	}
	if !r.loads.opened {
		return
	}
	anchor, picked := r.anchor(), r.picks.at(&r.rows)
	was, in := r.rows.put(row)
	r.gaze.changed(was, m)
	r.keep(anchor)
	r.picks.keep(&r.rows, picked)
	if in && was == nil && r.rows.id(len(r.rows.rows)-1) == m.Id {
		r.arrived(m)
	}
	r.trim()
}

// arrived moves the unread line for a new last row.
func (r *Room) arrived(m *earshotv1.Message) {
	l := &r.line
	switch {
	case m.Own && m.Kind != kindNotice:
		*l = line{}
	case !m.Unread || r.gaze.on && r.screen.place.End:
	case l.id == "" || !slices.ContainsFunc(r.rows.rows[r.rows.from(l.at):len(r.rows.rows)-1], func(row Row) bool { return r.gaze.waits(row.Message) }):
		*l = line{m.Id, at(m), 1}
	default:
		l.count++
	}
}

func (r *Room) gone(id string) {
	if id == "" || !r.loads.note(id, nil) {
		r.reread()
		return
	}
	anchor, picked := r.anchor(), r.picks.at(&r.rows)
	r.rows.remove(id)
	if id == r.line.id && r.rows.from(r.line.at) == len(r.rows.rows) {
		r.line = line{}
	}
	r.gaze.gone(id)
	r.keep(anchor)
	r.picks.keep(&r.rows, picked)
}
