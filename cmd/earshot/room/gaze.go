package room

import (
	"maps"
	"slices"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// gaze is whether the owner looks, and what they have seen.
type gaze struct {
	focus   Focused
	locked  bool
	touched int64

	on       bool  // they look
	attended int64 // when that was told last

	whole []string         // the rows that stand on the screen
	since map[string]int64 // how long they have been looked at

	read  map[string]position // what was told to be read, until the node says that it is
	limit *position           // what stands here or after it is not to be marked: the owner has made it unread
	// The same of messages that have become unread without this screen. Where one becomes read again, it
	// was only told late how it had been before.
	turned map[string]position

	failures []string // what could not be told
	singly   bool     // one of them is not there any more
	retryAt  int64
}

func (g *gaze) open(in Open) {
	*g = gaze{focus: in.Focus, locked: in.Locked, touched: in.Touched, read: make(map[string]position), turned: make(map[string]position)}
}

// until returns until when the owner looks if they touch nothing.
func (g *gaze) until() int64 { return g.touched + AwayAfter }

// settle does what the time that has passed until now asks for: nothing has changed in it.
func (g *gaze) settle(o *out, w *window, now int64) {
	if !g.on {
		return
	}
	var ids []string
	for _, id := range g.whole {
		if m := w.get(id); m != nil && g.since[id]+SeenAfter <= min(now, g.until()) && g.markable(m) {
			ids = append(ids, id)
			g.read[id] = at(m)
		}
	}
	mark(o, ids)
	g.update(o, now)
}

// mark tells that messages were read.
func mark(o *out, ids []string) {
	const most = 1000 // that MarkRead takes
	for some := range slices.Chunk(ids, most) {
		o.do(MarkRead{some})
	}
}

// waits reports whether a message is to be read still.
func (g *gaze) waits(m *earshotv1.Message) bool {
	_, read := g.read[m.Id]
	return m.Unread && !m.Own && !read
}

// markable reports whether a message is marked read when it was seen.
func (g *gaze) markable(m *earshotv1.Message) bool {
	if !g.waits(m) || g.limit != nil && at(m).compare(*g.limit) >= 0 {
		return false
	}
	for _, p := range g.turned {
		if at(m).compare(p) >= 0 {
			return false
		}
	}
	return true
}

// update tells the node if the owner looks now, or does no more.
func (g *gaze) update(o *out, now int64) {
	on := g.focus != FocusAway && !g.locked && now < g.until()
	if on == g.on {
		return
	}
	g.on, g.attended = on, now
	o.do(Attend{on})
	g.since = nil
	if on {
		g.show(g.whole, now)
	}
}

// show takes the rows that stand on the screen.
func (g *gaze) show(ids []string, now int64) {
	g.whole = slices.Clone(ids)
	if !g.on {
		return
	}
	since := make(map[string]int64, len(ids))
	for _, id := range ids {
		t, stood := g.since[id]
		if !stood {
			t = now
		}
		since[id] = t
	}
	g.since = since
}

// changed takes what has become of a message, which may be new.
func (g *gaze) changed(was, is *earshotv1.Message) {
	switch {
	case !is.Unread:
		delete(g.read, is.Id)
		delete(g.turned, is.Id)
	case was != nil && !was.Unread:
		g.turned[is.Id] = at(is)
	}
}

func (g *gaze) gone(id string) {
	delete(g.read, id)
	delete(g.turned, id)
}

// unread has a row and those after it unread.
func (g *gaze) unread(o *out, w *window, id string) {
	m := w.get(id)
	if m == nil || m.Own || m.Kind == kindNotice {
		return
	}
	if p := at(m); g.limit == nil || p.compare(*g.limit) < 0 {
		g.limit = &p
	}
	maps.DeleteFunc(g.read, func(_ string, p position) bool { return p.compare(at(m)) >= 0 })
	o.do(MarkBack{id})
}

// failed keeps what could not be told. If a message is not there any more, nothing of what was told with
// it has been read: then each is told alone.
func (g *gaze) failed(in MarkFailed, now int64) {
	missing := in.Code == "no_message"
	if missing && len(in.IDs) == 1 {
		return
	}
	g.singly = g.singly || missing
	g.failures = append(g.failures, in.IDs...)
	g.retryAt = now + MarkAgain
}

// again tells anew what could not be told.
func (g *gaze) again(now int64) {
	if len(g.failures) > 0 {
		g.retryAt = now
	}
}

// tick does what is due.
func (g *gaze) tick(o *out, now int64) {
	if g.on && now >= g.attended+AttendEvery {
		g.attended = now
		o.do(Attend{true})
	}
	if g.retryAt != 0 && now >= g.retryAt {
		g.retry(o)
	}
}

func (g *gaze) retry(o *out) {
	ids := slices.DeleteFunc(g.failures, func(id string) bool {
		_, read := g.read[id]
		return !read
	})
	if g.singly {
		for _, id := range ids {
			o.do(MarkRead{[]string{id}})
		}
	} else {
		mark(o, ids)
	}
	g.failures, g.singly, g.retryAt = nil, false, 0
}

// next returns when something is due.
func (g *gaze) next(w *window) int64 {
	next := g.retryAt
	if !g.on {
		return next
	}
	next = earliest(next, g.until(), g.attended+AttendEvery)
	for _, id := range g.whole {
		if m := w.get(id); m != nil && g.markable(m) {
			next = earliest(next, g.since[id]+SeenAfter)
		}
	}
	return next
}

func (g *gaze) leave(o *out) {
	if g.retryAt != 0 {
		g.retry(o)
	}
	if g.on {
		g.on = false
		o.do(Attend{false})
	}
}
