package mdns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/earshot-im/earshot/discovery"
)

const (
	// maxPacket is how long a packet of multicast DNS may be, in bytes (RFC 6762, section 17).
	// Longer ones are dropped unread.
	maxPacket = 9000

	// maxRecords is how many records an announcement may have: 4 and up to 10 addresses, and room
	// for later versions. The worst 24 take 60 µs to read.
	maxRecords = 24

	// maxQuestions and maxKnown are how many questions of a query are read, and how many of the
	// answers that the sender knows already. A program that looks for all services asks for some
	// dozens at once. A query with more questions is dropped; if there are more known answers, the
	// worst is an answer that was not needed.
	maxQuestions = 64
	maxKnown     = 64

	// maxStrings is how many TXT strings an announcement may have. Two have a meaning; the rest is
	// room for later versions.
	maxStrings = 16
)

// A header is the beginning of a packet.
type header struct {
	response                              bool
	questions, answers, authority, others int
}

const headerSize = 12

// readHeader reads the first bytes of a packet. Codes other than 0 are of no use in multicast DNS,
// and such packets are to be passed over (RFC 6762, section 18).
func readHeader(b []byte) (h header, ok bool) {
	const response, opcode, rcode = 1 << 15, 0xf << 11, 0xf
	if len(b) < headerSize {
		return h, false
	}
	number := func(i int) int { return int(binary.BigEndian.Uint16(b[2*i:])) }
	flags := number(1)
	return header{flags&response != 0, number(2), number(3), number(4), number(5)}, flags&(opcode|rcode) == 0
}

// reader goes through a packet.
type reader struct {
	b  []byte
	at int
}

// next returns the next n bytes.
func (r *reader) next(n int) ([]byte, error) {
	if n > len(r.b)-r.at {
		return nil, dns.ErrBuf
	}
	r.at += n
	return r.b[r.at-n : r.at], nil
}

const leads = 0xc0 // a length with these bits set leads to where the rest of a name stands

// name passes over a name, and returns where it begins.
func (r *reader) name() (begin int, err error) {
	const longest = 255 // RFC 1035
	for begin = r.at; r.at-begin < longest; {
		length, err := r.next(1)
		if err != nil {
			return 0, err
		}
		rest := int(length[0])
		if rest >= leads {
			rest = 1
		}
		if _, err = r.next(rest); err != nil {
			return 0, err
		}
		if length[0] == 0 || length[0] >= leads {
			return begin, nil
		}
	}
	return 0, dns.ErrLongDomain
}

// spells tells whether the name that begins somewhere is another, but for upper and lower case. It
// looks no further than they are alike, so that long names cost nothing.
func (r *reader) spells(at int, name string) bool {
	const most = 8 // times that an honest packet leads elsewhere in one name
	for led := 0; led < most && at < len(r.b); {
		length := int(r.b[at])
		if length >= leads {
			if at+1 >= len(r.b) {
				return false
			}
			led, at = led+1, (length&^leads)<<8|int(r.b[at+1])
			continue
		}
		label, rest, _ := strings.Cut(name, ".")
		if length != len(label) || at+1+length > len(r.b) || !strings.EqualFold(string(r.b[at+1:at+1+length]), label) {
			return false
		}
		if length == 0 {
			return true
		}
		at, name = at+1+length, rest
	}
	return false
}

// A record is one of a packet, not looked into.
type record struct {
	name       int // where it begins
	kind       uint16
	class      uint16 // without the flag
	ttl        uint32
	begin, end int // where the data lie
}

func (r *reader) question() (name int, kind, class uint16, err error) {
	if name, err = r.name(); err != nil {
		return
	}
	b, err := r.next(4)
	if err != nil {
		return
	}
	return name, binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]) &^ cacheFlush, nil
}

func (r *reader) record() (rr record, err error) {
	if rr.name, err = r.name(); err != nil {
		return
	}
	b, err := r.next(10)
	if err != nil {
		return
	}
	rr.kind, rr.class = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])&^cacheFlush
	rr.ttl = binary.BigEndian.Uint32(b[4:])
	rr.begin = r.at
	_, err = r.next(int(binary.BigEndian.Uint16(b[8:])))
	rr.end = r.at
	return rr, err
}

// asks tells whether a query asks for something that this device announces, and that its sender
// does not know yet.
func (n names) asks(b []byte) bool {
	h, ok := readHeader(b)
	if !ok || h.response || h.questions > maxQuestions {
		return false
	}
	r := reader{b, headerSize}
	var who, types bool // asked for this service, and for all services
	for range h.questions {
		name, kind, class, err := r.question()
		if err != nil {
			return false
		}
		is := func(what string, kinds ...uint16) bool {
			return (kind == dns.TypeANY || slices.Contains(kinds, kind)) && r.spells(name, what)
		}
		switch {
		case class != dns.ClassINET && class != dns.ClassANY:
		case is(n.instanceName(), dns.TypeSRV, dns.TypeTXT), is(n.hostName(), dns.TypeA, dns.TypeAAAA):
			return true
		case is(serviceName, dns.TypePTR):
			who = true
		case is(typesName, dns.TypePTR):
			types = true
		}
	}
	for range min(h.answers, maxKnown) {
		rr, err := r.record()
		if err != nil {
			break
		}
		known := func(name, is string) bool {
			return rr.kind == dns.TypePTR && rr.ttl >= lifetime/2 && r.spells(rr.name, name) && r.spells(rr.begin, is)
		}
		who = who && !known(serviceName, n.instanceName())
		types = types && !known(typesName, serviceName)
	}
	return who || types
}

