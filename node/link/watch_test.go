package link

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
)

// other is a device that takes what comes, and answers pings unless it hangs.
type other struct {
	conn  net.Conn
	hangs atomic.Bool
	pings atomic.Int32
}

func (o *other) run() {
	const typeData, typePing, flagSYN = 0, 2, 1
	for b := make([]byte, 12); ; {
		if _, err := io.ReadFull(o.conn, b); err != nil {
			return
		}
		if b[1] == typeData {
			_, _ = io.CopyN(io.Discard, o.conn, int64(binary.BigEndian.Uint32(b[8:])))
		}
		if b[1] == typePing && b[3] == flagSYN {
			o.pings.Add(1)
			if !o.hangs.Load() {
				b[3] = 2
				_, _ = o.conn.Write(b)
			}
		}
	}
}

// say has something come from it.
func (o *other) say() { _, _ = o.conn.Write([]byte{0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}) }

// watchedLink is a link that the system watches over or doesn't, and the device at its other end.
func watchedLink(t *testing.T, system bool) (network.MuxedConn, *other) {
	t.Helper()
	ours, theirs := net.Pipe()
	m, err := newMuxer(func(peer.ID) budget.Standing { return budget.Contact }).watched(ours, system, true, &network.NullScope{})
	if err != nil {
		t.Fatal(err)
	}
	o := &other{conn: theirs}
	go o.run() // ends with the link
	t.Cleanup(func() { _ = m.Close() })
	return m, o
}

// write has a link carry something.
func write(t *testing.T, m network.MuxedConn) {
	t.Helper()
	if _, err := m.OpenStream(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// lasted is for how long a link is open from now on, up to a limit.
func lasted(m network.MuxedConn, limit time.Duration) time.Duration {
	began := time.Now()
	for !m.IsClosed() && time.Since(began) < limit {
		time.Sleep(time.Second / 10)
		synctest.Wait()
	}
	return time.Since(began)
}

// TestLinkAtRestIsNotPinged: a node with many peers was awake for nothing but pings.
func TestLinkAtRestIsNotPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := watchedLink(t, true)
		lasted(m, pingAtRest-time.Second)
		if n := o.pings.Load(); n != 1 {
			t.Errorf("%d pings, not only the first, which measures", n)
		}
		o.pings.Store(0)
		write(t, m)
		lasted(m, 2*pingAfter) // one is measured within that
		o.pings.Store(0)
		lasted(m, pingAtRest-2*pingAfter-time.Second)
		if n := o.pings.Load(); n != 0 {
			t.Errorf("%d pings of a link whose other end has answered", n)
		}
		write(t, m)
		lasted(m, 2*pingAfter-time.Second)
		if n := o.pings.Load(); n == 0 {
			t.Error("no ping though something waits")
		}
		if m.IsClosed() {
			t.Error("the link has ended")
		}
	})
}

// TestLinkThatNobodyWatchesIsPinged: where the system tells nothing of the other machine, pings do.
func TestLinkThatNobodyWatchesIsPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := watchedLink(t, false)
		lasted(m, 4*pingAfter+time.Second)
		if n := o.pings.Load(); n != 5 {
			t.Errorf("%d pings, not one at first and then every %v", n, pingAfter)
		}
		o.hangs.Store(true)
		d := lasted(m, pingAfter-2*time.Second)
		write(t, m) // which puts nothing off
		if d += lasted(m, time.Minute); d > pingAfter+writeTimeout {
			t.Errorf("that nobody answers was noticed after %v", d)
		}
	})
}

// TestWatchEnds: a link that has ended would stay in memory until its timer has run.
func TestWatchEnds(t *testing.T) {
	ours, _ := net.Pipe()
	c := newSending(ours)
	c.watch = newWatch(true)
	c.watch.begin(nil)
	_ = c.Close()
	if c.watch.timer.Stop() {
		t.Error("the timer runs")
	}
}

// TestHangingProgramIsNoticed: a machine confirms what comes for a program that hangs.
func TestHangingProgramIsNoticed(t *testing.T) {
	for _, system := range []bool{true, false} {
		t.Run(fmt.Sprint("something waits, ", system), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, o := watchedLink(t, system)
				lasted(m, 3*time.Second)
				o.hangs.Store(true)
				write(t, m)
				if d := lasted(m, time.Minute); d > pingAfter+writeTimeout {
					t.Errorf("noticed after %v", d)
				}
			})
		})
	}
	t.Run("what came may have crossed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, o := watchedLink(t, true)
			lasted(m, time.Minute)
			o.hangs.Store(true)
			write(t, m)
			lasted(m, crossing/2)
			o.say()
			if d := lasted(m, time.Minute); d > pingAfter+writeTimeout {
				t.Errorf("noticed after %v", d)
			}
		})
	})
	t.Run("something is written again and again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, o := watchedLink(t, true)
			lasted(m, time.Minute)
			o.hangs.Store(true)
			began := time.Now()
			for !m.IsClosed() && time.Since(began) < time.Minute {
				_, _ = m.OpenStream(t.Context())
				lasted(m, time.Second/2)
			}
			if d := time.Since(began); d > pingAfter+writeTimeout+time.Second {
				t.Errorf("noticed after %v", d)
			}
		})
	})
	t.Run("at rest", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, o := watchedLink(t, true)
			lasted(m, time.Minute)
			o.hangs.Store(true)
			if d := lasted(m, time.Hour); d > pingAtRest+writeTimeout {
				t.Errorf("noticed after %v", d)
			}
		})
	})
}

// TestAnsweredLinkIsAtRest: what comes long enough after something was written answers it.
func TestAnsweredLinkIsAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := watchedLink(t, true)
		lasted(m, time.Minute)
		o.pings.Store(0)
		write(t, m)
		lasted(m, crossing)
		o.say()
		lasted(m, time.Minute)
		if n := o.pings.Load(); n != 0 {
			t.Errorf("%d pings", n)
		}
	})
}
