package up

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/store"
)

// A node whose disk has failed is started again, at once and then less and less often, until it runs or
// something else is wrong.
func TestDiskThatFailed(t *testing.T) {
	failed := fmt.Errorf("sync journal: %w: %w", store.ErrUnknown, syscall.EIO)
	locked := &store.LockedError{PID: 7}
	other := errors.New("the program was replaced")
	for what, c := range map[string]struct {
		ends []error // of each run
		want error
		wait time.Duration // in all
	}{
		"it runs":                  {[]error{nil}, nil, 0},
		"something else":           {[]error{other}, other, 0},
		"once":                     {[]error{failed, nil}, nil, 1 * time.Second},
		"again and again":          {[]error{failed, failed, failed, nil}, nil, 7 * time.Second},
		"it can't be opened first": {[]error{failed, syscall.EIO, store.ErrFull, nil}, nil, 7 * time.Second},
		"replaced since":           {[]error{failed, other}, other, time.Second},
		"locked since":             {[]error{failed, locked}, locked, time.Second},
		"often":                    {append(repeated(failed, 9), nil), nil, (1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60) * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var said bytes.Buffer
			begun, runs := time.Now(), 0
			err := again(t.Context(), &said, func() error { runs++; return c.ends[runs-1] })
			if !errors.Is(err, c.want) || runs != len(c.ends) || time.Since(begun) != c.wait {
				t.Errorf("%s: %v after %d runs and %v", what, err, runs, time.Since(begun))
			}
			if n := strings.Count(said.String(), "\n"); n != runs-1 {
				t.Errorf("%s: said %q", what, &said)
			}
		})
	}
}

func repeated(err error, n int) (all []error) {
	for range n {
		all = append(all, err)
	}
	return all
}

// One that ran for long is started again soon. Who ends the program is told what was wrong at the end.
func TestDiskThatFailedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := again(ctx, &said, func() error {
			if runs++; runs == 5 {
				cancel()
			}
			if runs == 3 {
				time.Sleep(ranWell + 1)
			}
			return store.ErrUnknown
		})
		if !errors.Is(err, store.ErrUnknown) || runs != 5 {
			t.Errorf("%v after %d runs", err, runs)
		}
		waits := []string{"in 1s:", "in 2s:", "in 1s:", "in 2s:"}
		for i, line := range strings.Split(strings.TrimSpace(said.String()), "\n") {
			if !strings.Contains(line, waits[i]) {
				t.Errorf("line %d is %q, want %q", i, line, waits[i])
			}
		}
	})
}
