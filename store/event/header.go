package event

import (
	"bytes"
	"fmt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	version   = 1
	algorithm = 1 // SHA-256 and Ed25519

	// MaxHeader bounds a header in bytes. Lists filled to their limits take about half of it.
	MaxHeader = 4 << 10
	// MaxSeen bounds the causes of an event. It is how many logs an author can have taken in
	// between two of their own messages, and how many causes a reader may be made to wait for.
	MaxSeen = 16
	// MaxControl bounds the control heads under which an event is written. A group with more heads
	// first merges them by an event.
	MaxControl = 8
	// MaxInteger bounds sequences, counters and sizes: the largest that a JSON program reads
	// exactly, and far from overflow in sums.
	MaxInteger = 1<<53 - 1
	// MaxClock bounds clocks: the last millisecond that RFC 3339 can write.
	MaxClock = 253402300799999
	// MaxLifetime bounds lifetimes, so that clock and lifetime can be added.
	MaxLifetime = MaxClock / 1000

	maxPosition = 128 // bytes; one takes at most 91
)

// FlagCritical marks a control event that a program must understand to go on. All control events of
// a kind that is known here have it. Flags without a name here are carried along.
const FlagCritical = 1

// Header is the part of an event that is hashed and linked.
type Header struct {
	// Conversation of a create event is its own ID, which can't stand in it: New and Parse fill it
	// in.
	Conversation Conversation
	Device       crypto.DeviceID
	Instance     Instance
	Sequence     uint64 // from 1, without gaps
	Previous     ID     // of Sequence - 1; zero at sequence 1
	Seen         []Position
	Card         crypto.Hash   // head of the author's card
	Control      []crypto.Hash // control state acted under
	Clock        int64         // the author's wall clock, ms since 1970
	Kind         Kind
	Flags        uint64
	Lifetime     uint64 // seconds from Clock until the body may go; 0 never
	Key          [16]byte
	BodyHash     crypto.Hash
	BodySize     uint64
	Target       ID // of an act only: the event of the same conversation that it is about
}

// Log returns the log that the event is in.
func (h *Header) Log() Log {
	return Log{Conversation: h.Conversation, Device: h.Device, Instance: h.Instance}
}

// Expired reports whether the body may be gone at now, in ms since 1970.
func (h *Header) Expired(now int64) bool {
	return h.Lifetime != 0 && now >= h.Clock+int64(h.Lifetime)*1000
}

// ParseHeader parses a header alone, for callers that have no use for the rest of the event. Parse
// does it as well.
func ParseHeader(b []byte) (Header, error) {
	if len(b) > MaxHeader {
		return Header{}, malformed("header of %d bytes", len(b))
	}
	r := canon.NewReader(b)
	if v, a := r.Uint(1), r.Uint(2); v > version || a > algorithm {
		return Header{}, fmt.Errorf("%w: header version %d, algorithm %d", ErrVersion, v, a)
	} else if v != version || a != algorithm {
		return Header{}, malformed("header without version and algorithm")
	}
	conversation := r.Optional(3, 32)
	h := Header{
		Device:   crypto.DeviceID(r.Fixed(4, 32)),
		Instance: Instance(r.Fixed(5, 8)),
		Sequence: r.Uint(6),
	}
	previous := r.Optional(7, 32)
	if previous != nil {
		h.Previous = ID(previous)
	}
	seen := r.Repeated(8, MaxSeen, maxPosition)
	h.Card = crypto.Hash(r.Fixed(9, 32))
	control := r.Repeated(10, MaxControl, 32)
	h.Clock = int64(r.Uint(11)) // check refuses what becomes negative
	h.Kind = Kind(r.Uint(12))
	h.Flags = r.Uint(13)
	h.Lifetime = r.Uint(14)
	h.Key = [16]byte(r.Fixed(15, 16))
	h.BodyHash = crypto.Hash(r.Fixed(16, 32))
	h.BodySize = r.Uint(17)
	target := r.Optional(18, 32)
	if err := r.End(); err != nil {
		return Header{}, malformed("header: %w", err)
	}
	if target != nil {
		if h.Target = ID(target); h.Target == (ID{}) {
			return Header{}, malformed("header: target of zeros")
		}
	}
	if (previous == nil) != (h.Sequence == 1) {
		return Header{}, malformed("header: previous at sequence %d: %t", h.Sequence, previous != nil)
	}
	switch {
	case (conversation == nil) != (h.Kind == KindCreate):
		return Header{}, malformed("header: conversation in kind %d: %t", h.Kind, conversation != nil)
	case conversation == nil:
		h.Conversation = Conversation(crypto.Digest(domainEvent, b))
	default:
		h.Conversation = Conversation(conversation)
	}
	var err error
	if h.Seen, err = parsePositions(seen); err != nil {
		return Header{}, malformed("header: seen: %w", err)
	}
	if len(control) > 0 {
		h.Control = make([]crypto.Hash, len(control))
	}
	for i, b := range control {
		if len(b) != 32 {
			return Header{}, malformed("header: control head of %d bytes", len(b))
		}
		h.Control[i] = crypto.Hash(b)
	}
	if err := h.check(); err != nil {
		return Header{}, err
	}
	return h, nil
}

