package people

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/store/book"
)

// Where devices are, and when they were last seen, changes all day. It is kept in memory and rarely
// written down: all of it once an hour and when the node stops, and soon after a change without
// which the device could not be found again after a crash.
const (
	saveEvery = time.Hour

	// savePause is the least time between two commits because of devices that have moved. So when
	// all devices of an office come back at once, they are written down together, and a device that
	// tells other addresses all the time causes no more commits than this.
	savePause = 10 * time.Second

	// saveAgain is how long after a failed write it is tried again: the disk may be full.
	saveAgain = time.Minute

	// savedAddrs is how many addresses of a device are kept for the next start.
	savedAddrs = 4
)

// place is where a device was found by this run of the node.
type place struct {
	addrs []string  // where it surely is, the best first
	heard []string  // where else it is said to be; with addrs at most savedAddrs
	seen  time.Time // when its last session ended, by the owner's clock; zero: none has
}

// add takes addresses in while there is room.
func (at *place) add(to *[]string, addrs ...netip.AddrPort) {
	for _, a := range addrs {
		text := a.String()
		if room := len(at.addrs)+len(at.heard) < savedAddrs; room && !slices.Contains(at.addrs, text) && !slices.Contains(at.heard, text) {
			*to = append(*to, text)
		}
	}
}

// nowhere says that no address is known.
func (at *place) nowhere() bool { return len(at.addrs)+len(at.heard) == 0 }

