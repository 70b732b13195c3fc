package mdns

import "errors"

// ErrConfig means that New was given a device or port that cannot be announced. It is a fault of the
// caller.
var ErrConfig = errors.New("mdns configuration")

// errPacket marks what was heard by mDNS and is no announcement. It stays inside: such packets are
// dropped.
var errPacket = errors.New("not an announcement of earshot")

// errNoSocket means that there is nothing to send by. That listening does not work says why.
var errNoSocket = errors.New("port 5353 can't be used")
