package room

import (
	"cmp"
	"slices"
	"strings"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// window is the part of a conversation that is loaded: rows without a hole between them.
type window struct {
	rows          []Row // ascending
	before, after bool  // there are others before the first, and after the last
}

// position is where a row stands. None is before the zero position.
type position struct {
	t  int64
	id string
}

func at(m *earshotv1.Message) position { return position{m.T, m.Id} }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.t, q.t), strings.Compare(p.id, q.id))
}

// find returns the index of a row, or -1.
func (w *window) find(id string) int {
	return slices.IndexFunc(w.rows, func(r Row) bool { return r.Message.Id == id })
}

// get returns a row's message, or nil.
func (w *window) get(id string) *earshotv1.Message {
	if i := w.find(id); i >= 0 {
		return w.rows[i].Message
	}
	return nil
}

// from returns the index of the first row at a position or after it.
func (w *window) from(p position) int {
	i, _ := slices.BinarySearchFunc(w.rows, p, func(r Row, p position) int { return at(r.Message).compare(p) })
	return i
}

// id returns the ID of the row with an index, or "".
func (w *window) id(i int) string {
	if i < 0 || i >= len(w.rows) {
		return ""
	}
	return w.rows[i].Message.Id
}

// put puts a row into its place, and returns the one that it replaces. A row that belongs beyond what is
// loaded, where there are others, is left out.
func (w *window) put(row Row) (was *earshotv1.Message, in bool) {
	if i := w.find(row.Message.Id); i >= 0 {
		was = w.rows[i].Message
		if at(was) == at(row.Message) {
			w.rows[i] = row
			return was, true
		}
		w.rows = slices.Delete(w.rows, i, i+1)
	}
	i := w.from(at(row.Message))
	if i == 0 && w.before || i == len(w.rows) && w.after {
		return was, false
	}
	w.rows = slices.Insert(w.rows, i, row)
	return was, true
}

// remove takes a row away and returns its message, or nil.
func (w *window) remove(id string) *earshotv1.Message {
	i := w.find(id)
	if i < 0 {
		return nil
	}
	was := w.rows[i].Message
	w.rows = slices.Delete(w.rows, i, i+1)
	return was
}

// sorted returns rows in order, none twice, and nothing that is no row.
func sorted(rows []Row) []Row {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Message.GetId() == "" })
	slices.SortStableFunc(rows, func(a, b Row) int { return at(a.Message).compare(at(b.Message)) })
	had := make(map[string]bool, len(rows))
	return slices.DeleteFunc(rows, func(r Row) bool {
		twice := had[r.Message.Id]
		had[r.Message.Id] = true
		return twice
	})
}

// prepend puts a page before the first row, and returns whether anything was new.
func (w *window) prepend(page []Row, more bool) bool {
	if len(w.rows) > 0 {
		first := at(w.rows[0].Message)
		page = slices.DeleteFunc(page, func(r Row) bool { return at(r.Message).compare(first) >= 0 || w.find(r.Message.Id) >= 0 })
	}
	w.rows, w.before = slices.Concat(page, w.rows), more && len(page) > 0
	return len(page) > 0
}

// add puts a page after the last row.
func (w *window) add(page []Row, more bool) bool {
	if len(w.rows) > 0 {
		last := at(w.rows[len(w.rows)-1].Message)
		page = slices.DeleteFunc(page, func(r Row) bool { return at(r.Message).compare(last) <= 0 || w.find(r.Message.Id) >= 0 })
	}
	w.rows, w.after = slices.Concat(w.rows, page), more && len(page) > 0
	return len(page) > 0
}

// trim drops what is over MaxRows, the farthest from the screen first, which has the rows from first to
// last. It returns whether that was at the beginning, or at the end.
func (w *window) trim(first, last int) (top, bottom bool) {
	from, to := 0, len(w.rows)
	for to-from > MaxRows {
		above, below := first-from, to-1-last
		switch {
		case above >= below && above > Margin:
			from++
		case below > Margin:
			to--
		default:
			above = 0
		}
		if above <= Margin && below <= Margin {
			break
		}
	}
	top, bottom = from > 0, to < len(w.rows)
	w.before, w.after = w.before || top, w.after || bottom
	if top || bottom {
		w.rows = slices.Clone(w.rows[from:to]) // so that what was dropped is free
	}
	return top, bottom
}
