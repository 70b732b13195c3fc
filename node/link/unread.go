package link

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
)

// yamux takes in what a peer sends, up to a window of 256 KiB for each stream, whether the stream is
// read or not, and keeps each frame of it in memory of its own, however short. So 500 strangers
// whose turn has not come would take more than everything else. The bounds below are for each link,
// and in front of yamux: while a link has that much unread, nothing more is taken off the wire, and
// the peer's system keeps it. Contacts have no such bound.
const (
	// maxYamuxFrame bounds the data of one frame, in bytes: as much as the library sends at once. It
	// takes the memory for all of a frame when it has seen the header.
	maxYamuxFrame = 64 << 10
	// maxUnreadStranger and maxUnreadFellow bound the data that is unread, in bytes.
	maxUnreadStranger = maxYamuxFrame
	maxUnreadFellow   = 256 << 10
	// frameOverhead is what a frame takes in memory beside its data.
	frameOverhead = 64
)

// errYamuxFrame ends a link whose peer sends more in one frame than may be unread.
var errYamuxFrame = errors.New("a frame of yamux is too long")

// unread counts what yamux has taken in of a link and nobody has read.
type unread struct {
	most   int
	room   chan struct{} // something was read
	closed chan struct{}

	mu            sync.Mutex
	bytes, frames int
	streams       int // that may still be read
}

func newUnread(most int) *unread {
	return &unread{most: most, room: make(chan struct{}, 1), closed: make(chan struct{})}
}

// take waits until a frame may be taken in. There is always room for one.
func (u *unread) take(n int) error {
	for !u.takeNow(n) {
		select {
		case <-u.room:
		case <-u.closed:
			return net.ErrClosed
		}
	}
	return nil
}

func (u *unread) takeNow(n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bytes > 0 && u.bytes+u.frames*frameOverhead+n > u.most {
		return false
	}
	u.bytes += n
	u.frames++
	return true
}

// give notes that n bytes were read. How many frames that was is known when nothing is left.
func (u *unread) give(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bytes = max(0, u.bytes-n); u.bytes == 0 {
		u.frames = 0
	}
	u.signal()
}

// begin and end count streams. With the last one goes what was unread of any, and what came for
// streams that were gone.
func (u *unread) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.streams++
}

func (u *unread) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.streams--; u.streams == 0 {
		u.bytes, u.frames = 0, 0
		u.signal()
	}
}

func (u *unread) signal() {
	select {
	case u.room <- struct{}{}:
	default:
	}
}

// boundedConn is a connection as yamux reads it: a header and then its data, one frame after the
// other, each when there is room for it.
type boundedConn struct {
	net.Conn
	*unread
	closing sync.Once

	// Of the frame in hand. One goroutine reads.
	header [12]byte
	ahead  []byte // of the header, not read by yamux yet
	data   int    // not read by yamux yet
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.ahead) == 0 && c.data == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.data)])
	c.data -= n
	return n, err
}

// next reads the header of a frame, and waits until there is room for its data.
func (c *boundedConn) next() error {
	if _, err := io.ReadFull(c.Conn, c.header[:]); err != nil {
		return err
	}
	const typeData = 0
	if size := binary.BigEndian.Uint32(c.header[8:]); c.header[1] == typeData && size > 0 {
		if size > maxYamuxFrame {
			return errYamuxFrame
		}
		if err := c.take(int(size)); err != nil {
			return err
		}
		c.data = int(size)
	}
	c.ahead = c.header[:]
	return nil
}

func (c *boundedConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// boundedMux counts what is read of the streams of a connection.
type boundedMux struct {
	network.MuxedConn
	*unread
}

func (m *boundedMux) OpenStream(ctx context.Context) (network.MuxedStream, error) {
	return m.counted(m.MuxedConn.OpenStream(ctx))
}

func (m *boundedMux) AcceptStream() (network.MuxedStream, error) {
	return m.counted(m.MuxedConn.AcceptStream())
}

func (m *boundedMux) counted(s network.MuxedStream, err error) (network.MuxedStream, error) {
	if err != nil {
		return nil, err
	}
	m.begin()
	return &countedStream{MuxedStream: s, unread: m.unread, over: sync.OnceFunc(m.end)}, nil
}

// countedStream is a stream whose reads are counted.
type countedStream struct {
	network.MuxedStream
	unread *unread
	over   func() // it is read no more; called any number of times
}

func (s *countedStream) Read(p []byte) (int, error) {
	n, err := s.MuxedStream.Read(p)
	if n > 0 {
		s.unread.give(n)
	}
	return n, err
}

func (s *countedStream) Close() error {
	defer s.over()
	return s.MuxedStream.Close()
}

func (s *countedStream) CloseRead() error {
	defer s.over()
	return s.MuxedStream.CloseRead()
}

func (s *countedStream) Reset() error {
	defer s.over()
	return s.MuxedStream.Reset()
}

func (s *countedStream) ResetWithError(code network.StreamErrorCode) error {
	defer s.over()
	return s.MuxedStream.ResetWithError(code)
}
