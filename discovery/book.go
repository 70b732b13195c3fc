package discovery

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// MaxDevices is how many devices a Book holds: several of the largest LANs that are expected,
	// at about a kilobyte each.
	MaxDevices = 1024

	// maxTrusted is how many of a device's MaxAddrs addresses may come from sources that nobody can
	// forge. It is half of them: forged addresses never push these out, and these always leave room
	// for a new address.
	maxTrusted = MaxAddrs / 2

	// Hearsay is how long Expire keeps an address that was only heard of. An address that is still
	// announced is heard about eight times in that time.
	Hearsay = 10 * time.Minute
)

// A Book merges sightings by device. It holds MaxDevices devices with MaxAddrs addresses each,
// whatever it is given. The zero Book is empty and ready. One goroutine owns it.
type Book struct {
	devices map[peer.ID]*page
	ranks   map[peer.ID]int
}

// A page is what is known of one device; it has at least one address.
type page struct {
	addrs []place
	seen  time.Time // last sighting
}

// A place is one address, with the last time that each source named it.
type place struct {
	addr netip.AddrPort
	seen [len(sources)]time.Time // by index in sources; zero: never
}

// Rank says how much a device matters to the user. One never pushes out another of a higher rank. It
// need not have been sighted. Rank 0 is a stranger's; the caller bounds how many have a higher one.
func (b *Book) Rank(device peer.ID, rank int) {
	if rank == 0 {
		delete(b.ranks, device)
		return
	}
	if b.ranks == nil {
		b.ranks = map[peer.ID]int{}
	}
	b.ranks[device] = rank
}

// Add merges a sighting and tells whether an address, or a source of one, is new. Addresses that
// cannot be dialled are left out, and so is loopback if it was only heard of. now should not go
// backwards.
func (b *Book) Add(s Sighting, now time.Time) (changed bool) {
	source := slices.Index(sources[:], s.Source)
	addrs := slices.DeleteFunc(slices.Clone(s.Addrs[:min(len(s.Addrs), MaxAddrs)]),
		func(a netip.AddrPort) bool { return !Believable(a, s.Source) })
	if source < 0 || s.Device == "" || len(addrs) == 0 {
		return false
	}
	p := b.devices[s.Device]
	if p == nil {
		if !b.makeRoom(s.Device) {
			return false
		}
		p = &page{}
		b.devices[s.Device] = p
	}
	for _, a := range addrs {
		changed = p.add(a, source, now) || changed
	}
	p.seen = now
	return changed
}

// Addrs returns the addresses of a device, the one last named first.
func (b *Book) Addrs(device peer.ID) []netip.AddrPort {
	p := b.devices[device]
	if p == nil {
		return nil
	}
	sorted := slices.Clone(p.addrs)
	slices.SortStableFunc(sorted, func(x, y place) int { return y.last().Compare(x.last()) })
	out := make([]netip.AddrPort, len(sorted))
	for i, pl := range sorted {
		out[i] = pl.addr
	}
	return out
}

// Trusted says that an address of a device comes from a source that nobody can forge.
func (b *Book) Trusted(device peer.ID, addr netip.AddrPort) bool {
	p := b.devices[device]
	return p != nil && slices.ContainsFunc(p.addrs, func(pl place) bool { return pl.addr == addr && pl.trusted() })
}

// FoundBy returns the sources that name a device, in the order of their constants.
func (b *Book) FoundBy(device peer.ID) []Source {
	var out []Source
	if p := b.devices[device]; p != nil {
		for i, s := range sources {
			if slices.ContainsFunc(p.addrs, func(pl place) bool { return !pl.seen[i].IsZero() }) {
				out = append(out, s)
			}
		}
	}
	return out
}

// Devices returns all devices, those of the highest rank first. Within a rank the last sighted comes
// first.
func (b *Book) Devices() []peer.ID {
	out := make([]peer.ID, 0, len(b.devices))
	for d := range b.devices {
		out = append(out, d)
	}
	slices.SortFunc(out, func(x, y peer.ID) int { return b.compare(y, x) })
	return out
}

