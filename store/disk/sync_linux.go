package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData is fdatasync(2), which writes the size of the file too if that has changed.
func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
