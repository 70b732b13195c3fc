package discovery

import "errors"

var (
	// ErrPeerAddress means that the text is not of the form /ip4/ADDRESS/tcp/PORT/p2p/DEVICE or the
	// same with ip6, nor HOST:PORT. The user should correct it; the wrapping text says what is wrong.
	ErrPeerAddress = errors.New("not a peer address")

	// ErrConfig means that NewMDNS was given a device or port that cannot be announced. It is a
	// fault of the caller.
	ErrConfig = errors.New("mdns configuration")

	// ErrNoInterface means that no interface is up that could be used. It ends by itself when one
	// appears, unless the user has named others.
	ErrNoInterface = errors.New("no usable network interface")

	// ErrNoAddress means that there is no address that anybody could dial: of this machine, so that
	// announcing this device would help nobody, or of a host that the user named.
	ErrNoAddress = errors.New("no address that others can dial")
)

// errEntry marks what was heard by mDNS and is no sighting. It stays inside: such entries are
// dropped and counted.
var errEntry = errors.New("not an announcement of earshot")
