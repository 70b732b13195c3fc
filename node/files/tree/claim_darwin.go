package tree

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// claim renames what is in root, unless the name is taken: fs.ErrExist.
func claim(root *os.Root, from, to string, folder bool) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	err = unix.RenameatxNp(fd, from, fd, to, unix.RENAME_EXCL)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) { // the file system can't
		return fallback(root, from, to, folder)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
