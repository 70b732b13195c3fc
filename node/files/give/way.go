package give

import (
	"sync"
	"time"

	"github.com/earshot-im/earshot/node/budget"
)

const (
	// leastAhead is how many bytes of files may be unsent of all streams together, at least; and aheadTime
	// the time in which what is unsent goes out, at the rate of late. One stream has half of that.
	leastAhead = 64 << 10
	aheadTime  = 200 * time.Millisecond
	// leastPiece is what a stream may give that has nothing unsent, whatever others have.
	leastPiece = 4 << 10
	// mostAhead is how many bytes one stream may have unsent, and mostOther of others than contacts.
	// mostAhead is enough for 1 Gbit/s with a delay of 16 ms, as in a busy Wi-Fi.
	mostAhead = 2 << 20
	mostOther = 256 << 10
	// rateTime is over how long the rate is taken: long enough for what goes out in lumps.
	rateTime = 250 * time.Millisecond
	// lookAgain is when what is unsent is looked at again, for each stream that there is.
	lookAgain = 40 * time.Microsecond
	// retryFirst and retryLast are between which times who has no room looks again.
	retryFirst = 100 * time.Microsecond
	retryLast  = 16 * time.Millisecond
)

// way is what leads out of this node. It may be narrower than what leads to each reader: with ten of
// them, who each have asked for 64 KiB, words of ours would come behind 640 KiB. So what all streams
// have unsent is bounded, and nobody may have more than they leave free.
type way struct {
	mu      sync.Mutex
	streams map[*giving]struct{} // on which something is given
	looked  time.Time
	all     int // unsent of all, when looked at

	since  time.Time // since when it counts what is given
	before int       // unsent of all then
	given  int       // bytes
	rate   float64   // at which they went out before, a second
}

func (w *way) enter(v *giving) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams[v] = struct{}{}
}

func (w *way) leave(v *giving) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.streams, v)
}

// gave counts what was given.
func (w *way) gave(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given += bytes
}

// room returns how many bytes a stream may give now; 0: none.
func (w *way) room(v *giving) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.looked) >= time.Duration(len(w.streams))*lookAgain {
		w.look(now)
	}
	own, most := v.peer.Unsent(), mostOther
	if v.peer.Standing == budget.Contact {
		most = mostAhead
	}
	n := (max(leastAhead, int(w.rate*aheadTime.Seconds())) - w.all - own) / 2
	switch {
	case n >= leastPiece:
		n = max(min(n, pieceSize, most-own), 0)
	case own == 0:
		n = leastPiece
	default:
		return 0
	}
	w.all += n // until it is looked at
	return n
}

// look takes in what is unsent, and what has gone out. The caller holds the lock.
func (w *way) look(now time.Time) {
	w.looked, w.all = now, 0
	for v := range w.streams {
		w.all += v.peer.Unsent()
	}
	if took := now.Sub(w.since); took >= rateTime {
		w.rate = float64(max(w.before+w.given-w.all, 0)) / took.Seconds()
		w.since, w.before, w.given = now, w.all, 0
	}
}
