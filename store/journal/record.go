package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
)

const (
	// KeySize is the size of the secret of the sums.
	KeySize = 16

	// HeaderSize is the size of what stands before the body of a record.
	HeaderSize = sumSize + 4 + 8 + 8 + sumSize + sumSize

	sumSize = 8
)

// Key is the secret of the sums.
type Key [KeySize]byte

// Sum proves the bytes of a record.
type Sum [sumSize]byte

// sum returns the sum of some bytes for one purpose.
func (k *Key) sum(purpose byte, b []byte) (s Sum) {
	if len(b) <= HeaderSize {
		var small [KeySize + 1 + HeaderSize]byte
		all := sha256.Sum256(append(append(append(small[:0], k[:]...), purpose), b...))
		return Sum(all[:])
	}
	h := sha256.New()
	h.Write(k[:])
	h.Write([]byte{purpose})
	h.Write(b)
	return Sum(h.Sum(nil))
}

const ofHeader, ofBody = 1, 2

// Link names a batch: which one it is, and the sum of its header.
type Link struct {
	Number uint64 // from 1; 0 before the first
	Sum    Sum
}

// header is what stands before the body of a record.
type header struct {
	length     uint32 // of the body
	generation uint64 // number of the first record in this filling of the file
	number     uint64
	previous   Sum // of the header of the batch before
	body       Sum
}

// seal writes the header into the first bytes of a record, and returns its sum.
func (k *Key) seal(record []byte, generation, number uint64, previous Sum) Sum {
	body := record[HeaderSize:]
	h := record[:sumSize]
	h = binary.BigEndian.AppendUint32(h, uint32(len(body)))
	h = binary.BigEndian.AppendUint64(h, generation)
	h = binary.BigEndian.AppendUint64(h, number)
	h = append(h, previous[:]...)
	of := k.sum(ofBody, body)
	h = append(h, of[:]...)
	s := k.sum(ofHeader, h[sumSize:])
	copy(record, s[:])
	return s
}

// header reads the header at the beginning of b. ok is false where there is none.
func (k *Key) header(b []byte) (h header, s Sum, ok bool) {
	if len(b) < HeaderSize {
		return h, s, false
	}
	s = Sum(b[:sumSize])
	f := b[sumSize:HeaderSize]
	h.length, h.generation, h.number = binary.BigEndian.Uint32(f), binary.BigEndian.Uint64(f[4:]), binary.BigEndian.Uint64(f[12:])
	h.previous, h.body = Sum(f[20:]), Sum(f[20+sumSize:])
	if h.generation == 0 || h.generation > h.number || h.number == math.MaxUint64 {
		return h, s, false
	}
	return h, s, s == k.sum(ofHeader, f)
}

// record reads the record at the beginning of b. ok is false where there is none that is whole.
func (k *Key) record(b []byte) (h header, s Sum, body []byte, ok bool) {
	if h, s, ok = k.header(b); !ok || uint64(h.length) > uint64(len(b)-HeaderSize) {
		return h, s, nil, false
	}
	body = b[HeaderSize:][:h.length]
	return h, s, body, h.body == k.sum(ofBody, body)
}

// any reports whether a header begins anywhere in b whose number is above one, and not by more than most.
func (k *Key) any(b []byte, above, most uint64) bool {
	b = written(b)
	for i := 0; i+HeaderSize <= len(b); i++ {
		if !looks(b[i:], above, most) {
			continue
		}
		if _, _, ok := k.header(b[i:]); ok {
			return true
		}
	}
	return false
}

// looks reports whether a header with such a number may begin b. It is there to leave out nearly all of the
// others, which no sum needs to be made of.
func looks(b []byte, above, most uint64) bool {
	const at = sumSize + 4 + 8 // where the number stands
	return binary.BigEndian.Uint64(b[at:])-above-1 < most
}

// written cuts off the zeros at the end of b in which no header can begin.
func written(b []byte) []byte {
	var zeros [4096]byte
	end := len(b)
	for end >= len(zeros) && bytes.Equal(b[end-len(zeros):end], zeros[:]) {
		end -= len(zeros)
	}
	return b[:min(end+HeaderSize, len(b))]
}
