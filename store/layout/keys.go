package layout

import (
	"encoding/binary"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

// shortID is how many bytes of an ID stand in a key: no two IDs can be made to share that many.
const shortID = 16

// LogName is the key of a log, by its name and branch.
func LogName(conversation uint32, log event.Log, branch byte) []byte {
	b := make([]byte, 0, 4+32+8+1)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = append(b, log.Device[:]...)
	b = append(b, log.Instance[:]...)
	return append(b, branch)
}

// AuthorKey is how the keys of all logs of a person begin.
func AuthorKey(conversation uint32, person crypto.PersonID) []byte {
	return append(U32(conversation), person[:]...)
}

// ViewKey is the key of a row: rows of a conversation sort by (T, ID).
func ViewKey(conversation uint32, t int64, id event.ID) []byte {
	b := make([]byte, 0, 4+8+shortID)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = binary.BigEndian.AppendUint64(b, uint64(t))
	return append(b, id[:shortID]...)
}

// LocalKey is the key of a message by the key that its author gave it.
func LocalKey(conversation uint32, p crypto.PersonID, key [16]byte) []byte {
	b := make([]byte, 0, len(key)+4+shortID)
	b = append(b, key[:]...)
	b = binary.BigEndian.AppendUint32(b, conversation)
	return append(b, p[:shortID]...)
}

// waitingSize is the size of what stands before the slot in a key of what waits.
const waitingSize = 4 + 32 + 8 + 8

// WaitingFor is how the keys of all events begin that wait for one event.
func WaitingFor(conversation uint32, device crypto.DeviceID, instance event.Instance, sequence uint64) []byte {
	b := make([]byte, 0, waitingSize+SlotSize)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = append(b, device[:]...)
	b = append(b, instance[:]...)
	return binary.BigEndian.AppendUint64(b, sequence)
}

// RecallsOf is how the keys of all recalls of an event by a person begin.
func RecallsOf(conversation uint32, target event.ID, by crypto.PersonID) []byte {
	return slices.Concat(U32(conversation), target[:], by[:shortID])
}

// EditKeys is how the keys of all edits of an event, or of all reactions to it, begin.
func EditKeys(conversation uint32, target event.ID, kind event.Kind) []byte {
	b := make([]byte, 0, 4+32+1+SlotSize)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = append(b, target[:]...)
	return append(b, byte(kind))
}

// ParseAct reads the key of an edit or a reaction: of what, of which kind, and where it stands.
func ParseAct(key []byte) (target event.ID, kind event.Kind, p Slot, ok bool) {
	if len(key) != 4+len(target)+1+SlotSize {
		return target, 0, p, false
	}
	p, ok = SlotAt(key)
	return event.ID(key[4:36]), event.Kind(key[36]), p, ok
}

// ControlKey is the key of a control event in the set of its group.
func ControlKey(conversation uint32, id event.ID) []byte {
	return append(U32(conversation), id[:]...)
}

// DeliveryKey is the key of what a person has of a log.
func DeliveryKey(log uint32, person crypto.PersonID) []byte { return append(U32(log), person[:]...) }

// Waiting is a key of the bucket of events that wait: the event that is waited for, and the slot of
// the one that waits.
type Waiting struct {
	Conversation uint32
	Device       crypto.DeviceID
	Instance     event.Instance
	Sequence     uint64
	Slot         Slot
}

// ParseWaiting reads a key of that bucket.
func ParseWaiting(key []byte) (Waiting, error) {
	slot, _ := SlotAt(key)
	if len(key) != waitingSize+SlotSize {
		return Waiting{}, disk.Damaged("key of %d bytes of what waits", len(key))
	}
	return Waiting{
		Conversation: binary.BigEndian.Uint32(key),
		Device:       crypto.DeviceID(key[4:36]),
		Instance:     event.Instance(key[36:44]),
		Sequence:     binary.BigEndian.Uint64(key[44:]),
		Slot:         slot,
	}, nil
}

// Gaps are the rows of one log that lack one event. Their key is GapsFor ‖ number of their log (4).
type Gaps struct {
	Sequence uint64 // of the event, in its own log
	Log      uint32
	Rows     event.Range // the first and the last of them
}

// GapsFor is how the keys of all rows begin that lack one event. They are in the order of those of
// what waits.
func GapsFor(waitingFor []byte, missing event.ID) []byte {
	return slices.Concat(waitingFor, missing[:])
}

// Bytes is the value under the key.
func (g *Gaps) Bytes() []byte { return append(U64(g.Rows.First), U64(g.Rows.Last)...) }

// ParseGaps reads a key and its value.
func ParseGaps(key, value []byte) (g Gaps, err error) {
	if len(key) != waitingSize+len(event.ID{})+4 || len(value) != 16 {
		return g, disk.Damaged("gaps of %d and %d bytes", len(key), len(value))
	}
	g.Sequence = binary.BigEndian.Uint64(key[waitingSize-8:])
	g.Log = binary.BigEndian.Uint32(key[len(key)-4:])
	g.Rows = event.Range{First: Number(value[:8]), Last: Number(value[8:])}
	return g, nil
}
