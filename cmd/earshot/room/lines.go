package room

// line is the unread line: it stays where it is until the owner writes or leaves, or until all below it
// is read and something comes while they look elsewhere.
type line struct {
	id    string   // the row above which it stands, or stood; "": there is none
	at    position // of that row
	count int      // what it says
}

// open finds the place of the line in the first rows.
func (l *line) open(w *window) {
	i := w.find(l.id)
	if i < 0 || !w.rows[i].Message.Unread {
		i = 0
		for i < len(w.rows) && !w.rows[i].Message.Unread {
			i++
		}
	}
	if i == len(w.rows) {
		*l = line{}
		return
	}
	if l.count == 0 {
		for _, row := range w.rows[i:] {
			if row.Message.Unread {
				l.count++
			}
		}
	}
	l.id, l.at = w.id(i), at(w.rows[i].Message)
}

// index returns the index of the row above which the line stands, or -1 if that is not loaded.
func (l *line) index(w *window) int {
	if l.id == "" {
		return -1
	}
	i := w.from(l.at)
	if i == len(w.rows) || i == 0 && w.before && w.id(0) != l.id {
		return -1
	}
	return i
}

// lines returns the rows with the lines above them.
func (r *Room) lines() []Line {
	all := make([]Line, len(r.rows.rows))
	day := ""
	for i, row := range r.rows.rows {
		all[i].Row = row
		if i == 0 || row.Day != day {
			all[i].Date, day = row.Day, row.Day
		}
	}
	if i := r.line.index(&r.rows); i >= 0 && r.loads.opened {
		all[i].New = r.line.count
	}
	return all
}
