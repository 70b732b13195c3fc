package dial

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/fair"
)

// What was only heard of, by anybody, may be anybody's address. So a node dials no more than a few
// addresses a minute that do not answer as the device that was named: then nobody can have all nodes
// of a network connect to others' ports. Addresses that the user typed, that are saved, or at which
// the device has answered, don't count.
const (
	// maxHeardUsual is how many addresses of strangers' devices are dialled within heardSpan that do
	// not answer, at the ports that nodes take unless told otherwise. They are shared by the IP that is
	// dialled. Nothing else listens there, so a dial troubles nobody, and there may be so many that a
	// newcomer soon has a turn beside somebody who has many addresses.
	maxHeardUsual = 256
	// maxHeardOther is the same at other ports, at which anything may listen.
	maxHeardOther = 24
	// maxHeardKnown is the same of contacts' and fellows' devices, at any port, shared by device.
	maxHeardKnown = 60
	heardSpan     = time.Minute
	// heardAgain is when a device is looked at again for which there was no room at the latest.
	heardAgain = 5 * time.Second

	// maxMissed is how many addresses are remembered at which no stranger has answered. Whatever
	// device is named there next, they are left alone: for minPause, doubled each time up to
	// maxMissedFor.
	maxMissed    = 4096
	maxMissedFor = time.Minute

	// maxAnswered is how many addresses are remembered at which a device has answered.
	maxAnswered = 4
)

// ErrOther: another device has answered than the one that was dialled.
var ErrOther = errors.New("another device answers there")

// heard bounds the dials of addresses that were only heard of.
type heard struct {
	usual, other *fair.Rate[netip.Addr]
	known        *fair.Rate[peer.ID]
	missed       map[netip.AddrPort]missed
}

// missed is an address at which nobody answered as the device that was named.
type missed struct {
	until time.Time
	times int
}

func newHeard() heard {
	return heard{
		usual:  fair.NewRate[netip.Addr](maxHeardUsual, heardSpan),
		other:  fair.NewRate[netip.Addr](maxHeardOther, heardSpan),
		known:  fair.NewRate[peer.ID](maxHeardKnown, heardSpan),
		missed: make(map[netip.AddrPort]missed),
	}
}

// strangers returns the rate that bounds dials of strangers' devices at an address.
func (h *heard) strangers(a netip.AddrPort) *fair.Rate[netip.Addr] {
	if discovery.FirstPort <= a.Port() && a.Port() <= discovery.LastPort {
		return h.usual
	}
	return h.other
}

// sure says that an address of a device was not only heard of.
func (p *Planner) sure(id peer.ID, d *device, a netip.AddrPort) bool {
	return slices.Contains(d.answered, a) || p.book.Trusted(id, a)
}

// tries returns how many dials were in vain lately where a stranger's device is said to be: of those of
// its addresses that may be dialled now, the least. may is false if there is none. For other devices
// it is 0, since those can't be had for nothing.
func (p *Planner) tries(id peer.ID, d *device, l lane, addrs []netip.AddrPort, now time.Time) (least int, may bool) {
	for _, a := range addrs {
		tries := 0
		if !p.sure(id, d, a) {
			if !p.mayTry(id, l, a, now) {
				continue
			}
			if l == stranger {
				tries = p.heard.strangers(a).Held(a.Addr(), now)
			}
		}
		if !may || tries < least {
			least, may = tries, true
		}
	}
	return least, may
}

// dialable returns those of a device's addresses that may be dialled now, and counts those of them
// that were only heard of.
func (p *Planner) dialable(id peer.ID, d *device, l lane, addrs []netip.AddrPort, now time.Time) (out []netip.AddrPort) {
	d.hearsay = nil
	for _, a := range addrs {
		if p.sure(id, d, a) {
			out = append(out, a)
		} else if p.mayTry(id, l, a, now) {
			p.try(id, l, a, now)
			out = append(out, a)
			d.hearsay = append(d.hearsay, a)
		}
	}
	return out
}

// mayTry says whether one more address that was only heard of may be dialled.
func (p *Planner) mayTry(id peer.ID, l lane, a netip.AddrPort, now time.Time) bool {
	if l != stranger {
		return p.heard.known.Room(id, now)
	}
	return !now.Before(p.heard.missed[a].until) && p.heard.strangers(a).Room(a.Addr(), now)
}

// try counts such a dial.
func (p *Planner) try(id peer.ID, l lane, a netip.AddrPort, now time.Time) {
	if l != stranger {
		p.heard.known.Allow(id, now)
		return
	}
	p.heard.strangers(a).Allow(a.Addr(), now)
	m := p.heard.missed[a]
	p.heard.miss(a, missed{now.Add(double(minPause, m.times, maxMissedFor)), m.times + 1})
}

// miss notes that nobody has answered at an address; so it is until somebody does.
func (h *heard) miss(a netip.AddrPort, m missed) {
	for other := range h.missed {
		if len(h.missed) < maxMissed {
			break
		}
		delete(h.missed, other)
	}
	h.missed[a] = m
}

// again returns when to look again at a device none of whose addresses may be dialled now.
func (h *heard) again(addrs []netip.AddrPort, now time.Time) time.Time {
	at := now.Add(heardAgain)
	for _, a := range addrs {
		if until := h.missed[a].until; until.After(now) && until.Before(at) {
			at = until
		}
	}
	return at
}

// heardOut takes in how a dial has ended. If the device has answered, none of the addresses counts,
// and if another has, they are left alone no longer.
func (p *Planner) heardOut(id peer.ID, d *device, err error) {
	for _, a := range d.hearsay {
		switch {
		case err == nil && d.lane != stranger:
			p.heard.known.Return(id)
		case err == nil:
			p.heard.strangers(a).Return(a.Addr())
			delete(p.heard.missed, a)
		case errors.Is(err, ErrOther):
			delete(p.heard.missed, a)
		}
	}
	d.hearsay = nil
}

// Answered says at which address a device has answered a dial.
func (p *Planner) Answered(id peer.ID, at netip.AddrPort) {
	if d := p.devices[id]; d != nil && !slices.Contains(d.answered, at) {
		d.answered = append(d.answered, at)
		d.answered = d.answered[max(0, len(d.answered)-maxAnswered):]
	}
}
