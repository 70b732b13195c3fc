// Package room is one open conversation on a screen: which of its rows are loaded, which of them the
// screen shows and where, what the owner has seen of it, and what they are writing. It is a state
// machine: an input and the time of it give effects, and View says what there is to see then. It makes
// no call, reads no clock and knows no heights: the screen does the effects, gives their answers back
// as inputs, lays the rows out, and tells what it has shown. So the terminal and a page in a browser
// behave alike, and testdata holds both to it.
//
// A screen makes a Room for each conversation that it opens, begins with Open and ends with Leave:
//
//	r := room.New()
//	do(r.Do(now, room.Open{FirstUnread: c.FirstUnread, ...}))   // and for each answer, change or key:
//	do(r.Do(now, input))
//	draw(r.View()); do(r.Do(now, room.Shown{...}))              // whenever what is to see has changed
//
// What it holds to, whatever comes: no row is there twice, rows have the order of (t, id), the row at
// which the owner looks stays where it is on the screen, only what they have seen is marked read, and
// a text that the node does not have is never taken from the composer. At most about MaxRows rows are
// loaded; more are loaded as the screen comes near to where they end.
//
// A Room belongs to one goroutine. Times are milliseconds of any clock that does not go back. Nothing
// in it fails: answers that nothing waits for any more, and IDs that are not there, are passed by.
package room

// Sizes and times.
const (
	// MaxRows is how many rows are kept loaded: those farthest from the screen go first. Those within
	// Margin of the screen stay in any case.
	MaxRows = 300
	// PageRows is how many rows are asked for at once: more than Margin, so that one page is enough.
	PageRows = 60
	// Margin is how many loaded rows there are to be above and below the screen.
	Margin = 50

	// SeenAfter is how long a row must stand on the screen to be read.
	SeenAfter = 1000
	// AwayAfter is how long after their last input the owner is taken to be looking.
	AwayAfter = 60_000
	// AttendEvery is how often it is told that they are: the node believes it for 30 s.
	AttendEvery = 20_000
	// TypingEvery is how often it is told that they are typing: the node believes it for 6 s.
	TypingEvery = 4000
	// SaveEvery is how long a draft may differ from the one that the node has.
	SaveEvery = 1000
	// MarkAgain is how long after a failure it is told again what was read.
	MarkAgain = 5000
)

// Room is one open conversation on a screen.
type Room struct {
	out
	left   bool
	rows   window
	loads  loads
	screen screen
	line   line
	gaze   gaze
	picks  picks
	writes composer
}

// out gathers the effects of an input.
type out struct {
	effects  []Effect
	requests int   // the number of the last
	wake     int64 // the time that was asked for last; 0: none
}

func (o *out) do(e Effect) { o.effects = append(o.effects, e) }

// request returns the number of a new request.
func (o *out) request() int {
	o.requests++
	return o.requests
}

// New returns a room that waits for Open.
func New() *Room { return &Room{} }

// Do takes an input and the time of it.
func (r *Room) Do(now int64, in Input) []Effect {
	r.effects = nil
	if r.left {
		r.writes.outlive(&r.out, in)
		return r.effects
	}
	r.gaze.settle(&r.out, &r.rows, now)
	switch in := in.(type) {
	case Open:
		r.open(now, in)
	case Leave:
		r.leave(now)
		return r.effects
	case Woke:
		r.wake = 0 // the timer is spent
	case Loaded, LoadFailed, Put, Gone, Reset, Counted, Retry:
		r.told(now, in)
	case Shown, ToEnd, JumpTo, JumpUnread, Select, Step, Deselect:
		r.look(now, in)
	case Focus, Touch, Lock, MarkUnread, MarkFailed:
		r.attention(now, in)
	default:
		r.write(now, in)
	}
	r.page()
	r.gaze.tick(&r.out, now)
	r.writes.tick(&r.out, now)
	r.alarm()
	return r.effects
}

func (r *Room) open(now int64, in Open) {
	r.gaze.open(in)
	r.gaze.update(&r.out, now)
	r.writes.open(in)
	r.line = line{id: in.FirstUnread, count: in.Unread}
	r.screen.place.End, r.screen.unread = true, in.Unread
	r.load(whole{why: opening, id: in.FirstUnread})
}

func (r *Room) leave(now int64) {
	r.left = true
	r.gaze.leave(&r.out)
	r.writes.leave(&r.out)
	if r.wake != 0 {
		r.wake = 0
		r.do(Wake{})
	}
}

// attention takes what tells whether the owner looks, and what is read.
func (r *Room) attention(now int64, in Input) {
	switch in := in.(type) {
	case Focus:
		r.gaze.focus = FocusAway
		if in.Here {
			r.gaze.focus = FocusHere
		}
	case Touch:
		r.gaze.touched = now
		r.loads.missing = ""
	case Lock:
		r.gaze.locked = in.Locked
	case MarkUnread:
		r.gaze.unread(&r.out, &r.rows, in.ID)
	case MarkFailed:
		r.gaze.failed(in, now)
	}
	r.gaze.update(&r.out, now)
	r.blurred()
}

// blurred tells the composer whether it has the focus.
func (r *Room) blurred() {
	r.writes.focused(&r.out, r.gaze.focus != FocusAway && !r.picks.on)
}

// write takes what concerns the composer.
func (r *Room) write(now int64, in Input) {
	switch in := in.(type) {
	case BeginEdit:
		if i := r.rows.find(in.ID); i >= 0 {
			r.writes.beginEdit(&r.out, r.rows.rows[i].Message)
		}
	case Sent:
		if r.writes.sent(&r.out, now, in.Request) {
			r.line = line{}
			r.toEnd()
		}
	default:
		r.writes.take(&r.out, now, in)
	}
}

// alarm asks for the next Woke, if it is at another time than the one that was asked for.
func (r *Room) alarm() {
	at := earliest(r.gaze.next(&r.rows), r.writes.next())
	if at != r.wake {
		r.wake = at
		r.do(Wake{at})
	}
}

// earliest returns the first of several times, of which 0 is none.
func earliest(times ...int64) (first int64) {
	for _, t := range times {
		if t != 0 && (first == 0 || t < first) {
			first = t
		}
	}
	return first
}

// View returns what there is to see now. Its rows are to be read only.
func (r *Room) View() View {
	v := View{
		Rows: r.lines(), Place: r.screen.place, Moves: r.screen.moves, Below: r.below(),
		UnreadLine: r.line.id != "" && r.loads.opened, Selecting: r.picks.on, Selected: r.picks.id, Missing: r.loads.missing,
		Composer: r.writes.view(),
	}
	v.Before, v.After = r.loads.edges(&r.rows)
	if v.Place.End {
		v.Place.Hold = r.hold()
	}
	return v
}
