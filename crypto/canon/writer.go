package canon

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Writer builds one message. The zero Writer is ready. Fields are written in ascending order; only
// Element may repeat one.
type Writer struct {
	buf  []byte
	last int
}

// Grow makes room for so many bytes more.
func (w *Writer) Grow(n int) { w.buf = slices.Grow(w.buf, n) }

// Reset begins another message, in the memory of the one before: what Out has returned is overwritten.
func (w *Writer) Reset() { w.buf, w.last = w.buf[:0], 0 }

// Out returns the message written so far. It aliases the Writer.
func (w *Writer) Out() []byte { return w.buf }

// Uint writes v as a varint, or nothing if it is 0.
func (w *Writer) Uint(field int, v uint64) {
	w.once(field)
	if v != 0 {
		w.tag(field, wireVarint)
		w.buf = binary.AppendUvarint(w.buf, v)
	}
}

// Bytes writes b, or nothing if it is empty.
func (w *Writer) Bytes(field int, b []byte) {
	w.once(field)
	if len(b) != 0 {
		w.bytes(field, b)
	}
}

// String writes s, or nothing if it is empty. It must be valid UTF-8, or no Reader will take it.
func (w *Writer) String(field int, s string) { w.Bytes(field, []byte(s)) }

// Element writes b as the next element of a repeated field, even if it is empty.
func (w *Writer) Element(field int, b []byte) {
	if field != w.last || field == 0 {
		w.once(field)
	}
	w.bytes(field, b)
}

func (w *Writer) bytes(field int, b []byte) {
	w.tag(field, wireBytes)
	w.buf = binary.AppendUvarint(w.buf, uint64(len(b)))
	w.buf = append(w.buf, b...)
}

func (w *Writer) once(field int) {
	if field <= w.last || field > maxField {
		panic(fmt.Sprintf("canon: field %d written after field %d", field, w.last))
	}
	w.last = field
}

// usual is room for most headers and short texts.
const usual = 256

func (w *Writer) tag(field int, wire uint64) {
	if w.buf == nil {
		w.buf = make([]byte, 0, usual)
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(field)<<3|wire)
}
