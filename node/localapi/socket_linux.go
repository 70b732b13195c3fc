package localapi

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// owner returns the process at the other end of a connection that listens there; 0 if the system
// does not say.
func owner(conn net.Conn) (process int) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			process = int(peer.Pid)
		}
	})
	return process
}

// shortAddress names the socket by an open descriptor of its directory.
func shortAddress(dir string) (address string, release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName), func() { d.Close() }, nil
}