// said is what an announcement says.
type said struct {
	instance string
	sighting discovery.Sighting
	goodbye  bool // the device goes; its addresses do not count
}

// entry is what the records of an announcement hold, and is not checked yet.
type entry struct {
	text []string
	port uint16
	ips  []netip.Addr
}

// readAnnouncement reads a packet that came over a link. It has to hold the announcement of one
// device and no question. Errors wrap errPacket.
func readAnnouncement(b []byte, link discovery.Link) (s said, err error) {
	e, s, err := readRecords(b)
	if err == nil {
		s.sighting, err = e.sighting(link, s.goodbye)
	}
	if err != nil {
		return said{}, fmt.Errorf("%w: %w", errPacket, err)
	}
	return s, nil
}

// readRecords puts the records of an announcement together.
func readRecords(b []byte) (e entry, s said, err error) {
	h, ok := readHeader(b)
	n := h.answers + h.authority + h.others
	if !ok || !h.response || h.questions > 0 || n > maxRecords {
		return e, s, fmt.Errorf("%d records", n)
	}
	var host, textOf string
	ips := make(map[string][]netip.Addr)
	r := reader{b, headerSize}
	for range n {
		rr, err := r.record()
		if err != nil {
			return e, s, err
		}
		if rr.class != dns.ClassINET || !slices.Contains([]uint16{dns.TypeSRV, dns.TypeTXT, dns.TypeA, dns.TypeAAAA}, rr.kind) {
			continue
		}
		name, _, err := readName(b, rr.name)
		if err != nil {
			return e, s, err
		}
		data := b[rr.begin:rr.end]
		instance := strings.HasSuffix(name, "."+serviceName)
		switch {
		case rr.kind == dns.TypeA && len(data) == 4, rr.kind == dns.TypeAAAA && len(data) == 16:
			ip, _ := netip.AddrFromSlice(data)
			ips[name] = append(ips[name], ip)
		case !instance:
		case rr.kind == dns.TypeSRV && s.instance == "":
			s.instance, s.goodbye = name, rr.ttl == 0
			e.port, host, err = readSRV(b, rr)
		case rr.kind == dns.TypeTXT && textOf == "":
			textOf = name
			e.text, err = readTXT(data)
		default:
			err = fmt.Errorf("more than one device")
		}
		if err != nil {
			return e, s, err
		}
	}
	if s.instance == "" || textOf != s.instance {
		return e, s, fmt.Errorf("no device")
	}
	e.ips = ips[host]
	return e, s, nil
}

// readName reads a name, in lower case. The library bounds its length, and how often it leads
// elsewhere in the packet.
func readName(b []byte, begin int) (name string, end int, err error) {
	name, end, err = dns.UnpackDomainName(b, begin)
	return strings.ToLower(name), end, err
}

func readSRV(b []byte, rr record) (port uint16, host string, err error) {
	const fixed = 6 // priority, weight, port
	if rr.end-rr.begin <= fixed {
		return 0, "", dns.ErrBuf
	}
	host, end, err := readName(b[:rr.end], rr.begin+fixed)
	if err == nil && end != rr.end {
		err = dns.ErrRdata
	}
	return binary.BigEndian.Uint16(b[rr.begin+4:]), host, err
}

func readTXT(b []byte) (text []string, err error) {
	for len(b) > 0 {
		n := 1 + int(b[0])
		if n > len(b) {
			return nil, dns.ErrRdata
		}
		if len(text) == maxStrings {
			return nil, fmt.Errorf("more than %d strings", maxStrings)
		}
		text, b = append(text, string(b[1:n])), b[n:]
	}
	return text, nil
}

// sighting makes a sighting of an announcement that came over a link. Single addresses that are not
// believed are left out, since a later version may announce kinds that this one does not know.
func (e entry) sighting(link discovery.Link, goodbye bool) (s discovery.Sighting, err error) {
	if len(e.ips) > discovery.MaxAddrs {
		return s, fmt.Errorf("%d addresses", len(e.ips))
	}
	v, err := value(e.text, versionKey)
	if err != nil {
		return s, err
	}
	if v != version {
		return s, fmt.Errorf("version %q", v)
	}
	id, err := value(e.text, deviceKey)
	if err != nil {
		return s, err
	}
	s.Source = discovery.FromMDNS
	if s.Device, err = discovery.ParseDevice(id); err != nil || goodbye {
		return s, err
	}
	for _, ip := range e.ips {
		a := netip.AddrPortFrom(ip, e.port)
		if e.port >= discovery.LeastPort && link.OnLink(ip) && discovery.Believable(a, s.Source) {
			s.Addrs = append(s.Addrs, a)
		}
	}
	if len(s.Addrs) == 0 {
		return s, fmt.Errorf("no address of this network")
	}
	return s, nil
}

// value returns what follows key in the one string that begins with it.
func value(text []string, key string) (string, error) {
	found, value := 0, ""
	for _, t := range text {
		if v, ok := strings.CutPrefix(t, key); ok {
			found, value = found+1, v
		}
	}
	if found != 1 {
		return "", fmt.Errorf("%d strings with %s", found, key)
	}
	return value, nil
}
