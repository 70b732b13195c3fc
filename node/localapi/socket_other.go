//go:build !linux

package localapi

import (
	"fmt"
	"net"
)

func shortAddress(dir string) (address string, release func(), err error) {
	return "", nil, fmt.Errorf("%w: %s", ErrPathTooLong, dir)
}

// owner returns the process at the other end of a connection that listens there; 0 if the system
// does not say.
func owner(net.Conn) int { return 0 }
