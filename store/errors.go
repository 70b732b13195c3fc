package store

import (
	"errors"
	"fmt"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

// Errors of Open. The last four say which file is meant. Nothing was changed.
var (
	ErrLocked     = disk.ErrLocked     // another process has it open: *LockedError says which
	ErrNewer      = disk.ErrNewer      // written by a newer program: update this one
	ErrDamaged    = disk.ErrDamaged    // not as it was written: restore a backup
	ErrNoKeyring  = disk.ErrNoKeyring  // a database without its keyring: restore that
	ErrNotPrivate = disk.ErrNotPrivate // somebody else's directory: choose another
)

// ErrFull: the disk has no room. Open returns it, and every method that writes; nothing was
// changed. Try again when there is room.
var ErrFull = disk.ErrFull

// ErrUnknown: the disk has failed while something was written. Nobody knows whether it is there; Run
// ends with it. Ask by the key, or the ID, when the store was opened again.
var ErrUnknown = disk.ErrUnknown

// LockedError matches ErrLocked.
type LockedError = disk.LockedError

// Errors of methods.
var (
	// ErrClosed: the store's Run has ended.
	ErrClosed = tx.ErrClosed

	// ErrNoConversation: there is no such conversation here. A direct one begins when its person is
	// stored (UpdatePerson), a group with its first control event.
	ErrNoConversation = errors.New("no such conversation")

	// ErrNoEvent: there is no such event here, or it is not of the kind that is needed.
	ErrNoEvent = errors.New("no such message")

	// ErrKind: the kind is not one that Append writes, or PutControls keeps.
	ErrKind = errors.New("kind can't be appended")

	// ErrKeyUsed: an earlier message of this person in this conversation has the key, and it has
	// another content or its words are gone.
	ErrKeyUsed = errors.New("key was used for another message")

	// ErrTooLate: the message is older than two minutes. Everybody who holds it would keep its
	// words.
	ErrTooLate = errors.New("too late to recall the message")

	// ErrCut: the run goes past the limit of its log (SetLimits). Refuse it.
	ErrCut = errors.New("log was cut before")

	// ErrAcknowledged: a reader has the message, or it is for nobody. It can't be cancelled.
	ErrAcknowledged = errors.New("message was already delivered")

	// ErrUndelivered: no further reader will get the message, since its author is out of the group.
	// There is nothing to be cancelled.
	ErrUndelivered = errors.New("message will not be delivered")

	// ErrTooManySegments: the log is held in event.MaxPieces pieces, and the run lies beyond all of
	// them and joins none. It can come again when the events in between have come.
	ErrTooManySegments = errors.New("too many segments")

	// ErrForked: the log has two events at one sequence. Both branches are kept, and neither grows
	// beyond that place. Nothing else is affected.
	ErrForked = errors.New("log is forked")

	// ErrBudget: what may be kept for somebody who is no contact is used up. Refuse it and keep the
	// link.
	ErrBudget = book.ErrBudget

	// ErrTooManyLogs: the author has MaxLogs logs in the conversation. Refuse the run and keep the
	// link.
	ErrTooManyLogs = errors.New("too many logs")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}
