package give

import "errors"

// What a Backend and a Source answer, and what becomes of it: a status.
var (
	// ErrNotHere: it isn't here, or not for this peer.
	ErrNotHere = errors.New("not here")
	// ErrChanged: the original, of which it would be given, is another one now.
	ErrChanged = errors.New("changed")
	// ErrGone: it is of a message of the owner's, and there is no copy of it any more.
	ErrGone = errors.New("gone")
)

// ErrCrowded: there is no room for the stream, or others need it. Who opened it may try again.
var ErrCrowded = errors.New("too many streams")

// ErrTooOften: a stranger opens streams without end. The caller hangs up: who connects again takes turns with
// all who do.
var ErrTooOften = errors.New("streams without end")
