package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/event"
)

func (m *Offers) marshal() []byte {
	var w canon.Writer
	for i := range m.Offers {
		w.Element(1, m.Offers[i].marshal())
	}
	w.Bytes(2, make([]byte, paddingFor(len(w.Out()))))
	return w.Out()
}

// paddingFor returns the bytes of padding that n bytes of offers need.
func paddingFor(n int) int {
	for pad := 0; ; pad++ {
		size := n
		if pad > 0 {
			size += uvarintSize(1) + uvarintSize(pad) + pad
		}
		if (uvarintSize(1)+uvarintSize(size)+size)%Padding == 0 {
			return pad
		}
	}
}

func uvarintSize(n int) int { return (bits.Len(uint(n)|1) + 6) / 7 }

func parseOffers(b []byte) (*Offers, error) {
	r := canon.NewReader(b)
	elements := r.Repeated(1, MaxOffers, MaxFrame)
	pad := r.Bytes(2, 2*Padding)
	if err := r.End(); err != nil {
		return nil, err
	}
	bare := len(b)
	if len(pad) > 0 {
		bare -= uvarintSize(1) + uvarintSize(len(pad)) + len(pad)
	}
	if len(pad) != paddingFor(bare) || !bytes.Equal(pad, make([]byte, len(pad))) {
		return nil, fmt.Errorf("%w: padding", canon.ErrEncoding)
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
	for _, h := range m.Locator {
		w.Element(5, h[:])
	}
	if m.Digest != nil {
		w.Bytes(6, m.Digest[:])
	}
	w.Uint(7, uint64(m.Want))
	w.Uint(8, m.Number)
	for _, h := range m.Void {
		w.Element(9, h[:])
	}
	return w.Out()
}

func parseOffer(b []byte) (Offer, error) {
	r := canon.NewReader(b)
	o := Offer{Tag: r.Optional(1, tagSize), Store: event.Instance(r.Fixed(2, 8))}
	logs := r.Repeated(3, MaxLogs, maxLog)
	records := r.Repeated(4, MaxRecords, maxSummary)
	control := r.Repeated(5, event.MaxLocator, 32)
	digest := r.Optional(6, 32)
	o.Want, o.Number = Want(r.Uint(7)), r.Uint(8)
	void := r.Repeated(9, MaxVoid, 32)
	err := r.End()
	if err != nil {
		return Offer{}, err
	}
	if o.Locator, err = parseHashes(control); err != nil {
		return Offer{}, err
	}
	if o.Void, err = parseHashes(void); err != nil {
		return Offer{}, err
	}
	for i := 1; i < len(o.Void); i++ {
		if bytes.Compare(o.Void[i-1][:], o.Void[i][:]) >= 0 {
			return Offer{}, unordered("invitations")
		}
	}
	if digest != nil {
		o.Digest = (*crypto.Hash)(digest)
	}
	if digest != nil && len(logs) > 0 || o.Want > WantNothing || len(void) > 0 && o.Want != WantNothing || len(o.Tag) == 0 && (o.Want != WantAll || digest != nil || o.Locator != nil) {
		return Offer{}, fmt.Errorf("%w: offer", canon.ErrEncoding)
	}
	if o.Logs, err = parseLogs(logs, len(o.Tag) > 0); err != nil {
		return Offer{}, err
	}
	for i, b := range records {
		r := canon.NewReader(b)
		h := RecordSummary{
			Device:  crypto.DeviceID(r.Fixed(1, 32)),
			Kind:    event.RecordKind(r.Uint(2)),
			Subject: r.Bytes(3, event.MaxSubject),
			Counter: r.Uint(4),
			Hash:    crypto.Hash(r.Fixed(5, 32)),
		}
		if err := r.End(); err != nil {
			return Offer{}, err
		}
		if i > 0 && o.Records[i-1].Compare(&h) >= 0 {
			return Offer{}, unordered("record summaries")
		}
		o.Records = append(o.Records, h)
	}
	return o, nil
}

func parseHashes(elements [][]byte) ([]crypto.Hash, error) {
	var hashes []crypto.Hash
	for _, b := range elements {
		if len(b) != 32 {
			return nil, fmt.Errorf("%w: hash of %d bytes", canon.ErrEncoding, len(b))
		}
		hashes = append(hashes, crypto.Hash(b))
	}
	return hashes, nil
}

func (h *RecordSummary) Compare(o *RecordSummary) int {
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
	w.Uint(4, m.Answers)
	return w.Out()
}

func parseHave(b []byte) (*Have, error) {
	r := canon.NewReader(b)
	m := &Have{Tag: r.Optional(1, tagSize), Store: event.Instance(r.Fixed(2, 8))}
	logs := r.Repeated(3, MaxLogs, maxLog)
	m.Answers = r.Uint(4)
	err := r.End()
	if err == nil && len(logs) == 0 && m.Answers == 0 {
		err = fmt.Errorf("%w: no logs", canon.ErrEncoding)
	}
	if err != nil {
		return nil, err
	}
	m.Logs, err = parseLogs(logs, len(m.Tag) > 0)
	return m, err
}

// marshal writes control events as a run that encloses nothing.
func (m *Control) marshal() []byte { return (&event.Run{Tag: m.Tag, Events: m.Events}).Marshal() }

func parseControl(b []byte) (*Control, error) {
	run, err := event.ParseRun(b)
	if err != nil {
		return nil, err
	}
	if run.Tag == nil {
		return nil, fmt.Errorf("%w: control events without a tag", canon.ErrEncoding)
	}
	return controlOf(&run)
}

// controlOf takes the events of a run as control events of one group, which different authors
// wrote.
func controlOf(run *event.Run) (*Control, error) {
	if run.Recalls != nil || run.Number != 0 {
		return nil, fmt.Errorf("%w: a run for control events", canon.ErrEncoding)
	}
	m := &Control{Tag: run.Tag, Events: run.Events}
	for i := range m.Events {
		if m.Events[i].Withheld != 0 {
			return nil, fmt.Errorf("%w: causes of a control event", canon.ErrEncoding)
		}
		if h := &m.Events[i].Header; h.Kind.Class() != event.ClassControl || h.Conversation != m.Group() {
			return nil, fmt.Errorf("%w: kind %d among control events", canon.ErrEncoding, h.Kind)
		}
	}
	return m, nil
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
		e.Uint(4, flag(l.Direct))
		w.Element(3, e.Out())
	}
}

// parseLogs reads field 3 of Offer and Have, of a group or the direct conversation.
func parseLogs(elements [][]byte, group bool) ([]LogSegments, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	logs := make([]LogSegments, len(elements))
	for i, b := range elements {
		r := canon.NewReader(b)
		l := LogSegments{Device: crypto.DeviceID(r.Fixed(1, 32)), Instance: event.Instance(r.Fixed(2, 8))}
		segments := r.Repeated(3, event.MaxSegments, maxSegment)
		var err error
		if l.Direct, err = parseFlag(r, 4); err != nil {
			return nil, err
		}
		if l.Direct && !group {
			return nil, fmt.Errorf("%w: direct log of a direct conversation", canon.ErrEncoding)
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
		if err := l.Segments.Check(event.MaxSegments); err != nil {
			return nil, err
		}
		if i > 0 && logs[i-1].Compare(&l) >= 0 {
			return nil, unordered("logs")
		}
		logs[i] = l
	}
	return logs, nil
}

func (l *LogSegments) Compare(o *LogSegments) int {
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
