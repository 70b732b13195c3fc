package node

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
)

// Where devices are, and when they were last seen, changes all day. It is kept in memory and rarely written down: all of it
// once an hour and when the node stops, and soon where a device could not be found again after a crash.
const (
	saveEvery = time.Hour

	// savePause is the least time between two commits because of devices that have moved. So an office that comes back at
	// once is written down together, and whoever tells other addresses all the time causes no more than this.
	savePause = 10 * time.Second

	// saveAgain is when what could not be written is tried again: the disk may be full.
	saveAgain = time.Minute

	// savedAddrs is how many addresses of a device are kept for the next start.
	savedAddrs = 4
)

// place is where a device was found by this run of the node.
type place struct {
	addrs []string  // the best first, at most savedAddrs
	sure  int       // the first so many are to be on the disk soon
	seen  time.Time // when its last session ended, by the owner's clock; zero: none has
}

// add takes addresses in while there is room.
func (at *place) add(addrs ...netip.AddrPort) {
	for _, a := range addrs {
		if text := a.String(); len(at.addrs) < savedAddrs && !slices.Contains(at.addrs, text) {
			at.addrs = append(at.addrs, text)
		}
	}
}

func parseAddrs(texts []string) (out []netip.AddrPort) {
	for _, text := range texts {
		if a, err := netip.ParseAddrPort(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// setPlace says anew where a device is. Nobody else has seen the acquaintance yet.
func (a *acquaintance) setPlace(d crypto.DeviceID, at place) {
	places := make(map[crypto.DeviceID]place, len(a.places)+1)
	maps.Copy(places, a.places)
	places[d] = at
	a.places = places
}

// whereabouts is where a device is and when it was last seen: as this run of the node knows, else as the disk does.
func (a *acquaintance) whereabouts(d crypto.DeviceID, now time.Time) store.DeviceInfo {
	info, at := a.Devices[d], a.places[d]
	if len(at.addrs) > 0 {
		info.Addrs = at.addrs
	}
	if !at.seen.IsZero() {
		info.LastSeen = at.seen
	}
	if _, online := a.online[d]; online {
		info.LastSeen = now
	}
	return info
}

// moved says that the disk does not know a device, or that it could not be found again by what the disk knows.
func (a *acquaintance) moved(d crypto.DeviceID) bool {
	saved, known := a.Devices[d]
	at := a.places[d]
	if len(saved.Addrs) == 0 {
		return !known || len(at.addrs) > 0
	}
	return slices.ContainsFunc(at.addrs[:at.sure], func(addr string) bool { return !slices.Contains(saved.Addrs, addr) })
}

// unsaved is what the disk does not know of a person's devices: of all, or of those that have moved.
func (a *acquaintance) unsaved(now time.Time, all bool) map[crypto.DeviceID]store.DeviceInfo {
	out := make(map[crypto.DeviceID]store.DeviceInfo)
	for _, d := range a.card.Devices() {
		info, saved := a.whereabouts(d, now), a.Devices[d]
		differs := !slices.Equal(info.Addrs, saved.Addrs) || !info.LastSeen.Equal(saved.LastSeen)
		if a.moved(d) || all && differs {
			out[d] = info
		}
	}
	return out
}

// found takes in where the peer of a session is. The best address is the one at which this node reached it or, if it came by
// itself, one with the IP that it came from. What it tells of itself is next, then what was known before. What others say, who
// may have made it up, only fills what room is left.
func (p *people) found(s *session, own, heard []netip.AddrPort) {
	p.mu.Lock()
	a := p.known[p.devices[s.peer]]
	if a == nil {
		p.mu.Unlock()
		return
	}
	known := parseAddrs(a.whereabouts(s.peer, time.Time{}).Addrs)
	at := place{seen: a.places[s.peer].seen}
	if reached, ok := s.reached(slices.Concat(own, known, heard)); ok {
		at.add(reached)
	}
	at.add(own...)
	at.sure = len(at.addrs)
	at.add(known...)
	at.add(heard...)
	p.edit(a.ID, func(a *acquaintance) { a.setPlace(s.peer, at) })
	p.mu.Unlock()
	p.hurry(a.ID)
}

// reached is the address at which the peer can be dialled, as the connection shows: the one that was dialled, or else the first
// that has the IP it came from.
func (s *session) reached(among []netip.AddrPort) (at netip.AddrPort, ok bool) {
	tcp, err := manet.ToNetAddr(s.stream.Conn().RemoteMultiaddr())
	if err != nil {
		return at, false
	}
	remote, err := netip.ParseAddrPort(tcp.String())
	if err != nil {
		return at, false
	}
	if s.stream.Conn().Stat().Direction == network.DirOutbound {
		return remote, true
	}
	i := slices.IndexFunc(among, func(a netip.AddrPort) bool { return a.Addr() == remote.Addr() })
	if i < 0 {
		return at, false
	}
	return among[i], true
}

// hurry has a person's devices saved soon, if one has moved.
func (p *people) hurry(id crypto.PersonID) {
	if a, _ := p.get(id); a.saved && slices.ContainsFunc(a.card.Devices(), a.moved) {
		p.wake.Give()
	}
}

// save writes down in one commit what the disk does not know of where devices are: of all, or of those that have moved.
func (p *people) save(ctx context.Context, now time.Time, all bool) error {
	p.updating.Lock()
	defer p.updating.Unlock()
	unsaved := make(map[crypto.PersonID]map[crypto.DeviceID]store.DeviceInfo)
	for _, a := range p.all() {
		if !a.saved {
			continue
		}
		if devices := a.unsaved(now, all); len(devices) > 0 {
			unsaved[a.ID] = devices
		}
	}
	if len(unsaved) == 0 {
		return nil
	}
	if err := p.store.UpdateDevices(ctx, unsaved); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, devices := range unsaved {
		p.edit(id, func(a *acquaintance) {
			a.Devices = maps.Clone(a.Devices)
			maps.Copy(a.Devices, devices)
		})
	}
	return nil
}

// savePlaces writes down where devices are, until ctx ends.
func (n *Node) savePlaces(ctx context.Context) {
	hourly, soon := time.NewTimer(saveEvery), time.NewTimer(saveEvery)
	defer hourly.Stop()
	defer soon.Stop()
	soon.Stop()
	var last time.Time // that soon has fired
	for {
		all := false
		select {
		case <-ctx.Done():
			return
		case <-n.people.wake:
			soon.Reset(time.Until(last.Add(savePause)))
			continue
		case <-soon.C:
			last = time.Now()
		case <-hourly.C:
			all = true
			hourly.Reset(saveEvery)
		}
		if err := n.people.save(ctx, n.cfg.Now(), all); err != nil && ctx.Err() == nil {
			n.log.Warn("save where devices are", "err", err)
			hourly.Reset(saveAgain)
		}
	}
}

// saveLastPlaces writes down where devices are when every session has ended.
func (n *Node) saveLastPlaces(ctx context.Context) {
	if err := n.people.save(context.WithoutCancel(ctx), n.cfg.Now(), true); err != nil {
		n.log.Warn("save where devices are", "err", err)
	}
}

// told takes in what a peer says of where devices are.
func (n *Node) told(by *session, sightings []sync.Sighting) {
	for _, s := range sightings {
		if s.Device == n.me.device {
			continue
		}
		n.hub.sighted(discovery.Sighting{Device: peerID(s.Device), Addrs: s.Addresses, Source: discovery.FromPeer})
		if s.Device == by.peer {
			n.hub.do(func() {
				by.ownAddrs = s.Addresses
				n.hub.found(by)
			})
		}
	}
}

// savedSightings are where the devices of persons in the store last were.
func (n *Node) savedSightings() (out []discovery.Sighting) {
	for _, a := range n.people.all() {
		for device, info := range a.Devices {
			s := discovery.Sighting{Device: peerID(device), Addrs: parseAddrs(info.Addrs), Source: discovery.FromSaved}
			if len(s.Addrs) > 0 {
				out = append(out, s)
			}
		}
	}
	return out
}
