package room

// loads is what is being loaded. A whole one replaces the rows; others are put before or after them.
type loads struct {
	whole         *whole // nil: none
	failed        *whole // the last, if that has failed
	before, after pending

	opened  bool   // rows were loaded
	stale   bool   // they are to be loaded anew
	missing string // see View

	// changed is what was told while something is being loaded: the answer may be older than that.
	changed map[string]*Row // nil: the row is gone
}

// whole is a load that replaces what is there.
type whole struct {
	request int
	why     why
	id      string // the row around which it is; "": the newest
	selects bool   // of jumping: the row is selected as well
}

type why int

const (
	opening why = iota
	jumping
	ending  // to the end
	reading // what is there, anew
)

// pending is a load of the rows beyond the first or the last.
type pending struct {
	request int // 0: none
	failed  bool
}

// maxChanged bounds what is kept during a load. After more, it is begun anew.
const maxChanged = 1000

// busy reports whether anything is being loaded.
func (l *loads) busy() bool { return l.whole != nil || l.before.request != 0 || l.after.request != 0 }

// note keeps a change for the answer that is awaited. It returns false if there are too many.
func (l *loads) note(id string, row *Row) bool {
	if !l.busy() {
		return true
	}
	if l.changed == nil {
		l.changed = make(map[string]*Row)
	}
	l.changed[id] = row
	return len(l.changed) <= maxChanged
}

// settle makes the rows of an answer as new as what was told meanwhile.
func (l *loads) settle(w *window) {
	for id, row := range l.changed {
		if row == nil {
			w.remove(id)
		} else {
			w.put(*row)
		}
	}
}

// edges says what is beyond the rows.
func (l *loads) edges(w *window) (before, after Edge) {
	if !l.opened || l.failed != nil {
		e := EdgeLoading
		if l.failed != nil {
			e = EdgeFailed
		}
		return e, e
	}
	return l.before.edge(w.before), l.after.edge(w.after)
}

func (p pending) edge(more bool) Edge {
	switch {
	case !more:
		return EdgeEnd
	case p.failed:
		return EdgeFailed
	case p.request != 0:
		return EdgeLoading
	}
	return EdgeMore
}

// load begins a load that replaces the rows. Answers to others are not awaited any more.
func (r *Room) load(w whole) {
	w.request = r.request()
	r.loads.whole, r.loads.failed, r.loads.before, r.loads.after, r.loads.changed = &w, nil, pending{}, pending{}, nil
	limit := PageRows
	if w.why == reading {
		limit = MaxRows
	}
	r.do(Load{Request: w.request, Around: w.id, Limit: limit})
}

// reread loads anew what is there, or what is being loaded.
func (r *Room) reread() {
	r.loads.stale = true
	if w := r.loads.whole; w != nil {
		r.load(*w)
		return
	}
	if w := r.loads.failed; w != nil {
		r.load(*w)
		return
	}
	at := ""
	if p := r.screen.place; !p.End {
		at = p.Row
	} else if r.rows.after || r.hold() != "" {
		at = r.hold()
	}
	r.load(whole{why: reading, id: at})
}

// page loads what is beyond the rows if the screen, or the selection, is near.
func (r *Room) page() {
	if !r.loads.opened || r.loads.whole != nil || r.loads.failed != nil || len(r.rows.rows) == 0 {
		return
	}
	first, last := r.shown()
	above, below := first, len(r.rows.rows)-1-last
	near := r.screen.told
	if !r.loads.busy() {
		r.loads.changed = nil
	}
	if l := &r.loads.before; r.rows.before && l.request == 0 && !l.failed && (near && above < Margin || r.picks.steps < 0) {
		l.request = r.request()
		r.do(Load{Request: l.request, Before: r.rows.id(0), Limit: PageRows})
	}
	if l := &r.loads.after; r.rows.after && l.request == 0 && !l.failed && (near && below < Margin || r.picks.steps > 0) {
		l.request = r.request()
		r.do(Load{Request: l.request, After: r.rows.id(len(r.rows.rows) - 1), Limit: PageRows})
	}
}

// trim keeps the rows to those near the screen. An answer that would no more be next to them is not
// awaited.
func (r *Room) trim() {
	if len(r.rows.rows) <= MaxRows {
		return
	}
	top, bottom := r.rows.trim(r.shown())
	if top {
		r.loads.before = pending{}
	}
	if bottom {
		r.loads.after = pending{}
	}
	if r.rows.find(r.picks.id) < 0 {
		r.picks.id = ""
	}
}

