package link

import (
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
)

var (
	// ErrKey: the key is not an Ed25519 private key. A fault of the caller's.
	ErrKey = errors.New("link: not an Ed25519 private key")
	// ErrPortTaken: another program listens on that port. Try another, or port 0; nothing is
	// listening yet.
	ErrPortTaken = errors.New("link: port taken")
	// ErrNotConnected: there is no connection to that peer. Connect first.
	ErrNotConnected = errors.New("link: not connected")
	// ErrNoAnswer: nobody has answered within ConnectTimeout. Try again later, or elsewhere.
	ErrNoAnswer = errors.New("nobody answers there")
	// ErrSelf: this host itself listens there. The caller, or who named the address, is mistaken.
	ErrSelf = errors.New("this node itself answers there")
	// ErrOver: the way to that address leads over an address of this machine that is not to carry
	// links, see Config.Over. Try again when the network has changed.
	ErrOver = errors.New("it is reached over an interface that is not used")
	// ErrClosed: the host has been closed. Nothing to retry.
	ErrClosed = errors.New("link: closed")
)

// OtherError says that another device answered than the one that was dialled.
type OtherError struct {
	Device peer.ID // as it says; not proven
}

func (e *OtherError) Error() string { return fmt.Sprintf("another device answers there: %s", e.Device) }
