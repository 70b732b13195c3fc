package layout

import (
	"math/bits"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

// Listing says how an own event that a reader lacks stands in the outbox.
type Listing byte

const (
	Listed Listing = iota // by a line of its own
	Bare                  // not at all: it is no message, or its words are gone
	Behind                // by the line of another event, perhaps
)

// UnlistedEvents is of how many sequences one value of the bucket "unlisted" tells: few enough that a message
// that is taken back writes little, enough that counting a million takes 2,000 looks.
const UnlistedEvents = 512

// Unlisted is a value of that bucket: which events of a part of an own log are not Listed. Nil: all are.
type Unlisted []byte

const unlistedSize = UnlistedEvents / 8 // of each of the two maps of bits: Bare, and Behind

// UnlistedSlot is the key of the part of a log that a slot is in.
func UnlistedSlot(p Slot) Slot {
	p.Sequence -= p.Sequence % UnlistedEvents
	return p
}

// ParseUnlisted reads a value, which the result aliases.
func ParseUnlisted(b []byte) (Unlisted, error) {
	if len(b) != 0 && len(b) != 2*unlistedSize {
		return nil, disk.Damaged("unlisted events of %d bytes", len(b))
	}
	return b, nil
}

func (u Unlisted) has(l Listing, sequence uint64) bool {
	i := sequence % UnlistedEvents
	return len(u) > 0 && u[(int(l)-1)*unlistedSize+int(i/8)]>>(i%8)&1 != 0
}

// Of says how an event stands in the outbox.
func (u Unlisted) Of(sequence uint64) Listing {
	for _, l := range []Listing{Bare, Behind} {
		if u.has(l, sequence) {
			return l
		}
	}
	return Listed
}

// With returns a value with one event changed; nil if all are Listed then.
func (u Unlisted) With(sequence uint64, l Listing) Unlisted {
	out := make(Unlisted, 2*unlistedSize)
	copy(out, u)
	at, bit := int(sequence%UnlistedEvents/8), byte(1)<<(sequence%8)
	out[at] &^= bit
	out[unlistedSize+at] &^= bit
	if l != Listed {
		out[(int(l)-1)*unlistedSize+at] |= bit
	}
	for _, b := range out {
		if b != 0 {
			return out
		}
	}
	return nil
}

// Count returns how many events of a range, all in this part, are Listed, and the sequences of those that are
// Behind others.
func (u Unlisted) Count(r event.Range) (listed int, behind []uint64) {
	listed = int(r.Last - r.First + 1)
	if len(u) == 0 {
		return listed, nil
	}
	for seq := r.First; seq <= r.Last; {
		at := int(seq % UnlistedEvents / 8)
		end := min(seq|7, r.Last) // of this byte
		mask := byte(0xff) << (seq % 8) & (0xff >> (7 - end%8))
		listed -= bits.OnesCount8((u[at] | u[unlistedSize+at]) & mask)
		for b := u[unlistedSize+at] & mask; b != 0; b &= b - 1 {
			behind = append(behind, seq&^7+uint64(bits.TrailingZeros8(b)))
		}
		seq = end + 1
	}
	return listed, behind
}
