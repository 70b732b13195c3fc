package fetch

import "time"

const (
	// MinWindow and MaxWindow bound what is asked of one device at once, in bytes.
	MinWindow = 64 << 10
	MaxWindow = 16 << 20
	// MaxRequests is how many requests to one device are not answered.
	MaxRequests = 64

	span  = 200 * time.Millisecond // the time whose bytes are on their way
	ticks = 20                     // into which the span is divided

	minPiece = 16 << 10
	maxPiece = 1 << 20
)

// Pace bounds what is asked of one device and has not come, over all attachments: to as many bytes as
// came in the last 200 ms, but at least 64 KiB and at most 16 MiB; and to half of that while words wait.
// So it opens as fast as answers come, and what is asked for never has much more than 200 ms of the
// device's time. Several attachments get the same of it.
type Pace struct {
	words    bool
	came     [ticks]int // bytes, by tick
	sum      int        // of came
	tick     int64      // the last one that is counted
	inFlight int        // bytes
	requests int
	users    map[*Fetch]*use
	turns    int // ever taken
}

// use is what one Fetch has asked of a device.
type use struct {
	inFlight, requests int
	waits              int // since which turn it waits for room; 0: it doesn't
}

// NewPace returns the pace of a device from which nothing has come yet.
func NewPace() *Pace { return &Pace{users: make(map[*Fetch]*use)} }

// Words says whether the sync session with the device has something to send or waits for an answer.
func (p *Pace) Words(wait bool) { p.words = wait }

// window returns how many bytes may be on their way.
func (p *Pace) window(now time.Time) int {
	p.advance(now)
	w := min(max(p.sum, MinWindow), MaxWindow)
	if p.words {
		w /= 2
	}
	return w
}

// advance forgets what came before the span.
func (p *Pace) advance(now time.Time) {
	to := now.UnixNano() / int64(span/ticks)
	if to <= p.tick {
		return
	}
	for n := min(to-p.tick, ticks); n > 0; n-- {
		i := (to - n + 1) % ticks
		p.sum -= p.came[i]
		p.came[i] = 0
	}
	p.tick = to
}

// piece returns how much is asked for at once. It is a fraction of the window, so that there is always
// something on its way, and a slow device never owes much.
func (p *Pace) piece(now time.Time) int {
	piece := minPiece
	for w := p.window(now); piece < maxPiece && piece*8 <= w; {
		piece *= 2
	}
	return piece
}

// fits reports whether a Fetch may ask for so many bytes now. If it may not, it waits: then those that
// have more on their way, or waited less, let it go first. What can't be divided and is larger than the
// window goes alone.
func (p *Pace) fits(f *Fetch, n int, now time.Time) bool {
	u := p.use(f)
	if (p.inFlight == 0 || p.inFlight+n <= p.window(now)) && p.spare() && !p.yields(u) {
		return true
	}
	if u.waits == 0 {
		p.turns++
		u.waits = p.turns
	}
	return false
}

// spare reports whether one more request may be made.
func (p *Pace) spare() bool { return p.requests < MaxRequests }

// take counts a request of so many bytes.
func (p *Pace) take(f *Fetch, n int) {
	u := p.use(f)
	if n > 0 {
		u.waits = 0
	}
	u.inFlight += n
	u.requests++
	p.inFlight += n
	p.requests++
}

func (p *Pace) use(f *Fetch) *use {
	u := p.users[f]
	if u == nil {
		u = &use{}
		p.users[f] = u
	}
	return u
}

// yields reports whether another's turn comes first.
func (p *Pace) yields(u *use) bool {
	for _, o := range p.users {
		if o != u && o.waits > 0 && (o.inFlight < u.inFlight || o.inFlight == u.inFlight && (u.waits == 0 || o.waits < u.waits)) {
			return true
		}
	}
	return false
}

// content says that a Fetch has nothing more to ask for now.
func (p *Pace) content(f *Fetch) {
	if u := p.users[f]; u != nil {
		if u.waits = 0; u.requests == 0 {
			delete(p.users, f)
		}
	}
}

// arrived counts bytes that have come of what was taken.
func (p *Pace) arrived(f *Fetch, n int, now time.Time) {
	p.advance(now)
	p.came[p.tick%ticks] += n
	p.sum += n
	p.users[f].inFlight -= n
	p.inFlight -= n
}

// end gives back what has not come of a request.
func (p *Pace) end(f *Fetch, rest int) {
	u := p.users[f]
	u.inFlight -= rest
	u.requests--
	p.inFlight -= rest
	p.requests--
	if u.requests == 0 && u.waits == 0 {
		delete(p.users, f)
	}
}
