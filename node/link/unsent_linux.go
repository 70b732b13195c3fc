package link

import "golang.org/x/sys/unix"

// unconfirmed returns how many bytes a socket has that the other end has not confirmed.
func unconfirmed(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}
