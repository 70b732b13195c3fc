package disk

import (
	"slices"

	"golang.org/x/sys/unix"
)

// keeping are the file systems that are known to keep the number of a file for as long as the file
// is there. Others make numbers up at each mount (FAT, exFAT, FUSE, SMB, 9p), or change them when a
// file is first written (overlay).
var keeping = []uint32{
	unix.EXT4_SUPER_MAGIC, // of ext2 and ext3 too
	unix.XFS_SUPER_MAGIC,
	unix.BTRFS_SUPER_MAGIC,
	unix.F2FS_SUPER_MAGIC,
	unix.TMPFS_MAGIC,
	unix.NFS_SUPER_MAGIC,
	0x2fc12fc1, // ZFS
	0xca451a4e, // bcachefs
}

func keepsNumbers(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && slices.Contains(keeping, uint32(fs.Type))
}

// fileNumber returns the number of a file, and when it was made, in ns; 0 where that isn't known.
func fileNumber(path string) (number, made uint64, err error) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &s); err != nil {
		return 0, 0, err
	}
	if s.Mask&unix.STATX_BTIME != 0 {
		made = uint64(s.Btime.Sec)*1e9 + uint64(s.Btime.Nsec)
	}
	return s.Ino, made, nil
}
