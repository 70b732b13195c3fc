package event

import (
	"errors"
	"fmt"
)

var (
	// ErrMalformed says that the bytes break the format and can never become valid. Refuse them,
	// and the session that brought them. From New, NewRecord and Marshal functions it means that
	// the caller gave an impossible value.
	ErrMalformed = errors.New("malformed")

	// ErrVersion says that the event or record has a version or algorithm that this program does
	// not know. It matches ErrMalformed as well: nothing that links to it can be proven here. Tell
	// the user that a newer program is about.
	ErrVersion = fmt.Errorf("%w: unknown version", ErrMalformed)

	// ErrTooLarge says that what somebody wants to write exceeds a limit of the format. Tell them;
	// less may pass.
	ErrTooLarge = errors.New("too large")

	// ErrUnproven says that the events of a run, each well formed, are not proven by a signature.
	// Refuse the run, and the session that brought it.
	ErrUnproven = errors.New("unproven")

	// ErrConflict says that two segments end at one sequence with different IDs: the log has a
	// fork.
	ErrConflict = errors.New("conflicting segments")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

func unproven(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnproven}, args...)...)
}
