// Package wire holds the frames that two nodes exchange: their types, their bytes and their limits.
// node/PROTOCOL.md describes each frame and when it is sent.
//
// A Frame is one message, of one of 15 kinds. Marshal writes its bytes, and ParseFrame reads them.
// The bytes are those of a Protobuf message with one field, whose number is the kind. Every frame
// has exactly one encoding: ParseFrame refuses fields out of order, lists out of order and numbers
// written longer than they must be. So what it accepts, Marshal writes again byte for byte. On a
// stream, a frame is preceded by its length as a varint; whoever owns the stream writes and reads
// that, and refuses a length above MaxFrame before it reserves any memory.
//
// ParseFrame bounds everything it reads: the frame by MaxFrame, each list by the Max constant that
// is named after it, and each element by its largest possible size. The result aliases the bytes.
// Whatever is wrong with them, the error matches ErrMalformed. No input panics.
//
// The package knows the form of frames only. It proves no run and checks no signature, and it does
// not know which frame may come when: package sync decides that. It has no state and does no I/O,
// so any goroutine may call it, from any package of node that exchanges frames.
package wire
