package canon

import (
	"encoding/binary"
	"fmt"
	"iter"
	"unicode/utf8"
)

// Reader takes one message apart. Ask for its fields in ascending order, then call End. After the
// first error every getter returns its default.
type Reader struct {
	rest []byte
	err  error
}

// NewReader returns a Reader of the message b, which must not change while what was read from it is
// in use.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Uint returns a varint field, 0 if it is absent.
func (r *Reader) Uint(field int) uint64 {
	if !r.take(field, wireVarint) {
		return 0
	}
	v := r.varint(field)
	if v == 0 {
		r.fail(field, "default written")
	}
	return v
}

// Bytes returns a field of 1 to max bytes, nil if it is absent.
func (r *Reader) Bytes(field, max int) []byte {
	if !r.take(field, wireBytes) {
		return nil
	}
	b := r.bytes(field, max)
	if len(b) == 0 {
		r.fail(field, "default written")
		return nil
	}
	return b
}

// String returns a field of 1 to max bytes of valid UTF-8, empty if it is absent.
func (r *Reader) String(field, max int) string {
	b := r.Bytes(field, max)
	if !utf8.Valid(b) {
		r.fail(field, "invalid UTF-8")
		return ""
	}
	return string(b)
}

// Optional returns a field of exactly n bytes, nil if it is absent.
func (r *Reader) Optional(field, n int) []byte {
	b := r.Bytes(field, n)
	if b != nil && len(b) != n {
		r.fail(field, fmt.Sprintf("%d bytes, not %d", len(b), n))
		return nil
	}
	return b
}

// Fixed returns a field of exactly n bytes, which must be present. The result is n long even after
// an error, so that it may be converted to an array.
func (r *Reader) Fixed(field, n int) []byte {
	b := r.Optional(field, n)
	if b == nil {
		r.fail(field, "missing")
		return make([]byte, n)
	}
	return b
}

// Repeated returns the elements of a repeated bytes field: at most maxCount, each of 0 to maxSize
// bytes.
func (r *Reader) Repeated(field, maxCount, maxSize int) [][]byte {
	var all [][]byte
	for element := range r.Elements(field, maxCount, maxSize) {
		all = append(all, element)
	}
	if r.err != nil {
		return nil
	}
	return all
}

// Elements goes over what Repeated returns, which it keeps nothing of, up to the first error. It must
// not be left before its end.
func (r *Reader) Elements(field, maxCount, maxSize int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for n := 0; r.take(field, wireBytes); n++ {
			if n == maxCount {
				r.fail(field, fmt.Sprintf("more than %d elements", maxCount))
				return
			}
			if b := r.bytes(field, maxSize); r.err != nil || !yield(b) {
				return
			}
		}
	}
}

// End returns the first error, or one if anything is left that was not asked for.
func (r *Reader) End() error {
	if r.err == nil && len(r.rest) != 0 {
		if tag, _ := uvarint(r.rest); tag>>3 != 0 {
			return fmt.Errorf("%w: unexpected field %d", ErrEncoding, tag>>3)
		}
		return fmt.Errorf("%w: %d trailing bytes", ErrEncoding, len(r.rest))
	}
	return r.err
}

// take consumes the next tag if it is that of field, and checks its wire type.
func (r *Reader) take(field int, wire uint64) bool {
	if r.err != nil || len(r.rest) == 0 {
		return false
	}
	tag, n := uvarint(r.rest)
	switch number := tag >> 3; {
	case n == 0:
		r.fail(field, "bad tag")
		return false
	case number > uint64(field) && number <= maxField:
		return false
	case number != uint64(field):
		r.fail(field, fmt.Sprintf("unexpected field %d", number))
		return false
	case tag&7 != wire:
		r.fail(field, fmt.Sprintf("wire type %d, not %d", tag&7, wire))
		return false
	}
	r.rest = r.rest[n:]
	return true
}

func (r *Reader) varint(field int) uint64 {
	v, n := uvarint(r.rest)
	if n == 0 {
		r.fail(field, "bad varint")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *Reader) bytes(field, max int) []byte {
	n := r.varint(field)
	switch {
	case r.err != nil:
		return nil
	case n > uint64(max):
		r.fail(field, fmt.Sprintf("%d bytes, more than %d", n, max))
		return nil
	case n > uint64(len(r.rest)):
		r.fail(field, "truncated")
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *Reader) fail(field int, cause string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: field %d: %s", ErrEncoding, field, cause)
	}
}

// uvarint is binary.Uvarint, refusing overflow and encodings that are not minimal by returning a
// length of 0.
func uvarint(b []byte) (uint64, int) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, 0
	}
	return v, n
}
