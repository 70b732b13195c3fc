package room

import (
	"fmt"
	"slices"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// act does one thing at random.
func (w *world) act() {
	r := w.rand
	some := func() *earshotv1.Message {
		if len(w.all) == 0 {
			return &earshotv1.Message{Id: "none"}
		}
		return w.all[r.IntN(len(w.all))]
	}
	near := func() string { // a row that is loaded
		if rows := w.room.rows.rows; len(rows) > 0 {
			return rows[r.IntN(len(rows))].Message.Id
		}
		return ""
	}
	switch r.IntN(24) {
	case 0, 1: // something arrives
		for range 1 + r.IntN(3)*r.IntN(20) {
			m := w.add(int64(w.made * 10))
			m.Unread = !m.Own
			w.change(m)
		}
	case 2: // late
		m := w.add(some().T + int64(r.IntN(20)))
		m.Unread = !m.Own
		w.change(m)
	case 3, 4: // an edit, or a recall
		m := w.room.rows.get(near())
		if r.IntN(2) == 0 {
			m = some()
		}
		if m != nil {
			if i := w.index(m.Id); i >= 0 {
				w.all[i].Text, w.all[i].Edited = fmt.Sprint(r.IntN(1000)), true
				w.heights[m.Id] = 1 + r.IntN(5)
				w.change(w.all[i])
				if r.IntN(4) == 0 {
					w.all[i].Kind, w.all[i].Text = "recalled", ""
					w.change(w.all[i])
				}
			}
		}
	case 5: // gone
		if id := near(); r.IntN(3) == 0 && w.index(id) >= 0 {
			i := w.index(id)
			w.all = slices.Delete(w.all, i, i+1)
			w.news = append(w.news, Gone{id})
		}
	case 6: // many are gone, or the stream begins anew
		if r.IntN(10) == 0 {
			for range r.IntN(5) {
				if len(w.all) > 0 {
					i := r.IntN(len(w.all))
					w.all = slices.Delete(w.all, i, i+1)
				}
			}
			if r.IntN(2) == 0 {
				w.news = []Input{Reset{}}
			} else {
				w.news = append(w.news, Gone{})
			}
		}
	case 7, 8, 9: // changes are told
		for range r.IntN(8) {
			if len(w.news) > 0 {
				in := w.news[0]
				w.news = w.news[1:]
				w.do(in)
			}
		}
	case 10, 11: // answers are made
		if len(w.asked) > 0 {
			i := r.IntN(len(w.asked))
			w.answers = append(w.answers, w.answer(w.asked[i]))
			w.asked = slices.Delete(w.asked, i, i+1)
		}
	case 12, 13: // and told
		if len(w.answers) > 0 {
			i := r.IntN(len(w.answers))
			in := w.answers[i]
			w.answers = slices.Delete(w.answers, i, i+1)
			w.do(in)
		}
	case 14, 15, 16: // the owner scrolls
		w.touch()
		w.pass(w.now + int64(r.IntN(50)))
		v := w.room.View()
		w.tell(v, w.scrolled(v, r.IntN(2*w.height)-w.height))
	case 17: // the size is another
		w.height = 5 + r.IntN(40)
		w.do(Counted{r.IntN(50)})
	case 18:
		w.touch()
		switch r.IntN(4) {
		case 0:
			w.do(ToEnd{})
		case 1:
			w.do(JumpTo{some().Id, r.IntN(2) == 0})
		case 2:
			w.do(JumpUnread{})
		case 3:
			w.do(Retry{})
		}
	case 19: // selects
		w.touch()
		switch r.IntN(4) {
		case 0:
			w.do(Select{near()})
		case 1:
			w.do(Deselect{})
		default:
			w.do(Step{r.IntN(300) - 150})
		}
	case 20:
		w.focus = FocusAway
		here := r.IntN(3) > 0
		if here {
			w.focus = FocusHere
		}
		w.do(Focus{here})
	case 21:
		w.locked = r.IntN(4) == 0
		w.do(Lock{w.locked})
	case 22:
		if m := w.room.rows.get(near()); r.IntN(20) == 0 && m != nil && !m.Own {
			w.touch()
			p := at(m)
			if w.limit == nil || p.compare(*w.limit) < 0 {
				w.limit = &p
			}
			w.do(MarkUnread{m.Id})
		}
	case 23:
		w.pass(w.now + int64(r.IntN(200))*int64(r.IntN(500)))
	}
	w.pass(w.now + int64(r.IntN(400)))
}

func (w *world) touch() {
	w.touched = w.now
	w.do(Touch{})
}

// settle has everything answered and told, without a failure, and compares.
func (w *world) settle() {
	w.failing = false
	w.do(Retry{})
	for round := 0; len(w.news)+len(w.asked)+len(w.answers) > 0; round++ {
		if round > 100 {
			w.failf("the loads don't end: %v", w.asked)
		}
		news, asked, answers := w.news, w.asked, w.answers
		w.news, w.asked, w.answers = nil, nil, nil
		for _, in := range slices.Concat(news, answers) {
			w.do(in)
		}
		w.do(Retry{})
		for _, l := range asked {
			w.do(w.answer(l))
		}
		w.pass(w.now + MarkAgain)
	}
	v := w.room.View()
	if len(v.Rows) == 0 {
		if len(w.all) > 0 {
			w.failf("no rows of %d", len(w.all))
		}
		return
	}
	first := w.index(v.Rows[0].Message.Id)
	if first < 0 || first+len(v.Rows) > len(w.all) {
		w.failf("%d rows from %d on, of %d", len(v.Rows), first, len(w.all))
	}
	for i, l := range v.Rows {
		if m := w.all[first+i]; m.Id != l.Message.Id || m.Text != l.Message.Text || m.Kind != l.Message.Kind || m.Unread != l.Message.Unread {
			w.failf("row %d is %v, want %v", i, l.Message, m)
		}
	}
	if before := first > 0; before != (v.Before != EdgeEnd) || v.Before == EdgeLoading || v.Before == EdgeFailed {
		w.failf("%d rows before the first, and the edge is %q", first, v.Before)
	}
	if after := first+len(v.Rows) < len(w.all); after != (v.After != EdgeEnd) || v.After == EdgeLoading || v.After == EdgeFailed {
		w.failf("%d of %d rows, and the edge is %q", first+len(v.Rows), len(w.all), v.After)
	}
}

// A screen of more rows than are kept would have them loaded and dropped again and again.
func TestTrimLeavesWhatIsNearTheScreen(t *testing.T) {
	for _, test := range []struct{ rows, first, last, left int }{
		{300, 0, 10, 300}, {400, 0, 10, 300}, {400, 390, 399, 300}, {400, 200, 210, 300}, {400, 60, 340, 381}, {400, 45, 345, 396}, {400, 10, 390, 400},
	} {
		w := window{rows: many{From: 1, To: test.rows}.rows()}
		first, last := w.id(test.first), w.id(test.last)
		top, bottom := w.trim(test.first, test.last)
		if len(w.rows) != test.left || w.before != top || w.after != bottom || w.find(first) < min(test.first, Margin) || len(w.rows)-1-w.find(last) < min(test.rows-1-test.last, Margin) {
			t.Errorf("of %d rows, %d to %d on the screen, %d to %d are left", test.rows, test.first, test.last, w.find(first), len(w.rows))
		}
	}
}

// Whatever comes in whatever order: see the package's doc.
func TestRandom(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 12
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed, []int{0, 3, 90, 700}[seed%4])
			for range 300 {
				w.act()
			}
			w.settle()
		})
	}
}
