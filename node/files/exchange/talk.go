package exchange

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// idleAsker is how long a stream stays open on which nothing is asked: less than a Giver waits.
const idleAsker = 30 * time.Second

// errIdle ends a stream on which nothing is asked.
var errIdle = errors.New("nothing is asked")

// talk speaks over one stream until nothing is asked for a while, which is no error, or it fails.
func (c *Conn) talk(parent context.Context) error {
	s, err := c.open(parent)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	ctx, cancel := context.WithCancelCause(parent)
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	var writing sync.WaitGroup
	writing.Go(func() {
		if err := c.write(ctx, s); err != nil {
			cancel(err)
		}
	})
	err = c.read(s)
	if err != errIdle {
		cancel(err)
		_ = s.Reset()
		writing.Wait()
		return fmt.Errorf("%w: %w", ErrBroken, context.Cause(ctx))
	}
	stop()
	cancel(err)
	writing.Wait()
	_ = s.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = false
	if len(c.calls) > 0 {
		c.wake.Give()
	}
	return nil
}

// write writes what is to be asked until ctx ends.
func (c *Conn) write(ctx context.Context, s Stream) error {
	c.wake.Give() // the first request may have used it up
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return nil
		}
		b := c.take()
		for len(b) > 0 {
			if err := s.SetWriteDeadline(time.Now().Add(Silence)); err != nil {
				return err
			}
			n, err := s.Write(b)
			if b = b[n:]; err != nil && !(TimedOut(err) && n > 0) {
				if TimedOut(err) {
					err = ErrSilent
				}
				return err
			}
		}
	}
}

// take returns the frames of what is unsent, which is sent then.
func (c *Conn) take() (b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle {
		return nil
	}
	for _, k := range c.unsent {
		k.sent = true
		b = AppendFrame(b, k.Marshal(k.id))
	}
	c.unsent = nil
	return b
}

// rest ends the use of the stream if nothing is open.
func (c *Conn) rest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = len(c.calls) == 0
	return c.idle
}

// openSince returns since when something is open; zero: nothing is.
func (c *Conn) openSince() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) == 0 {
		return time.Time{}
	}
	return c.since
}

// read reads answers until the stream fails, or with errIdle until nothing is asked any more.
func (c *Conn) read(s Stream) error {
	r := listener{Conn: c, stream: s}
	in := bufio.NewReaderSize(&r, 4096)
	for {
		r.within = false
		b, err := ReadFrame(in, MaxReply, func() { r.within = true })
		if err == io.EOF && c.rest() {
			return errIdle // the peer has closed it
		}
		if err != nil {
			return err
		}
		p, err := ParseReply(b)
		if err != nil {
			return err
		}
		if err := c.hear(in, &p); err != nil {
			return err
		}
	}
}

// listener reads from a stream, and knows when something is overdue.
type listener struct {
	*Conn
	stream Stream
	within bool // a frame
}

func (r *listener) Read(b []byte) (int, error) {
	began := time.Now()
	until := began.Add(Silence)
	for {
		if err := r.stream.SetReadDeadline(until); err != nil {
			return 0, err
		}
		n, err := r.stream.Read(b)
		if n > 0 || !TimedOut(err) {
			return n, err
		}
		since := r.openSince()
		switch now := time.Now(); {
		case r.within, !since.IsZero() && now.Sub(since) >= Silence:
			return 0, ErrSilent
		case !since.IsZero(): // it was asked for meanwhile
			until = since.Add(Silence)
		case now.Sub(began) >= idleAsker && r.rest():
			return 0, errIdle
		default:
			until = now.Add(Silence)
		}
	}
}

// hear takes in a reply, and the raw bytes behind it.
func (c *Conn) hear(in io.Reader, p *Reply) error {
	c.mu.Lock()
	k := c.calls[p.ID]
	if k != nil && !k.sent {
		k = nil
	}
	c.mu.Unlock()
	if k == nil {
		return malformed("reply to %d, which is not open", p.ID)
	}
	if err := k.expects(p); err != nil {
		return err
	}
	a := Answer{Bytes: p.Size, Had: p.Had, Chunks: p.Some, Last: p.Status != OK || k.What == Have}
	if p.Size > 0 {
		if _, err := io.ReadFull(in, k.into[k.got:k.got+p.Size]); err != nil {
			return cutOff(err)
		}
		k.got += p.Size
		a.Last = k.got == len(k.into)
	}
	if a.Last {
		a.Status = p.Status
		c.mu.Lock()
		delete(c.calls, k.id)
		c.mu.Unlock()
	}
	k.to(a)
	return nil
}

// expects says whether a reply may be part of the answer.
func (k *call) expects(p *Reply) error {
	first := k.got == 0
	switch {
	case p.Status != OK:
		return nil
	case k.What == Have && p.Size == 0:
		return nil
	case k.What == Manifest && first && p.Had > 0 && p.Had <= len(k.into):
		k.into = k.into[:p.Had]
	case k.What == Manifest && first, p.Had > 0:
		return malformed("reply with %d had", p.Had)
	}
	if p.Size == 0 || p.Size > len(k.into)-k.got || len(p.Some) > 0 {
		return malformed("%d bytes behind %d of %d", p.Size, k.got, len(k.into))
	}
	return nil
}
