package discovery

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// errManyChanges: so much has changed at once that the system has dropped some of what it tells.
const errManyChanges = unix.ENOBUFS

// systemChanges returns a netlink socket from which something can be read whenever an interface or an address has
// changed (rtnetlink(7)). What it says is not looked at.
func systemChanges() (io.ReadCloser, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}
