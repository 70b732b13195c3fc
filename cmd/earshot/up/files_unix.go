//go:build unix

package up

import (
	"syscall"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
)

// minFiles is how many files and connections a node must be able to have open. It needs about 20 for
// itself, and one for each peer and each program that asks it.
const minFiles = 64

// checkFiles refuses to start where a node would soon fail for want of descriptors. Go has raised the
// limit as far as this process may.
func checkFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil // the system knows no such limit
	}
	if n := uint64(limit.Cur); n < minFiles {
		return problem.Failed(problem.CodeOpenFiles, "this process may open %d files, and a node needs %d", n, minFiles)
	}
	return nil
}
