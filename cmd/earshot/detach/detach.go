// Package detach starts a program in the background: a process that belongs to no terminal and goes on
// when the one that has started it ends, by whatever.
//
// Until the program is ready, what it writes is passed on. It says that it is ready by one line on
// standard output, and then lets go of standard output and standard error. A program that ends before
// has failed: what it has said was passed on, and its exit status is handed back. The two processes
// are tied by nothing but these two pipes. So if the one that waits is killed, the program does not
// notice, and there is a whole one or none.
//
// Start runs two goroutines, which have ended when it returns. It leaves no process behind that is not
// ready.
package detach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// Start runs program, and returns when it is ready, which is exit status 0, or has ended. If ctx ends
// before, it ends the program and returns the error of ctx.
func Start(ctx context.Context, program string, args []string, stdout, stderr io.Writer) (exit int, err error) {
	c := exec.Command(program, args...)
	c.SysProcAttr = apart
	said, err := pipe(&c.Stdout)
	if err != nil {
		return 0, err
	}
	defer said.Close()
	complained, err := pipe(&c.Stderr)
	if err != nil {
		return 0, errors.Join(err, c.Stdout.(io.Closer).Close())
	}
	defer complained.Close()
	keepFiles()
	err = c.Start()
	c.Stdout.(io.Closer).Close() // the program has them now
	c.Stderr.(io.Closer).Close()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", program, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = end(c.Process) })
	defer stop()
	var ready int64
	var both sync.WaitGroup
	both.Go(func() { ready, _ = io.Copy(endless{stdout}, said) }) // both end when the program has let go, or has ended
	both.Go(func() { _, _ = io.Copy(endless{stderr}, complained) })
	both.Wait()
	if ready > 0 && stop() {
		return 0, c.Process.Release()
	}
	err = c.Wait()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if exit := c.ProcessState.ExitCode(); exit > 0 {
		return exit, nil
	}
	if err == nil {
		err = errors.New("it has ended")
	}
	return 0, fmt.Errorf("%s was not ready: %w", program, err)
}

// pipe has a program write into a pipe, of which it returns the other end.
func pipe(into *io.Writer) (*os.File, error) {
	r, w, err := os.Pipe()
	if err == nil {
		*into = w
	}
	return r, err
}

// endless takes everything, also when nobody reads it any more: the program must not be held up.
type endless struct{ io.Writer }

func (e endless) Write(b []byte) (int, error) {
	_, _ = e.Writer.Write(b)
	return len(b), nil
}
