package sync_test

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

type row struct {
	e   *event.Event
	t   int64
	gap bool
}

type waiting struct {
	e     *event.Event
	since time.Time // virtual
}

func (d *disk) isPlaced(id event.ID) bool { _, ok := d.placed[id]; return ok }

// place shows an event whose causes are placed, and what has waited for it.
func (d *disk) place(n *node, e *event.Event) {
	if !d.ready(n, e) {
		d.waiting = append(d.waiting, waiting{e, n.world.now})
		return
	}
	d.show(n, e, false)
	d.cascade(n)
}

func (d *disk) cascade(n *node) {
	for again := true; again; {
		again = false
		for i := 0; i < len(d.waiting); i++ {
			if e := d.waiting[i].e; d.ready(n, e) {
				d.waiting = slices.Delete(d.waiting, i, i+1)
				d.show(n, e, false)
				again = true
				i--
			}
		}
	}
}

func causes(e *event.Event) []event.ID {
	var ids []event.ID
	if e.Header.Sequence > 1 {
		ids = append(ids, e.Header.Previous)
	}
	for _, p := range e.Header.Seen {
		ids = append(ids, p.ID)
	}
	return ids
}

// ready reports whether all causes are placed that are to come.
func (d *disk) ready(n *node, e *event.Event) bool {
	return !slices.ContainsFunc(causes(e), func(id event.ID) bool { return !d.isPlaced(id) && n.awaits(id) })
}

func (d *disk) show(n *node, e *event.Event, gap bool) {
	var ts []int64
	for _, id := range causes(e) {
		if t, ok := d.placed[id]; ok {
			ts = append(ts, t)
		}
	}
	if e.Header.Kind != event.KindText {
		d.placed[e.ID] = event.Time(e.Header.Clock, n.clock(), ts)
		return
	}
	key := viewKey{e.Header.Conversation, n.world.personOf[e.Header.Device], e.Header.Key}
	if other, ok := d.keys[key]; ok {
		d.placed[e.ID] = d.rows[other].t
		return
	}
	t := event.Time(e.Header.Clock, n.clock(), ts)
	d.placed[e.ID] = t
	d.keys[key] = e.ID
	d.rows[e.ID] = &row{e, t, gap}
	d.shown++
	if gap {
		n.world.note("%s shows %s after a gap", n.name, brief(e))
		n.world.count.gaps++
	}
}

// release shows what has waited since before or longer, for causes that did not come.
func (d *disk) release(n *node, conv *event.Conversation, before time.Time) {
	for again := true; again; {
		again = false
		for i, w := range d.waiting {
			if conv != nil && w.e.Header.Conversation != *conv || w.since.After(before) || d.waitsInside(w.e) {
				continue
			}
			d.waiting = slices.Delete(d.waiting, i, i+1)
			d.show(n, w.e, true)
			d.cascade(n)
			again = true
			break
		}
	}
}

// waitsInside reports whether a cause of e is here and waits itself.
func (d *disk) waitsInside(e *event.Event) bool {
	for _, id := range causes(e) {
		if slices.ContainsFunc(d.waiting, func(w waiting) bool { return w.e.ID == id }) {
			return true
		}
	}
	return false
}

// order returns the rows of a conversation as people see them.
func (d *disk) order(conv event.Conversation) []*row {
	var rows []*row
	for _, r := range d.rows {
		if r.e.Header.Conversation == conv {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.t, b.t), bytes.Compare(a.e.ID[:], b.e.ID[:]))
	})
	return rows
}
