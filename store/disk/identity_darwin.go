package disk

import "golang.org/x/sys/unix"

// keepsNumbers reports whether a file system is known to keep the number of a file for as long as
// the file is there.
func keepsNumbers(path string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil {
		return false
	}
	name := unix.ByteSliceToString(fs.Fstypename[:])
	return name == "apfs" || name == "hfs"
}

// fileNumber returns the number of a file, and when it was made, in ns.
func fileNumber(path string) (number, made uint64, err error) {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return 0, 0, err
	}
	return s.Ino, uint64(s.Btim.Sec)*1e9 + uint64(s.Btim.Nsec), nil
}
