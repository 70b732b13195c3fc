package sightings

import (
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/fair"
)

const (
	// again is how long nothing is reported that was said before. It is long enough that nobody is
	// dialled all the time who can't be reached, and short enough that a device that goes on to
	// announce itself is not forgotten.
	again = time.Minute

	// maxReports is how many sightings of strangers are reported in that time, and how many of
	// devices that are known, by all ways together. An honest device says up to four things: by mDNS,
	// by beacons over IPv4 and IPv6, and something else in a second network. So it is enough for
	// twice the largest LAN on which mDNS works well; if there are more, somebody invents them.
	maxReports = 1024
)

// A Way is how something was heard: by what, and over which IP version.
type Way string

// The ways.
const (
	MDNS4   Way = "mdns4"
	MDNS6   Way = "mdns6"
	Beacon4 Way = "beacon4"
	Beacon6 Way = "beacon6"
)

// Config is what New needs. Only Own, Known and Full may be nil. The functions are called by whoever calls
// Hear, and should return soon.
type Config struct {
	Device peer.ID // this device

	// Found is told each sighting of another device: about once a minute, and at once when it says
	// something new or its session was lost.
	Found func(discovery.Sighting)

	// Own, if set, is told the same of this device itself. What this node says comes back; anything
	// else means that another machine says it is this device too.
	Own func(discovery.Sighting)

	// Known, if set, says which devices are to be reported however many strangers are heard. It must
	// not call the Sightings.
	Known func(peer.ID) bool
	// Full, if set, is told that more devices are heard than are believed, once a minute at most.
	Full func()

	Log *slog.Logger
}

// Sightings is what was heard of devices on the local network. Make one by New.
type Sightings struct {
	cfg Config

	mu                sync.Mutex // guards what follows
	seconds           [2]second  // of IPv6 and IPv4
	since             time.Time  // when strangers, knowns and said began anew
	strangers, knowns *fair.Pool[netip.Addr, int]
	said              map[peer.ID][]said // what was reported
	full              bool               // this was logged
	heard             heard
	last              time.Time // when any other device was heard
}

// said is what was reported of a device.
type said struct {
	start string
	addrs []netip.AddrPort
}

// New returns Sightings that have heard nothing.
func New(cfg Config) *Sightings {
	s := &Sightings{cfg: cfg, heard: make(heard)}
	s.renew(time.Time{})
	return s
}

// Renew has everything reported again that is heard from now on, as after a change of the network.
func (s *Sightings) Renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = map[peer.ID][]said{}
}

func (s *Sightings) renew(now time.Time) {
	s.since, s.said, s.full = now, map[peer.ID][]said{}, false
	s.strangers, s.knowns = fair.New[netip.Addr, int](maxReports), fair.New[netip.Addr, int](maxReports)
}

// Again has a device reported again when it is next heard, since it was connected and is no more, or
// says that it goes. Anyone can say the latter in another's name, so it has no other effect.
func (s *Sightings) Again(device peer.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.said, device)
}

// HeardAny says whether another device was heard after a time.
func (s *Sightings) HeardAny(after time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.After(after)
}

// Heard is what a packet said.
type Heard struct {
	Way  Way
	From netip.Addr // who sent it
	// Start names the time from a start of the device to its end. Another one is news, though the
	// device be where it was.
	Start    string
	Sighting discovery.Sighting
}

// Hear takes in what a packet said, and reports it if it is news and not too much. now should not
// go backwards.
func (s *Sightings) Hear(h Heard, now time.Time) {
	worth, full := s.worth(h, now)
	if full && s.cfg.Full != nil {
		s.cfg.Full()
	}
	switch {
	case !worth:
	case h.Sighting.Device != s.cfg.Device:
		s.cfg.Found(h.Sighting)
	case s.cfg.Own != nil:
		s.cfg.Own(h.Sighting)
	}
}

// worth tells whether something says something new and is not too much. full is true where it is the
// first of the minute that is too much.
func (s *Sightings) worth(h Heard, now time.Time) (worth, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.since) >= again {
		s.renew(now)
	}
	device, news := h.Sighting.Device, said{h.Start, h.Sighting.Addrs}
	if device != s.cfg.Device {
		s.last = now
	}
	before := s.said[device]
	if slices.ContainsFunc(before, news.equal) {
		s.heard.again(device, h.Way, now)
		return false, false
	}
	known := device == s.cfg.Device || s.cfg.Known != nil && s.cfg.Known(device)
	places := s.strangers
	if known {
		places = s.knowns
	}
	if !take(places, h.From) {
		s.heard.again(device, h.Way, now)
		if full = !s.full; full {
			s.cfg.Log.Warn("more devices are heard than are believed", "limit", maxReports)
		}
		s.full = true
		return false, full
	}
	s.said[device] = append(before, news)
	s.heard.first(device, h.Way, known, now)
	return true, false
}

func (s said) equal(o said) bool { return s.start == o.start && slices.Equal(s.addrs, o.addrs) }
