package link

import "errors"

var (
	// ErrKey: the key is not an Ed25519 private key. A fault of the caller's.
	ErrKey = errors.New("link: not an Ed25519 private key")
	// ErrPortTaken: another program listens on that port. Try another, or port 0; nothing is
	// listening yet.
	ErrPortTaken = errors.New("link: port taken")
	// ErrNotConnected: there is no connection to that peer. Connect first.
	ErrNotConnected = errors.New("link: not connected")
	// ErrClosed: the host has been closed. Nothing to retry.
	ErrClosed = errors.New("link: closed")
)
