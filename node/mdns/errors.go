package mdns

import "errors"

var (
	// ErrConfig means that New was given a device or port that cannot be announced. It is a fault of
	// the caller.
	ErrConfig = errors.New("mdns configuration")

	// ErrNoInterface means that no interface is up that could be used. It ends by itself when one
	// appears, unless the user has named others.
	ErrNoInterface = errors.New("no usable network interface")

	// ErrLowPort means that this node listens on a port that nobody believes an announcement of. The
	// user should choose a higher one, or name this device to the others by --peer.
	ErrLowPort = errors.New("this node listens below port 1024, where nobody looks for it")
)

// errPacket marks what was heard by mDNS and is no announcement. It stays inside: such packets are
// dropped.
var errPacket = errors.New("not an announcement of earshot")

// errNoSocket means that there is nothing to send by. That listening does not work says why.
var errNoSocket = errors.New("port 5353 can't be used")