// Forget drops a device and its addresses. Its rank stays.
func (b *Book) Forget(device peer.ID) { delete(b.devices, device) }

// Expire drops addresses that were last heard of more than Hearsay ago. Addresses that the user
// typed, or that were saved, stay.
func (b *Book) Expire(now time.Time) {
	for d, p := range b.devices {
		for i := range p.addrs {
			for j, s := range sources {
				if !s.trusted() && now.Sub(p.addrs[i].seen[j]) > Hearsay {
					p.addrs[i].seen[j] = time.Time{}
				}
			}
		}
		p.addrs = slices.DeleteFunc(p.addrs, func(pl place) bool { return pl.last().IsZero() })
		if len(p.addrs) == 0 {
			delete(b.devices, d)
		}
	}
}

// makeRoom makes a place for a new device, by dropping the device of the lowest rank if the book is
// full, and tells whether there is a place. Nobody takes the place of a device of a higher rank.
func (b *Book) makeRoom(newcomer peer.ID) bool {
	if b.devices == nil {
		b.devices = map[peer.ID]*page{}
	}
	if len(b.devices) < MaxDevices {
		return true
	}
	var lowest peer.ID
	for d := range b.devices {
		if lowest == "" || b.compare(d, lowest) < 0 {
			lowest = d
		}
	}
	if b.ranks[lowest] > b.ranks[newcomer] {
		return false
	}
	delete(b.devices, lowest)
	return true
}

// compare orders devices by rank, then by the last sighting, then by ID so that a run can be
// repeated.
func (b *Book) compare(x, y peer.ID) int {
	return cmp.Or(cmp.Compare(b.ranks[x], b.ranks[y]), b.devices[x].seen.Compare(b.devices[y].seen), cmp.Compare(x, y))
}

// add notes that source named an address, and tells whether that is new.
func (p *page) add(a netip.AddrPort, source int, now time.Time) bool {
	i := slices.IndexFunc(p.addrs, func(pl place) bool { return pl.addr == a })
	if i < 0 {
		i = len(p.addrs)
		p.addrs = append(p.addrs, place{addr: a})
	}
	isNew := p.addrs[i].seen[source].IsZero()
	p.addrs[i].seen[source] = now

	// The address that was just named is never the one that is dropped.
	if trusted := p.where(place.trusted); len(trusted) > maxTrusted {
		p.drop(p.oldest(trusted, a))
	}
	if len(p.addrs) > MaxAddrs {
		p.drop(p.oldest(p.where(func(pl place) bool { return !pl.trusted() }), a))
	}
	return isNew
}

// where returns the indexes of the places for which so is true.
func (p *page) where(so func(place) bool) []int {
	var out []int
	for i, pl := range p.addrs {
		if so(pl) {
			out = append(out, i)
		}
	}
	return out
}

// oldest returns which of the places at some indexes is to be dropped, other than except: saved
// ones before typed ones, then the one that was named longest ago.
func (p *page) oldest(indexes []int, except netip.AddrPort) int {
	indexes = slices.DeleteFunc(indexes, func(i int) bool { return p.addrs[i].addr == except })
	return slices.MinFunc(indexes, func(i, j int) int {
		x, y := p.addrs[i], p.addrs[j]
		if x.typed() != y.typed() {
			if y.typed() {
				return -1
			}
			return 1
		}
		return x.last().Compare(y.last())
	})
}

func (p *page) drop(i int) { p.addrs = slices.Delete(p.addrs, i, i+1) }

func (pl place) typed() bool { return !pl.seen[slices.Index(sources[:], FromManual)].IsZero() }

func (pl place) trusted() bool {
	return pl.typed() || !pl.seen[slices.Index(sources[:], FromSaved)].IsZero()
}

func (pl place) last() time.Time {
	return slices.MaxFunc(pl.seen[:], time.Time.Compare)
}
