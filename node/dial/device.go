package dial

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
)

const (
	// minPause is the least time between the end of a dial and the next dial of the same device.
	minPause = time.Second

	// maxPauseKnown is short, since contacts and fellows are few and somebody waits for them.
	// maxPauseStranger is long, since strangers may be many and nobody waits.
	maxPauseKnown    = time.Minute
	maxPauseStranger = 5 * time.Minute

	// secondDials is how long the device with the higher ID of two waits for the other to dial.
	secondDials = 1500 * time.Millisecond

	// backAfter and backSpread are the pause after a session that ended without fault. The spread
	// keeps both ends from dialling at the same moment.
	backAfter  = 300 * time.Millisecond
	backSpread = 700 * time.Millisecond

	// steadyAfter is how long a session with a stranger must last to end its back-off.
	steadyAfter = 10 * time.Second

	// minPenalty and maxPenalty bound the pause after a fault. After a session of maxPenalty all
	// faults are forgotten.
	minPenalty = 5 * time.Second
	maxPenalty = 5 * time.Minute

	// changeSpread is the time over which the dials of strangers are spread after a change of the
	// network.
	changeSpread = 2 * time.Second

	// forgetAfter is how long a saved stranger is kept without a sighting. One that was only heard
	// of is dropped earlier, see [discovery.Hearsay].
	forgetAfter = time.Hour

	// tidyEvery is how often old sightings are dropped.
	tidyEvery = time.Minute

	// leastSweep is how many devices there must be before it is worth looking for those that the
	// book has dropped.
	leastSweep = 4096
)

// device is what the planner remembers about a device, besides its sightings.
type device struct {
	person budget.Standing // what its person is to the owner
	named  bool            // by the user: then it is as good as a contact's

	connected bool
	since     time.Time // if connected
	ended     Cause
	seen      time.Time

	dialling bool
	lane     lane // if dialling
	prompt   bool // it was sighted, or its session ended, after the last dial that failed
	tried    []netip.AddrPort
	hearsay  []netip.AddrPort // those of tried that were only heard of, if dialling
	answered []netip.AddrPort // at which it has answered, see Answered
	dialled  time.Time        // end of the last dial
	fails    int
	err      error

	step   int       // of the back-off
	faults int       // of the penalty
	due    time.Time // when to dial; zero: not before it is sighted again
	hold   time.Time // not to be dialled before; sightings don't change that
}

// device returns what is remembered about a device. If that is nothing, it begins to remember the
// device.
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

// sweep forgets strangers that the book has dropped. It keeps those that were dialled just now, or
// a flood of sightings could get around minPause.
func (p *Planner) sweep(now time.Time) {
	for id, d := range p.devices {
		idle := !d.connected && !d.dialling && now.Sub(d.dialled) >= minPause
		if idle && d.standing() == budget.Stranger && len(p.book.Addrs(id)) == 0 {
			delete(p.devices, id)
		}
	}
	p.sweepAt = max(leastSweep, 2*len(p.devices))
}

// tidy drops old sightings, and strangers that nobody has seen for long.
func (p *Planner) tidy(now time.Time) {
	p.book.Expire(now)
	for id, d := range p.devices {
		if d.standing() == budget.Stranger && !d.connected && now.Sub(d.seen) > forgetAfter {
			p.book.Forget(id)
		}
	}
	p.sweep(now)
	p.tidyAt = now.Add(tidyEvery)
}

// standing is what the device is to the owner.
func (d *device) standing() budget.Standing {
	if d.named {
		return budget.Contact
	}
	return d.person
}

// pull makes a device due at t, unless it is due earlier, and not before minPause has passed.
func (d *device) pull(t time.Time) {
	t = later(t, d.dialled.Add(minPause))
	if d.due.IsZero() || t.Before(d.due) {
		d.due = t
	}
}

// backOff returns the pause after one more failure.
func (d *device) backOff() time.Duration {
	longest := maxPauseStranger
	if d.standing() > budget.Stranger {
		longest = maxPauseKnown
	}
	pause := double(minPause, d.step, longest)
	d.step++
	return pause
}

// double returns least, doubled so many times, and most if that is more.
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
