package localapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// AlivePath is answered by a node as long as it takes calls at all, at once and whatever it is busy
// with.
const AlivePath = "/alive"

// BeforeHeader says, in ms since 1970 by this machine's clock, until when the caller of a call waits
// for it to begin. A node that was frozen meanwhile does nothing of which its caller has been told
// that it failed, and that may have been asked for again.
const BeforeHeader = "Earshot-Before"

// patience is how long a client waits for a node that says nothing. A call may take for ever, as one
// that waits for a message to be read does. So a client that has heard nothing for a while asks
// whether the node is alive.
type patience struct {
	quiet  time.Duration // without an answer, before the client asks
	answer time.Duration // until then the node must have said that it is alive
}

// usual lets a frozen node be noticed within half a minute, and costs one that is well nothing to
// speak of.
var usual = patience{quiet: 10 * time.Second, answer: 10 * time.Second}

// knock asks over a connection of its own whether the node in dir is alive. The error matches
// ErrNotRunning if there is none, and ErrNotAnswering if it does not say so in time.
func (p patience) knock(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.answer, errSilent)
	defer cancel()
	conn, err := dial(ctx, dir)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	switch err := ask(conn); {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errSilent):
		return &notAnsweringError{dir, owner(conn)}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return reach(ctx, dir) // the connection has ended: the node may be ending
}

// errSilent ends the wait for a node that says nothing.
var errSilent = errors.New("no answer")

// notAnsweringError matches ErrNotAnswering, and says which process has the socket if that is known.
type notAnsweringError struct {
	dir     string
	process int // 0: not known
}

func (e *notAnsweringError) Is(target error) bool { return target == ErrNotAnswering }

func (e *notAnsweringError) Error() string {
	if e.process == 0 {
		return fmt.Sprintf("%v in %s", ErrNotAnswering, e.dir)
	}
	return fmt.Sprintf("the node (process %d) does not answer in %s", e.process, e.dir)
}

// ask returns nil when somebody answers.
func ask(conn net.Conn) error {
	if _, err := io.WriteString(conn, "GET "+AlivePath+" HTTP/1.1\r\nHost: "+Host+"\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1")))
	return err
}

// reach returns nil if the socket in dir takes connections, whether somebody answers or not.
func reach(ctx context.Context, dir string) error {
	conn, err := dial(ctx, dir)
	if err == nil {
		conn.Close()
	}
	return err
}

// vigil ends a call, by cancel, whose node is not alive any more.
type vigil struct {
	patience
	dir    string
	ctx    context.Context // of the call
	cancel context.CancelCauseFunc
	once   bool        // look only once: others tell of what is later
	frozen func(error) // tell others

	mu    sync.Mutex
	timer *time.Timer
}

// before returns until when a call that is made now may begin, as BeforeHeader says it.
func (p patience) before(ctx context.Context) string {
	until := time.Now().Add(p.quiet + p.answer)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return strconv.FormatInt(until.UnixMilli(), 10)
}

// keep watches over a call until end is called.
func (c *caller) keep(ctx context.Context, once bool) (*vigil, context.Context) {
	v := &vigil{patience: c.patience, dir: c.dir, once: once, frozen: c.frozen}
	v.ctx, v.cancel = context.WithCancelCause(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timer = time.AfterFunc(v.quiet, v.look)
	return v, v.ctx
}

func (v *vigil) look() {
	if err := v.knock(v.ctx, v.dir); errors.Is(err, ErrNotAnswering) {
		v.cancel(err)
		v.frozen(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ctx.Err() == nil && !v.once {
		v.timer.Reset(v.quiet)
	}
}

// end ends the call. It returns err, or why the vigil has ended the call before.
func (v *vigil) end(err error) error {
	if cause := context.Cause(v.ctx); err != nil && errors.Is(cause, ErrNotAnswering) {
		err = cause
	}
	v.cancel(nil)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timer.Stop()
	return err
}

// watched is the body of an answer, over which a vigil is kept until it is closed.
type watched struct {
	io.ReadCloser
	vigil *vigil
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(w.vigil.ctx); errors.Is(cause, ErrNotAnswering) {
			err = cause
		}
	}
	return n, err
}

func (w watched) Close() error { return w.vigil.end(w.ReadCloser.Close()) }

// Alive returns nil if a node answers, and otherwise why not, as calls do.
func (c *Client) Alive(ctx context.Context) error { return c.calls.knock(ctx, c.calls.dir) }

// Ended returns when no node takes calls in dir any more. It fails if there is one that does not
// answer.
func Ended(ctx context.Context, dir string) error { return usual.ended(ctx, dir) }

// poll is how often Ended looks. Nobody notices so short a wait, and it costs next to nothing.
const poll = 10 * time.Millisecond

func (p patience) ended(ctx context.Context, dir string) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	ask := time.NewTicker(p.quiet)
	defer ask.Stop()
	for {
		err := reach(ctx, dir)
		select {
		case <-ask.C:
			err = p.knock(ctx, dir)
		default:
		}
		if errors.Is(err, ErrNotRunning) {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
