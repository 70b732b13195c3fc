package sync

import (
	"errors"
	"fmt"
)

// Why a session ended, for errors.Is on Close.Reason.
var (
	// ErrIncompatible: the peer speaks another version of the protocol. Tell the user, and dial it
	// again seldom.
	ErrIncompatible = errors.New("peer speaks another version")

	// ErrProtocol: the peer sent something malformed, unproven or out of order. Dial it again only
	// after a pause.
	ErrProtocol = errors.New("peer broke the protocol")

	// ErrPeerProof: the peer did not prove who it is, or its card does not name the device on the
	// link. Treat it as ErrProtocol.
	ErrPeerProof = errors.New("peer did not prove its person")

	// ErrStore: this node could not keep what came. The peer is not to blame.
	ErrStore = errors.New("nothing can be stored")
)

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrProtocol}, args...)...)
}
