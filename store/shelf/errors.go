package shelf

import "errors"

var (
	// ErrNoBlob: nothing is kept of that attachment.
	ErrNoBlob = errors.New("nothing is kept of the file")

	// ErrNotHeld: the part is not here, or not as it was written. It has to be fetched (again).
	ErrNotHeld = errors.New("part of the file is not here")

	// ErrForgotten: the blob was forgotten meanwhile. Stop what is done with it.
	ErrForgotten = errors.New("file was forgotten")
)
