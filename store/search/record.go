package search

import "encoding/binary"

// record is a block in the file.
type record struct {
	at           int64 // of the header
	room, size   uint32
	first, last  uint64 // N of the rows
	early, later int64  // T of the rows
}

func (r *record) header() []byte {
	b := make([]byte, 0, headerSize)
	b = binary.BigEndian.AppendUint32(b, r.room)
	return r.about(binary.BigEndian.AppendUint32(b, r.size))
}

// about appends the part of the header that a sealed block is bound to.
func (r *record) about(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, r.first)
	b = binary.BigEndian.AppendUint64(b, r.last)
	b = binary.BigEndian.AppendUint64(b, uint64(r.early))
	return binary.BigEndian.AppendUint64(b, uint64(r.later))
}

func (r *record) parse(b []byte) {
	r.room = binary.BigEndian.Uint32(b)
	r.size = binary.BigEndian.Uint32(b[4:])
	r.first = binary.BigEndian.Uint64(b[8:])
	r.last = binary.BigEndian.Uint64(b[16:])
	r.early = int64(binary.BigEndian.Uint64(b[24:]))
	r.later = int64(binary.BigEndian.Uint64(b[32:]))
}

// end is where the next record begins.
func (r *record) end() int64 { return r.at + headerSize + int64(r.room) }

// bound appends what the sealed block is bound to.
func (r *record) bound(b []byte) []byte { return r.about(append(b, "search"...)) }
