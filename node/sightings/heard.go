package sightings

import (
	"maps"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
)

// heard is when devices were last heard, discovery.MaxDevices of them at most. Only what was
// reported makes room, so that a flood can't do it more often than that.
type heard map[peer.ID]*hearing

type hearing struct {
	known bool
	last  time.Time
	ways  map[Way]time.Time
}

// Heard returns when a device was last heard by each way, for as long as it is remembered; nothing
// of a device that was never heard. What it returns belongs to the caller.
func (s *Sightings) Heard(device peer.ID) map[Way]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.heard[device]; h != nil {
		return maps.Clone(h.ways)
	}
	return nil
}

// again notes that a device was heard, if it is remembered.
func (all heard) again(device peer.ID, way Way, now time.Time) {
	if h := all[device]; h != nil {
		h.last, h.ways[way] = now, now
	}
}

// first notes that a device was heard, and remembers it from now on.
func (all heard) first(device peer.ID, way Way, known bool, now time.Time) {
	h := all[device]
	if h == nil {
		if len(all) >= discovery.MaxDevices {
			all.forget()
		}
		h = &hearing{ways: make(map[Way]time.Time)}
		all[device] = h
	}
	h.known = known
	all.again(device, way, now)
}

// forget drops the stranger that was heard longest ago, or, if there is none, the known device.
func (all heard) forget() {
	var goes peer.ID
	for id, h := range all {
		least := all[goes]
		if least == nil || h.known != least.known && least.known || h.known == least.known && h.last.Before(least.last) {
			goes = id
		}
	}
	delete(all, goes)
}
