package desktop

import (
	"os/exec"
	"syscall"
)

// apart keeps the window of a console from being shown.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{HideWindow: true} }
