package room

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// world is a node with one conversation, a screen that shows it, and the owner before that. All that
// they do is drawn at random from a seed.
type world struct {
	t    *testing.T
	rand *rand.Rand
	now  int64
	room *Room
	wake int64
	log  []string

	// The node.
	all     []*earshotv1.Message // ascending
	made    int
	news    []Input // changes that are still to be told, in order
	asked   []Load
	answers []Input // computed, and still to be told, in any order
	failing bool    // calls may fail

	// The screen.
	height  int
	heights map[string]int
	shown   Shown
	whole   []string
	focus   Focused
	locked  bool
	touched int64

	// What the owner has seen, by another reckoning than the room's.
	stood  map[string]int64 // since when a row stands on the screen and is looked at
	seen   map[string]bool
	owed   map[string]bool // those of them that must be marked
	marked map[string]bool
	limit  *position
	lost   map[string]bool // marked, and the call failed
}

func newWorld(t *testing.T, seed uint64, rows int) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: 1_000_000, room: New(), failing: true, height: 20, heights: make(map[string]int),
		stood: make(map[string]int64), seen: make(map[string]bool), owed: make(map[string]bool), marked: make(map[string]bool), lost: make(map[string]bool)}
	for range rows {
		w.add(int64(w.made * 10))
	}
	first := ""
	unread := 0
	if k := w.rand.IntN(3) * w.rand.IntN(200); k > 0 && k < rows {
		for _, m := range w.all[rows-k:] {
			if !m.Own {
				m.Unread = true
				if unread++; first == "" {
					first = m.Id
				}
			}
		}
	}
	w.news = nil
	w.touched = w.now
	w.do(Open{FirstUnread: first, Unread: unread, Touched: w.now})
	return w
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	tail := w.log[max(0, len(w.log)-25):]
	w.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(tail, "\n"))
}

// add puts a message with a time into the conversation.
func (w *world) add(t int64) *earshotv1.Message {
	w.made++
	m := &earshotv1.Message{Id: fmt.Sprintf("%02x%d", w.rand.IntN(256), w.made), T: t, Kind: "text", Text: "one", Own: w.rand.IntN(4) == 0}
	i, _ := slices.BinarySearchFunc(w.all, at(m), func(m *earshotv1.Message, p position) int { return at(m).compare(p) })
	w.all = slices.Insert(w.all, i, m)
	w.heights[m.Id] = 1 + w.rand.IntN(4)*w.rand.IntN(2)
	if w.rand.IntN(100) == 0 {
		w.heights[m.Id] = 30 // more than the screen has
	}
	return m
}

func rowOf(m *earshotv1.Message) Row {
	return Row{proto.CloneOf(m), fmt.Sprint("day ", m.T/300)}
}

func (w *world) change(m *earshotv1.Message) { w.news = append(w.news, Put{rowOf(m)}) }

func (w *world) index(id string) int {
	return slices.IndexFunc(w.all, func(m *earshotv1.Message) bool { return m.Id == id })
}

// looking is whether the owner looks at the screen, at a time.
func (w *world) looking(now int64) bool {
	return w.focus != FocusAway && !w.locked && now-w.touched < AwayAfter
}

// pass has time pass, in which nothing but the timer happens.
func (w *world) pass(to int64) {
	for woken := 0; w.wake != 0 && w.wake <= to; woken++ {
		if woken > 100 {
			w.failf("it wakes again and again")
		}
		w.stand(max(w.now, w.wake))
		w.wake = 0
		w.do(Woke{})
	}
	w.stand(to)
}

// stand reckons what is seen until a time.
func (w *world) stand(to int64) {
	until := min(to, w.touched+AwayAfter)
	if w.focus == FocusAway || w.locked {
		until = w.now
	}
	for id, since := range w.stood {
		if since+SeenAfter <= until {
			w.seen[id] = true
			if len(w.room.gaze.turned) == 0 {
				w.owed[id] = true
			}
		}
	}
	w.now = to
	if !w.looking(w.now) {
		clear(w.stood)
	}
}

// stands takes what stands on the screen from now on.
func (w *world) stands() {
	for id := range w.stood {
		if !slices.Contains(w.whole, id) {
			delete(w.stood, id)
		}
	}
	if !w.looking(w.now) {
		clear(w.stood)
		return
	}
	for _, id := range w.whole {
		if _, ok := w.stood[id]; !ok {
			w.stood[id] = w.now
		}
	}
}

