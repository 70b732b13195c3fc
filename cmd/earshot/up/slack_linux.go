package up

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked the system may wake a thread that sleeps (prctl(2), PR_SET_TIMERSLACK).
//
// As long as anything runs, a thread of the Go runtime looks every 20 microseconds whether something hangs. For a
// node that wakes for a message here and there and does little for each, these looks were a quarter of all that
// it took of the processor. With a millisecond there are a tenth of them; to find what hangs is in no hurry.
const timerSlack = time.Millisecond

// slackenTimers sets timerSlack for all threads. Programs that the node starts have it as well.
func slackenTimers() error {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
