package blob

import (
	"errors"
	"fmt"
)

// ErrMalformed is matched by the errors of what can never become valid: refuse it, and who sent it.
var ErrMalformed = errors.New("malformed")

// ErrProof is returned for bytes that are not those which a hash stands for. The same may come whole
// from somebody else.
var ErrProof = errors.New("bytes don't match their hash")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
