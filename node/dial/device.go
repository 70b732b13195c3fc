package dial

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// minPause is between the end of a dial of a device and the next.
	minPause = time.Second

	// maxPausePinned is short, since somebody waits for a contact and there are
	// few; maxPauseStranger is long, since nobody does and there are many.
	maxPausePinned   = time.Minute
	maxPauseStranger = 5 * time.Minute

	// secondDials is how long the device with the higher ID leaves it to the other.
	secondDials = 1500 * time.Millisecond

	// backAfter and backSpread are the pause after a session that ended without
	// fault. The spread keeps both ends from dialling at the same moment.
	backAfter  = 300 * time.Millisecond
	backSpread = 700 * time.Millisecond

	// settled is how long a session with a stranger lasts to end its back-off.
	settled = 10 * time.Second

	// minPenalty and maxPenalty bound the pause after a fault. A session of
	// maxPenalty makes up for all faults.
	minPenalty = 5 * time.Second
	maxPenalty = 5 * time.Minute

	// changeSpread is how far the dials of strangers are apart after a change of
	// the network.
	changeSpread = 2 * time.Second

	// forgetAfter is how long a stranger that was saved is kept without a
	// sighting; one that was only heard of goes earlier, by [discovery.Hearsay].
	forgetAfter = time.Hour

	// tidyEvery is how often old sightings are dropped.
	tidyEvery = time.Minute

	// leastSweep is the least number of devices at which it is worth to look for
	// those that the book has dropped.
	leastSweep = 4096
)

// A device is what the planner remembers of one, besides its sightings.
type device struct {
	contact, named bool // either pins it

	connected bool
	since     time.Time // if connected
	ended     Cause
	seen      time.Time

	dialling bool
	lane     lane // if dialling
	prompt   bool // there is news of it since a dial failed
	tried    []netip.AddrPort
	dialled  time.Time // end of the last dial
	fails    int
	err      error

	step   int       // of the back-off
	faults int       // of the penalty
	due    time.Time // zero: not before there is news
	hold   time.Time // not before, whatever is due; sightings don't move it
}

// device returns the state of a device, which it makes if there is none.
func (p *Planner) device(id peer.ID, now time.Time) *device {
	d := p.devices[id]
	if d == nil {
		if len(p.devices) >= p.sweepAt {
			p.sweep(now)
		}
		d = &device{}
		p.devices[id] = d
	}
	return d
}

// sweep forgets strangers that the book has dropped. Those that were dialled just
// now are kept, or a flood could do away with minPause.
func (p *Planner) sweep(now time.Time) {
	for id, d := range p.devices {
		idle := !d.connected && !d.dialling && now.Sub(d.dialled) >= minPause
		if idle && !d.pinned() && len(p.book.Addrs(id)) == 0 {
			delete(p.devices, id)
		}
	}
	p.sweepAt = max(leastSweep, 2*len(p.devices))
}

// tidy drops what is old.
func (p *Planner) tidy(now time.Time) {
	p.book.Expire(now)
	for id, d := range p.devices {
		if !d.pinned() && !d.connected && now.Sub(d.seen) > forgetAfter {
			p.book.Forget(id)
		}
	}
	p.sweep(now)
	p.tidyAt = now.Add(tidyEvery)
}

func (d *device) pinned() bool { return d.contact || d.named }

// pull makes a device due at t if it is not due earlier, but not before minPause
// has passed.
func (d *device) pull(t time.Time) {
	t = later(t, d.dialled.Add(minPause))
	if d.due.IsZero() || t.Before(d.due) {
		d.due = t
	}
}

// backOff returns the pause after one more failure.
func (d *device) backOff() time.Duration {
	longest := maxPauseStranger
	if d.pinned() {
		longest = maxPausePinned
	}
	pause := double(minPause, d.step, longest)
	d.step++
	return pause
}

// double returns least, doubled so many times, but not more than most.
func double(least time.Duration, times int, most time.Duration) time.Duration {
	for ; times > 0 && least < most; times-- {
		least *= 2
	}
	return min(least, most)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
