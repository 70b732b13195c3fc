//go:build unix

package tree

import (
	"io/fs"
	"os"
	"syscall"
)

// dontWait is added to the flags of what is opened: a pipe in the place of a file must not block.
const dontWait = syscall.O_NONBLOCK

// isOurs reports whether something belongs to who runs this program.
func isOurs(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// links is how many names a file has.
func links(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Nlink)
	}
	return 1
}

// executable reports whether the owner of a file may execute it.
func executable(info fs.FileInfo) bool { return info.Mode()&0o100 != 0 }

func syncFolder(root *os.Root, path string) error {
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return lightSync(f)
}

// syncFile makes a file durable, the last of several or not.
func syncFile(f *os.File, last bool) error {
	if last {
		return f.Sync()
	}
	return lightSync(f)
}