// told takes what the node has answered or told.
func (r *Room) told(now int64, in Input) {
	switch in := in.(type) {
	case Loaded:
		r.loaded(in)
	case LoadFailed:
		r.loadFailed(in)
	case Put:
		if in.Row.Message.GetId() != "" {
			r.put(now, in.Row)
		}
	case Gone:
		r.gone(in.ID)
	case Reset:
		r.reread()
	case Counted:
		r.screen.unread = in.Unread
	case Retry:
		r.retry(now)
	}
}

func (r *Room) retry(now int64) {
	r.loads.before.failed, r.loads.after.failed = false, false
	if w := r.loads.failed; w != nil {
		r.load(*w)
	}
	r.gaze.again(now)
	r.writes.again(now)
}

func (r *Room) loaded(in Loaded) {
	l := &r.loads
	page := sorted(in.Rows)
	switch {
	case in.Request == 0:
		return
	case l.whole != nil && l.whole.request == in.Request:
		r.replace(page, in.MoreBefore && len(page) > 0, in.MoreAfter && len(page) > 0)
		return
	case l.before.request == in.Request:
		l.before = pending{}
		r.rows.prepend(page, in.MoreBefore)
	case l.after.request == in.Request:
		l.after = pending{}
		r.rows.add(page, in.MoreAfter)
	default:
		return
	}
	l.settle(&r.rows)
	r.keep(position{})
	r.walk()
	r.trim()
}

// replace puts the answer to a whole load in place of the rows.
func (r *Room) replace(page []Row, before, after bool) {
	w := *r.loads.whole
	r.loads.whole = nil
	if row, told := r.loads.changed[w.id]; w.why == jumping && (!has(page, w.id) || told && row == nil) {
		r.missing(w.id)
		return
	}
	if p := r.screen.place; w.why == reading && !p.End && p.Row != w.id && !has(page, p.Row) { // the owner has gone on
		r.load(whole{why: reading, id: p.Row})
		return
	}
	anchor, picked, was := r.anchor(), r.picks.at(&r.rows), r.rows
	r.loads.stale = false
	r.rows = window{page, before, after}
	r.loads.settle(&r.rows)
	for _, row := range r.rows.rows {
		r.gaze.changed(was.get(row.Message.Id), row.Message)
	}
	if !r.loads.opened {
		r.loads.opened = true
		r.line.open(&r.rows)
	}
	switch w.why {
	case opening:
		r.screen.moved(Place{End: true}, position{})
	case jumping:
		r.screen.moved(Place{Row: w.id, Middle: true}, position{})
		if r.picks.steps = 0; w.selects {
			r.picks.on, r.picks.id = true, w.id
		}
	case ending:
		r.screen.moved(Place{End: true}, r.rows.end())
	case reading:
		r.keep(anchor)
	}
	if w.why == reading {
		r.picks.keep(&r.rows, picked)
	} else if r.rows.find(r.picks.id) < 0 {
		r.picks.id = ""
	}
	r.trim()
}

// missing ends a jump to a row that is not there.
func (r *Room) missing(id string) {
	r.loads.missing = id
	switch {
	case !r.loads.opened:
		r.load(whole{why: opening, id: r.line.id})
	case r.loads.stale:
		r.reread()
	}
}

func has(rows []Row, id string) bool {
	w := window{rows: rows}
	return w.find(id) >= 0
}

func (r *Room) loadFailed(in LoadFailed) {
	const noMessage = "no_message"
	l := &r.loads
	switch {
	case in.Request == 0:
	case l.whole != nil && l.whole.request == in.Request:
		w := *l.whole
		l.whole = nil
		switch {
		case w.why == jumping:
			r.missing(w.id)
		case in.Code == noMessage && w.id != "" && w.why == reading: // the row is gone
			r.gone(w.id)
			r.reread()
		case in.Code == noMessage && w.id != "":
			r.load(whole{why: w.why})
		default:
			l.failed = &w
		}
	case in.Request == l.before.request || in.Request == l.after.request:
		r.picks.steps = 0
		if in.Code == noMessage { // the first row, or the last, is gone
			r.reread()
			return
		}
		p := &l.before
		if in.Request == l.after.request {
			p = &l.after
		}
		*p = pending{failed: true}
	}
}
