package up

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked the system may wake a thread that sleeps (prctl(2), PR_SET_TIMERSLACK).
//
// As long as anything runs, a thread of the Go runtime looks every 20 microseconds whether something hangs, or waits
// behind a thread that is in a system call. For a node that wakes for a message here and there and does little for
// each, these looks were a quarter of all that it took of the processor. A millisecond later is early enough, also for
// every other timer of a node: what is quick waits for no timer.
const timerSlack = time.Millisecond

// slackenTimers sets timerSlack for all threads. Programs that the node starts have it as well.
func slackenTimers() error {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
