package node

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	gosync "sync"

	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
)

const (
	// maxUnsent bounds what waits to be written to one peer, in bytes. Who lets it come to that, without reading, is cut off.
	maxUnsent = 8 << 20

	// muchUnsent is how much of it there may be without an answer to anything: the window of runs, and what is said at one
	// pace. While more waits, nothing is read from the peer, whose frames could make it more. (If it were less, two that
	// both have much to say could wait for each other.)
	muchUnsent = sync.WindowBytes + sync.PaceBytes + 3*sync.MaxFrame/2

	// writeSize is how much is written at once, in bytes, and so how exactly is known what has left.
	writeSize = 64 << 10
)

var errNotReading = errors.New("peer does not read")

// outgoing is what waits to be written, in order.
type outgoing struct {
	mu      gosync.Mutex
	bytes   []byte
	added   uint64 // bytes, ever
	written uint64 // and of these written
	mark    uint64 // drained is told when so much is written; 0: nobody asked

	wake    notify.Signal // something was added
	room    notify.Signal // something was written
	drained notify.Signal // see mark
}

func (o *outgoing) init() {
	o.wake, o.room, o.drained = notify.NewSignal(), notify.NewSignal(), notify.NewSignal()
}

// add adds a frame. It never waits.
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
	o.wake.Give()
	return nil
}

// drain reports whether all that was added is written. If not, drained tells when it is.
func (o *outgoing) drain() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.written == o.added {
		return true
	}
	o.mark = o.added
	return false
}

// much says that the peer does not keep up.
func (o *outgoing) much() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.added-o.written > muchUnsent
}

// write writes what was added until ctx ends.
func (o *outgoing) write(ctx context.Context, w io.Writer) error {
	var spare []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
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
		if spare = b; cap(spare) > 1<<20 {
			spare = nil // one burst should not be held for ever
		}
	}
}

// wrote takes in that so many bytes were written.
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
