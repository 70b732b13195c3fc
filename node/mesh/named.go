package mesh

import (
	"context"
	"net/netip"
	"slices"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/link"
)

const (
	// lookEvery is how often a place is looked at again whose device is not connected: another may
	// be there now, or the name may lead elsewhere. It is the longest pause after failures, too.
	lookEvery = time.Minute
	// lookFirst is the pause after the first failure; it doubles with each.
	lookFirst = time.Second
	// resolveTimeout bounds looking up a name.
	resolveTimeout = 5 * time.Second
)

// A place is what the owner named with --peer. The lock of the register guards it.
type place struct {
	discovery.Named
	device peer.ID // that is there, as far as is known; empty: not known
	err    error   // why it could not be asked who is there
	told   bool    // the owner was told that it can't be reached
}

// Unreached is a place that the owner named and that can't be reached now.
type Unreached struct {
	Text string // as it was typed
	Err  error  // of the last attempt
}

// LookFor connects this node with the devices at the places that the owner named, until ctx ends.
// Where the owner said which device is there, the planner does the rest. Elsewhere whoever answers
// there is meant: they are asked who they are, and again after failures and while they are gone.
func (m *Mesh) LookFor(ctx context.Context, named []discovery.Named) {
	var looking gosync.WaitGroup
	defer looking.Wait()
	for _, p := range m.name(named) {
		if p.Device == "" {
			looking.Go(func() { m.keepLooking(ctx, p) })
		} else if addrs, err := p.Addrs(ctx); err == nil { // no name, so nobody is asked
			m.Sighted(discovery.Sighting{Device: p.Device, Addrs: addrs, Source: discovery.FromManual})
		}
	}
}

func (m *Mesh) keepLooking(ctx context.Context, p *place) {
	pause := lookFirst
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		_, moved := m.moves.Now()
		select {
		case <-ctx.Done():
			return
		case <-moved:
			pause = lookFirst
		case <-timer.C:
		}
		switch {
		case m.reached(p):
			timer.Reset(lookEvery)
		case m.look(ctx, p) == nil:
			pause = lookFirst
			timer.Reset(lookEvery)
		default:
			timer.Reset(pause)
			pause = min(2*pause, lookEvery)
		}
	}
}

// look finds out who is at a place, and has them dialled.
func (m *Mesh) look(ctx context.Context, p *place) error {
	device, at, err := m.whoIsAt(ctx, p)
	if err == nil && device == m.cfg.Host.ID() {
		err = link.ErrSelf
	}
	if ctx.Err() != nil {
		return err
	}
	m.looked(p, device, err)
	if err != nil {
		m.tellUnreached()
		return err
	}
	m.Sighted(discovery.Sighting{Device: device, Addrs: []netip.AddrPort{at}, Source: discovery.FromManual})
	return nil
}

// whoIsAt asks at all addresses of a place at once, and returns who answers first.
func (m *Mesh) whoIsAt(ctx context.Context, p *place) (device peer.ID, at netip.AddrPort, err error) {
	resolving, cancel := context.WithTimeout(ctx, resolveTimeout)
	addrs, err := p.Addrs(resolving)
	cancel()
	if err != nil {
		return "", at, err
	}
	var asking gosync.WaitGroup
	defer asking.Wait()
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		device peer.ID
		at     netip.AddrPort
		err    error
	}
	answers := make(chan answer, len(addrs))
	for _, at := range addrs {
		asking.Go(func() {
			device, err := m.cfg.Host.WhoIs(ctx, discovery.Sighting{Addrs: []netip.AddrPort{at}}.Multiaddrs()[0])
			answers <- answer{device, at, err}
		})
	}
	for range addrs {
		a := <-answers
		if a.err == nil {
			return a.device, a.at, nil
		}
		err = a.err
	}
	return "", at, err
}

// tellUnreached tells the owner of places that can't be reached, of each once.
func (m *Mesh) tellUnreached() {
	for _, u := range m.untold() {
		m.cfg.Unreached(u)
	}
}

// name takes in the places that the owner named.
func (r *Register) name(named []discovery.Named) []*place {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range named {
		r.named = append(r.named, &place{Named: n, device: n.Device})
	}
	return r.named
}

// looked takes in who is at a place, or why that could not be asked. The owner's wish goes from the
// device that was there before to the one that is there now, so whoever answers with ever new
// devices does not gather places that are kept for those whom the owner named.
func (r *Register) looked(p *place, device peer.ID, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.err = err
	if err != nil || p.device == device {
		return
	}
	before := p.device
	p.device = device
	for _, other := range r.named {
		if other.device == before {
			return
		}
	}
	r.planner.Unname(before)
}

// Named says that a device is at a place that the owner named, as far as is known.
func (r *Register) Named(device crypto.DeviceID) bool {
	id := peerID(device)
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.named, func(p *place) bool { return p.device == id })
}

// reached says that the device at a place is connected.
func (r *Register) reached(p *place) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.device != "" && r.planner.State(p.device).Connected
}

// Unreached returns the places that the owner named and that can't be reached now.
func (r *Register) Unreached() (out []Unreached) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.named {
		if err := r.failing(p); err != nil {
			out = append(out, Unreached{p.Text, err})
		}
	}
	return out
}

// untold returns the places that can't be reached of which the owner was not told.
func (r *Register) untold() (out []Unreached) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.named {
		if err := r.failing(p); err != nil && !p.told {
			p.told = true
			out = append(out, Unreached{p.Text, err})
		}
	}
	return out
}

// failing returns why a place can't be reached now; nil if it is reached, or was not tried yet. The
// caller holds the lock.
func (r *Register) failing(p *place) error {
	if p.device == "" {
		return p.err
	}
	state := r.planner.State(p.device)
	if state.Connected {
		return nil
	}
	if p.err != nil {
		return p.err
	}
	return state.Err
}