// do gives the room an input, does what it asks for, and looks at what there is to see then.
func (w *world) do(in Input) {
	w.t.Helper()
	before := w.room.View()
	w.log = append(w.log, fmt.Sprintf("%d %s", w.now, brief(in)))
	for _, e := range w.room.Do(w.now, in) {
		w.effect(e)
	}
	w.stands()
	w.check(before, in)
	w.layOut(in, before)
}

func brief(in any) string {
	s := fmt.Sprintf("%T%+v", in, in)
	return s[:min(len(s), 160)]
}

func (w *world) effect(e Effect) {
	w.log = append(w.log, "    "+brief(e))
	switch e := e.(type) {
	case Load:
		if e.Limit > MaxRows {
			w.failf("%d rows asked for", e.Limit)
		}
		w.asked = append(w.asked, e)
	case MarkRead:
		for _, id := range e.IDs {
			i := w.index(id)
			if w.marked[id] && !w.lost[id] {
				w.failf("%s is marked twice", id)
			}
			if !w.seen[id] {
				w.failf("%s is marked, and was not seen", id)
			}
			if i >= 0 && w.limit != nil && at(w.all[i]).compare(*w.limit) >= 0 {
				w.failf("%s is marked, after the owner made it unread", id)
			}
			w.marked[id] = true
			delete(w.lost, id)
		}
		gone := slices.ContainsFunc(e.IDs, func(id string) bool { return w.index(id) < 0 })
		if gone || w.failing && w.rand.IntN(4) == 0 {
			code := ""
			if gone {
				code = "no_message"
			}
			for _, id := range e.IDs {
				w.lost[id] = true
			}
			w.answers = append(w.answers, MarkFailed{e.IDs, code})
			return
		}
		for _, id := range e.IDs {
			if m := w.all[w.index(id)]; m.Unread {
				m.Unread = false
				w.change(m)
			}
		}
	case MarkBack:
		w.makeUnread(e.ID)
	case Wake:
		w.wake = e.At
	case Attend:
		if e.Focused != w.looking(w.now) {
			w.failf("attention is told to be %t", e.Focused)
		}
	}
}

func (w *world) makeUnread(id string) {
	i := w.index(id)
	if i < 0 {
		return
	}
	for _, m := range w.all[i:] {
		if !m.Own && !m.Unread {
			m.Unread = true
			w.change(m)
		}
	}
}

// answer answers a load as the conversation is now.
func (w *world) answer(l Load) Input {
	if w.failing && w.rand.IntN(8) == 0 {
		return LoadFailed{Request: l.Request}
	}
	from, to := max(0, len(w.all)-l.Limit), len(w.all)
	if id := l.Before + l.After + l.Around; id != "" {
		i := w.index(id)
		if i < 0 {
			return LoadFailed{l.Request, "no_message"}
		}
		switch {
		case l.Before != "":
			from, to = max(0, i-l.Limit), i
		case l.After != "":
			from, to = i+1, min(len(w.all), i+1+l.Limit)
		default:
			from = max(0, i-l.Limit/2)
			to = min(len(w.all), from+l.Limit)
		}
		if to-from > 1 && w.rand.IntN(3) == 0 { // the node bounds its answers
			if l.Before != "" {
				from = to - 1 - w.rand.IntN(to-from)
			} else if l.After != "" {
				to = from + 1 + w.rand.IntN(to-from)
			}
		}
	}
	in := Loaded{Request: l.Request, MoreBefore: from > 0, MoreAfter: to < len(w.all)}
	for _, m := range w.all[from:to] {
		in.Rows = append(in.Rows, rowOf(m))
	}
	return in
}

// box is where a row stands on the screen.
type box struct{ lines, top, bottom int }

// boxes lays the rows out as Place says.
func (w *world) boxes(v View) []box {
	all := make([]box, len(v.Rows))
	y := 0
	for i, l := range v.Rows {
		all[i].lines = y
		if l.Date != "" {
			y++
		}
		if l.New > 0 {
			y++
		}
		all[i].top = y
		y += w.heights[l.Message.Id]
		all[i].bottom = y
	}
	shift := w.height - y // the end at the lower edge
	if i := slices.IndexFunc(v.Rows, func(l Line) bool { return l.Message.Id == cmp.Or(v.Place.Hold, v.Place.Row) }); i >= 0 {
		switch {
		case v.Place.End:
			shift = max(shift, -all[i].lines)
		case v.Place.Middle:
			shift = max(shift, (w.height-w.heights[v.Rows[i].Message.Id])/2-all[i].top)
		default:
			shift = max(shift, v.Place.Offset-all[i].top)
		}
	}
	for i := range all {
		all[i].lines, all[i].top, all[i].bottom = all[i].lines+shift, all[i].top+shift, all[i].bottom+shift
	}
	return all
}

