package link

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
)

// What was written is unsent until it has arrived, whether it is read or not.
func TestUnsent(t *testing.T) {
	ours, theirs := newHost(t, nil, "/ip4/127.0.0.1/tcp/0"), newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	connect(t, ours, theirs)
	s, err := ours.NewStream(t.Context(), theirs.ID(), echoProto)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		echo(t, s, make([]byte, 100<<10))
		for Unsent(s.Conn()) != 0 {
			runtime.Gosched()
		}
	}
	_ = s.Reset()
}

// What a system has of a connection whose other end takes no more is unsent.
func TestUnsentOfTheSystem(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("not told here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	n, _ := io.Copy(c, zeros{})
	if u := newSending(c).system; u == nil {
		t.Error("the system can't be asked")
	} else if err := u.Control(func(fd uintptr) {
		if left := unconfirmed(int(fd)); left < 1 || int64(left) > n {
			t.Errorf("%d bytes of %d are unsent", left, n)
		}
	}); err != nil {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// Over a network that has no sockets, what waits in yamux is counted all the same.
func TestUnsentOfYamux(t *testing.T) {
	for is := budget.Stranger; is <= budget.Contact; is++ {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			m, err := newMuxer(func(peer.ID) budget.Standing { return is }).NewConn(ours, true, &network.NullScope{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.OpenStream(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := s.Write(make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
			}
			unsent := func() int {
				synctest.Wait()
				var u *unsent
				if !m.As(&u) {
					t.Fatal("nothing is counted")
				}
				return int(u.yamux.Load())
			}
			if n := unsent(); n != 3000 {
				t.Errorf("%v: %d bytes are unsent, not 3000", is, n)
			}
			for data := 0; data < 2; { // among others
				header := make([]byte, 12)
				if _, err := io.ReadFull(theirs, header); err != nil {
					t.Fatal(err)
				}
				if header[1] == 0 {
					_, _ = io.CopyN(io.Discard, theirs, 1000)
					data++
				}
			}
			if n := unsent(); n != 1000 {
				t.Errorf("%v: %d bytes are unsent, not those of the last frame", is, n)
			}
			_ = theirs.Close()
			_ = m.Close()
		})
	}
}
