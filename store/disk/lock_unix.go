//go:build unix

package disk

import (
	"fmt"
	"os"
	"syscall"
)

// tryLock returns errHeld if another process, or another open file of this one, has the lock.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return errHeld
	}
	return err
}

// OthersMay says that the mode of a file tells who else may read it.
const OthersMay = true

// CheckOwner refuses what belongs to another user. Root may use anything.
func CheckOwner(path string, info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && uid != 0 && int(stat.Uid) != uid {
		return fmt.Errorf("%w: %s belongs to user %d", ErrNotPrivate, path, stat.Uid)
	}
	return nil
}

// SyncDir makes durable which files a directory has, by which names.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