func (h *Header) marshal() []byte {
	var w canon.Writer
	w.Uint(1, version)
	w.Uint(2, algorithm)
	if h.Kind != KindCreate {
		w.Bytes(3, h.Conversation[:])
	}
	w.Bytes(4, h.Device[:])
	w.Bytes(5, h.Instance[:])
	w.Uint(6, h.Sequence)
	if h.Sequence > 1 {
		w.Bytes(7, h.Previous[:])
	}
	writePositions(&w, 8, h.Seen)
	w.Bytes(9, h.Card[:])
	for _, c := range h.Control {
		w.Element(10, c[:])
	}
	w.Uint(11, uint64(h.Clock))
	w.Uint(12, uint64(h.Kind))
	w.Uint(13, h.Flags)
	w.Uint(14, h.Lifetime)
	w.Bytes(15, h.Key[:])
	w.Bytes(16, h.BodyHash[:])
	w.Uint(17, h.BodySize)
	if h.Target != (ID{}) {
		w.Bytes(18, h.Target[:])
	}
	return w.Out()
}

// check refuses a header, wherever it came from, whose values the format does not allow although
// they can be encoded.
func (h *Header) check() error {
	switch {
	case h.Sequence < 1 || h.Sequence > MaxInteger:
		return malformed("header: sequence %d", h.Sequence)
	case h.Sequence == 1 && h.Previous != ID{}:
		return malformed("header: previous at sequence 1")
	case len(h.Seen) > MaxSeen:
		return malformed("header: %d causes", len(h.Seen))
	case len(h.Control) > MaxControl:
		return malformed("header: %d control heads", len(h.Control))
	case h.Clock < 0 || h.Clock > MaxClock:
		return malformed("header: clock %d", h.Clock)
	case h.Kind < 1 || h.Kind > lastControl:
		return malformed("header: kind %d", h.Kind)
	case h.Lifetime > MaxLifetime:
		return malformed("header: lifetime %d", h.Lifetime)
	case h.BodySize < minBody || h.BodySize > MaxBody:
		return malformed("header: body of %d bytes", h.BodySize)
	}
	switch class := h.Kind.Class(); {
	case class == ClassAct && h.Target == ID{}:
		return malformed("header: act without a target")
	case (class == ClassMessage || class == ClassControl) && h.Target != ID{}:
		return malformed("header: target in kind %d", h.Kind)
	}
	own := h.Log()
	for i := range h.Seen {
		if h.Seen[i].Log(h.Conversation) == own {
			return malformed("header: cause in its own log")
		}
	}
	if err := checkPositions(h.Seen); err != nil {
		return malformed("header: causes: %w", err)
	}
	for i := 1; i < len(h.Control); i++ {
		if bytes.Compare(h.Control[i-1][:], h.Control[i][:]) >= 0 {
			return malformed("header: control heads out of order")
		}
	}
	return h.checkControl()
}

// checkControl refuses the header of a control event that stands in the wrong place: the create
// event is the first of its group, and every other one names events before it.
func (h *Header) checkControl() error {
	switch {
	case h.Kind < firstControl:
		return nil
	case h.Kind <= lastKnown && h.Flags&FlagCritical == 0:
		return malformed("header: control event that is not critical")
	case h.Kind != KindCreate && len(h.Control) == 0:
		return malformed("header: control event without parents")
	case h.Kind == KindCreate && (len(h.Control) > 0 || len(h.Seen) > 0 || h.Sequence != 1):
		return malformed("header: something before the create event")
	}
	return nil
}
