package session

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

const (
	// maxUnsent bounds what waits to be written to one peer, in bytes. The session with a peer that
	// does not read ends when that is reached.
	maxUnsent = 8 << 20

	// writeSize is how much is written at once, in bytes. How much has left is known to within this
	// many bytes.
	writeSize = 64 << 10

	// maxSpare bounds the memory that is kept for what comes next, in bytes. It is part of what a
	// session takes, see sessionBytes.
	maxSpare = 8 << 10

	// strangerTakes is how long a stranger may take for writeSize bytes. The memory that waits for
	// one who doesn't read is that of all strangers.
	strangerTakes = 5 * time.Second
)

// muchUnsent is the number of unsent bytes above which nothing is read from the peer, since answers
// to its frames would be added to them. It has room for all that this node says without being asked:
// a window of runs and what PaceBytes allows. With less room, two nodes that both have much to say
// could stop reading and wait for each other for ever. That holds for strangers too: one whose disk
// was put back gets all that they have ever written here.
const muchUnsent = sync.WindowBytes + sync.PaceBytes + 3*wire.MaxFrame/2

var errNotReading = errors.New("peer does not read")

// patient is the stream of a session as its writer writes to it. A stranger who doesn't read ends
// the session.
type patient struct{ *Session }

func (s patient) Write(b []byte) (int, error) {
	until := time.Time{}
	if s.budget.Standing() == budget.Stranger {
		until = time.Now().Add(strangerTakes)
	}
	if err := s.stream.SetWriteDeadline(until); err != nil {
		return 0, err
	}
	n, err := s.stream.Write(b)
	s.budget.Spend(budget.PerWrite + time.Duration(n)*perKilobyte/1024)
	if timedOut(err) {
		err = errNotReading
	}
	return n, err
}

// outgoing is the frames that wait to be written to the peer, in order.
type outgoing struct {
	mu      gosync.Mutex
	bytes   []byte
	added   uint64 // bytes that were ever added
	written uint64 // how many of them are written
	mark    uint64 // drained is given when so many are written; 0: nobody has asked

	filled  notify.Signal // something was added
	room    notify.Signal // something was written
	drained notify.Signal // see mark
}

func (o *outgoing) init() {
	o.filled, o.room, o.drained = notify.NewSignal(), notify.NewSignal(), notify.NewSignal()
}

// add adds a frame and the length before it. It never waits.
func (o *outgoing) add(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.added-o.written+uint64(len(b)) > maxUnsent {
		return errNotReading
	}
	before := len(o.bytes)
	o.bytes = binary.AppendUvarint(o.bytes, uint64(len(b)))
	o.bytes = append(o.bytes, b...)
	o.added += uint64(len(o.bytes) - before)
	o.filled.Give()
	return nil
}

// drain reports whether everything that was added is written. If not, drained is given when it is.
func (o *outgoing) drain() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.written == o.added {
		return true
	}
	o.mark = o.added
	return false
}

// unsent returns how many bytes wait to be written.
func (o *outgoing) unsent() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return int(o.added - o.written)
}

// write writes what was added until ctx ends.
func (o *outgoing) write(ctx context.Context, w io.Writer) error {
	var spare []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.filled:
		}
		o.mu.Lock()
		b := o.bytes
		o.bytes = spare[:0]
		o.mu.Unlock()
		for part := range slices.Chunk(b, writeSize) {
			if _, err := w.Write(part); err != nil {
				return err
			}
			o.wrote(len(part))
		}
		if spare = b; cap(spare) > maxSpare {
			spare = nil // or one burst would hold its memory for as long as the session lasts
		}
	}
}

// wrote counts bytes that were written.
func (o *outgoing) wrote(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written += uint64(n)
	if o.mark != 0 && o.written >= o.mark {
		o.mark = 0
		o.drained.Give()
	}
	o.room.Give()
}

// Unsent returns how many bytes wait to be written to the peer.
func (s *Session) Unsent() int { return s.out.unsent() }
