package room

// picks is the selection.
type picks struct {
	on    bool
	id    string // "": none
	steps int    // that are still to be gone, when rows have come
	fresh bool   // it was not shown since
}

// at returns where the selected row stands.
func (p *picks) at(w *window) position {
	if m := w.get(p.id); m != nil {
		return at(m)
	}
	return position{}
}

// keep selects a row next to where the selected one was, if that is gone.
func (p *picks) keep(w *window, was position) {
	if p.id == "" || w.find(p.id) >= 0 {
		return
	}
	p.id = w.id(min(w.from(was), len(w.rows)-1))
}

// step goes on by so many rows from the selected one.
func (r *Room) step(by int) {
	p := &r.picks
	p.on = true
	if len(r.rows.rows) == 0 || by == 0 {
		return
	}
	by = max(-MaxRows, min(by, MaxRows))
	if r.rows.find(p.id) < 0 {
		_, last := r.shown()
		p.id = r.rows.id(last)
		if by > 0 {
			by--
		} else {
			by++
		}
	}
	p.steps = by
	r.walk()
}

// walk goes as many of the steps as there are rows for.
func (r *Room) walk() {
	p := &r.picks
	i := r.rows.find(p.id)
	if i < 0 {
		p.steps = 0
		return
	}
	to := i + p.steps
	n := max(0, min(to, len(r.rows.rows)-1))
	p.id, p.steps, p.fresh = r.rows.id(n), to-n, true
	if p.steps < 0 && (!r.rows.before || r.loads.before.failed) || p.steps > 0 && (!r.rows.after || r.loads.after.failed) {
		p.steps = 0
	}
}
