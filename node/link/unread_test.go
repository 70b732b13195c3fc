package link

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
)

// frameOf is a frame of yamux by hand. The first one of a stream opens it.
func frameOf(stream uint32, size int) []byte {
	b := make([]byte, 12+size)
	b[3] = 1 // SYN; harmless if the stream is open
	binary.BigEndian.PutUint32(b[4:], stream)
	binary.BigEndian.PutUint32(b[8:], uint32(size))
	return b
}

// linked returns a connection as the muxer makes it for a peer of some standing, and its other end.
func linked(t *testing.T, is budget.Standing) (network.MuxedConn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	m, err := newMuxer(func(peer.ID) budget.Standing { return is }).NewConn(ours, true, &network.NullScope{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, theirs) }() // ends with the pipe
	t.Cleanup(func() { _ = m.Close(); _ = theirs.Close() })
	return m, theirs
}

// TestUnreadIsBounded: of a stranger who sends and is not read, only so much is taken off the wire,
// also in frames of one byte, and it goes on when it is read.
func TestUnreadIsBounded(t *testing.T) {
	for name, size := range map[string]int{"short frames": 1, "frames": 1000, "long frames": 64 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, theirs := linked(t, budget.Stranger)
				first := frameOf(1, size)
				next := frameOf(1, size)
				next[3] = 0
				const want = 128 << 10 // bytes, less than the window
				sent, done := 0, make(chan struct{})
				go func() {
					defer close(done)
					for b := first; sent < want; b = next {
						if _, err := theirs.Write(b); err != nil {
							return
						}
						sent += size
					}
				}()
				s, err := m.AcceptStream()
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if frames := sent / size; sent+frames*frameOverhead > maxUnreadStranger+2*(size+frameOverhead) {
					t.Errorf("%d bytes were taken in %d frames", sent, frames)
				}
				if _, err := io.CopyN(io.Discard, s, want); err != nil {
					t.Error(err)
				}
				<-done
				if sent < want {
					t.Errorf("only %d bytes were taken when it was read", sent)
				}
				_ = m.Close()
			})
		})
	}
}

// TestFellowWhoIsNotReadStaysLinked: a fellow's ping is answered though the node has not read for long
// what the fellow sent on a stream, however much that may be.
func TestFellowWhoIsNotReadStaysLinked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		m, err := newMuxer(func(peer.ID) budget.Standing { return budget.Fellow }).NewConn(ours, true, &network.NullScope{})
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{})
		go func() { // ends with the pipe
			const typePing, flagACK = 2, 2
			for b := make([]byte, 12); ; {
				if _, err := io.ReadFull(theirs, b); err != nil {
					return
				}
				if b[1] == typePing && b[3] == flagACK {
					close(answered)
				}
			}
		}()
		go func() { // ends with the pipe
			const size = 1 << 10
			for n := 0; n < minWindow; n += size {
				b := frameOf(1, size)
				if n > 0 {
					b[3] = 0
				}
				if _, err := theirs.Write(b); err != nil {
					return
				}
			}
			_, _ = theirs.Write([]byte{0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}) // a ping
		}()
		synctest.Wait()
		select {
		case <-answered:
		default:
			t.Error("the ping is not answered")
		}
		_ = m.Close()
		_ = theirs.Close()
	})
}

// TestUnreadGoesWithItsStream: what was unread of streams that are gone does not keep the others.
func TestUnreadGoesWithItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, theirs := linked(t, budget.Stranger)
		for n := range uint32(8) {
			if _, err := theirs.Write(frameOf(2*n+1, 60<<10)); err != nil {
				t.Fatal(err)
			}
			s, err := m.AcceptStream()
			if err != nil {
				t.Fatal(err)
			}
			_ = s.Reset()
		}
		_ = m.Close()
	})
}

// TestUnreadOfAReplacedStreamIsForgotten: one stream stayed open, as where a session replaces another.
// What had come for the other, and came after it was gone, was counted for ever, so that nothing more
// was read of the link.
func TestUnreadOfAReplacedStreamIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, theirs := linked(t, budget.Stranger)
		var stays network.MuxedStream
		for n := range uint32(8) {
			id := 2*n + 1
			if _, err := theirs.Write(frameOf(id, 0)); err != nil {
				t.Fatal(err)
			}
			s, err := m.AcceptStream()
			if err != nil {
				t.Fatal(err)
			}
			if stays != nil {
				_ = stays.Reset()
				late := frameOf(id-2, 60<<10) // was on its way
				late[3] = 0
				if _, err := theirs.Write(late); err != nil {
					t.Fatal(err)
				}
			}
			stays = s
			next := frameOf(id, 60<<10)
			next[3] = 0
			if _, err := theirs.Write(next); err != nil {
				t.Fatal(err)
			}
		}
		if u := m.(*sendingMux).MuxedConn.(*boundedMux).unread; len(u.live) != 1 || u.cost != 60<<10+frameOverhead {
			t.Errorf("%d bytes of %d streams are unread", u.cost, len(u.live))
		}
		if _, err := io.CopyN(io.Discard, stays, 60<<10); err != nil {
			t.Error(err)
		}
		if u := m.(*sendingMux).MuxedConn.(*boundedMux).unread; u.cost != 0 {
			t.Errorf("%d bytes are unread when all was read", u.cost)
		}
		_ = m.Close()
	})
}

// TestUnreadOfAResetStreamIsForgotten: what a peer sent on a stream that it then reset was counted
// until somebody closed the stream here.
func TestUnreadOfAResetStreamIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, theirs := linked(t, budget.Stranger)
		for n := range uint32(8) {
			if _, err := theirs.Write(frameOf(2*n+1, 60<<10)); err != nil {
				t.Fatal(err)
			}
			if _, err := m.AcceptStream(); err != nil {
				t.Fatal(err)
			}
			reset := frameOf(2*n+1, 0)
			reset[3] = 8
			if _, err := theirs.Write(reset); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if u := m.(*sendingMux).MuxedConn.(*boundedMux).unread; u.cost != 0 {
			t.Errorf("%d bytes are unread", u.cost)
		}
		_ = m.Close()
	})
}

// TestStreamsOfALinkAreBounded: streams that yamux refuses were counted without end.
func TestStreamsOfALinkAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, theirs := linked(t, budget.Stranger)
		n := uint32(0)
		for ; n < 10*maxLive; n++ {
			if _, err := theirs.Write(frameOf(2*n+1, 0)); err != nil {
				break
			}
		}
		synctest.Wait()
		if !m.IsClosed() || n > maxLive+1 {
			t.Errorf("%d streams, the link has ended: %t", n, m.IsClosed())
		}
	})
}

// TestLongFrameOfYamuxEndsTheLink: its memory would be taken before its data have come.
func TestLongFrameOfYamuxEndsTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, theirs := linked(t, budget.Stranger)
		_, _ = theirs.Write(frameOf(1, maxYamuxFrame+1)[:12])
		synctest.Wait()
		if !m.IsClosed() {
			t.Error("the link goes on")
		}
	})
}