// scrolled is boxes after so many lines of scrolling, as far as there are rows.
func (w *world) scrolled(v View, by int) []box {
	all := w.boxes(v)
	if len(all) == 0 {
		return all
	}
	by = min(by, max(0, all[len(all)-1].bottom-w.height))
	by = max(by, min(0, all[0].lines))
	for i := range all {
		all[i].lines, all[i].top, all[i].bottom = all[i].lines-by, all[i].top-by, all[i].bottom-by
	}
	return all
}

// tell tells what is on the screen.
func (w *world) tell(v View, all []box) {
	s := Shown{Moves: v.Moves}
	w.whole = nil
	for i, b := range all {
		id := v.Rows[i].Message.Id
		if b.bottom <= 0 || b.top >= w.height {
			continue
		}
		if s.First == "" {
			s.First, s.Row, s.Offset = id, id, b.top
		}
		if all[max(0, i-1)].top < 0 && b.top >= 0 {
			s.Row, s.Offset = id, b.top
		}
		s.Last = id
		if b.bottom <= w.height && (b.top >= 0 || b.bottom-b.top > w.height) {
			w.whole = append(w.whole, id)
		}
	}
	s.Whole = w.whole
	s.AtEnd = len(all) == 0 || all[len(all)-1].bottom <= w.height
	w.shown = s
	w.log = append(w.log, "    "+brief(s))
	for _, e := range w.room.Do(w.now, s) {
		w.effect(e)
	}
	w.stands()
}

// layOut shows what there is to see after an input.
func (w *world) layOut(in Input, was View) {
	v := w.room.View()
	old := w.shown
	all := w.boxes(v)
	stays := v.Moves == was.Moves && !was.Place.End && len(all) > 0
	w.tell(v, all)
	if i := slices.IndexFunc(v.Rows, func(l Line) bool { return l.Message.Id == old.Row }); stays && i >= 0 && all[i].top != old.Offset &&
		all[len(all)-1].bottom != w.height {
		w.failf("%s: %s stood at %d, and stands at %d", brief(in), old.Row, old.Offset, all[i].top)
	}
}

// check looks at what must always be so.
func (w *world) check(was View, in Input) {
	w.t.Helper()
	v := w.room.View()
	for i, l := range v.Rows {
		if i > 0 && at(v.Rows[i-1].Message).compare(at(l.Message)) >= 0 {
			w.failf("%s before %s", v.Rows[i-1].Message.Id, l.Message.Id)
		}
		if wantDate := i == 0 || v.Rows[i-1].Day != l.Day; wantDate != (l.Date == l.Day) || !wantDate && l.Date != "" {
			w.failf("%s has the date line %q", l.Message.Id, l.Date)
		}
	}
	if n := len(v.Rows); n > MaxRows+2*Margin+w.height {
		w.failf("%d rows are loaded", n)
	}
	if p := v.Place; len(v.Rows) > 0 && !p.End && w.room.rows.find(p.Row) < 0 || p.Hold != "" && w.room.rows.find(p.Hold) < 0 {
		w.failf("the place is %+v", p)
	}
	if was.Place.Row != "" && !was.Place.End && v.Moves == was.Moves && !passing(in) && w.room.rows.find(was.Place.Row) >= 0 && v.Place != was.Place {
		w.failf("the place was %+v and is %+v", was.Place, v.Place)
	}
	if v.Selected != "" && w.room.rows.find(v.Selected) < 0 {
		w.failf("%s is selected", v.Selected)
	}
	// All that was seen is marked, or was not told yet to be unread.
	for id := range w.owed {
		if len(w.room.gaze.turned) > 0 {
			break
		}
		m := w.room.rows.get(id)
		if m != nil && m.Unread && !m.Own && !w.marked[id] && (w.limit == nil || at(m).compare(*w.limit) < 0) {
			w.failf("%s was seen, and is not marked: limits %v and %v", id, w.limit, w.room.gaze.limit)
		}
	}
}

// passing reports whether an input of the owner's moves the screen.
func passing(in Input) bool {
	switch in.(type) {
	case Shown, ToEnd, JumpTo, JumpUnread, Sent:
		return true
	}
	return false
}
