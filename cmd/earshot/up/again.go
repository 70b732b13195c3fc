package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/store"
)

const (
	// startAgain is how long it takes until a node is started again whose disk has failed. It doubles up to
	// startLatest while that happens again and again.
	startAgain, startLatest = time.Second, time.Minute

	// ranWell is how long a node has run whose disk has not just failed again.
	ranWell = 5 * time.Minute
)

// again runs a node, and runs it again if its disk has failed: what was not written then can be asked for by
// its key. It waits for a disk that can't be used at all. Every other error ends it.
func again(ctx context.Context, say io.Writer, run func() error) error {
	begun := time.Now()
	err := run()
	failed := errors.Is(err, store.ErrUnknown)
	for wait := startAgain; failed; wait = min(2*wait, startLatest) {
		if time.Since(begun) > ranWell {
			wait = startAgain
		}
		if ctx.Err() != nil { // it was to end anyway
			return err
		}
		fmt.Fprintf(say, "earshot: the disk has failed, the node starts again in %v: %v\n", wait, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		begun = time.Now()
		err = run()
		var system syscall.Errno
		failed = errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrFull) || errors.As(err, &system) && explain(err) == nil
	}
	return err
}
