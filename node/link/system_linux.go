package link

import (
	"time"

	"golang.org/x/sys/unix"
)

// unconfirmed returns how many bytes a socket has that the other end has not confirmed.
func unconfirmed(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// confirmWithin has a socket ended of which the other end does not confirm something for so long.
func confirmWithin(fd int, d time.Duration) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
}
