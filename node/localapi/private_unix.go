//go:build unix

package localapi

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// exposed says why others can enter the directory; "" if they can't.
func exposed(info fs.FileInfo) string {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Sprintf("is open to other users (mode %04o)", mode)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if self := os.Geteuid(); self != 0 && int(owner) != self {
		return fmt.Sprintf("belongs to another user (%d)", owner)
	}
	return ""
}
