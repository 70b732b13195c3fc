package event

import "github.com/earshot-im/earshot/crypto"

// Domains of hashes and signatures, see store/FORMAT.md.
const (
	domainEvent  = "event"
	domainBody   = "body"
	domainRecord = "record"
)

// Absence says why a body is not there.
type Absence uint8

const (
	Present  Absence = iota
	Recalled         // the receiver has the recall, or gets it with the run; see Run.Recalls
	Expired          // the lifetime in its header is over; see Header.Expired
	Dropped          // the sender of this can't give it; others may
)

// Event is one entry of a log. It comes from New or Parse, and only Sign changes it.
type Event struct {
	Header      Header
	ID          ID
	HeaderBytes []byte // the header as it was hashed
	Body        []byte // as it was hashed; nil exactly if Absent isn't Present
	Absent      Absence
	Signature   []byte // nil if it has none; not checked before Run.Prove

	// Withheld says which causes the peer that gives the event keeps from the one who gets it: bit
	// 0 is for Header.Previous, bit n+1 for Header.Seen[n]. It travels beside the event and is no
	// part of it.
	Withheld uint32
}

// maxWithheld has a bit for every cause that an event can have.
const maxWithheld = 1<<(MaxSeen+1) - 1

// WithholdPrevious is the bit of Event.Withheld for Header.Previous.
const WithholdPrevious = 1

// WithholdSeen returns the bit of Event.Withheld for Header.Seen[n].
func WithholdSeen(n int) uint32 { return 2 << n }

// New makes the event of a header and a body. It fills in BodyHash and BodySize, and the
// Conversation of a create event. Events of a SelfProven kind must then be signed, and so must the
// last event of a commit.
func New(h Header, b Body) (Event, error) {
	if err := checkContent(h.Kind, b.Content); err != nil {
		return Event{}, err
	}
	body, err := b.marshal()
	if err != nil {
		return Event{}, err
	}
	h.BodyHash = crypto.Digest(domainBody, body)
	h.BodySize = uint64(len(body))
	if err := h.check(); err != nil {
		return Event{}, err
	}
	header := h.marshal()
	e := Event{Header: h, ID: crypto.Digest(domainEvent, header), HeaderBytes: header, Body: body}
	if h.Kind == KindCreate {
		e.Header.Conversation = Conversation(e.ID)
	}
	return e, nil
}

// Parse makes an event of its parts, which the result aliases. body is nil exactly if absent isn't
// Present; signature is 64 bytes or nil; a SelfProven kind needs both. The signature is not
// checked.
func Parse(header, body []byte, absent Absence, signature []byte) (Event, error) {
	h, err := ParseHeader(header)
	if err != nil {
		return Event{}, err
	}
	switch {
	case absent > Dropped:
		return Event{}, malformed("absence %d", absent)
	case (absent == Present) != (body != nil):
		return Event{}, malformed("absence %d with a body: %t", absent, body != nil)
	case absent == Expired && h.Lifetime == 0:
		return Event{}, malformed("expired without a lifetime")
	case signature != nil && len(signature) != crypto.SignatureSize:
		return Event{}, malformed("signature of %d bytes", len(signature))
	case h.Kind.SelfProven() && (body == nil || signature == nil):
		return Event{}, malformed("kind %d without body or signature", h.Kind)
	}
	if body != nil {
		if uint64(len(body)) != h.BodySize || crypto.Digest(domainBody, body) != h.BodyHash {
			return Event{}, malformed("another body than the header's")
		}
		b, err := parseBody(body)
		if err != nil {
			return Event{}, err
		}
		if err := checkContent(h.Kind, b.Content); err != nil {
			return Event{}, err
		}
	}
	return Event{Header: h, ID: crypto.Digest(domainEvent, header), HeaderBytes: header, Body: body, Absent: absent, Signature: signature}, nil
}

// Sign signs the event, and with it all events before it in its log. The key must be that of
// Header.Device.
func (e *Event) Sign(key crypto.DeviceKey) {
	if key.ID() != e.Header.Device {
		panic("event: signed by another device")
	}
	e.Signature = key.Sign(domainEvent, e.HeaderBytes)
}

// ParseBody returns the body, which aliases the event. It fails only if the body is absent.
func (e *Event) ParseBody() (Body, error) { return parseBody(e.Body) }

// Position returns the place of the event in its log.
func (e *Event) Position() Position {
	return Position{Device: e.Header.Device, Instance: e.Header.Instance, Sequence: e.Header.Sequence, ID: e.ID}
}

// Size returns what the event counts towards MaxRunSize, in bytes, whether its body is there or
// not.
func (e *Event) Size() int { return len(e.HeaderBytes) + int(e.Header.BodySize) }

// verified reports whether the event has a good signature.
func (e *Event) verified() bool {
	return e.Signature != nil && crypto.Verify(e.Header.Device, domainEvent, e.HeaderBytes, e.Signature)
}
