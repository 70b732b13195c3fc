package discovery

import "errors"

var (
	// ErrPeerAddress means that the text is not of the form /ip4/ADDRESS/tcp/PORT/p2p/DEVICE or the
	// same with ip6, nor HOST:PORT. The user should correct it; the wrapping text says what is wrong.
	ErrPeerAddress = errors.New("not a peer address")

	// ErrNoAddress means that there is no address that anybody could dial: of this machine, so that
	// announcing this device would help nobody, or of a host that the user named.
	ErrNoAddress = errors.New("no address that others can dial")
)
