package doctor

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	gosync "sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/link"
)

const (
	// maxAsked is how many contacts are asked, each by one device. With so many a majority is clear.
	maxAsked = 8

	// settle is how long an announcement, or the answer to one, may take to be heard.
	settle = 2 * time.Second

	// seenWithin is since when a device was heard that counts as being on this network: each
	// announces itself about once a minute.
	seenWithin = 75 * time.Second

	// maxDialled is how many contacts are dialled to find out why they are not connected; of others
	// the last dial has to do.
	maxDialled = 8
	// dialPatience is how long such a dial may take.
	dialPatience = 6 * time.Second
	// promptly is how soon a firewall turns a dial away. That a machine is not there, the system
	// finds after some seconds.
	promptly = time.Second
)

// contacts finds out what contacts hear of this node, and why those that are here are not connected.
func (d *Doctor) contacts(ctx context.Context, whom crypto.PersonID, tell func(...checks.Check)) {
	began := time.Now()
	announced := d.cfg.Announce()
	var asking gosync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { // ends with ctx
		asked, silent := d.askAll(ctx, d.whoToAsk(d.cfg.Contacts(), whom), round{began, announced})
		tell(checks.OfAnswers(d.cfg.Port(), asked, silent)...)
	})
	if !pause(ctx, began.Add(settle)) {
		return
	}
	known := d.cfg.Contacts()
	if whom != (crypto.PersonID{}) && !slices.ContainsFunc(known, func(k Known) bool { return k.ID == whom }) {
		known = append(known, d.cfg.Known(whom))
	}
	network := d.cfg.Network()
	peers := make([]checks.Peer, len(known))
	for i, k := range known {
		peers[i] = d.peer(network, k)
	}
	d.dialAll(ctx, network, whom, known, peers)
	for i := range peers {
		if peers[i].Person == whom {
			peers[i].Waiting = d.waitingFor(ctx, whom)
			tell(checks.OfPerson(peers[i]))
		}
	}
	tell(checks.OfPeers(peers)...)
}

// connected says that a person is connected now.
func (d *Doctor) connected(id crypto.PersonID) bool {
	return slices.ContainsFunc(d.cfg.Known(id).Devices, func(device Device) bool { return device.Connected })
}

// pause waits until a time, and returns false if ctx ends before.
func pause(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitingFor returns what waits for a person.
func (d *Doctor) waitingFor(ctx context.Context, whom crypto.PersonID) checks.Waiting {
	all, err := d.cfg.Waiting(ctx)
	if err != nil {
		d.cfg.Log.Warn("examine: read what waits", "err", err)
	}
	for _, w := range all {
		if w.Person == whom {
			return w
		}
	}
	return checks.Waiting{}
}

// peer returns what is known of a person without asking anybody.
func (d *Doctor) peer(network discovery.Network, k Known) checks.Peer {
	p := checks.Peer{Person: k.ID, Contact: k.Contact, Blocked: k.Blocked}
	last := make(map[string]time.Time)
	for _, device := range k.Devices {
		p.Here = p.Here || device.Connected
		p.Incompatible = p.Incompatible || device.Incompatible && !device.Connected
		if device.LastSeen.After(p.LastSeen) {
			p.LastSeen = device.LastSeen
		}
		for way, at := range d.cfg.Heard(device.ID) {
			heard := d.wall(at)
			if heard.After(last[way]) {
				last[way] = heard
			}
			// Who was heard before their session has ended may have gone since.
			p.Seen = p.Seen || time.Since(at) < seenWithin && heard.After(device.LastSeen)
		}
		for _, source := range device.FoundBy {
			if _, there := last[string(source)]; !there && !source.Announced() {
				last[string(source)] = time.Time{}
			}
		}
		for _, at := range device.Addrs {
			p.Addresses = append(p.Addresses, at.String())
		}
		if device.Err != nil {
			p.Tries = append(p.Tries, d.try(network, device.ID, netip.AddrPort{}, device.Err, 0))
		}
	}
	for way, at := range last {
		p.Heard = append(p.Heard, checks.Heard{Way: way, Last: at})
	}
	slices.SortFunc(p.Heard, func(a, b checks.Heard) int { return b.Last.Compare(a.Last) })
	return p
}

// wall returns when something was by the owner's clock, of a time by the machine's monotonic one.
func (d *Doctor) wall(at time.Time) time.Time { return d.cfg.Now().Add(-time.Since(at)) }

// dialAll dials whom the owner asks about, and some of the contacts that are on this network, where
// they are not connected. It notes in peers, which are those that are known, how that has ended.
func (d *Doctor) dialAll(ctx context.Context, network discovery.Network, whom crypto.PersonID, known []Known, peers []checks.Peer) {
	var dialling gosync.WaitGroup
	defer dialling.Wait()
	dials := 0
	for i := range peers {
		p := &peers[i]
		if p.Here || p.Person != whom && (!p.Seen || dials >= maxDialled) {
			continue
		}
		dials++
		dialling.Go(func() { // ends within dialPatience
			p.Tries = d.dial(ctx, network, known[i])
			p.Here = d.connected(p.Person) // by now
		})
	}
}

// dial asks at all addresses of a person's devices who is there.
func (d *Doctor) dial(ctx context.Context, network discovery.Network, k Known) (tries []checks.Try) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	var mu gosync.Mutex
	var dialling gosync.WaitGroup
	for _, device := range k.Devices {
		for _, at := range device.Addrs {
			dialling.Go(func() { // ends with ctx
				began := time.Now()
				there, err := d.whoIs(ctx, at)
				if err == nil && there != device.ID {
					err = &link.OtherError{Device: there}
				}
				t := d.try(network, device.ID, at, err, time.Since(began))
				mu.Lock()
				defer mu.Unlock()
				tries = append(tries, t)
			})
		}
	}
	dialling.Wait()
	return tries
}

