package disk

import (
	"os"

	"golang.org/x/sys/windows"
)

// tryLock returns errHeld if another open file has the lock. It locks a byte far behind the number
// of the holder, which others must be able to read.
func tryLock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: 1 << 30})
	if err == windows.ERROR_LOCK_VIOLATION {
		return errHeld
	}
	return err
}

// OthersMay: the mode of a file says nothing here.
const OthersMay = false

// CheckOwner does nothing: owners and modes are left to the profile directory's access list.
func CheckOwner(string, os.FileInfo) error { return nil }

// SyncDir does nothing: NTFS journals names, and directories can't be synced.
func SyncDir(string) error { return nil }
