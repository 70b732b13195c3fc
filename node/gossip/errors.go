package gossip

import "errors"

// Errors of Publish. The event is not lost: sync brings it.
var (
	// ErrTooLarge: the payload is longer than MaxPayload. Leave it to sync.
	ErrTooLarge = errors.New("gossip: payload too large")
	// ErrNoEpoch: there is no epoch now to seal the payload under. Leave it to sync; an epoch is
	// being made or is on its way.
	ErrNoEpoch = errors.New("gossip: no epoch")
	// ErrStopped: Run has not begun, or has ended.
	ErrStopped = errors.New("gossip: not running")
)

// Errors of Learn.
var (
	// ErrEpoch: the epoch is malformed, or its ID doesn't belong to its key and control heads. No
	// honest member hands over such an epoch: end the session.
	ErrEpoch = errors.New("gossip: not an epoch")
	// ErrStranger: the device hasn't been added, or was cut off. Nothing is learned from it.
	ErrStranger = errors.New("gossip: not a fellow member")
	// ErrTooMany: the device has handed over too many epochs. Forget this one; others bring the
	// right one.
	ErrTooMany = errors.New("gossip: too many epochs")
)

// ErrForged is what Config.Prove returns, wrapped or not, for a payload that no honest member would
// have forwarded: the payload is malformed, or its proof is false and no further knowledge could
// make it true. The member that sent it is cut off.
var ErrForged = errors.New("gossip: forged")

// errSealed: this is no envelope that a member makes under this epoch.
var errSealed = errors.New("gossip: not sealed under this epoch")
