//go:build unix

package tui

import (
	"os"
	"os/signal"
	"syscall"
)

// suspend stops the process and those that were started with it, until the shell has it go on.
func suspend() {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGCONT)
	defer signal.Stop(again)
	if err := syscall.Kill(0, syscall.SIGTSTP); err == nil {
		<-again
	}
}
