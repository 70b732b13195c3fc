package system

import (
	"errors"
	"syscall"
)

// What Windows says where another program has a port, shared or for itself.
const (
	wsaAddrInUse = syscall.Errno(10048)
	wsaAccess    = syscall.Errno(10013)
)

// held says that an error means that another program has the port.
func held(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) || errors.Is(err, wsaAccess)
}
