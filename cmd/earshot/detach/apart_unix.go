//go:build unix

package detach

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart starts a process in a session of its own, which no terminal can send signals to.
var apart = &syscall.SysProcAttr{Setsid: true}

// keepFiles has the program inherit none of the files that this process has inherited: a script's lock,
// or a terminal, would be held for as long as it runs.
func keepFiles() {
	open, _ := filepath.Glob("/dev/fd/*") // where there is none, nothing can be done
	for _, path := range open {
		if fd, err := strconv.Atoi(filepath.Base(path)); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// end asks a process to end in order.
func end(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
