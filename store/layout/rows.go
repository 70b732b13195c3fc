package layout

import (
	"encoding/binary"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

// U32 returns a number as four bytes.
func U32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// U64 returns a number as eight bytes.
func U64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Number reads a value of eight bytes; 0 of any other.
func Number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Slot is where an event stands in a log.
type Slot struct {
	Log      uint32
	Sequence uint64
}

// SlotSize is the size of a slot in bytes.
const SlotSize = 12

// Bytes returns the slot as it stands in keys and values.
func (p Slot) Bytes() []byte { return p.Append(make([]byte, 0, SlotSize)) }

// Append appends those bytes to b.
func (p Slot) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, p.Log), p.Sequence)
}

// SlotAt reads the slot at the end of b.
func SlotAt(b []byte) (Slot, bool) {
	if len(b) < SlotSize {
		return Slot{}, false
	}
	b = b[len(b)-SlotSize:]
	return Slot{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])}, true
}

// Conversation is a value of the bucket "conversations".
type Conversation struct {
	ID     event.Conversation
	Number uint32
	Other  crypto.PersonID // zero for the conversation of the owner's devices and for groups
	Own    uint32          // number of the log that this device writes; 0: none yet
	Era    uint32          // in which that log was begun
	Hidden bool            // the owner does not want it in lists
}

const conversationSize = 4 + 32 + 4 + 4 + 1

// Bytes returns the value.
func (c *Conversation) Bytes() []byte {
	hidden := byte(0)
	if c.Hidden {
		hidden = 1
	}
	return append(slices.Concat(U32(c.Number), c.Other[:], U32(c.Own), U32(c.Era)), hidden)
}

// ParseConversation reads the value of a conversation. The ID is its key.
func ParseConversation(id event.Conversation, b []byte) (Conversation, error) {
	if len(b) != conversationSize || b[conversationSize-1] > 1 {
		return Conversation{}, disk.Damaged("conversation of %d bytes", len(b))
	}
	return Conversation{
		ID:     id,
		Number: binary.BigEndian.Uint32(b),
		Other:  crypto.PersonID(b[4:36]),
		Own:    binary.BigEndian.Uint32(b[36:]),
		Era:    binary.BigEndian.Uint32(b[40:]),
		Hidden: b[44] == 1,
	}, nil
}

// Branches of a log.
const (
	BranchFirst = 0
	BranchOther = 1 // the events that contradict the first branch
	BranchLost  = 2 // what this device wrote before its disk went back in time; the log has no name
)

// Log is a value of the bucket "logs": how a log, or one branch of it, is held.
type Log struct {
	Number       uint32
	Conversation uint32
	Name         event.Log
	Person       crypto.PersonID
	Branch       byte
	Forked       uint64         // the first sequence that has two events; 0: none
	Limit        uint64         // the last sequence that counts; NoLimit: all
	Top          Placed         // the highest event that is placed and had
	Events       uint64         // how many stand in the log, had or not; and had ones that were given back
	Gone         uint64         // up to this sequence what was had was given back, see GivenBack
	Segments     event.Segments // what was had, at most event.MaxPieces
}

// Loose reports whether events stand in the log that its segments don't cover: they are here, but
// don't count as had.
func (l *Log) Loose() bool { return l.Events != l.Segments.Len() }

// Stands reports whether there may be an event at a sequence of the log.
func (l *Log) Stands(sequence uint64) bool { return l.Segments.Covers(sequence) || l.Loose() }

// GivenBack reports whether what stood at a sequence was had and lies in the part of the log of which
// events were given back: it does not come again. What was missing there can still come.
func (l *Log) GivenBack(sequence uint64) bool {
	return sequence <= l.Gone && l.Segments.Covers(sequence)
}

// At returns where the event of a sequence stands in the log.
func (l *Log) At(sequence uint64) Slot { return Slot{l.Number, sequence} }

// NoLimit is the Limit of a log that counts wholly.
const NoLimit = 1<<64 - 1

// Placed is an event that has its T, or nothing if Sequence is 0.
type Placed struct {
	Sequence uint64
	T        int64
	ID       event.ID
}

const (
	logFixed    = 4 + 32 + 32 + 8 + 32 + 1 + 8 + 8 + 8 + 8 + 32 + 8 + 8
	segmentSize = 8 + 8 + 32
)

// Bytes returns the value.
func (l *Log) Bytes() []byte {
	b := make([]byte, 0, logFixed+len(l.Segments)*segmentSize)
	b = binary.BigEndian.AppendUint32(b, l.Conversation)
	b = append(b, l.Name.Conversation[:]...)
	b = append(b, l.Name.Device[:]...)
	b = append(b, l.Name.Instance[:]...)
	b = append(b, l.Person[:]...)
	b = append(b, l.Branch)
	b = binary.BigEndian.AppendUint64(b, l.Forked)
	b = binary.BigEndian.AppendUint64(b, l.Limit)
	b = binary.BigEndian.AppendUint64(b, l.Top.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Top.T))
	b = append(b, l.Top.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, l.Events)
	b = binary.BigEndian.AppendUint64(b, l.Gone)
	for _, s := range l.Segments {
		b = binary.BigEndian.AppendUint64(b, s.First)
		b = binary.BigEndian.AppendUint64(b, s.Last)
		b = append(b, s.ID[:]...)
	}
	return b
}