func parseAddrs(texts []string) (out []netip.AddrPort) {
	for _, text := range texts {
		if a, err := netip.ParseAddrPort(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// setPlace replaces what is known of where a device is. a is a copy that nobody else has seen yet.
func (a *Person) setPlace(d crypto.DeviceID, at place) {
	places := make(map[crypto.DeviceID]place, len(a.places)+1)
	maps.Copy(places, a.places)
	places[d] = at
	a.places = places
}

// whereabouts returns where a device is and when it was last seen, as this run of the node knows,
// or else as the disk does. online is the time of now if the device is connected, else zero.
func (a *Person) whereabouts(d crypto.DeviceID, online time.Time) book.DeviceInfo {
	info, at := a.Devices[d], a.places[d]
	if !at.nowhere() {
		info.Addrs, info.Heard = at.addrs, at.heard
	}
	if !at.seen.IsZero() {
		info.LastSeen = at.seen
	}
	if !online.IsZero() {
		info.LastSeen = online
	}
	return info
}

// LastSeen returns when a device of a person was last connected.
func (p *People) LastSeen(a *Person, device crypto.DeviceID) time.Time {
	return a.whereabouts(device, p.online(device)).LastSeen
}

// LastSeenAny returns when any device of a person was last connected; zero: never.
func (p *People) LastSeenAny(a *Person) (last time.Time) {
	for _, device := range a.Parsed.Devices() {
		if at := p.LastSeen(a, device); at.After(last) {
			last = at
		}
	}
	return last
}

// online returns the time of now if a device is connected, else zero.
func (p *People) online(device crypto.DeviceID) (now time.Time) {
	if p.presence.Online(device) {
		now = p.cfg.Now()
	}
	return now
}

// moved says that the disk does not know a device, or that it could not be found again by what the
// disk knows.
func (a *Person) moved(d crypto.DeviceID) bool {
	saved, known := a.Devices[d]
	at := a.places[d]
	if len(saved.Addrs)+len(saved.Heard) == 0 {
		return !known || !at.nowhere()
	}
	return slices.ContainsFunc(at.addrs, func(addr string) bool { return !slices.Contains(saved.Addrs, addr) })
}

// unsaved returns what the disk does not know of a person's devices: of all, or only of those that
// have moved.
func (p *People) unsaved(a *Person, all bool) map[crypto.DeviceID]book.DeviceInfo {
	out := make(map[crypto.DeviceID]book.DeviceInfo)
	for _, d := range a.Parsed.Devices() {
		info, saved := a.whereabouts(d, p.online(d)), a.Devices[d]
		differs := !slices.Equal(info.Addrs, saved.Addrs) || !slices.Equal(info.Heard, saved.Heard) || !info.LastSeen.Equal(saved.LastSeen)
		if a.moved(d) || all && differs {
			out[d] = info
		}
	}
	return out
}

// Found takes in where a connected device is. The best address is the one at which this node
// reached it or, if it came by itself, one with the IP that it came from. The addresses that a
// contact's tells of itself come next, then those that were known before. What others tell of
// themselves, or of it, they may have made up. It only fills the room that is left, and is not trusted
// after the next start either: else it could have this node dial whatever it names, without end.
func (p *People) Found(device crypto.DeviceID, at discovery.Place) {
	p.mu.Lock()
	a := p.known[p.devices[device]]
	if a == nil {
		p.mu.Unlock()
		return
	}
	before := a.whereabouts(device, time.Time{})
	known := parseAddrs(before.Addrs)
	now := place{seen: a.places[device].seen}
	if reached, ok := reached(at, known); ok {
		now.add(&now.addrs, reached)
	}
	if a.Contact || a.ID == p.self {
		now.add(&now.addrs, at.Own...)
	}
	now.add(&now.addrs, known...)
	now.add(&now.heard, at.Own...)
	now.add(&now.heard, parseAddrs(before.Heard)...)
	now.add(&now.heard, at.Heard...)
	p.edit(a.ID, func(a *Person) { a.setPlace(device, now) })
	p.mu.Unlock()
	p.hurry(a.ID)
}

// reached returns the address at which a device can be dialled, as the connection shows: the one
// that was dialled, or else the first that has the IP it came from.
func reached(at discovery.Place, known []netip.AddrPort) (addr netip.AddrPort, ok bool) {
	if at.Dialled || !at.Remote.IsValid() {
		return at.Remote, at.Remote.IsValid()
	}
	among := slices.Concat(at.Own, known)
	i := slices.IndexFunc(among, func(a netip.AddrPort) bool { return a.Addr() == at.Remote.Addr() })
	if i < 0 {
		return addr, false
	}
	return among[i], true
}

// hurry has a person's devices saved soon, if one has moved.
func (p *People) hurry(id crypto.PersonID) {
	if a, _ := p.Get(id); a.saved && slices.ContainsFunc(a.Parsed.Devices(), a.moved) {
		p.moved.Give()
	}
}

// save writes down in one commit what the disk does not know of where devices are: of all, or of
// those that have moved.
func (p *People) save(ctx context.Context, all bool) error {
	if err := p.saveNames(ctx, all); err != nil {
		return err
	}
	p.updating.Lock()
	defer p.updating.Unlock()
	unsaved := make(map[crypto.PersonID]map[crypto.DeviceID]book.DeviceInfo)
	for _, a := range p.Others() {
		if !a.saved {
			continue
		}
		if devices := p.unsaved(a, all); len(devices) > 0 {
			unsaved[a.ID] = devices
		}
	}
	if len(unsaved) == 0 {
		return nil
	}
	if err := p.store.Book().UpdateDevices(ctx, unsaved); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, devices := range unsaved {
		p.edit(id, func(a *Person) {
			a.Devices = maps.Clone(a.Devices)
			maps.Copy(a.Devices, devices)
		})
	}
	return nil
}

// Run writes down where devices are, until ctx ends.
func (p *People) Run(ctx context.Context) {
	hourly, soon := time.NewTimer(saveEvery), time.NewTimer(saveEvery)
	defer hourly.Stop()
	defer soon.Stop()
	soon.Stop()
	var last time.Time // when soon has fired
	for {
		all := false
		select {
		case <-ctx.Done():
			return
		case <-p.moved:
			soon.Reset(time.Until(last.Add(savePause)))
			continue
		case <-soon.C:
			last = time.Now()
		case <-hourly.C:
			all = true
			hourly.Reset(saveEvery)
		}
		if err := p.save(ctx, all); err != nil && ctx.Err() == nil {
			p.cfg.Log.Warn("save where devices are", "err", err)
			hourly.Reset(saveAgain)
		}
	}
}

// SaveLast writes down where all devices are, once every session has ended.
func (p *People) SaveLast(ctx context.Context) {
	if err := p.save(ctx, true); err != nil {
		p.cfg.Log.Warn("save where devices are", "err", err)
	}
}

// Saved returns where the devices of persons in the store last were. What was only heard of is what
// others told, as before the program was started.
func (p *People) Saved() (out []discovery.Sighting) {
	for _, a := range p.All() {
		for device, info := range a.Devices {
			for _, s := range []discovery.Sighting{
				{Addrs: parseAddrs(info.Addrs), Source: discovery.FromSaved},
				{Addrs: parseAddrs(info.Heard), Source: discovery.FromPeer},
			} {
				if s.Device = peer.ID(device.PeerID()); len(s.Addrs) > 0 {
					out = append(out, s)
				}
			}
		}
	}
	return out
}
