package exchange

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/earshot-im/earshot/node/notify"
)

// Answer is what has come of an answer: one of several, in order. The last one says how it ended.
type Answer struct {
	// Bytes is how many raw bytes have come with it. They stand in the buffer behind those before.
	Bytes int
	// Had is, in the first of a Manifest, how many bytes that has, and of Have how many chunks the peer
	// has. Chunks are some of these, or none if it has all.
	Had    int
	Chunks []Chunks

	Last   bool
	Status Status // of the last: OK if all has come, 0 if Err says why it has not
	Err    error
}

// Conn asks one peer for parts of attachments. It has one stream at most, which it opens when
// something is asked for, and closes when nothing was for a while. Any goroutine may call its methods.
type Conn struct {
	open func(context.Context) (Stream, error)
	wake notify.Signal // something is to be written

	mu     sync.Mutex
	ended  bool // nothing is asked any more
	idle   bool // the stream is being closed, and nothing is written to it
	last   uint64
	calls  map[uint64]*call // without the last answer
	since  time.Time        // when the first of these was asked, after there was none
	unsent []*call          // to be written, in order
}

// call is a request, or the calling off of one.
type call struct {
	Request
	id   uint64
	sent bool
	into []byte
	got  int // bytes of it
	to   func(Answer)
}

// NewConn returns a Conn that gets its streams from a function. It does nothing before Run.
func NewConn(open func(context.Context) (Stream, error)) *Conn {
	return &Conn{open: open, wake: notify.NewSignal(), calls: make(map[uint64]*call)}
}

// Ask asks for something, and waits for nothing. The raw bytes of the answer are put into a buffer, which
// is the Conn's until the last answer. It is exactly as long as the bytes or the pages that are asked
// for, and as long as the manifest at least; a peer who sends more ends the stream.
//
// Each answer is given to a function, in the goroutine that reads: while that waits, nothing is read
// from this peer. It may call methods of the Conn, and is called with the last answer before Run ends.
//
// Ask returns the number by which the request may be called off. The errors are ErrFull, if MaxOpen
// requests are open, ErrClosed, and ErrMalformed for what nobody may ask.
func (c *Conn) Ask(q Request, into []byte, to func(Answer)) (uint64, error) {
	if err := q.check(); err != nil {
		return 0, err
	}
	if q.What == CallOff || q.What == Bytes && len(into) != q.Count || len(into) == 0 && q.What != Have {
		return 0, malformed("buffer of %d bytes", len(into))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return 0, ErrClosed
	case len(c.calls) >= MaxOpen:
		return 0, ErrFull
	}
	if len(c.calls) == 0 {
		c.since = time.Now()
	}
	k := c.add(q)
	k.into, k.to = into, to
	c.calls[k.id] = k
	return k.id, nil
}

// CallOff says that the rest of an answer is wanted no more. There is a last answer all the same, and
// before it may come all that was asked for.
func (c *Conn) CallOff(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[id] != nil {
		c.add(Request{What: CallOff, First: id})
	}
}

func (c *Conn) add(q Request) *call {
	c.last++
	k := &call{Request: q, id: c.last}
	c.unsent = append(c.unsent, k)
	c.wake.Give()
	return k
}

// Run asks what is to be asked until ctx ends. When a stream fails, all that is open gets its last
// answer with an error that says why, and what is asked for then goes over another stream.
func (c *Conn) Run(ctx context.Context) error {
	defer func() {
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		c.fail(fmt.Errorf("%w: %w", ErrBroken, context.Cause(ctx)))
	}()
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !c.waiting() {
			continue
		}
		if err := c.talk(ctx); err != nil {
			c.fail(err)
		}
	}
}

// waiting says whether anything is open. What was called off on a stream that is gone is not.
func (c *Conn) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls) > 0
}

// fail ends all that is open.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	calls := c.calls
	c.calls, c.unsent = make(map[uint64]*call), nil
	c.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(calls)) {
		calls[id].to(Answer{Last: true, Err: err})
	}
}