// ParseLog reads the value of a log. The number is its key.
func ParseLog(number uint32, b []byte) (*Log, error) {
	if len(b) < logFixed || (len(b)-logFixed)%segmentSize != 0 {
		return nil, disk.Damaged("log of %d bytes", len(b))
	}
	l := &Log{
		Number:       number,
		Conversation: binary.BigEndian.Uint32(b),
		Name: event.Log{
			Conversation: event.Conversation(b[4:36]),
			Device:       crypto.DeviceID(b[36:68]),
			Instance:     event.Instance(b[68:76]),
		},
		Person: crypto.PersonID(b[76:108]),
		Branch: b[108],
		Forked: binary.BigEndian.Uint64(b[109:]),
		Limit:  binary.BigEndian.Uint64(b[117:]),
		Top: Placed{
			Sequence: binary.BigEndian.Uint64(b[125:]),
			T:        int64(binary.BigEndian.Uint64(b[133:])),
			ID:       event.ID(b[141:173]),
		},
		Events: binary.BigEndian.Uint64(b[173:]),
		Gone:   binary.BigEndian.Uint64(b[181:]),
	}
	for b := b[logFixed:]; len(b) > 0; b = b[segmentSize:] {
		l.Segments = append(l.Segments, event.Segment{
			First: binary.BigEndian.Uint64(b),
			Last:  binary.BigEndian.Uint64(b[8:]),
			ID:    event.ID(b[16:48]),
		})
	}
	if err := l.Segments.Check(event.MaxPieces); err != nil {
		return nil, disk.Damaged("log: %w", err)
	}
	return l, nil
}

// Flags of a stored event.
const (
	FlagSigned = 1 << iota
	FlagPlaced // T is fixed
	FlagShown  // has a row; arrival is set
	FlagGap    // shown although a cause had not come
	FlagLate   // shown before rows that were there already
)

// Event is a value of the bucket "events".
type Event struct {
	Flags       byte
	Absent      event.Absence
	FirstSeen   int64
	T           int64
	Arrival     uint64
	Withheld    uint32 // which causes are withheld from this node, see event.Event
	HeaderBytes []byte // the ID is the hash of these
	Signature   []byte // nil if there is none
	Sealed      []byte // the body, nil if absent
}

const eventFixed = 1 + 1 + 8 + 8 + 8 + 4 + 2

// Is reports whether a flag is set.
func (e *Event) Is(flag byte) bool { return e.Flags&flag != 0 }

// Bytes returns the value.
func (e *Event) Bytes() []byte {
	b := make([]byte, 0, eventFixed+len(e.HeaderBytes)+len(e.Signature)+len(e.Sealed))
	flags := e.Flags &^ FlagSigned
	if e.Signature != nil {
		flags |= FlagSigned
	}
	b = append(b, flags, byte(e.Absent))
	b = binary.BigEndian.AppendUint64(b, uint64(e.FirstSeen))
	b = binary.BigEndian.AppendUint64(b, uint64(e.T))
	b = binary.BigEndian.AppendUint64(b, e.Arrival)
	b = binary.BigEndian.AppendUint32(b, e.Withheld)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.HeaderBytes)))
	b = append(b, e.HeaderBytes...)
	b = append(b, e.Signature...)
	return append(b, e.Sealed...)
}

// ParseEvent reads the value of an event, which the result aliases.
func ParseEvent(b []byte) (*Event, error) {
	if len(b) < eventFixed {
		return nil, disk.Damaged("event of %d bytes", len(b))
	}
	e := &Event{
		Flags:     b[0],
		Absent:    event.Absence(b[1]),
		FirstSeen: int64(binary.BigEndian.Uint64(b[2:])),
		T:         int64(binary.BigEndian.Uint64(b[10:])),
		Arrival:   binary.BigEndian.Uint64(b[18:]),
		Withheld:  binary.BigEndian.Uint32(b[26:]),
	}
	size, b := int(binary.BigEndian.Uint16(b[30:])), b[eventFixed:]
	if e.Is(FlagSigned) {
		if len(b) < size+crypto.SignatureSize {
			return nil, disk.Damaged("event without its signature")
		}
		e.Signature = b[size : size+crypto.SignatureSize]
	}
	if len(b) < size+len(e.Signature) {
		return nil, disk.Damaged("event without its header")
	}
	e.HeaderBytes = b[:size]
	if b = b[size+len(e.Signature):]; e.Absent == event.Present {
		e.Sealed = b
	}
	return e, nil
}

// RangesBytes returns ranges as a value, of the buckets "delivered" and "read".
func RangesBytes(s event.Ranges) []byte {
	b := make([]byte, 0, 2+16*len(s))
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	for _, r := range s {
		b = binary.BigEndian.AppendUint64(b, r.First)
		b = binary.BigEndian.AppendUint64(b, r.Last)
	}
	return b
}

// ParseRanges reads the value that RangesBytes returned. Of nil it returns no ranges.
func ParseRanges(b []byte) (event.Ranges, error) {
	if b == nil {
		return nil, nil
	}
	if len(b) < 2 || len(b) != 2+16*int(binary.BigEndian.Uint16(b)) {
		return nil, disk.Damaged("ranges of %d bytes", len(b))
	}
	var s event.Ranges
	for b = b[2:]; len(b) > 0; b = b[16:] {
		s = append(s, event.Range{First: binary.BigEndian.Uint64(b), Last: binary.BigEndian.Uint64(b[8:])})
	}
	return s, nil
}
