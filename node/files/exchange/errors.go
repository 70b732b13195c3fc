package exchange

import "errors"

// What Ask returns.
var (
	// ErrFull: too many requests are not answered. Ask when one is.
	ErrFull = errors.New("too many open requests")
	// ErrClosed: Run has ended, and nothing is asked any more.
	ErrClosed = errors.New("closed")
)

// What ends a stream.
var (
	// ErrMalformed: the peer has sent what can't be valid, or what was not asked for. It will do the
	// same again: leave it alone for a long time.
	ErrMalformed = errors.New("malformed")
	// ErrSilent: nothing has come that was due, or could be written, for 5 s. Ask somebody else.
	ErrSilent = errors.New("the peer is silent")
	// ErrBroken: the stream has ended before everything was answered. What wasn't may be asked again.
	ErrBroken = errors.New("the stream has ended")
)
