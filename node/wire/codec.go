package wire

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/event"
)

// fields is one more than the highest field number of a Frame.
const fields = 18

// ParseFrame reads a frame from its bytes, which the result aliases. Its error matches
// ErrMalformed. A run in the frame is well formed but not proven, and no signature was checked.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) > MaxFrame {
		return Frame{}, malformed("%d bytes", len(b))
	}
	var f Frame
	found := 0
	r := canon.NewReader(b)
	for field := 1; field < fields; field++ {
		for _, message := range r.Repeated(field, 1, MaxFrame) {
			found++
			if err := f.parse(field, message); err != nil {
				return Frame{}, malformed("field %d: %w", field, err)
			}
		}
	}
	if err := r.End(); err != nil {
		return Frame{}, malformed("%w", err)
	}
	if found != 1 {
		return Frame{}, malformed("%d messages", found)
	}
	return f, nil
}

func (f *Frame) parse(field int, b []byte) (err error) {
	switch field {
	case 1:
		f.Hello, err = parseHello(b)
	case 2:
		f.Admission, err = parseAdmission(b)
	case 3:
		f.Identity, err = parseIdentity(b)
	case 4:
		f.Offers, err = parseOffers(b)
	case 5:
		var run event.Run
		run, err = event.ParseRun(b)
		f.Run = &run
	case 6:
		f.Record, err = parseRecord(b)
	case 7:
		f.Have, err = parseHave(b)
	case 8:
		f.Settled, err = parseSettled(b)
	case 9:
		f.Refused, err = parseRefused(b)
	case 10:
		f.CardRequest, err = parseCardRequest(b)
	case 11:
		f.Card, err = parseCard(b)
	case 12:
		f.Sightings, err = parseSightings(b)
	case 13:
		f.Control, err = parseControl(b)
	case 14:
		f.Welcome, err = ParseWelcome(b)
	case 15:
		f.Epoch, err = parseEpoch(b)
	case 16:
		f.Typing, err = parseTyping(b)
	case 17:
		f.Presence, err = parsePresence(b)
	}
	return err
}

// Marshal returns the bytes of the frame, without its length. Exactly one field must be set, to
// what ParseFrame could have returned.
func (f Frame) Marshal() []byte {
	field, message := 0, []byte(nil)
	switch {
	case f.Hello != nil:
		field, message = 1, f.Hello.marshal()
	case f.Admission != nil:
		field, message = 2, f.Admission.marshal()
	case f.Identity != nil:
		field, message = 3, f.Identity.marshal()
	case f.Offers != nil:
		field, message = 4, f.Offers.marshal()
	case f.Run != nil:
		field, message = 5, f.Run.Marshal()
	case f.Record != nil:
		field, message = 6, f.Record.marshal()
	case f.Have != nil:
		field, message = 7, f.Have.marshal()
	case f.Settled != nil:
		field, message = 8, f.Settled.marshal()
	case f.Refused != nil:
		field, message = 9, f.Refused.marshal()
	case f.CardRequest != nil:
		field, message = 10, f.CardRequest.marshal()
	case f.Card != nil:
		field, message = 11, f.Card.marshal()
	case f.Sightings != nil:
		field, message = 12, f.Sightings.marshal()
	case f.Control != nil:
		field, message = 13, f.Control.marshal()
	case f.Welcome != nil:
		field, message = 14, f.Welcome.Marshal()
	case f.Epoch != nil:
		field, message = 15, f.Epoch.marshal()
	case f.Typing != nil:
		field, message = 16, f.Typing.marshal()
	case f.Presence != nil:
		field, message = 17, f.Presence.marshal()
	}
	var w canon.Writer
	w.Element(field, message)
	return w.Out()
}

func (m *Hello) marshal() []byte {
	var w canon.Writer
	w.Uint(1, m.Version)
	w.Uint(2, m.Capabilities)
	w.Bytes(3, m.Nonce[:])
	return w.Out()
}

