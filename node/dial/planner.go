// Package dial decides whom to dial when. A [Planner] is told what happened and when, and answers
// with the dials to make now and the time at which to ask again. It touches no socket and no clock
// and starts nothing, so the same inputs always lead to the same dials.
//
// The planner owns the [discovery.Book] of sightings. For each device it knows whether it is
// connected, whether it is being dialled, and until when it is left alone. Its one owner calls
// [Planner.Next] after every input and at the time that Next returned, makes each dial, and reports
// the end of the dial by [Planner.Dialled].
//
// Sightings can be forged, so little depends on them. They never shorten the pause after a fault,
// and never make two dials of a device follow each other within a second. A dial that fails only
// makes the next pause longer, since it is not proven who answered. Contacts' devices and those that
// the user named have places and dials of their own that nobody else can take; those of fellow
// members of groups have some that strangers can't take. Memory is bounded by the book, the
// connections and the number of devices that are not strangers'.
//
// The package knows no persons and no sessions, and not what is to be delivered. Nothing in it
// fails.
package dial

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
)

const (
	// MaxConnected is how many devices are connected at most: those of the largest LAN that is
	// expected, and as many as file descriptors usually allow.
	MaxConnected = 1000
	// MaxOthers is how many of them may be of strangers and fellows together. The rest is for
	// contacts and what the user named.
	MaxOthers = 800
	// MaxStrangers is how many of them may be strangers'.
	MaxStrangers = 400
)

// A Cause says how a session ended.
type Cause uint8

const (
	// Lost is an end without fault: the device went away or fell silent, or either side closed.
	Lost Cause = iota
	// Fault is an end because the device broke the protocol.
	Fault
	// Incompatible is an end because the device speaks another version.
	Incompatible
	// Crowded is an end by this node, since another needed the place.
	Crowded
)

// Config is what New needs.
type Config struct {
	Self peer.ID
	Seed uint64 // of the jitter; should differ between devices
}

// Planner decides whom to dial when. It is not safe for concurrent use. The times that it is given
// should not go backwards.
type Planner struct {
	self      peer.ID
	random    *rand.Rand
	book      discovery.Book
	devices   map[peer.ID]*device
	connected [budget.Contact + 1]int // devices, by standing
	inFlight  [lanes]int
	picks     [lanes]int // dials ever made
	heard     heard
	sweepAt   int       // length of devices at which to look for forgotten ones
	tidyAt    time.Time // when to look for what is old
}

// State is what is known about a device, for display.
type State struct {
	Addrs     []netip.AddrPort // the one last named first
	FoundBy   []discovery.Source
	Seen      time.Time // of the last sighting, or beginning or end of a connection
	Pinned    bool      // a contact's, or named by the user
	Standing  budget.Standing
	Connected bool
	Dialling  bool
	Fails     int   // dials that failed since the last connection
	Err       error // of the last of these
	Ended     Cause // of the last session
}

// Recently is how long after a sighting a device that no dial reaches counts as unreachable rather
// than off: mDNS names each device about once a minute.
const Recently = 2 * time.Minute

// Unreachable says that a device was heard of just now, and that no dial reaches it.
func (s State) Unreachable(now time.Time) bool { return s.Fails > 0 && now.Sub(s.Seen) < Recently }

// New returns a planner that knows no device.
func New(cfg Config) *Planner {
	return &Planner{
		self:    cfg.Self,
		random:  rand.New(rand.NewPCG(cfg.Seed, 0)),
		devices: map[peer.ID]*device{},
		heard:   newHeard(),
		sweepAt: leastSweep,
	}
}

// Sighted takes in a hint where a device is. A device that the user named is pinned from then on.
func (p *Planner) Sighted(s discovery.Sighting, now time.Time) {
	if s.Device == p.self {
		return
	}
	if s.Source == discovery.FromManual {
		p.book.Rank(s.Device, int(budget.Contact)) // before Add, so that a full book makes room
	}
	p.book.Add(s, now)
	addrs := p.book.Addrs(s.Device)
	if len(addrs) == 0 {
		return
	}
	d := p.device(s.Device, now)
	d.seen = now
	if s.Source == discovery.FromManual {
		p.change(s.Device, d, func() { d.named = true })
	}

	announced := s.Source.Announced()
	isNew := slices.ContainsFunc(s.Addrs, func(a netip.AddrPort) bool {
		return slices.Contains(addrs, a) && !slices.Contains(d.tried, a)
	})
	if d.connected || d.dialling || !announced && !isNew && !d.due.IsZero() {
		return // if it is being dialled, Dialled will look for new addresses
	}
	wait := time.Duration(0)
	heard := announced || s.Source == discovery.FromPeer
	if heard && p.self > s.Device {
		wait = secondDials
	}
	if d.standing() > budget.Stranger {
		d.step = 0
	}
	d.prompt = d.prompt || s.Source != discovery.FromSaved
	d.pull(now.Add(wait))
}

// Stand says what a device's person is to the owner now. It need not have been sighted. The caller
// bounds how many there are that are no strangers.
func (p *Planner) Stand(id peer.ID, as budget.Standing, now time.Time) {
	d := p.devices[id]
	if id == p.self || as == budget.Stranger && d == nil {
		return
	}
	if d == nil {
		d = p.device(id, now)
	}
	before := d.standing()
	p.change(id, d, func() { d.person = as })
	if d.standing() == budget.Stranger {
		return
	}
	if d.standing() > before && d.ended == Crowded { // the place that it had to leave was a lower one's
		d.ended, d.hold = Lost, time.Time{}
	}
	if d.step > 0 {
		d.step = 0
		d.pull(now)
	}
}

