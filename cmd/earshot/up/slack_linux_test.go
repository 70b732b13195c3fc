//go:build !cgo

package up

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// All threads have the slack, that of the runtime which looks for what hangs among them: where threads answer
// this call differently, the runtime ends the process.
func TestTimersAreSlack(t *testing.T) {
	if err := slackenTimers(); err != nil {
		t.Fatal(err)
	}
	slack, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_GET_TIMERSLACK, 0, 0)
	if errno != 0 || slack != uintptr(timerSlack) {
		t.Errorf("%d ns, error %d", slack, errno)
	}
}
