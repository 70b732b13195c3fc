package link

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/libp2p/go-libp2p/core/network"
)

// unsent counts what streams of a link have written and the other device's system has not confirmed:
// what waits in yamux, and in this system or on the way.
type unsent struct {
	yamux  atomic.Int64    // bytes of data that are not written to the connection
	system syscall.RawConn // nil: it can't be asked
}

// Unsent returns how many bytes were written to the streams of a connection and have not arrived at the
// other device, as far as this system tells: whatever is written now comes behind them. Where it doesn't
// tell, they are those that it has not taken yet.
func Unsent(c network.Conn) int {
	var u *unsent
	if !c.As(&u) {
		return 0
	}
	n := int(u.yamux.Load())
	if u.system != nil {
		_ = u.system.Control(func(fd uintptr) { n += unconfirmed(int(fd)) })
	}
	return max(n, 0)
}

// newSending returns a connection to speak yamux over, of which what is unsent is counted.
func newSending(c net.Conn) *sendingConn {
	s := &sendingConn{Conn: c, unsent: new(unsent)}
	if system, ok := systemConn(c).(syscall.Conn); ok {
		s.system, _ = system.SyscallConn()
	}
	return s
}

// systemConn returns the connection that is beneath one that is proven.
func systemConn(c net.Conn) net.Conn {
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		return secure.NetConn()
	}
	return c
}

// sendingConn is a connection as yamux writes to it: a frame at a time.
type sendingConn struct {
	net.Conn
	*unsent
	watch *watch
}

func (c *sendingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.watch.hear()
	}
	return n, err
}

func (c *sendingConn) Write(b []byte) (int, error) {
	const header, typeData, typePing = 12, 0, 2
	if b[1] != typePing {
		c.watch.write()
	}
	n, err := c.Conn.Write(b)
	if len(b) > header && b[1] == typeData {
		c.yamux.Add(int64(header - len(b)))
	}
	return n, err
}

func (c *sendingConn) Close() error {
	c.watch.end()
	return c.Conn.Close()
}

// sendingMux counts what is written to the streams of a connection.
type sendingMux struct {
	network.MuxedConn
	*unsent
}

// As gives away what is counted.
func (m *sendingMux) As(target any) bool {
	if u, ok := target.(**unsent); ok {
		*u = m.unsent
		return true
	}
	return m.MuxedConn.As(target)
}

func (m *sendingMux) OpenStream(ctx context.Context) (network.MuxedStream, error) {
	return m.counted(m.MuxedConn.OpenStream(ctx))
}

func (m *sendingMux) AcceptStream() (network.MuxedStream, error) {
	return m.counted(m.MuxedConn.AcceptStream())
}

func (m *sendingMux) counted(s network.MuxedStream, err error) (network.MuxedStream, error) {
	if err != nil {
		return nil, err
	}
	return &sendingStream{s, m.unsent}, nil
}

// sendingStream is a stream whose writes are counted.
type sendingStream struct {
	network.MuxedStream
	unsent *unsent
}

func (s *sendingStream) Write(b []byte) (int, error) {
	n, err := s.MuxedStream.Write(b)
	s.unsent.yamux.Add(int64(n))
	return n, err
}
