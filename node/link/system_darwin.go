package link

import (
	"time"

	"golang.org/x/sys/unix"
)

// unconfirmed returns how many bytes a socket has that the other end has not confirmed.
func unconfirmed(fd int) int {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NWRITE)
	if err != nil {
		return 0
	}
	return n
}

// confirmWithin has a socket ended of which the other end does not confirm something for so long.
func confirmWithin(fd int, d time.Duration) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, int(d.Seconds()))
}
