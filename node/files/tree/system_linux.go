package tree

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncAll makes all of the file system durable that root is on, if the system can. For many small
// files this is much faster than one after the other.
func syncAll(root *os.Root) (done bool, err error) {
	f, err := root.Open(".")
	if err != nil {
		return true, err
	}
	defer f.Close()
	return true, unix.Syncfs(int(f.Fd()))
}

func lightSync(f *os.File) error { return f.Sync() }
