// Package canon writes and reads a strict subset of the protobuf wire format in which a message has
// exactly one encoding. Everything that is hashed, signed or stored is made of it: the bytes are
// kept and forwarded as they came, so a second encoding of the same content must not parse.
//
// The subset: fields in ascending order; a field that is not repeated, at most once; varints of
// minimal length; the default (0, empty) never written, except as an element of a repeated field;
// wire types varint and bytes only; no unknown field and nothing after the last one. Any protobuf
// decoder reads it; only this package proves it.
//
// A Writer appends. A Reader is asked for each field of the message in ascending order, then End
// says whether all of that held; its first error sticks, so intermediate results may be used before
// End but not believed. What was read is bounded by the limits that the caller gives and by the
// length of the input, and aliases the input. The caller decides on the version and the limits of
// its messages.
//
// Both are for one goroutine. Errors match ErrEncoding. Writing fields out of order is a mistake in
// the program, not in the data, and panics.
package canon

import "errors"

// ErrEncoding is matched by every error of a Reader. The bytes can never become valid: refuse them,
// and the peer that sent them.
var ErrEncoding = errors.New("not canonical")

// Wire types, https://protobuf.dev/programming-guides/encoding/#structure.
const (
	wireVarint = 0
	wireBytes  = 2
)

// maxField is the largest field number that protobuf allows.
const maxField = 1<<29 - 1
