package mdns

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

// port is the one of multicast DNS. Answers come from it (RFC 6762, section 6).
const port = 5353

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
	admit func(from netip.Addr, now time.Time) bool // as sightings.Admit
}

// take tells what a packet says. It reports false if that is nothing of earshot, or too much.
// index is 0 if the system does not tell over which interface it came.
func (i *intake) take(b []byte, from netip.AddrPort, index int, now time.Time) (h heard, ok bool) {
	link, ok := sightings.LinkOf(i.links, from.Addr(), index)
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
