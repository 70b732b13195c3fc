package exchange

import (
	"errors"
	"os"
	"time"
)

// Silence is how long a peer may take from one byte of a frame to the next, or to take one of an
// answer. A stranger takes all of a piece in this time.
const Silence = 5 * time.Second

// Stream is what is needed of a stream of the link, such as a network.Stream of libp2p.
type Stream interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	Close() error
	Reset() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// TimedOut says whether a deadline of a stream has passed.
func TimedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
