//go:build unix

package up

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
)

// checkHome refuses to make a new directory in the home of whoever has called sudo, where that has left
// HOME as it was: it would belong to root, as the directories above it that are made, and then neither
// earshot nor other programs of theirs could use these.
func checkHome(home, dir string, user int) error {
	caller := os.Getenv("SUDO_UID")
	if caller == "" || caller == strconv.Itoa(user) || home == "" || !strings.HasPrefix(dir, filepath.Clean(home)+string(filepath.Separator)) {
		return nil
	}
	var stat syscall.Stat_t
	if syscall.Stat(home, &stat) != nil || strconv.FormatUint(uint64(stat.Uid), 10) != caller {
		return nil
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p := problem.Failed(problem.CodeDirectory, "%s is in the home of another user, who could not use what is made there as this one", dir)
	p.Hint = "start it as that user, without sudo; or name another directory with --dir"
	return p
}