func parseHello(b []byte) (*Hello, error) {
	r := canon.NewReader(b)
	m := &Hello{Version: r.Uint(1), Capabilities: r.Uint(2), Nonce: [32]byte(r.Fixed(3, 32))}
	return m, r.End()
}

func (m *Admission) marshal() []byte {
	var w canon.Writer
	w.Uint(1, m.Mode)
	w.Bytes(2, m.Proof)
	return w.Out()
}

func parseAdmission(b []byte) (*Admission, error) {
	r := canon.NewReader(b)
	m := &Admission{Mode: r.Uint(1), Proof: r.Bytes(2, maxProof)}
	return m, r.End()
}

func (m *Identity) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Card)
	marshalProfile(&w, m.Profile)
	return w.Out()
}

func parseIdentity(b []byte) (*Identity, error) {
	card, profile, err := parseCardAndProfile(b)
	if err == nil && card == nil {
		err = fmt.Errorf("%w: no card", canon.ErrEncoding)
	}
	return &Identity{card, profile}, err
}

// marshalProfile writes field 2 of Identity and Card.
func marshalProfile(w *canon.Writer, profile *event.Record) {
	if profile != nil {
		w.Element(2, (&Record{Record: *profile}).marshal())
	}
}

func parseCardAndProfile(b []byte) (card []byte, profile *event.Record, err error) {
	r := canon.NewReader(b)
	card = r.Bytes(1, crypto.MaxCard)
	profiles := r.Repeated(2, 1, maxRecord)
	if err := r.End(); err != nil || len(profiles) == 0 {
		return card, nil, err
	}
	record, err := parseRecord(profiles[0])
	switch {
	case err != nil:
		return nil, nil, err
	case card == nil:
		return nil, nil, fmt.Errorf("%w: profile without a card", canon.ErrEncoding)
	case record.Tag != nil:
		return nil, nil, fmt.Errorf("%w: profile with a tag", canon.ErrEncoding)
	}
	return card, &record.Record, nil
}

func (m *Record) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Tag)
	w.Bytes(2, m.Record.Bytes)
	w.Bytes(3, m.Record.Signature)
	return w.Out()
}

func parseRecord(b []byte) (*Record, error) {
	r := canon.NewReader(b)
	tag, record, signature := r.Optional(1, tagSize), r.Bytes(2, maxRecord), r.Bytes(3, maxRecord)
	if err := r.End(); err != nil {
		return nil, err
	}
	rec, err := event.ParseRecord(record, signature)
	return &Record{Tag: tag, Record: rec}, err
}

func (m *Settled) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Tag)
	w.Uint(2, m.Number)
	return w.Out()
}

func parseSettled(b []byte) (*Settled, error) {
	r := canon.NewReader(b)
	m := &Settled{Tag: r.Optional(1, tagSize), Number: r.Uint(2)}
	return m, r.End()
}

func (m *Refused) marshal() []byte {
	var w canon.Writer
	if m.Reason != NoRoom {
		w.Bytes(1, m.Tag)
		w.Bytes(2, m.Device[:])
		w.Bytes(3, m.Instance[:])
	}
	w.Uint(4, uint64(m.Reason))
	w.Uint(5, m.Run)
	return w.Out()
}

func parseRefused(b []byte) (*Refused, error) {
	r := canon.NewReader(b)
	m := &Refused{Tag: r.Optional(1, tagSize)}
	device, instance := r.Optional(2, len(m.Device)), r.Optional(3, len(m.Instance))
	m.Reason = Reason(r.Uint(4))
	m.Run = r.Uint(5)
	if err := r.End(); err != nil {
		return nil, err
	}
	if m.Reason < TooManySegments || m.Reason > lastReason {
		return nil, fmt.Errorf("%w: reason %d", canon.ErrEncoding, m.Reason)
	}
	copy(m.Device[:], device)
	copy(m.Instance[:], instance)
	switch named := device != nil && instance != nil; {
	case m.Reason != NoRoom && !named:
		return nil, fmt.Errorf("%w: refusal without a log", canon.ErrEncoding)
	case m.Reason == NoRoom && (m.Tag != nil || device != nil || instance != nil || m.Run == 0):
		return nil, fmt.Errorf("%w: no room for a log, or without a run", canon.ErrEncoding)
	}
	return m, nil
}

