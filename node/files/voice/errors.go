package voice

import (
	"errors"
	"fmt"
)

var (
	// ErrUnknown: these bytes begin neither like Ogg nor like WebM. Send the file as a file.
	ErrUnknown = errors.New("not a recording that is known")

	// ErrUnsupported: a recording of another codec, of several tracks, or of more than two channels.
	// Send the file as a file.
	ErrUnsupported = errors.New("not one track of Opus")

	// ErrTooLarge: above MaxBytes or MaxDuration. It is no voice note; send the file as a file.
	ErrTooLarge = errors.New("recording too large")

	// ErrMalformed: the file breaks its format, or ends too early. Don't play it.
	ErrMalformed = errors.New("malformed recording")
)

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }
