package tree

import (
	"os"

	"golang.org/x/sys/unix"
)

func syncAll(*os.Root) (done bool, err error) { return false, nil }

// lightSync hands a file to the drive. What the drive keeps is durable after the next Sync of any
// file, which waits for the drive and takes as long as all others together.
func lightSync(f *os.File) error { return unix.Fsync(int(f.Fd())) }
