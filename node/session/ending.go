package session

import (
	"context"
	gosync "sync"

	"github.com/libp2p/go-libp2p/core/network"
)

// ending is why a session is to end, and how to make it.
type ending struct {
	mu     gosync.Mutex
	reason error
	cancel context.CancelCauseFunc // nil before Run
}

func (e *ending) because(reason error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reason == nil {
		e.reason = reason
	}
	if e.cancel != nil {
		e.cancel(e.reason)
	}
}

// by sets the function that ends the session, and calls it if the end was already asked for.
func (e *ending) by(cancel context.CancelCauseFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cancel = cancel
	if e.reason != nil {
		cancel(e.reason)
	}
}

// End has Run return with a reason, at once if it has not begun.
func (s *Session) End(reason error) { s.end.because(reason) }

// Abandon closes the stream of a session that is not run.
func (s *Session) Abandon() {
	s.hangUp()
	s.budget.Close()
}

func (s *Session) hangUp() {
	_ = s.stream.Reset()
	CloseUnused(s.stream.Conn())
}

// CloseUnused closes a connection that carries no session: it is of no use, and the next dial would
// find it again. A stream that has not named its protocol yet may be the next session's. If it is
// not, the link closes the connection before long.
func CloseUnused(c network.Conn) {
	for _, s := range c.GetStreams() {
		if p := s.Protocol(); p == Protocol || p == "" {
			return
		}
	}
	_ = c.Close()
}
