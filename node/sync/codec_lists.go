package sync

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/event"
)

// Sizes of elements in bytes, with what each takes at most.
const (
	tagSize     = 32
	maxProof    = 4 << 10
	maxSegment  = 64       // 52
	maxLog      = 2 << 10  // 1,772
	maxHead     = 256      // 219
	maxRecord   = 17 << 10 // value, subject and the rest, with a signature
	maxSighting = 256      // 234
	maxAddress  = 18
)

func (m *Offers) marshal() []byte {
	var w canon.Writer
	for i := range m.Offers {
		w.Element(1, m.Offers[i].marshal())
	}
	return w.Out()
}

func parseOffers(b []byte) (*Offers, error) {
	r := canon.NewReader(b)
	elements := r.Repeated(1, MaxOffers, MaxFrame)
	if err := r.End(); err != nil {
		return nil, err
	}
	m := &Offers{Offers: make([]Offer, len(elements))}
	for i, b := range elements {
		o, err := parseOffer(b)
		if err != nil {
			return nil, err
		}
		if i > 0 && bytes.Compare(m.Offers[i-1].Tag, o.Tag) >= 0 {
			return nil, unordered("offers")
		}
		m.Offers[i] = o
	}
	return m, nil
}

func (m *Offer) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Tag)
	w.Bytes(2, m.Store[:])
	marshalLogs(&w, m.Logs)
	for i := range m.Records {
		h := &m.Records[i]
		var e canon.Writer
		e.Bytes(1, h.Device[:])
		e.Uint(2, uint64(h.Kind))
		e.Bytes(3, h.Subject)
		e.Uint(4, h.Counter)
		e.Bytes(5, h.Hash[:])
		w.Element(4, e.Out())
	}
	return w.Out()
}

func parseOffer(b []byte) (Offer, error) {
	r := canon.NewReader(b)
	o := Offer{Tag: r.Optional(1, tagSize), Store: event.Instance(r.Fixed(2, 8))}
	logs := r.Repeated(3, MaxLogs, maxLog)
	records := r.Repeated(4, MaxRecords, maxHead)
	err := r.End()
	if err != nil {
		return Offer{}, err
	}
	if o.Logs, err = parseLogs(logs); err != nil {
		return Offer{}, err
	}
	for i, b := range records {
		r := canon.NewReader(b)
		h := RecordHead{
			Device:  crypto.DeviceID(r.Fixed(1, 32)),
			Kind:    event.RecordKind(r.Uint(2)),
			Subject: r.Bytes(3, event.MaxSubject),
			Counter: r.Uint(4),
			Hash:    crypto.Hash(r.Fixed(5, 32)),
		}
		if err := r.End(); err != nil {
			return Offer{}, err
		}
		if i > 0 && o.Records[i-1].compare(&h) >= 0 {
			return Offer{}, unordered("record heads")
		}
		o.Records = append(o.Records, h)
	}
	return o, nil
}

func (h *RecordHead) compare(o *RecordHead) int {
	return cmp.Or(
		bytes.Compare(h.Device[:], o.Device[:]),
		cmp.Compare(h.Kind, o.Kind),
		bytes.Compare(h.Subject, o.Subject),
	)
}

func (m *Have) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Tag)
	w.Bytes(2, m.Store[:])
	marshalLogs(&w, m.Logs)
	return w.Out()
}

func parseHave(b []byte) (*Have, error) {
	r := canon.NewReader(b)
	m := &Have{Tag: r.Optional(1, tagSize), Store: event.Instance(r.Fixed(2, 8))}
	logs := r.Repeated(3, MaxLogs, maxLog)
	err := r.End()
	if err == nil && len(logs) == 0 {
		err = fmt.Errorf("%w: no logs", canon.ErrEncoding)
	}
	if err != nil {
		return nil, err
	}
	m.Logs, err = parseLogs(logs)
	return m, err
}

// marshalLogs writes field 3 of Offer and Have.
func marshalLogs(w *canon.Writer, logs []LogSegments) {
	for i := range logs {
		l := &logs[i]
		var e canon.Writer
		e.Bytes(1, l.Device[:])
		e.Bytes(2, l.Instance[:])
		for _, g := range l.Segments {
			var s canon.Writer
			s.Uint(1, g.First)
			s.Uint(2, g.Last)
			s.Bytes(3, g.ID[:])
			e.Element(3, s.Out())
		}
		w.Element(3, e.Out())
	}
}

func parseLogs(elements [][]byte) ([]LogSegments, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	logs := make([]LogSegments, len(elements))
	for i, b := range elements {
		r := canon.NewReader(b)
		l := LogSegments{Device: crypto.DeviceID(r.Fixed(1, 32)), Instance: event.Instance(r.Fixed(2, 8))}
		segments := r.Repeated(3, event.MaxSegments, maxSegment)
		if err := r.End(); err != nil {
			return nil, err
		}
		if len(segments) == 0 {
			return nil, fmt.Errorf("%w: log without segments", canon.ErrEncoding)
		}
		l.Segments = make(event.Segments, len(segments))
		for j, b := range segments {
			r := canon.NewReader(b)
			l.Segments[j] = event.Segment{First: r.Uint(1), Last: r.Uint(2), ID: event.ID(r.Fixed(3, 32))}
			if err := r.End(); err != nil {
				return nil, err
			}
		}
		if err := l.Segments.Check(); err != nil {
			return nil, err
		}
		if i > 0 && logs[i-1].compare(&l) >= 0 {
			return nil, unordered("logs")
		}
		logs[i] = l
	}
	return logs, nil
}

func (l *LogSegments) compare(o *LogSegments) int {
	return cmp.Or(bytes.Compare(l.Device[:], o.Device[:]), bytes.Compare(l.Instance[:], o.Instance[:]))
}

func (m *Sightings) marshal() []byte {
	var w canon.Writer
	for i := range m.Sightings {
		s := &m.Sightings[i]
		var e canon.Writer
		e.Bytes(1, s.Device[:])
		for _, a := range s.Addresses {
			e.Element(2, append(a.Addr().Unmap().AsSlice(), byte(a.Port()>>8), byte(a.Port())))
		}
		w.Element(1, e.Out())
	}
	return w.Out()
}

func parseSightings(b []byte) (*Sightings, error) {
	r := canon.NewReader(b)
	elements := r.Repeated(1, MaxSightings, maxSighting)
	if err := r.End(); err != nil {
		return nil, err
	}
	m := &Sightings{Sightings: make([]Sighting, len(elements))}
	for i, b := range elements {
		r := canon.NewReader(b)
		s := Sighting{Device: crypto.DeviceID(r.Fixed(1, 32))}
		addresses := r.Repeated(2, MaxAddresses, maxAddress)
		if err := r.End(); err != nil {
			return nil, err
		}
		for _, b := range addresses {
			if len(b) != 6 && len(b) != 18 {
				return nil, fmt.Errorf("%w: address of %d bytes", canon.ErrEncoding, len(b))
			}
			ip, _ := netip.AddrFromSlice(b[:len(b)-2])
			if ip.Is4In6() {
				return nil, fmt.Errorf("%w: IPv4 address written as IPv6", canon.ErrEncoding)
			}
			port := uint16(b[len(b)-2])<<8 | uint16(b[len(b)-1])
			s.Addresses = append(s.Addresses, netip.AddrPortFrom(ip, port))
		}
		m.Sightings[i] = s
	}
	return m, nil
}

func unordered(what string) error {
	return fmt.Errorf("%w: %s out of order", canon.ErrEncoding, what)
}
