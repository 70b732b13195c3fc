//go:build linux || darwin

package disk

import "golang.org/x/sys/unix"

// fullErrors are what the system says where there is no room: on the disk, or for this user.
var fullErrors = []error{unix.ENOSPC, unix.EDQUOT}

// SpaceOf returns what the system says is left of the file system of a directory.
func SpaceOf(dir string) (s Space, known bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Bsize == 0 {
		return Space{}, false
	}
	size := uint64(fs.Bsize)
	s = Space{Total: fs.Blocks * size, Free: fs.Bavail * size}
	var at unix.Stat_t
	if unix.Stat(dir, &at) == nil {
		s.Disk = uint64(at.Dev)
	}
	return s, true
}
