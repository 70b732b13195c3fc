package mdns

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/fair"
)

const (
	// packetsASecond is how many packets are parsed in a second, of each IP version. It is several
	// times what 72 devices send that start at once. Reading that many costs 1 % of a core.
	packetsASecond = 500

	// port is the one of multicast DNS. Answers come from it (RFC 6762, section 6).
	port = 5353
)

// heard is what a packet said.
type heard struct {
	way  way
	from netip.Addr
	asks bool // for this device; if not, somebody announces
	said said
}

// An intake takes packets of one IP version that came over some links, and tells what they say. It
// belongs to one goroutine.
type intake struct {
	names names
	by    family
	links []discovery.Link

	parsed *fair.Pool[netip.Addr, int] // packets, numbered, by who sent them
	since  time.Time
}

// take tells what a packet says. It reports false if that is nothing of earshot, or too much.
// index is 0 if the system does not tell over which interface it came.
func (i *intake) take(b []byte, from netip.AddrPort, index int, now time.Time) (h heard, ok bool) {
	link, ok := i.link(from.Addr(), index)
	if !ok || len(b) < headerSize || len(b) > maxPacket {
		return h, false
	}
	response := b[2]&0x80 != 0
	if response && from.Port() != port || !i.concerns(b, response) || !i.admit(from.Addr(), now) {
		return h, false
	}
	h = heard{way: way{link.Index, i.by}, from: from.Addr()}
	if !response {
		h.asks = i.names.asks(b)
		return h, h.asks
	}
	var err error
	h.said, err = readAnnouncement(b, link)
	return h, err == nil
}

// link returns the link over which a packet came. Its sender has to be on it too, since multicast
// DNS passes no router (RFC 6762, section 11).
func (i *intake) link(from netip.Addr, index int) (discovery.Link, bool) {
	at := slices.IndexFunc(i.links, func(l discovery.Link) bool {
		switch {
		case index != 0 && index != l.Index, from.Zone() != "" && index == 0 && from.Zone() != l.Name:
			return false
		}
		return l.OnLink(from)
	})
	if at < 0 {
		return discovery.Link{}, false
	}
	return i.links[at], true
}

// The first label of the names that concern this node, as bytes of a packet. A label is not spelt in
// another way but for upper case, which nobody uses here, and this looks for no such packets.
var (
	serviceLabel = []byte("\x08_earshot")
	typesLabel   = []byte("\x09_services\x07_dns-sd")
)

// concerns tells whether a packet can be of any use, before a budget is spent on it. An office full
// of printers costs no more than this.
func (i *intake) concerns(b []byte, response bool) bool {
	return bytes.Contains(b, serviceLabel) ||
		!response && (bytes.Contains(b, typesLabel) || bytes.Contains(b, []byte(i.names.host)))
}

// admit tells whether the sender of a packet may have one more parsed in this second.
func (i *intake) admit(from netip.Addr, now time.Time) bool {
	if now.Sub(i.since) >= time.Second {
		i.since, i.parsed = now, fair.New[netip.Addr, int](packetsASecond)
	}
	return take(i.parsed, from)
}

// take takes one of the places that a pool shares among senders, for as long as the pool lasts.
func take(places *fair.Pool[netip.Addr, int], from netip.Addr) bool {
	return places.Take(fair.Holder(from, true), places.Len())
}
