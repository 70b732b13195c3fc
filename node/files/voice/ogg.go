package voice

import "encoding/binary"

// What a page of Ogg begins with, and its flags: RFC 3533, section 6.
const (
	capture   = "OggS"
	pageHead  = 27
	continued = 1
	first     = 2
	last      = 4
)

// maxGranule is a granule position above which nobody counts: 186 years.
const maxGranule = 1 << 48

// pageSamples is how much sound is put on one page.
const pageSamples = rate

// serial is the number of the stream in what is written. One file has one stream.
const serial = 1

// page is a page of Ogg.
type page struct {
	flags    byte
	granule  int64
	serial   uint32
	sequence uint32
	lacing   []byte // the lengths of the pieces of packets
	body     []byte
}

// cutPage returns the first page, and what follows it.
func cutPage(b []byte) (p page, rest []byte, err error) {
	if len(b) < pageHead || string(b[:4]) != capture || b[4] != 0 {
		return p, nil, malformed("no page where one must be")
	}
	size := pageHead + int(b[26])
	if size > len(b) {
		return p, nil, malformed("ends in a page")
	}
	p = page{
		flags:    b[5],
		granule:  int64(binary.LittleEndian.Uint64(b[6:])),
		serial:   binary.LittleEndian.Uint32(b[14:]),
		sequence: binary.LittleEndian.Uint32(b[18:]),
		lacing:   b[pageHead:size],
	}
	for _, n := range p.lacing {
		size += int(n)
	}
	if size > len(b) {
		return p, nil, malformed("ends in a page")
	}
	p.body = b[pageHead+len(p.lacing) : size]
	if checksum(b[:size]) != binary.LittleEndian.Uint32(b[22:]) {
		return p, nil, malformed("checksum of a page")
	}
	return p, b[size:], nil
}

// crc is the table of the checksum: polynomial 0x04c11db7, the highest bit first.
var crc = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ (c>>31)*0x04c11db7
		}
		t[i] = c
	}
	return t
}()

// checksum is over a page with its own four bytes taken as 0.
func checksum(b []byte) (c uint32) {
	for i, x := range b {
		if i >= 22 && i < 26 {
			x = 0
		}
		c = c<<8 ^ crc[byte(c>>24)^x]
	}
	return c
}

// readOgg reads one logical stream: OpusHead on a page, OpusTags on further ones, and sound.
func (r *recording) readOgg(b []byte) error {
	var (
		begun   page   // the first page
		partial []byte // of a packet that goes on on the next page
		headers int    // how many of the two were read
		at      int64  // where the sound is up to now
		audible bool   // at is known
	)
	for n := uint32(0); ; n++ {
		p, rest, err := cutPage(b)
		if err != nil {
			return err
		}
		b = rest
		if n == 0 {
			begun = p
		}
		switch {
		case p.serial != begun.serial, p.flags&first != 0 != (n == 0):
			return ErrUnsupported // several streams
		case p.sequence != begun.sequence+n:
			return malformed("a page is missing")
		case p.flags&^(continued|first|last) != 0, p.flags&continued != 0 != (partial != nil):
			return malformed("flags of a page")
		}
		before, ends := r.samples, false // ends: a packet does, on this page
		for from, to, i := 0, 0, 0; i < len(p.lacing); i++ {
			if to += int(p.lacing[i]); p.lacing[i] == 255 && i < len(p.lacing)-1 {
				continue
			}
			packet := p.body[from:to:to]
			from = to
			if partial != nil {
				packet = append(partial, packet...)
			}
			if p.lacing[i] == 255 {
				partial = packet // which has no room behind it until it was copied
				continue
			}
			partial = nil
			ends = true
			switch headers {
			case 0:
				r.head, err = readHead(packet)
			case 1:
				err = checkTags(packet)
			default:
				err = r.add(packet)
			}
			if err != nil {
				return err
			}
			if headers < 2 {
				headers++
				if i < len(p.lacing)-1 { // what follows a header begins on a page of its own
					return malformed("a header shares its page")
				}
				if p.granule != 0 {
					return malformed("granule position of a header")
				}
			}
		}
		if n == 0 && headers == 0 {
			return malformed("OpusHead is not on one page")
		}
		if heard := int64(r.samples - before); heard > 0 {
			if err := r.place(p, heard, &at, audible); err != nil {
				return err
			}
			audible = true
		} else if !ends && p.granule != -1 && p.granule != at {
			return malformed("granule position of a page where no packet ends")
		}
		switch {
		case p.flags&last != 0 && len(b) > 0:
			return ErrUnsupported // another stream, or what else follows
		case p.flags&last != 0:
			r.healed = r.healed || partial != nil
			return nil
		case len(b) == 0:
			r.healed = true
			return nil
		}
	}
}

// place holds the granule position of a page, where its last packet ends, against the sound on it. The
// last page may say less: then the rest is not played.
func (r *recording) place(p page, heard int64, at *int64, audible bool) error {
	if p.granule < *at || p.granule > maxGranule {
		return malformed("granule position")
	}
	if !audible { // the first page says where the stream begins, unless it is the last as well
		*at = max(0, p.granule-heard)
	}
	switch end := *at + heard; {
	case p.granule > end:
		r.healed = true
	case p.granule < end && p.flags&last == 0:
		return malformed("granule position")
	case p.granule < end:
		r.trim = int(end - p.granule)
	}
	*at = p.granule
	return nil
}

// ogg writes the recording as one stream. No packet is so large that it needs a second page.
func (r *recording) ogg() []byte {
	size := 1 << 10
	for _, p := range r.packets {
		size += len(p) + len(p)/255 + 1
	}
	out := make([]byte, 0, size+(r.samples/pageSamples+1)*pageHead)
	out = appendPage(out, first, 0, 0, r.head.bytes())
	out = appendPage(out, 0, 0, 1, bareTags())
	sequence, at := uint32(2), 0
	for packets := r.packets; len(packets) > 0; sequence++ {
		n, pieces, heard := 0, 0, 0
		for n < len(packets) && heard < pageSamples {
			if pieces += len(packets[n])/255 + 1; pieces > 255 {
				break
			}
			heard += samplesOf(packets[n])
			n++
		}
		at += heard
		if n == len(packets) {
			return appendPage(out, last, int64(at-r.trim), sequence, packets...)
		}
		out = appendPage(out, 0, int64(at), sequence, packets[:n]...)
		packets = packets[n:]
	}
	return out
}

func appendPage(out []byte, flags byte, granule int64, sequence uint32, packets ...[]byte) []byte {
	begin := len(out)
	out = append(out, capture...)
	out = append(out, 0, flags)
	out = binary.LittleEndian.AppendUint64(out, uint64(granule))
	out = binary.LittleEndian.AppendUint32(out, serial)
	out = binary.LittleEndian.AppendUint32(out, sequence)
	out = append(out, 0, 0, 0, 0, 0) // the checksum, and how many pieces
	for _, p := range packets {
		for n := len(p); n >= 0; n -= 255 {
			out = append(out, byte(min(n, 255)))
		}
	}
	out[begin+26] = byte(len(out) - begin - pageHead)
	for _, p := range packets {
		out = append(out, p...)
	}
	binary.LittleEndian.PutUint32(out[begin+22:], checksum(out[begin:]))
	return out
}
