package mdns

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

// Config is what New needs.
type Config struct {
	Device    peer.ID                  // this device: announced
	Port      uint16                   // TCP port on which the node listens
	Networks  <-chan discovery.Network // from Watcher.Subscribe
	Sightings *sightings.Sightings     // is told what is heard. While it reports that, nothing else is heard
	Log       *slog.Logger
}

// MDNS announces a device by multicast DNS and reports the others.
type MDNS struct {
	cfg    Config
	wire   wire
	status atomic.Pointer[sightings.Status]
	asked  chan struct{} // has room for one: an announcement is asked for
}

// New returns an MDNS that does nothing until Run. Its error wraps ErrConfig.
func New(cfg Config) (*MDNS, error) {
	if cfg.Port == 0 {
		return nil, fmt.Errorf("%w: port 0", ErrConfig)
	}
	if _, err := discovery.ParseDevice(cfg.Device.String()); err != nil {
		return nil, fmt.Errorf("%w: device: %w", ErrConfig, err)
	}
	m := &MDNS{cfg: cfg, wire: network{}, asked: make(chan struct{}, 1)}
	none := sightings.ErrNoInterface
	m.status.Store(&sightings.Status{Announce: none, IPv4: none, IPv6: none})
	return m, nil
}

// Status says what does not work now. Anyone may call it.
func (m *MDNS) Status() sightings.Status { return *m.status.Load() }

// Announce asks for an announcement now, or a second after the last one. It does not wait. Anyone may
// call it.
func (m *MDNS) Announce() {
	select {
	case m.asked <- struct{}{}:
	default: // one is asked for already
	}
}

// Run announces and listens until ctx ends, then says goodbye and returns nil. The library's
// announcing goroutine ends by itself up to 2 s later; it holds no socket by then.
func (m *MDNS) Run(ctx context.Context) error {
	r := running{MDNS: m, station: newStation(m.cfg, m.wire), lonely: true}
	defer r.station.stop()
	r.schedule.changed(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.station.goodbye()
			return nil
		case n := <-m.cfg.Networks:
			r.station.change(n.Multicast())
			r.schedule.changed(time.Now())
			r.fresh, r.lonely = true, true
			m.cfg.Sightings.Renew()
		case <-m.asked:
			r.schedule.soon(time.Now())
		case h := <-r.station.heard:
			r.hear(h)
		case <-timer.C:
		}
		timer.Reset(time.Until(r.act(time.Now())))
	}
}

// running is the state of Run, and belongs to its goroutine.
type running struct {
	*MDNS
	schedule schedule
	station  station

	fresh  bool // the network has changed, and nothing was announced since
	lonely bool // nobody was heard since the network has changed
}

// act does what is due, and returns when something is due next.
func (r *running) act(now time.Time) time.Time {
	status := r.Status()
	if r.station.hushed(now) {
		status.Announce = r.station.announce(now)
	}
	if r.schedule.due(now) {
		// Listening comes first, so that answers to the announcement are heard. What failed, or
		// ended by itself, is tried again with each announcement.
		status.IPv4, status.IPv6 = r.station.listen(v4), r.station.listen(v6)
		if r.lonely && !r.fresh { // else it has asked when it began to listen
			r.station.ask()
		}
		if !r.fresh || !r.station.register(now) {
			status.Announce = r.station.announce(now)
		}
		r.fresh = false
		r.schedule.announced(now, rand.Float64())
	}
	r.station.answer(now)
	status.Log(r.cfg.Log, "mDNS", r.Status())
	r.status.Store(&status)
	return r.station.next(r.schedule.at)
}

// hear takes in what a packet said.
func (r *running) hear(h heard) {
	if h.asks {
		r.station.answers.asked(h.way, time.Now(), rand.Float64())
		return
	}
	s := h.said.sighting
	if s.Device != r.cfg.Device {
		r.lonely = false
	}
	if h.said.goodbye {
		r.cfg.Sightings.Again(s.Device)
		return
	}
	way := [...]sightings.Way{sightings.MDNS4, sightings.MDNS6}[h.way.by]
	r.cfg.Sightings.Hear(sightings.Heard{Way: way, From: h.from, Start: h.said.instance, Sighting: s}, time.Now())
}
