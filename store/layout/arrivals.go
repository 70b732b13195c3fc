package layout

import (
	"encoding/binary"
	"math/bits"

	"github.com/earshot-im/earshot/store/disk"
)

// Stretch is a row of the bucket "arrivals": rows that arrived at successive numbers, and stand at successive
// sequences of one log.
type Stretch struct {
	First uint64 // the number of the first
	Slot         // of the first
	Count uint32
}

const stretchSize = SlotSize + 4

// Bytes returns the value under the key U64(First).
func (s *Stretch) Bytes() []byte {
	return binary.BigEndian.AppendUint32(s.Slot.Append(make([]byte, 0, stretchSize)), s.Count)
}

// ParseStretch reads a key and its value.
func ParseStretch(key, value []byte) (s Stretch, err error) {
	if len(key) != 8 || len(value) != stretchSize {
		return s, disk.Damaged("arrivals of %d and %d bytes", len(key), len(value))
	}
	s.First, s.Count = Number(key), binary.BigEndian.Uint32(value[SlotSize:])
	s.Slot, _ = SlotAt(value[:SlotSize])
	if s.Count == 0 || s.First+uint64(s.Count) < s.First || s.Sequence+uint64(s.Count) < s.Sequence {
		return s, disk.Damaged("%d arrivals from %d on", s.Count, s.First)
	}
	return s, nil
}

// End is the number behind the last.
func (s *Stretch) End() uint64 { return s.First + uint64(s.Count) }

// At returns where the row stands that arrived at a number, if that is of the stretch.
func (s *Stretch) At(n uint64) (p Slot, ok bool) {
	if n < s.First || n >= s.End() {
		return p, false
	}
	return Slot{s.Log, s.Sequence + (n - s.First)}, true
}

// Goes reports whether a row continues the stretch.
func (s *Stretch) Goes(n uint64, p Slot) bool {
	return s.Count > 0 && s.Count < 1<<32-1 && n == s.End() && p == Slot{s.Log, s.Sequence + uint64(s.Count)}
}

// Part returns what of the stretch arrived from one number on and before another.
func (s *Stretch) Part(from, to uint64) (part Stretch) {
	from, to = max(from, s.First), min(to, s.End())
	if from < to {
		part = Stretch{from, Slot{s.Log, s.Sequence + (from - s.First)}, uint32(to - from)}
	}
	return part
}

// UnreadNumbers is of how many numbers one value of the bucket "unread" tells: few enough that reading one message
// writes little, enough that thousands of messages that come together have a few.
const UnreadNumbers = 512

// UnreadMap is a value of that bucket: at which numbers, from the one that is its key on, others' messages arrived that
// were not read. The key is a multiple of UnreadNumbers.
type UnreadMap [UnreadNumbers / 8]byte

// UnreadPart is the number that is the key of the map in which a number is.
func UnreadPart(n uint64) uint64 { return n - n%UnreadNumbers }

// ParseUnreadMap reads a value; none is a map without any.
func ParseUnreadMap(b []byte) (m UnreadMap, err error) {
	if len(b) != 0 && len(b) != len(m) {
		return m, disk.Damaged("unread messages of %d bytes", len(b))
	}
	copy(m[:], b)
	return m, nil
}

// Has reports whether the message that arrived at a number is unread.
func (m *UnreadMap) Has(n uint64) bool { return m[n%UnreadNumbers/8]>>(n%8)&1 != 0 }

// Set notes whether it is.
func (m *UnreadMap) Set(n uint64, unread bool) {
	if m[n%UnreadNumbers/8] &^= 1 << (n % 8); unread {
		m[n%UnreadNumbers/8] |= 1 << (n % 8)
	}
}

// Next returns the first place in the map, from one on, that is set; UnreadNumbers if there is none.
func (m *UnreadMap) Next(at int) int {
	for at < UnreadNumbers {
		if b := m[at/8] >> (at % 8); b != 0 {
			return at + bits.TrailingZeros8(b)
		}
		at = at/8*8 + 8
	}
	return UnreadNumbers
}
