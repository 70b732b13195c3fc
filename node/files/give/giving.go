package give

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/notify"
)

const (
	// idleGiver is how long a stream may be without a request that is not answered.
	idleGiver = 60 * time.Second
	// blocked is how long a write may have lasted when others need the memory of its stream.
	blocked = time.Second

	// pieceSize is how many raw bytes are read and written in a turn: with the reply before them they
	// are one frame of yamux, and a chunk is 17 pieces. It is less than the 64 KiB that PROTOCOL.md
	// allows.
	pieceSize = (exchange.MaxCount + 16) / 17
	// perRequest is what it takes to read a request and to queue it, besides what is done in its turn.
	perRequest = 10 * time.Microsecond
	// perByte is what a byte costs of a core besides reading it, in ns: what the link does for it.
	perByte = 0.7
)

// giving is a stream on which requests of a peer are answered. One goroutine reads requests, another
// answers them in order.
type giving struct {
	g      *Giver
	stream exchange.Stream
	peer   Peer
	line   *place // of the device
	person *place
	since  time.Time
	cancel context.CancelCauseFunc
	short  notify.Signal // others need memory of which this stream holds most
	writes atomic.Int64  // since when, in ns after since, a write lasts; 0: none does

	queue chan *asked // from who reads to who answers

	mu     sync.Mutex
	asked  map[uint64]*asked // not answered yet
	rested time.Time         // since when there was none
}

// asked is a request in the queue.
type asked struct {
	exchange.Request
	id   uint64
	busy bool        // there were too many
	off  atomic.Bool // called off
}

// Serve answers the requests of a stream that a peer has opened, until it ends, the peer does something
// wrong or is too slow, or ctx ends. It closes the stream and the account. The error is nil if the peer
// has asked all that it wanted. With ErrTooOften, the caller has to hang up.
func (g *Giver) Serve(parent context.Context, s exchange.Stream, peer Peer) error {
	defer peer.Account.Close()
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	v := &giving{g: g, stream: s, peer: peer, cancel: cancel, short: notify.NewSignal(),
		since: time.Now(), rested: time.Now(),
		queue: make(chan *asked, 2*exchange.MaxOpen), asked: make(map[uint64]*asked)}
	if err := g.enter(v); err != nil {
		_ = s.Reset()
		return err
	}
	defer g.leave(v)
	peer.Account.WhenShort(v.isShort)
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(v.queue)
		if err := v.read(ctx); err != nil {
			cancel(err)
		}
	})
	err := v.answerAll(ctx)
	if err != nil || !stop() {
		cancel(err)
		reading.Wait() // ends with the stream, which ctx resets
		return context.Cause(ctx)
	}
	reading.Wait() // has ended, since the queue is closed
	return s.Close()
}

// isShort is told that others need memory. Who can't give back because the peer doesn't read goes.
func (v *giving) isShort() {
	if began := v.writes.Load(); began != 0 && time.Since(v.since)-time.Duration(began) > blocked {
		v.cancel(ErrCrowded)
	}
	v.short.Give()
}

// opened is how many requests are not answered.
func (v *giving) opened() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.asked)
}

// read puts requests into the queue until the peer has no more.
func (v *giving) read(ctx context.Context) error {
	if err := v.hold(ctx, streamMemory); err != nil {
		return ErrCrowded
	}
	within := false // a frame
	in := bufio.NewReaderSize(readerFunc(func(b []byte) (int, error) {
		until := v.restedAt().Add(idleGiver)
		if within {
			until = time.Now().Add(exchange.Silence)
		}
		if err := v.stream.SetReadDeadline(until); err != nil {
			return 0, err
		}
		n, err := v.stream.Read(b)
		v.peer.Account.Spend(budget.PerRead)
		return n, err
	}), 1024)
	var last uint64
	for {
		within = false
		b, err := exchange.ReadFrame(in, exchange.MaxRequest, func() { within = true })
		switch {
		case err == io.EOF:
			return nil
		case exchange.TimedOut(err) && within:
			return exchange.ErrSilent
		case exchange.TimedOut(err):
			if time.Since(v.restedAt()) >= idleGiver {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		id, q, err := exchange.ParseRequest(b)
		if err != nil {
			return err
		}
		if id <= last {
			return fmt.Errorf("%w: request %d after %d", exchange.ErrMalformed, id, last)
		}
		last = id
		if err := v.take(ctx, id, q); err != nil {
			return err
		}
	}
}

// take takes in a request.
func (v *giving) take(ctx context.Context, id uint64, q exchange.Request) error {
	done, err := v.peer.Account.Turn(ctx)
	if err != nil {
		return err
	}
	a := v.add(id, q)
	done()
	v.peer.Account.Spend(perRequest)
	if a == nil {
		return nil
	}
	select {
	case v.queue <- a: // while it is full nothing more is read
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// add returns what is to be put into the queue for a request, nil if nothing is.
func (v *giving) add(id uint64, q exchange.Request) *asked {
	v.mu.Lock()
	defer v.mu.Unlock()
	if q.What == exchange.CallOff {
		if a := v.asked[q.First]; a != nil {
			a.off.Store(true)
		}
		return nil
	}
	a := &asked{Request: q, id: id, busy: len(v.asked) >= exchange.MaxOpen}
	if !a.busy {
		v.asked[id] = a
	}
	return a
}

func (v *giving) answered(a *asked) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.asked, a.id)
	v.rested = time.Now()
}

// restedAt is since when the stream has been without a request.
func (v *giving) restedAt() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.asked) > 0 {
		return time.Now()
	}
	return v.rested
}

// hold takes memory of the account, as soon as there is some.
func (v *giving) hold(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return v.peer.Account.Wait(ctx, n)
}

// write writes to the peer, who takes something every now and then.
func (v *giving) write(b []byte) error {
	v.writes.Store(max(1, int64(time.Since(v.since))))
	defer v.writes.Store(0)
	defer v.peer.Account.Spend(budget.PerWrite + time.Duration(perByte*float64(len(b))))
	for {
		if err := v.stream.SetWriteDeadline(time.Now().Add(exchange.Silence)); err != nil {
			return err
		}
		n, err := v.stream.Write(b)
		if b = b[n:]; err == nil || len(b) == 0 {
			return err
		}
		if !exchange.TimedOut(err) {
			return err
		}
		if n == 0 || v.peer.Standing == budget.Stranger {
			return exchange.ErrSilent
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
