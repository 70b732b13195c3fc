package link

import (
	"time"

	"golang.org/x/sys/windows"
)

// unconfirmed is not told here.
func unconfirmed(int) int { return 0 }

// confirmWithin has a socket ended of which the other end does not confirm something for so long.
func confirmWithin(fd int, d time.Duration) error {
	return windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, windows.TCP_MAXRT, int(d.Seconds()))
}
