package dial

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
)

// lane is a share of the dials in flight. No lane takes from another, so addresses where nobody
// answers hold up only dials that are as unlikely to succeed.
type lane int

const (
	prompt   lane = iota // contacts' devices with a sign of life after the last dial that failed
	patient              // contacts' devices that are tried as long as they have an address
	fellow               // those of fellow members of groups
	stranger             // all others
	lanes    = iota
)

// slots is how many dials each lane may have in flight: 20 in all, which even the connection table
// of a home router can bear.
var slots = [lanes]int{prompt: 6, patient: 6, fellow: 4, stranger: 4}

// standings is for whom each lane is.
var standings = [lanes]budget.Standing{prompt: budget.Contact, patient: budget.Contact, fellow: budget.Fellow}

// fairPick says that every second dial of a lane goes to the device that has waited longest, and the
// others to the one that was seen last. Otherwise devices that are sighted all the time would keep
// the others waiting for ever. Among strangers an address comes first where fewer dials were in vain.
const fairPick = 2

// Dial is one attempt to reach a device at any of 1 to [discovery.MaxAddrs] addresses.
type Dial struct {
	Device peer.ID
	Addrs  []netip.AddrPort // the one last named first
}

// Next returns the dials to start now, those of contacts first, and the time at which to call it again
// if nothing happens before.
func (p *Planner) Next(now time.Time) (dials []Dial, wake time.Time) {
	if !now.Before(p.tidyAt) {
		p.tidy(now)
	}
	wake = p.tidyAt
	var waiting [lanes][]waiter
	for id, d := range p.devices {
		if d.connected || d.dialling || d.due.IsZero() {
			continue
		}
		w := waiter{id: id, device: d, since: later(d.due, d.hold)}
		if !w.since.After(now) {
			waiting[d.class()] = append(waiting[d.class()], w)
		} else if w.since.Before(wake) {
			wake = w.since
		}
	}
	for l, ws := range waiting {
		started, again := p.fill(lane(l), ws, now)
		dials = append(dials, started...)
		if !again.IsZero() && again.Before(wake) {
			wake = again
		}
	}
	return dials, wake
}

// fill starts as many dials as a lane and the places for connections allow. It returns when to try
// again for a device that had to be passed over; zero: there was none.
func (p *Planner) fill(l lane, ws []waiter, now time.Time) (dials []Dial, again time.Time) {
	for p.inFlight[l] < slots[l] && p.mayDial(l) {
		var ready []waiter
		for _, w := range ws {
			addrs, may := p.book.Addrs(w.id), false
			if len(addrs) == 0 {
				w.device.due = time.Time{} // the book has dropped it
			} else if w.tries, may = p.tries(w.id, w.device, l, addrs, now); may {
				ready = append(ready, w)
			} else if w.device.due = p.heard.again(addrs, now); again.IsZero() || w.device.due.Before(again) {
				again = w.device.due
			}
		}
		if len(ready) == 0 {
			break
		}
		order := fresher
		if p.picks[l]%fairPick == fairPick-1 {
			order = longer
		}
		w := slices.MinFunc(ready, func(a, b waiter) int { return cmp.Or(cmp.Compare(a.tries, b.tries), order(a, b)) })
		ws = slices.DeleteFunc(ready, func(o waiter) bool { return o.id == w.id })
		addrs := p.dialable(w.id, w.device, l, p.book.Addrs(w.id), now)
		p.picks[l]++
		p.inFlight[l]++
		w.device.dialling, w.device.lane = true, l
		w.device.tried = addrs
		dials = append(dials, Dial{Device: w.id, Addrs: slices.Clone(addrs)})
	}
	return dials, again
}

// mayDial says whether there will be a place for one more device. For a contact's another makes
// room, unless that is a contact's too.
func (p *Planner) mayDial(l lane) bool {
	coming := 0
	for _, dialling := range p.inFlight {
		coming += dialling
	}
	if standings[l] == budget.Contact {
		return p.connected[budget.Contact]+coming < MaxConnected
	}
	return p.room(standings[l], coming)
}

func (d *device) class() lane {
	switch {
	case d.standing() == budget.Stranger:
		return stranger
	case d.standing() == budget.Fellow:
		return fellow
	case d.prompt:
		return prompt
	default:
		return patient
	}
}

// waiter is a device that could have been dialled since a time.
type waiter struct {
	id     peer.ID
	device *device
	since  time.Time
	tries  int // of a stranger's, see Planner.tries
}

// fresher orders devices by when they were seen last, and then by ID, so that a run can be
// repeated.
func fresher(a, b waiter) int {
	return cmp.Or(b.device.seen.Compare(a.device.seen), cmp.Compare(a.id, b.id))
}

// longer orders devices by how long they have waited.
func longer(a, b waiter) int {
	return cmp.Or(a.since.Compare(b.since), fresher(a, b))
}
