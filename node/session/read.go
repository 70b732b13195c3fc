package session

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

const (
	// frameTimeout is how long a frame may take from its first byte to its last: the largest at 1
	// Mbit/s.
	frameTimeout = 12 * time.Second

	// greetingFrames is how many frames it takes to say who the peer is. None of them may be larger
	// than maxGreeting, in bytes, which is a card and a profile at their largest.
	greetingFrames = 3
	maxGreeting    = 36 << 10

	// smallFrame is the size in bytes up to which a frame is read without asking the budget. So a
	// peer that fills the budget does not stop the conversations of others.
	smallFrame = 16 << 10

	// budget bounds the bytes of larger frames that are read and not yet dealt with, see NewBudget.
	budget = 16 << 20
)

// NewBudget returns a budget for the frames of many sessions. The node has one for contacts and one
// for everybody else: strangers can be any number, and could hold all of theirs for as long as they
// like.
func NewBudget() *semaphore.Weighted { return semaphore.NewWeighted(budget) }

// frame is one frame that was read, with what it holds of a budget.
type frame struct {
	wire.Frame
	budget reserved
}

// reserved is a number of bytes of a budget.
type reserved struct {
	of    *semaphore.Weighted // nil: nothing
	bytes int64
}

func (r *reserved) release() {
	if r.of != nil {
		r.of.Release(r.bytes)
	}
	*r = reserved{}
}

// timed is the stream of a session as its reader reads it. It notes when bytes come.
type timed struct{ *Session }

func (s timed) Read(b []byte) (int, error) {
	n, err := s.stream.Read(b)
	if n > 0 {
		s.heard.Store(int64(time.Since(s.since)))
	}
	return n, err
}

// read hands over frames until the stream ends.
func (s *Session) read(ctx context.Context, frames chan<- frame) error {
	r := bufio.NewReaderSize(timed{s}, 64<<10)
	for n := 0; ; n++ {
		limit := uint64(wire.MaxFrame)
		if n < greetingFrames {
			limit = maxGreeting
		}
		f, err := s.readFrame(ctx, r, limit)
		if err != nil {
			return err
		}
		select {
		case frames <- f:
		case <-ctx.Done():
			f.budget.release()
			return nil
		}
	}
}

func (s *Session) readFrame(ctx context.Context, r *bufio.Reader, limit uint64) (f frame, err error) {
	if _, err := r.Peek(1); err != nil { // between frames a peer may be silent for as long as it likes
		return f, err
	}
	if err := s.stream.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		return f, err
	}
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return f, err
	}
	if size > limit {
		return f, fmt.Errorf("%w: frame of %d bytes", sync.ErrProtocol, size)
	}
	if size > smallFrame {
		of := s.host.Budget()
		if err := of.Acquire(ctx, int64(size)); err != nil {
			return f, err
		}
		f.budget = reserved{of, int64(size)}
		// The time spent waiting for the budget is not the peer's fault.
		if err := s.stream.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
			return f, err
		}
	}
	defer func() {
		if err != nil {
			f.budget.release()
		}
	}()
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return f, fmt.Errorf("frame of %d bytes not finished: %w", size, err)
	}
	if f.Frame, err = wire.ParseFrame(b); err != nil {
		return f, fmt.Errorf("%w: %w", sync.ErrProtocol, err)
	}
	return f, s.stream.SetReadDeadline(time.Time{})
}
