package session

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

const (
	// frameTimeout is how long a frame may take from its first byte to its last: the largest at 1
	// Mbit/s.
	frameTimeout = 12 * time.Second

	// greetingFrames is how many frames it takes to say who the peer is. The peer may take helloTimeout
	// for each; what this node takes to understand one is not counted. None may be larger than
	// maxGreeting, in bytes, which is a card and a profile at their largest.
	greetingFrames = 3
	helloTimeout   = 10 * time.Second
	maxGreeting    = 36 << 10

	// frameWeight is how many bytes are held for each byte of a frame. Parsed, a frame of short
	// events or logs takes twice what it takes on the wire, beside which it stays.
	frameWeight = 3

	// perKilobyte is what it takes to receive or send 1 KiB: to encrypt it, and to copy it some times.
	perKilobyte = 4 * time.Microsecond
)

// frame is one frame that was read, with the memory that is held for it.
type frame struct {
	wire.Frame
	held reserved
}

// reserved is a number of bytes that an account holds.
type reserved struct {
	of    *budget.Account // nil: nothing
	bytes int64
}

func (r *reserved) release() {
	if r.of != nil {
		r.of.Release(r.bytes)
	}
	*r = reserved{}
}

// errNoHello ends a session whose peer is silent instead of saying who it is.
var errNoHello = fmt.Errorf("%w: it does not say who it is", sync.ErrProtocol)

// timed is the stream of a session as its reader reads it. It notes when bytes come.
type timed struct{ *Session }

func (s timed) Read(b []byte) (int, error) {
	n, err := s.stream.Read(b)
	if n > 0 {
		s.heard.Store(int64(time.Since(s.since)))
		s.budget.Spend(budget.PerRead)
	}
	return n, err
}

// read hands over frames until the stream ends.
func (s *Session) read(ctx context.Context, frames chan<- frame) error {
	r := bufio.NewReaderSize(timed{s}, 4<<10) // larger frames go past it
	for n := 0; ; n++ {
		var f frame
		var err error
		if n < greetingFrames {
			f, err = s.readGreeting(ctx, r)
		} else if _, err = r.Peek(1); err == nil { // between frames a peer may be silent for as long as it likes
			f, err = s.readFrame(ctx, r, wire.MaxFrame, frameTimeout)
		}
		if err != nil {
			return err
		}
		select {
		case frames <- f:
		case <-ctx.Done():
			f.held.release()
			return nil
		}
	}
}

// readGreeting reads one of the frames in which the peer says who it is.
func (s *Session) readGreeting(ctx context.Context, r *bufio.Reader) (f frame, err error) {
	if f, err = s.readFrame(ctx, r, maxGreeting, helloTimeout); timedOut(err) {
		err = errNoHello
	}
	return f, err
}

// timedOut says that a deadline has passed. The streams of links and of tests have errors of their
// own for that.
func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// readFrame reads a frame for which the peer may take so long.
func (s *Session) readFrame(ctx context.Context, r *bufio.Reader, limit uint64, within time.Duration) (f frame, err error) {
	if err := s.stream.SetReadDeadline(time.Now().Add(within)); err != nil {
		return f, err
	}
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return f, err
	}
	if size > limit {
		return f, fmt.Errorf("%w: frame of %d bytes", sync.ErrProtocol, size)
	}
	held := reserved{s.budget, int64(size) * frameWeight}
	if !s.budget.Hold(held.bytes) {
		if err := s.budget.Wait(ctx, held.bytes); err != nil {
			return f, err
		}
		// The time spent waiting for memory is not the peer's fault.
		if err := s.stream.SetReadDeadline(time.Now().Add(within)); err != nil {
			held.release()
			return f, err
		}
	}
	defer func() {
		if err != nil {
			held.release()
		}
	}()
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return f, fmt.Errorf("frame of %d bytes not finished: %w", size, err)
	}
	if err := s.stream.SetReadDeadline(time.Time{}); err != nil {
		return f, err
	}
	f.held = held
	return f, s.turn(ctx, func() (err error) {
		s.budget.Spend(time.Duration(size) * perKilobyte / 1024)
		if f.Frame, err = wire.ParseFrame(b); err != nil {
			return fmt.Errorf("%w: %w", sync.ErrProtocol, err)
		}
		return nil
	})
}
