//go:build unix

package desktop

import (
	"os/exec"
	"syscall"
)

// apart has a program run in a session of its own, so that no signal meant for this one reaches it.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
