package sync

import (
	"time"

	"github.com/earshot-im/earshot/node/wire"
)

// turn is the Step under way: its time, and the effects that it has given so far, in order.
type turn struct {
	now   time.Time
	out   []Effect
	ended bool // by Close: nothing is given any more
}

// begin begins the next Step.
func (t *turn) begin(now time.Time) { t.now, t.out = now, nil }

func (t *turn) emit(e Effect) {
	if !t.ended {
		t.out = append(t.out, e)
	}
}

func (t *turn) send(f wire.Frame) { t.emit(Send{f}) }

func (t *turn) close(reason error) {
	t.emit(Close{reason})
	t.ended = true
}

// earliest returns the first of some times. The zero time never comes.
func earliest(times ...time.Time) (first time.Time) {
	for _, at := range times {
		if first.IsZero() || !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first
}

// due reports whether a time has come. The zero time never comes.
func (t *turn) due(at time.Time) bool { return !at.IsZero() && !t.now.Before(at) }
