package memnet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// pair is what the two ends of a connection share.
type pair struct {
	net   *Network
	path  path
	ends  [2]*conn
	dead  bool // nothing written arrives any more, closing included
	reset bool // both ends see an error
}

// held says whether nothing gets through now. The caller holds mu, as for everything below.
func (p *pair) held() bool { return p.dead || p.net.paths[p.path].cut }

// pipe is one direction of a connection.
type pipe struct {
	queue   []segment
	size    int       // bytes in queue
	last    time.Time // when the newest segment arrives; none arrives before an older one
	ended   bool      // the writer has closed; the reader sees it at last
	changed chan struct{}
}

type segment struct {
	data []byte
	at   time.Time
}

func newPipe() *pipe { return &pipe{changed: make(chan struct{})} }

func (p *pipe) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// arrival returns when something written now arrives.
func (p *pipe) arrival(delay time.Duration) time.Time {
	if at := time.Now().Add(delay); at.After(p.last) {
		p.last = at
	}
	return p.last
}

// conn is one end of a connection.
type conn struct {
	pair          *pair
	local, remote netip.AddrPort
	in, out       *pipe
	closed        bool
	readBy        time.Time
	writeBy       time.Time
}

var _ net.Conn = (*conn)(nil)

func (c *conn) Read(b []byte) (int, error) {
	n := c.pair.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		if err := c.broken(c.readBy); err != nil {
			return 0, err
		}
		var due time.Time
		if !c.pair.held() {
			now := time.Now()
			switch {
			case len(b) == 0:
				return 0, nil
			case len(c.in.queue) > 0 && !c.in.queue[0].at.After(now):
				s := &c.in.queue[0]
				k := copy(b, s.data)
				if s.data = s.data[k:]; len(s.data) == 0 {
					c.in.queue = c.in.queue[1:]
				}
				c.in.size -= k
				c.in.notify()
				return k, nil
			case len(c.in.queue) > 0:
				due = c.in.queue[0].at
			case c.in.ended && !c.in.last.After(now):
				return 0, io.EOF
			case c.in.ended:
				due = c.in.last
			}
		}
		n.wait(context.Background(), c.in.changed, due, c.readBy)
	}
}

func (c *conn) Write(b []byte) (written int, err error) {
	n := c.pair.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		if err := c.broken(c.writeBy); err != nil {
			return written, err
		}
		if c.in.ended && !c.pair.held() { // the other end has closed both ways
			return written, syscall.EPIPE
		}
		if written == len(b) {
			return written, nil
		}
		if k := min(len(b)-written, sendBuffer-c.out.size); k > 0 {
			data := append([]byte(nil), b[written:written+k]...)
			c.out.queue = append(c.out.queue, segment{data, c.out.arrival(n.paths[c.pair.path].delay)})
			c.out.size += k
			written += k
			c.out.notify()
			continue
		}
		n.wait(context.Background(), c.out.changed, c.writeBy)
	}
}

// broken returns why the connection cannot be used from this end.
func (c *conn) broken(by time.Time) error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.pair.reset:
		return syscall.ECONNRESET
	case !by.IsZero() && !time.Now().Before(by):
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (c *conn) Close() error {
	c.pair.net.mu.Lock()
	defer c.pair.net.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.shut()
	return nil
}

// shut closes this end. What was written here still arrives; what was not read here is lost.
func (c *conn) shut() {
	c.closed = true
	c.out.ended = true
	c.out.arrival(c.pair.net.paths[c.pair.path].delay)
	c.in.queue, c.in.size = nil, 0
	c.in.notify()
	c.out.notify()
	if c.pair.ends[0].closed && c.pair.ends[1].closed {
		delete(c.pair.net.pairs, c.pair)
	}
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) SetDeadline(t time.Time) error      { return c.deadlines(&t, &t) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.deadlines(&t, nil) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.deadlines(nil, &t) }

func (c *conn) deadlines(read, write *time.Time) error {
	c.pair.net.mu.Lock()
	defer c.pair.net.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if read != nil {
		c.readBy = *read
		c.in.notify()
	}
	if write != nil {
		c.writeBy = *write
		c.out.notify()
	}
	return nil
}
