package layout

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

// NoticeSlot stands for a notice where an index of rows has slots: no log has the number 0.
func NoticeSlot(n uint64) Slot { return Slot{Sequence: n} }

// Notice returns which notice a slot stands for; ok is false if it is that of an event.
func (p Slot) Notice() (n uint64, ok bool) { return p.Sequence, p.Log == 0 }

// NoticeID is the ID under which a notice stands among messages. No hash begins so. Of rows with one T
// it is the last.
func NoticeID(n uint64) (id event.ID) {
	binary.BigEndian.PutUint64(id[:8], math.MaxUint64)
	binary.BigEndian.PutUint64(id[8:16], n)
	return id
}

// NoticeOf returns the notice that an ID means; ok is false if it is none of a notice.
func NoticeOf(id event.ID) (n uint64, ok bool) {
	n = binary.BigEndian.Uint64(id[8:16])
	return n, n != 0 && id == NoticeID(n)
}

// VoiceKey is the key of what one person has said in a conversation; of its notices, for no person.
func VoiceKey(conversation uint32, person crypto.PersonID) []byte {
	return append(U32(conversation), person[:]...)
}

// ParseVoiceKey reads such a key.
func ParseVoiceKey(key []byte) (conversation uint32, person crypto.PersonID, ok bool) {
	if len(key) != 4+len(person) {
		return 0, person, false
	}
	return binary.BigEndian.Uint32(key), crypto.PersonID(key[4:]), true
}

// Voice is a value of the bucket "voices": what one person has said in a conversation, in sum, as far
// as it is shown.
type Voice struct {
	Unread   uint64 // messages that the owner has not read
	Mentions uint64 // how many of them mention the owner
	Arrival  uint64 // the latest of any of their messages
	Last     Shown
}

// Shown is where a row stands in its conversation; zero: nowhere.
type Shown struct {
	T    int64
	ID   [shortID]byte
	Slot Slot
}

const voiceSize = 3*8 + 8 + shortID + SlotSize

// Bytes returns the value.
func (v *Voice) Bytes() []byte {
	b := slices.Concat(U64(v.Unread), U64(v.Mentions), U64(v.Arrival), U64(uint64(v.Last.T)), v.Last.ID[:])
	return v.Last.Slot.Append(b)
}

// ParseVoice reads the value.
func ParseVoice(b []byte) (v Voice, err error) {
	if len(b) != voiceSize {
		return v, disk.Damaged("voice of %d bytes", len(b))
	}
	v.Unread, v.Mentions, v.Arrival = Number(b[:8]), Number(b[8:16]), Number(b[16:24])
	v.Last.T = int64(Number(b[24:32]))
	v.Last.ID = [shortID]byte(b[32:])
	v.Last.Slot, _ = SlotAt(b)
	return v, nil
}

// Compare orders rows as they are shown.
func (s *Shown) Compare(o *Shown) int {
	if s.T != o.T {
		if s.T < o.T {
			return -1
		}
		return 1
	}
	return slices.Compare(s.ID[:], o.ID[:])
}

// Key is the key of the row in a conversation: a ViewKey.
func (s *Shown) Key(conversation uint32) []byte {
	return append(append(U32(conversation), U64(uint64(s.T))...), s.ID[:]...)
}

// ShownAs is where the row of an event stands.
func ShownAs(t int64, id event.ID, p Slot) Shown {
	return Shown{T: t, ID: [shortID]byte(id[:shortID]), Slot: p}
}

// ParseView reads the key and value of a row: ViewKey and a slot.
func ParseView(key, value []byte) (s Shown, err error) {
	p, ok := SlotAt(value)
	if !ok || len(key) != 4+8+shortID {
		return s, disk.Damaged("row of %d and %d bytes", len(key), len(value))
	}
	return Shown{T: int64(Number(key[4:12])), ID: [shortID]byte(key[12:]), Slot: p}, nil
}

// UnreadOf is how the keys of all unread rows of a person in a conversation begin.
func UnreadOf(conversation uint32, person crypto.PersonID) []byte {
	return append(U32(conversation), person[:shortID]...)
}

// UnreadKey is the key of one of them: those of a person sort by (T, ID).
func UnreadKey(conversation uint32, person crypto.PersonID, t int64, id event.ID) []byte {
	b := binary.BigEndian.AppendUint64(UnreadOf(conversation, person), uint64(t))
	return append(b, id[:shortID]...)
}

// Unread is a value under such a key.
type Unread struct {
	Slot      Slot
	Arrival   uint64
	Mentioned bool // it mentions the owner
}

// Bytes returns the value.
func (u *Unread) Bytes() []byte {
	b := append(u.Slot.Bytes(), U64(u.Arrival)...)
	if u.Mentioned {
		return append(b, 1)
	}
	return append(b, 0)
}

// ParseUnread reads the value.
func ParseUnread(b []byte) (u Unread, err error) {
	if len(b) != SlotSize+8+1 || b[SlotSize+8] > 1 {
		return u, disk.Damaged("unread row of %d bytes", len(b))
	}
	u.Slot, _ = SlotAt(b[:SlotSize])
	u.Arrival, u.Mentioned = Number(b[SlotSize:SlotSize+8]), b[SlotSize+8] == 1
	return u, nil
}
