package localapi

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is the longest name of a socket, in bytes, that every system takes: 104 on some and
// 108 on others, with the NUL.
const maxSocketPath = 103

// private checks that nobody but the owner can enter dir: the directory's mode, and not the
// socket's own, keeps others out on every system and from the first moment.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory", ErrNotPrivate, dir)
	}
	if why := exposed(info); why != "" {
		return fmt.Errorf("%w: %s %s", ErrNotPrivate, dir, why)
	}
	return nil
}

// socketAddress returns a name for the socket in dir that fits into an address. It holds until
// release is called.
func socketAddress(dir string) (address string, release func(), err error) {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	return shortAddress(dir)
}
