package disk

import (
	"fmt"
	"os"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// MakePrivate makes the directory. From one that is there it takes the rights of the group and of
// others.
func MakePrivate(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	info, err := os.Stat(dir) // the directory itself may be reached by a link
	if err != nil {
		return err
	}
	if err := CheckOwner(dir, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, dirMode)
	}
	return nil
}

// OpenPrivate opens a regular file of this user and takes the rights of others from it. It follows
// no link, since somebody may have put one there while the directory was open to others.
func OpenPrivate(path string, flag int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrNotPrivate, path)
	}
	f, err := os.OpenFile(path, flag, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = CheckOwner(path, info)
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(fileMode)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// OpenOnly opens a regular file of this user, and leaves it as it is.
func OpenOnly(path string, flag int) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrNotPrivate, path)
	}
	if err := CheckOwner(path, info); err != nil {
		return nil, err
	}
	return os.OpenFile(path, flag, 0)
}
