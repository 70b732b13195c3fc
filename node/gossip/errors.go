package gossip

import "errors"

// What Publish returns when an event has to go by other roads. None of it is lost: sync is beneath.
var (
	// ErrTooLarge: the payload is longer than MaxPayload. Leave it to sync.
	ErrTooLarge = errors.New("gossip: payload too large")
	// ErrNoEpoch: there is no epoch that may be sealed under now. Leave it to sync; one is being minted or is on its way.
	ErrNoEpoch = errors.New("gossip: no epoch")
	// ErrStopped: Run has not begun, or has ended.
	ErrStopped = errors.New("gossip: not running")
)

// What Learn refuses.
var (
	// ErrEpoch: malformed, or the ID doesn't belong to key and control. No honest member tells it: end the session.
	ErrEpoch = errors.New("gossip: not an epoch")
	// ErrStranger: the device hasn't been added, or was cut off. Nothing is learned from it.
	ErrStranger = errors.New("gossip: not a fellow member")
	// ErrTooMany: the device has told too many epochs. Forget it; a better one comes by others.
	ErrTooMany = errors.New("gossip: too many epochs")
)

// ErrForged is for Config.Prove to return, wrapped or not, for what no honest member would have forwarded: it is
// malformed, or its proof is false whatever else is known. Whoever sent it is cut off.
var ErrForged = errors.New("gossip: forged")

// errSealed: not an envelope that a member makes under this epoch.
var errSealed = errors.New("gossip: not sealed under this epoch")
