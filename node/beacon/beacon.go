package beacon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

// ErrConfig means that New was given a device or port of which no beacon can be made. It is a fault of
// the caller.
var ErrConfig = errors.New("beacon configuration")

// Config is what New needs.
type Config struct {
	Device    peer.ID                  // this device
	Port      uint16                   // TCP port on which the node listens
	Networks  <-chan discovery.Network // from Watcher.Subscribe
	Sightings *sightings.Sightings     // is told what is heard

	// Alone says that no peer is connected. It is called from Run's goroutine.
	Alone func() bool

	Log *slog.Logger
}

// Beacon sends beacons of a device and hears those of others.
type Beacon struct {
	cfg    Config
	bytes  []byte // the beacon
	wire   wire
	status atomic.Pointer[sightings.Status]
	asked  chan struct{} // has room for one: a beacon is asked for
	peers  chan struct{} // has room for one: who is connected has changed
}

// New returns a Beacon that does nothing until Run. Its error wraps ErrConfig.
func New(cfg Config) (*Beacon, error) {
	if cfg.Port == 0 {
		return nil, fmt.Errorf("%w: port 0", ErrConfig)
	}
	bytes, err := packet{cfg.Device, cfg.Port, newStart()}.write()
	if err != nil {
		return nil, fmt.Errorf("%w: device: %w", ErrConfig, err)
	}
	b := &Beacon{cfg: cfg, bytes: bytes, wire: network{}, asked: make(chan struct{}, 1), peers: make(chan struct{}, 1)}
	none := sightings.ErrNoInterface
	b.status.Store(&sightings.Status{Announce: none, IPv4: none, IPv6: none})
	return b, nil
}

// Status says what does not work now. Anyone may call it.
func (b *Beacon) Status() sightings.Status { return *b.status.Load() }

// Announce asks for a beacon now, or a second after the last one. It does not wait. Anyone may call
// it.
func (b *Beacon) Announce() { give(b.asked) }

// PeersChanged says that a peer has come or gone. It does not wait. Anyone may call it.
func (b *Beacon) PeersChanged() { give(b.peers) }

func give(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default: // it was given, and not taken yet
	}
}

// Run sends and listens until ctx ends, then returns nil.
func (b *Beacon) Run(ctx context.Context) error {
	r := running{Beacon: b}
	defer r.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-b.cfg.Networks:
			r.stop()
			r.links = n.Multicast()
			r.schedule.changed(time.Now())
			b.cfg.Sightings.Renew()
		case <-b.asked:
			r.schedule.soon(time.Now())
		case <-b.peers:
			if b.cfg.Alone() {
				r.since = time.Now()
				r.schedule.lost(r.since, rand.Float64())
			}
		case <-timer.C:
		}
		timer.Reset(time.Until(r.act(time.Now())))
	}
}

// running is the state of Run, and belongs to its goroutine.
type running struct {
	*Beacon
	schedule schedule
	since    time.Time // of the last beacon, or when the last peer went
	links    []discovery.Link
	ears     [families]socket // nil where nothing is heard
}

// act does what is due, and returns when something is due next.
func (r *running) act(now time.Time) time.Time {
	if r.schedule.due(now) {
		// Listening comes first: who hears this beacon may send one soon. What failed, or ended by
		// itself, is tried again with each beacon.
		status := sightings.Status{IPv4: r.listen(v4), IPv6: r.listen(v6)}
		status.Announce = r.send()
		r.schedule.sent(now, r.cfg.Alone() && !r.cfg.Sightings.HeardAny(r.since), rand.Float64())
		r.since = now
		status.Log(r.cfg.Log, "beacons", r.Status())
		r.status.Store(&status)
	}
	return r.schedule.at
}

// stop ends all sockets.
func (r *running) stop() {
	for f, ear := range r.ears {
		if ear != nil {
			ear.Close()
			r.ears[f] = nil
		}
	}
}

// listen begins to listen in one IP version, if it does not yet.
func (r *running) listen(f family) error {
	if ear := r.ears[f]; ear != nil {
		select {
		case <-ear.Ended():
			ear.Close()
			r.ears[f] = nil
		default:
			return nil
		}
	}
	if len(r.links) == 0 {
		return sightings.ErrNoInterface
	}
	links := r.links // the reader's own
	ear, err := r.wire.listen(f, links, func(b []byte, from netip.AddrPort, index int) {
		if heard, ok := r.hear(b, from.Addr(), links, index, time.Now()); ok {
			r.cfg.Sightings.Hear(heard, time.Now())
		}
	})
	if err != nil {
		return err
	}
	r.ears[f] = ear
	return nil
}

// hear tells what a packet says that came over some links. It is called by the sockets' readers.
func (b *Beacon) hear(packet []byte, from netip.Addr, links []discovery.Link, index int, now time.Time) (h sightings.Heard, ok bool) {
	from = from.Unmap()
	_, ok = sightings.LinkOf(links, from, index)
	if !ok || !looksRight(packet) || !b.cfg.Sightings.Admit(from, now) {
		return h, false
	}
	p, err := read(packet)
	if err != nil {
		return h, false
	}
	at := netip.AddrPortFrom(from.WithZone(""), p.port)
	if !discovery.Believable(at, discovery.FromBeacon) {
		return h, false
	}
	way := sightings.Beacon6
	if from.Is4() {
		way = sightings.Beacon4
	}
	return sightings.Heard{Way: way, From: from, Start: string(p.start[:]),
		Sighting: discovery.Sighting{Device: p.device, Addrs: []netip.AddrPort{at}, Source: discovery.FromBeacon}}, true
}

// send sends a beacon from one address in each network. It fails if that did not work in any.
func (r *running) send() error {
	switch {
	case len(r.links) == 0:
		return sightings.ErrNoInterface
	case r.cfg.Port < discovery.LeastPort:
		return sightings.ErrLowPort
	}
	sent, failed := false, error(nil)
	for _, l := range r.links {
		for _, network := range l.Prefixes {
			ok, err := r.sendIn(l, network)
			sent, failed = sent || ok, cmp.Or(failed, err)
		}
	}
	switch {
	case sent:
		return nil
	case failed == nil:
		return discovery.ErrNoAddress
	}
	return fmt.Errorf("send a beacon: %w", failed)
}

// sendIn sends a beacon from the first address in a network of a link from which that works.
func (r *running) sendIn(l discovery.Link, network netip.Prefix) (sent bool, failed error) {
	for _, from := range l.Addrs {
		if !network.Contains(from) || !discovery.Believable(netip.AddrPortFrom(from, r.cfg.Port), discovery.FromBeacon) {
			continue
		}
		err := r.wire.send(r.bytes, from, l, targets(network)...)
		if err == nil {
			return true, nil
		}
		failed = cmp.Or(failed, err)
	}
	return false, failed
}
