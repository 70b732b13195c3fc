package crypto

import "errors"

// Errors for input from outside that can never become valid: refuse it.
var (
	// ErrID: the text or bytes are no device or person ID.
	ErrID = errors.New("not an ID")

	// ErrCard: the card, or the link to be added to it, is malformed or unproven. The peer that
	// sent it is faulty or lying; keep the card that was there.
	ErrCard = errors.New("invalid card")

	// ErrRecovery: the words are not a recovery key; a word may be mistyped or missing. Ask again.
	ErrRecovery = errors.New("not a recovery key")
)

// Errors that the owner of the data has to act upon.
var (
	// ErrNewer: written by a newer program. Update this one; change nothing.
	ErrNewer = errors.New("made by a newer version")

	// ErrDamaged: the keyring is not as it was written. Restore it from a backup.
	ErrDamaged = errors.New("keyring is damaged")

	// ErrPassphraseNeeded: the keyring is protected and no passphrase was given.
	ErrPassphraseNeeded = errors.New("keyring needs a passphrase")

	// ErrWrongPassphrase: the keyring is whole, but not protected by this passphrase.
	ErrWrongPassphrase = errors.New("wrong passphrase")

	// ErrSealed: sealed under an unknown key, altered, or moved to another place than it was sealed
	// for.
	ErrSealed = errors.New("cannot be unsealed")
)
