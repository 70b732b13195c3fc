package panes

import (
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
)

const (
	// gutter is where the sign of the message stands that is selected.
	gutter = 1
	// authorLeast and authorMost bound how wide an author is there.
	authorLeast, authorMost = 10, 18
)

// block is a row of a conversation as it stands on the screen.
type block struct {
	above []frame.Line // date and unread line
	own   []frame.Line

	chosen bool
}

func (b *block) height() int { return len(b.above) + len(b.own) }

// column lays the rows of a conversation out, each when it is needed.
type column struct {
	s      *screen.State
	view   room.View
	width  int
	author int
	blocks []*block
}

func newColumn(s *screen.State, width int) *column {
	v := s.Open.View
	return &column{s: s, view: v, width: width, author: min(max(width/6, authorLeast), authorMost), blocks: make([]*block, len(v.Rows))}
}

func (c *column) at(i int) *block {
	if c.blocks[i] == nil {
		c.blocks[i] = c.lay(i)
	}
	return c.blocks[i]
}

// messages draws the open conversation, and says what is to be seen of it.
func messages(f *frame.Frame, s *screen.State, p place, l *screen.Layout) {
	v := s.Open.View
	l.Height = p.rows
	if p.rows < 1 {
		return
	}
	if len(v.Rows) == 0 {
		if v.Before == room.EdgeEnd && v.After == room.EdgeEnd {
			f.Put(p.row+p.rows-1, p.column, p.columns, frame.Text(frame.Dim, words.NothingSaid))
		} else if text := edge(v.Before); text != "" {
			f.Put(p.row+p.rows-1, p.column, p.columns, frame.Text(frame.Dim, text))
		}
		l.Drawn, l.Shown = true, room.Shown{Moves: v.Moves, AtEnd: true}
		return
	}
	p.column, p.columns = p.column+gutter, p.columns-gutter
	c := newColumn(s, p.columns)
	first, top := c.start(p.rows)
	l.Drawn, l.Shown = true, c.shown(first, top, p.rows)
	if top > 0 {
		if text := edge(v.Before); text != "" && first == 0 {
			f.Put(p.row+top-1, p.column, p.columns, frame.Text(frame.Dim, text))
		}
	}
	for i, row := first, top; i < len(v.Rows) && row < p.rows; i++ {
		b := c.at(i)
		for j, line := range append(b.above[:len(b.above):len(b.above)], b.own...) {
			if at := row + j; at >= 0 && at < p.rows {
				if b.chosen && j >= len(b.above) {
					f.Put(p.row+at, p.column-gutter, gutter, frame.Text(frame.Bold, ">"))
				}
				f.Put(p.row+at, p.column, p.columns, line)
				if j >= len(b.above) {
					l.Messages[p.row+at] = v.Rows[i].Message.Id
				}
			}
		}
		row += b.height()
	}
}

// start returns the first row that is on the screen, and where it begins: not below 0 unless it is the
// first of all that are loaded.
func (c *column) start(height int) (first, top int) {
	n := len(c.view.Rows)
	place := c.view.Place
	at, y := n-1, 0 // some row, and where it begins
	switch i := c.index(place.Row); {
	case place.End || i < 0:
		y = height - c.at(at).height()
		if hold := c.index(place.Hold); place.End && hold >= 0 {
			from := y
			for j := at - 1; j >= hold && from >= 0; j-- {
				from -= c.at(j).height()
			}
			if from < 0 {
				at, y = hold, 0
			}
		}
	case place.Middle:
		at, y = i, max(0, (height-len(c.at(i).own))/2)-len(c.at(i).above)
	default:
		at, y = i, place.Offset-len(c.at(i).above)
	}
	y += c.s.Open.Scroll
	if c.s.Open.Reveal {
		at, y = c.reveal(at, y, height)
	}
	first, top = c.up(at, y)
	// Where there is room below the last row, the screen moves up; where there is room above the first
	// one, it moves down, but not so that the last one leaves the lower edge.
	bottom, whole := top, true
	for i := first; i < n; i++ {
		if bottom += c.at(i).height(); bottom > height {
			whole = false
			break
		}
	}
	if whole && bottom < height {
		first, top = c.up(first, top+height-bottom)
	}
	if first == 0 && top > 0 && !whole {
		top = 0
		sum := 0
		for i := 0; i < n && sum < height; i++ {
			sum += c.at(i).height()
		}
		top = max(0, height-sum)
	}
	return first, top
}

// up goes from a row that begins at y to the first one that is on the screen.
func (c *column) up(at, y int) (first, top int) {
	for at > 0 && y > 0 {
		at--
		y -= c.at(at).height()
	}
	for at < len(c.view.Rows)-1 && y+c.at(at).height() <= 0 {
		y += c.at(at).height()
		at++
	}
	return at, y
}

// reveal moves the screen so far that the selected row is on it.
func (c *column) reveal(at, y, height int) (int, int) {
	i := c.index(c.view.Selected)
	if i < 0 {
		return at, y
	}
	from := y
	for j := at; j < i; j++ {
		from += c.at(j).height()
	}
	for j := at - 1; j >= i; j-- {
		from -= c.at(j).height()
	}
	size := c.at(i).height()
	switch {
	case from < 0:
		return i, 0
	case from+size > height:
		return i, max(height-size, min(0, height-size))
	}
	return at, y
}

func (c *column) index(id string) int {
	if id == "" {
		return -1
	}
	for i, r := range c.view.Rows {
		if r.Message.Id == id {
			return i
		}
	}
	return -1
}

// shown says what is on the screen.
func (c *column) shown(first, top, height int) room.Shown {
	sh, begins := room.Shown{Moves: c.view.Moves}, false
	for i, y := first, top; i < len(c.view.Rows) && y < height; i++ {
		b, id := c.at(i), c.view.Rows[i].Message.Id
		from, to := y+len(b.above), y+b.height()
		if to > 0 && from < height {
			// A row that has left the screen in part already can't be held there: the first is one that has not.
			if sh.First == "" || !begins && y >= 0 {
				sh.First, begins = id, y >= 0
			}
			sh.Last = id
			if from >= 0 && to <= height || len(b.own) > height && to <= height {
				sh.Whole = append(sh.Whole, id)
			}
			chosen := id == c.view.Selected && from >= 0
			if sh.Row == "" || chosen || sh.Offset < 0 && from >= 0 {
				sh.Row, sh.Offset = id, from
			}
		}
		sh.AtEnd = i == len(c.view.Rows)-1 && to <= height
		y = to
	}
	return sh
}

// edge says what is beyond the rows that are loaded.
func edge(e room.Edge) string {
	switch e {
	case room.EdgeLoading, room.EdgeMore:
		return words.ReadingBefore
	case room.EdgeFailed:
		return words.BeforeNotRead
	}
	return ""
}
