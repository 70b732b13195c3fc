package dial

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/fair"
)

// What was only heard of, by anybody, may be anybody's address. So a node dials no more than a few
// addresses a minute that do not answer as the device that was named: then nobody can have all nodes
// of a network connect to others' ports. Addresses that the user typed, that are saved, or at which
// the device has answered, don't count.
const (
	// maxHeardStrangers is how many addresses of strangers' devices are dialled within heardSpan that
	// do not answer. They are shared by the IP that is dialled.
	maxHeardStrangers = 24
	// maxHeardKnown is the same of contacts' and fellows' devices, which are shared by device.
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
	strangers *fair.Rate[netip.Addr]
	known     *fair.Rate[peer.ID]
	missed    map[netip.AddrPort]missed
}

// missed is an address at which nobody answered as the device that was named.
type missed struct {
	until time.Time
	times int
}

func newHeard() heard {
	return heard{
		strangers: fair.NewRate[netip.Addr](maxHeardStrangers, heardSpan),
		known:     fair.NewRate[peer.ID](maxHeardKnown, heardSpan),
		missed:    make(map[netip.AddrPort]missed),
	}
}

// sure says that an address of a device was not only heard of.
func (p *Planner) sure(id peer.ID, d *device, a netip.AddrPort) bool {
	return slices.Contains(d.answered, a) || p.book.Trusted(id, a)
}

// dialable returns those of a device's addresses that may be dialled now, and notes which of them
// were only heard of.
func (p *Planner) dialable(id peer.ID, d *device, l lane, addrs []netip.AddrPort, now time.Time) (out []netip.AddrPort) {
	d.hearsay = nil
	for _, a := range addrs {
		if p.sure(id, d, a) {
			out = append(out, a)
		} else if p.mayTry(id, l, a, now) {
			out = append(out, a)
			d.hearsay = append(d.hearsay, a)
		}
	}
	return out
}

// mayTry says whether one more address that was only heard of may be dialled, and counts it if so.
func (p *Planner) mayTry(id peer.ID, l lane, a netip.AddrPort, now time.Time) bool {
	if l != stranger {
		return p.heard.known.Allow(id, now)
	}
	m := p.heard.missed[a]
	if now.Before(m.until) || !p.heard.strangers.Allow(a.Addr(), now) {
		return false
	}
	p.heard.miss(a, missed{now.Add(double(minPause, m.times, maxMissedFor)), m.times + 1})
	return true
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
			p.heard.strangers.Return(a.Addr())
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
