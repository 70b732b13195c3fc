package link

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-yamux/v5"
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
	// maxUnreadStranger and maxUnreadFellow bound the data that is unread, in bytes. A fellow may bring
	// a long history, which is not read while this node has no time for it: all of one stream's window
	// fits, so that pings and window updates never wait behind that, or else the link would end.
	maxUnreadStranger = maxYamuxFrame
	maxUnreadFellow   = minWindow + maxYamuxFrame
	// frameOverhead is what a frame takes in memory beside its data.
	frameOverhead = 64
)

// maxLive bounds the streams of a link that are counted: several times as many as may be open, since
// one that yamux refuses is counted as well.
const maxLive = 4 * maxStreamsPeer

var (
	// errYamuxFrame ends a link whose peer sends more in one frame than may be unread.
	errYamuxFrame = errors.New("a frame of yamux is too long")
	// errYamuxStreams ends a link whose peer opens streams without end.
	errYamuxStreams = errors.New("too many streams of yamux")
)

// unread counts what yamux has taken in of a link and nobody has read.
type unread struct {
	most   int
	room   chan struct{} // something was read
	closed chan struct{}

	mu   sync.Mutex
	cost int               // of all streams
	live map[uint32]*taken // those that may still be read; yamux throws away what comes for others
}

// taken is what yamux has taken in of one stream.
type taken struct{ bytes, frames int }

func newUnread(most int) *unread {
	return &unread{most: most, room: make(chan struct{}, 1), closed: make(chan struct{}), live: make(map[uint32]*taken)}
}

// take waits until a frame of a stream may be taken in. There is always room for one.
func (u *unread) take(id uint32, n int) error {
	for !u.takeNow(id, n) {
		select {
		case <-u.room:
		case <-u.closed:
			return net.ErrClosed
		}
	}
	return nil
}

func (u *unread) takeNow(id uint32, n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.live[id]
	if t == nil {
		return true
	}
	if u.cost > 0 && u.cost+frameOverhead+n > u.most {
		return false
	}
	t.bytes += n
	t.frames++
	u.cost += n + frameOverhead
	return true
}

// give notes that n bytes of a stream were read. How many frames that was is known when nothing is
// left of it.
func (u *unread) give(id uint32, n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.live[id]
	if t == nil {
		return
	}
	n = min(n, t.bytes)
	t.bytes -= n
	u.cost -= n
	if t.bytes == 0 {
		u.cost -= t.frames * frameOverhead
		t.frames = 0
	}
	u.signal()
}

// begin has a stream counted from now on.
func (u *unread) begin(id uint32) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.live[id] == nil {
		u.live[id] = new(taken)
	}
	if len(u.live) > maxLive {
		return errYamuxStreams
	}
	return nil
}

// end has it counted no more: nobody reads it, and what was unread is gone.
func (u *unread) end(id uint32) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t := u.live[id]; t != nil {
		u.cost -= t.bytes + t.frames*frameOverhead
		delete(u.live, id)
	}
	u.signal()
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
	const typeData, typeWindow, flagSYN, flagRST = 0, 1, 1, 8
	kind, id := c.header[1], binary.BigEndian.Uint32(c.header[4:])
	if flags := binary.BigEndian.Uint16(c.header[2:]); kind <= typeWindow {
		if flags&flagSYN != 0 {
			if err := c.begin(id); err != nil {
				return err
			}
		}
		if flags&flagRST != 0 { // what was unread is gone
			c.end(id)
		}
	}
	if size := binary.BigEndian.Uint32(c.header[8:]); kind == typeData && size > 0 {
		if size > maxYamuxFrame {
			return errYamuxFrame
		}
		if err := c.take(id, int(size)); err != nil {
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
	id := streamID(s)
	_ = m.begin(id) // of those that this node opens nobody else says how many
	return &countedStream{MuxedStream: s, unread: m.unread, id: id, over: sync.OnceFunc(func() { m.end(id) })}, nil
}

// streamID returns the number of a stream on the wire. The library's stream is one of yamux, and has
// no method that says so.
func streamID(s network.MuxedStream) uint32 {
	return reflect.ValueOf(s).Convert(reflect.TypeFor[*yamux.Stream]()).Interface().(*yamux.Stream).StreamID()
}

// countedStream is a stream whose reads are counted.
type countedStream struct {
	network.MuxedStream
	unread *unread
	id     uint32
	over   func() // it is read no more; called any number of times
}

func (s *countedStream) Read(p []byte) (int, error) {
	n, err := s.MuxedStream.Read(p)
	if n > 0 {
		s.unread.give(s.id, n)
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
