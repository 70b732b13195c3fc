package event

import (
	"bytes"
	"cmp"
	"encoding/hex"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

// ID names an event: D("event", header).
type ID = crypto.Hash

// Conversation names who may read a set of logs. A group's is the ID of its create event.
type Conversation [32]byte

// Direct returns the conversation of two persons, the same from both sides.
func Direct(a, b crypto.PersonID) Conversation {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return Conversation(crypto.Digest("direct", append(a[:], b[:]...)))
}

// Self returns the conversation of a person's own devices.
func Self(a crypto.PersonID) Conversation {
	return Conversation(crypto.Digest("self", a[:]))
}

func (c Conversation) String() string { return hex.EncodeToString(c[:]) }

// Instance tells apart the logs that one device has in one conversation, and likewise the stores
// that it has had. It is random.
type Instance [8]byte

func (i Instance) String() string { return hex.EncodeToString(i[:]) }

// Log identifies one log.
type Log struct {
	Conversation Conversation
	Device       crypto.DeviceID
	Instance     Instance
}

// Compare orders logs by conversation, device and instance.
func (l Log) Compare(m Log) int {
	return cmp.Or(
		bytes.Compare(l.Conversation[:], m.Conversation[:]),
		bytes.Compare(l.Device[:], m.Device[:]),
		bytes.Compare(l.Instance[:], m.Instance[:]),
	)
}

// Position is a place in a log of a conversation that is known from elsewhere.
type Position struct {
	Device   crypto.DeviceID
	Instance Instance
	Sequence uint64
	ID       ID
}

// Log returns the log that the position is in.
func (p Position) Log(c Conversation) Log {
	return Log{Conversation: c, Device: p.Device, Instance: p.Instance}
}

func writePositions(w *canon.Writer, field int, positions []Position) {
	for _, p := range positions {
		var e canon.Writer
		e.Bytes(1, p.Device[:])
		e.Bytes(2, p.Instance[:])
		e.Uint(3, p.Sequence)
		e.Bytes(4, p.ID[:])
		w.Element(field, e.Out())
	}
}

func parsePositions(elements [][]byte) ([]Position, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	out := make([]Position, len(elements))
	for i, b := range elements {
		r := canon.NewReader(b)
		out[i] = Position{
			Device:   crypto.DeviceID(r.Fixed(1, 32)),
			Instance: Instance(r.Fixed(2, 8)),
			Sequence: r.Uint(3),
			ID:       ID(r.Fixed(4, 32)),
		}
		if err := r.End(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkPositions refuses positions that are not sorted by log, at most one of each.
func checkPositions(positions []Position) error {
	for i := range positions {
		if p := &positions[i]; p.Sequence < 1 || p.Sequence > MaxInteger {
			return malformed("position at sequence %d", p.Sequence)
		}
		if i > 0 && positions[i-1].Log(Conversation{}).Compare(positions[i].Log(Conversation{})) >= 0 {
			return malformed("positions out of order")
		}
	}
	return nil
}

// KeyFor returns the event key that stands for a caller's own text, so that sending the same text
// twice makes one event.
func KeyFor(text string) [16]byte {
	d := crypto.Digest("key", []byte(text))
	return [16]byte(d[:16])
}
