package session

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/node/budget"
)

const (
	// sessionBytes is what a session takes in memory though its peer says nothing: its goroutines,
	// the buffers of its link, and what the mesh and the libraries know of it.
	sessionBytes = 40 << 10

	// memoryWait is how long a session waits for memory that it has taken already, or begins with.
	// Those who hold most are asked for it meanwhile.
	memoryWait = 5 * time.Second
)

// Why a session ends for want of memory.
var (
	errNoMemory = errors.New("no memory for what the peer has this node remember")
	errShed     = errors.New("others need the memory that it holds")
)

// hold takes memory of the account. It waits for it, but not for long.
func (s *Session) hold(ctx context.Context, n int64) error {
	if s.budget.Hold(n) {
		return nil
	}
	wait, cancel := context.WithTimeoutCause(ctx, memoryWait, errNoMemory)
	defer cancel()
	return s.budget.Wait(wait, n)
}

// weigh has the account hold what the machine remembers now, and what waits to be written. One step
// of the machine adds little to these. If there is no room for it, what is remembered only because
// the peer said so is forgotten.
func (s *Session) weigh(ctx context.Context) error {
	weight := func() int64 { return int64(s.machine.Weight() + s.out.unsent()) }
	now := weight()
	if more := now - s.weighed; more > 0 && !s.budget.Hold(more) {
		s.machine.Forget()
		if now = weight(); now > s.weighed {
			if err := s.hold(ctx, now-s.weighed); err != nil {
				return err
			}
		}
	}
	s.budget.Release(s.weighed - now) // nothing, if it is more
	s.weighed = now
	return nil
}

// shed gives back what can be given back. A stranger who has nothing that can be forgotten loses the
// session: it begins again from what is on the disk.
func (s *Session) shed() error {
	before := s.machine.Weight()
	s.machine.Forget()
	if s.machine.Weight() == before && s.budget.Standing() == budget.Stranger {
		return errShed
	}
	return nil
}