// whoIs returns which device answers at an address.
func (d *Doctor) whoIs(ctx context.Context, at netip.AddrPort) (peer.ID, error) {
	addrs := discovery.Sighting{Addrs: []netip.AddrPort{at}}.Multiaddrs()
	if len(addrs) == 0 {
		return "", errAddress
	}
	return d.cfg.Host.WhoIs(ctx, addrs[0])
}

var errAddress = errors.New("not an address that can be dialled")

// try says how a dial has ended, and after how long. The address is not valid where it is not known
// which of several the error is about.
func (d *Doctor) try(network discovery.Network, device peer.ID, at netip.AddrPort, err error, took time.Duration) checks.Try {
	t := checks.Try{Device: device.String()}
	if at.IsValid() {
		t.Address = at.String()
	}
	if err == nil {
		return t
	}
	t.Code, t.Detail = outcome(err), err.Error()
	var other *link.OtherError
	if errors.As(err, &other) {
		t.Code, t.Instead = checks.WrongIdentity, other.Device.String()
		_, t.Known = d.cfg.Owns(other.Device)
		t.Known = t.Known || other.Device == d.cfg.Host.ID()
	}
	if !at.IsValid() || !network.OnLink(at.Addr()) {
		return t
	}
	switch {
	case t.Code == checks.NoRoute && forbidden(runtime.GOOS, func() bool { return d.reachesLAN(network) }):
		t.Code = checks.Permission
	case turnedAway(at.Addr(), err, took):
		t.Code = checks.Refused
	}
	return t
}

// forbidden says that the system seems to keep this program off the local network: macOS says then
// that there is no way even to addresses of a network that the machine is on.
func forbidden(system string, reachesLAN func() bool) bool {
	return system == "darwin" && !reachesLAN()
}

// reachesLAN says that somebody on a network of this machine is connected.
func (d *Doctor) reachesLAN(network discovery.Network) bool {
	return slices.ContainsFunc(d.cfg.Contacts(), func(k Known) bool {
		return slices.ContainsFunc(k.Devices, func(device Device) bool {
			return device.Connected && slices.ContainsFunc(device.Addrs, func(a netip.AddrPort) bool { return network.OnLink(a.Addr()) })
		})
	})
}

// turnedAway says that a firewall has turned a dial away. Not all say that nobody listens, some say what
// sounds as if there were no way to a neighbour: that of Fedora does, unless told otherwise.
func turnedAway(at netip.Addr, err error, took time.Duration) bool {
	noWay := errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, wsaHostUnreach) ||
		at.Is6() && errors.Is(err, syscall.EACCES)
	return noWay && took < promptly || outcome(err) == checks.Refused
}

// What Windows says where Unix has names of its own.
const (
	wsaConnRefused = syscall.Errno(10061)
	wsaNetUnreach  = syscall.Errno(10051)
	wsaHostUnreach = syscall.Errno(10065)
	wsaTimedOut    = syscall.Errno(10060)
	wsaAccess      = syscall.Errno(10013)
)

// outcome is the code of a dial that has failed.
func outcome(err error) string {
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
	switch {
	case is(syscall.ECONNREFUSED, wsaConnRefused):
		return checks.Refused
	case is(link.ErrNoAnswer, context.DeadlineExceeded, syscall.ETIMEDOUT, wsaTimedOut):
		return checks.TimedOut
	case is(syscall.EHOSTUNREACH, syscall.ENETUNREACH, wsaHostUnreach, wsaNetUnreach):
		return checks.NoRoute
	case is(syscall.EACCES, syscall.EPERM, wsaAccess):
		return checks.Permission
	}
	return checks.Other
}
