package exchange

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// What is open when Run ends gets its last answer, and nothing is asked any more.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := newPipe()
		c := NewConn(func(context.Context) (Stream, error) { return ours, nil })
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		w := asking(t, c, Request{Of: one, What: Have}, 0)
		synctest.Wait()
		cancel()
		if o := <-w; !errors.Is(o.last.Err, context.Canceled) || !errors.Is(o.last.Err, ErrBroken) || !o.last.Last || o.last.Status != 0 {
			t.Errorf("%+v", o.last)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := c.Ask(Request{Of: one, What: Have}, nil, nil); err != ErrClosed {
			t.Error(err)
		}
		_ = theirs.Close()
	})
}

// If no stream can be opened, what is asked fails, and what is asked then tries again.
func TestOpeningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		down := errors.New("cable is out")
		c := NewConn(func(context.Context) (Stream, error) { return nil, down })
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		for range 3 {
			if o := ask(t, c, Request{Of: one, What: Have}, 0); !errors.Is(o.last.Err, down) {
				t.Errorf("%+v", o.last)
			}
		}
		cancel()
		<-ended
	})
}