func (m *CardRequest) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, optional(m.Head))
	w.Bytes(2, optional(m.Person))
	return w.Out()
}

// optional returns nil for a hash that is zero.
func optional(b [32]byte) []byte {
	if b == [32]byte{} {
		return nil
	}
	return b[:]
}

func parseCardRequest(b []byte) (*CardRequest, error) {
	r := canon.NewReader(b)
	head, person := r.Optional(1, 32), r.Optional(2, 32)
	if err := r.End(); err != nil {
		return nil, err
	}
	m := &CardRequest{}
	copy(m.Head[:], head)
	copy(m.Person[:], person)
	if (m.Head == crypto.Hash{}) == (m.Person == crypto.PersonID{}) || !bytes.Equal(m.marshal(), b) {
		return nil, fmt.Errorf("%w: card of a head or of a person", canon.ErrEncoding)
	}
	return m, nil
}

func (m *Card) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Card)
	marshalProfile(&w, m.Profile)
	return w.Out()
}

func parseCard(b []byte) (*Card, error) {
	card, profile, err := parseCardAndProfile(b)
	return &Card{card, profile}, err
}

// Marshal returns the welcome as ParseWelcome reads it.
func (m *Welcome) Marshal() []byte {
	var w canon.Writer
	w.Element(1, (&Control{Events: []event.Event{m.Create, m.Join}}).marshal())
	w.Bytes(2, m.Card)
	w.Uint(3, m.Members)
	return w.Out()
}

// Fits reports whether the welcome is short enough to be sent. If it is not, it is without its card.
func (m *Welcome) Fits() bool { return len(m.Marshal()) <= MaxWelcome }

// ParseWelcome reads a welcome as it stands in a frame.
func ParseWelcome(b []byte) (*Welcome, error) {
	if len(b) > MaxWelcome {
		return nil, fmt.Errorf("%w: welcome of %d bytes", canon.ErrEncoding, len(b))
	}
	r := canon.NewReader(b)
	events := r.Repeated(1, 1, MaxWelcome)
	m := &Welcome{Card: r.Bytes(2, MaxWelcome), Members: r.Uint(3)}
	if err := r.End(); err != nil {
		return nil, err
	}
	if len(events) == 0 || m.Members < 2 || m.Members > MaxMembers {
		return nil, fmt.Errorf("%w: welcome to %d members", canon.ErrEncoding, m.Members)
	}
	run, err := event.ParseRun(events[0])
	if err != nil {
		return nil, err
	}
	control, err := controlOf(&run)
	switch {
	case err != nil:
		return nil, err
	case run.Tag != nil || len(control.Events) != 2,
		control.Events[0].Header.Kind != event.KindCreate, control.Events[1].Header.Kind != event.KindInvite:
		return nil, fmt.Errorf("%w: a welcome has a create event and an invitation", canon.ErrEncoding)
	}
	m.Create, m.Join = control.Events[0], control.Events[1]
	return m, nil
}

func (m *Epoch) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, m.Tag)
	w.Bytes(2, m.ID[:])
	w.Bytes(3, m.Key[:])
	for _, h := range m.Control {
		w.Element(4, h[:])
	}
	w.Uint(5, m.Age)
	return w.Out()
}

func parseEpoch(b []byte) (*Epoch, error) {
	r := canon.NewReader(b)
	m := &Epoch{Tag: r.Fixed(1, tagSize), ID: [16]byte(r.Fixed(2, 16)), Key: [32]byte(r.Fixed(3, 32))}
	heads := r.Repeated(4, event.MaxControl, 32)
	m.Age = r.Uint(5)
	err := r.End()
	if err != nil {
		return nil, err
	}
	if m.Control, err = parseHashes(heads); err != nil {
		return nil, err
	}
	if len(heads) == 0 || !slices.IsSortedFunc(m.Control, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) }) {
		return nil, unordered("epoch's heads")
	}
	return m, nil
}
