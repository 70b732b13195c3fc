package disk

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked: another process has the directory open; see LockedError. Talk to that one, or end
	// it.
	ErrLocked = errors.New("data directory is in use")

	// ErrDamaged: the database or its journal is not as it was written. If Open returns it, nothing was
	// changed; if a transaction does, nothing is written any more. Restore a backup of the whole
	// directory, or begin anew in an empty one.
	ErrDamaged = errors.New("database is damaged")

	// ErrNoKeyring: there is a database but no keyring, without which it can't be read. Restore the
	// keyring from a backup.
	ErrNoKeyring = errors.New("keyring is missing")

	// ErrNewer: a newer program has written here. Update this one.
	ErrNewer = errors.New("made by a newer version")

	// ErrFull: the disk has no room, or so little that it is kept for what the owner writes. Nothing
	// was changed. Try again when there is room.
	ErrFull = errors.New("no room on the disk")

	// ErrUnknown: the disk has failed while something was written. Nobody knows whether it is there, and
	// nothing more is written. Ask by its key after the next start.
	ErrUnknown = errors.New("not known whether it was written")

	// ErrNotPrivate: the directory or a file in it belongs to somebody else, or is not what it
	// should be (a link, a socket). Choose another directory.
	ErrNotPrivate = errors.New("not private to its owner")
)

// LockedError matches ErrLocked and tells who holds the lock.
type LockedError struct {
	PID int // 0 if it left no number
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return ErrLocked.Error()
	}
	return fmt.Sprintf("%v by process %d", ErrLocked, e.PID)
}

func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Damaged returns an error that matches ErrDamaged and says what was found.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}