// Unname says that what the user named leads to a device no more.
func (p *Planner) Unname(id peer.ID) {
	if d := p.devices[id]; d != nil {
		p.change(id, d, func() { d.named = false })
	}
}

// change changes what a device is to the owner.
func (p *Planner) change(id peer.ID, d *device, do func()) {
	if d.connected {
		p.connected[d.standing()]--
		defer func() { p.connected[d.standing()]++ }()
	}
	do()
	p.book.Rank(id, int(d.standing()))
}

// Standing returns what a device is to the owner.
func (p *Planner) Standing(id peer.ID) budget.Standing {
	if d := p.devices[id]; d != nil {
		return d.standing()
	}
	return budget.Stranger
}

// Connected says that there is at least one connection over which a device has proven itself,
// whoever dialled. If it returns false, there is no place for the device: close the connection.
func (p *Planner) Connected(id peer.ID, now time.Time) (keep bool) {
	d := p.devices[id]
	if d != nil && d.connected {
		return true
	}
	if id == p.self || !p.room(p.Standing(id), 0) {
		return false
	}
	if d == nil {
		d = p.device(id, now)
	}
	p.connected[d.standing()]++
	d.connected, d.since, d.seen = true, now, now
	d.prompt, d.tried = false, nil
	d.fails, d.err = 0, nil
	return true
}

// Room says whether there is a place for one more device of a standing.
func (p *Planner) Room(as budget.Standing) bool { return p.room(as, 0) }

// room says whether there is a place for one more device of a standing, if so many others are coming.
func (p *Planner) room(as budget.Standing, coming int) bool {
	strangers, fellows, contacts := p.connected[budget.Stranger], p.connected[budget.Fellow], p.connected[budget.Contact]
	switch others := strangers + fellows; as {
	case budget.Stranger:
		return strangers+coming < MaxStrangers && others+coming < MaxOthers && others+contacts+coming < MaxConnected
	case budget.Fellow:
		return others+coming < MaxOthers && others+contacts+coming < MaxConnected
	default:
		return others+contacts+coming < MaxConnected
	}
}

// Disconnected says that the last connection to a device has ended. It does nothing for a device
// that is not connected.
func (p *Planner) Disconnected(id peer.ID, why Cause, now time.Time) {
	d := p.devices[id]
	if d == nil || !d.connected {
		return
	}
	p.connected[d.standing()]--
	lasted := now.Sub(d.since)
	d.connected, d.seen = false, now
	// Who speaks another version dials too, and hangs up. That is no news of what they speak.
	if again := d.ended == Incompatible && now.Before(d.hold) && lasted < steadyAfter; !again || why != Lost {
		d.ended = why
	}

	// A stranger that accepts connections and hangs up at once must not be dialled every second.
	pause := backAfter + time.Duration(p.random.Int64N(int64(backSpread)))
	if d.standing() > budget.Stranger || lasted >= steadyAfter {
		d.step = 0
	} else {
		pause = d.backOff()
	}
	d.prompt, d.due = true, time.Time{}
	d.pull(now.Add(pause))

	if lasted >= maxPenalty {
		d.faults = 0
	}
	switch why {
	case Fault:
		d.hold = later(d.hold, now.Add(double(minPenalty, d.faults, maxPenalty)))
		d.faults++
	case Incompatible, Crowded:
		d.hold = later(d.hold, now.Add(maxPenalty))
	}
}

// Dialled says that a dial has ended; err is nil if it made a connection. Each dial that Next
// returned is to be reported once, before Connected or after it.
func (p *Planner) Dialled(id peer.ID, err error, now time.Time) {
	d := p.devices[id]
	if d == nil || !d.dialling {
		return
	}
	p.inFlight[d.lane]--
	d.dialling, d.dialled = false, now
	p.heardOut(id, d, err)
	if d.connected || err == nil {
		d.due = now.Add(minPause) // Connected may be on its way
		return
	}
	d.fails++
	d.err = err
	isNew := slices.ContainsFunc(p.book.Addrs(id), func(a netip.AddrPort) bool { return !slices.Contains(d.tried, a) })
	d.prompt, d.due = isNew, time.Time{}
	if isNew {
		d.pull(now)
	} else {
		d.pull(now.Add(d.backOff()))
	}
}

// NetworkChanged says that the interfaces changed or the machine woke up. Dials that failed before
// may succeed now.
func (p *Planner) NetworkChanged(now time.Time) {
	for _, id := range p.Devices() {
		d := p.devices[id]
		d.step = 0
		if d.connected || d.dialling {
			continue
		}
		if d.standing() > budget.Stranger {
			d.pull(now)
		} else {
			d.pull(now.Add(time.Duration(p.random.Int64N(int64(changeSpread)))))
		}
	}
}

// Devices returns the devices that are connected or have an address, in the order of their IDs.
func (p *Planner) Devices() []peer.ID {
	out := p.book.Devices()
	for id, d := range p.devices {
		if d.connected {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, cmp.Compare[peer.ID])
	return slices.Compact(out)
}

// State returns what is known about a device. It is zero for one that nobody has seen.
func (p *Planner) State(id peer.ID) State {
	s := State{Addrs: p.book.Addrs(id), FoundBy: p.book.FoundBy(id)}
	if d := p.devices[id]; d != nil {
		s.Seen, s.Pinned, s.Connected, s.Dialling = d.seen, d.standing() == budget.Contact, d.connected, d.dialling
		s.Standing = d.standing()
		s.Fails, s.Err, s.Ended = d.fails, d.err, d.ended
	}
	return s
}
