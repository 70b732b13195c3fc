package wire

import (
	"errors"
	"fmt"
)

// ErrMalformed: the bytes are not exactly one frame, or break one of its limits. No honest node
// sends them, so end the session; nothing in them can be used.
var ErrMalformed = errors.New("malformed frame")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
