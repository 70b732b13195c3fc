package detach

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// apart starts a process without a console.
var apart = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}

// keepFiles has nothing to do: a process inherits no more files than it is given.
func keepFiles() {}

// end ends a process. One without a console can't be asked to.
func end(p *os.Process) error { return p.Kill() }
