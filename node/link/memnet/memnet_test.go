package memnet_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
)

const echoProto = "/earshot-test/echo"

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
	addrC = netip.MustParseAddr("fd00::3")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a link on a host in memory that echoes, and tells when connections end.
type node struct {
	*link.Host
	gone chan time.Time
}

func start(t *testing.T, host *memnet.Host) *node {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := link.New(link.Config{Key: key, Transport: host.Transport})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{h, make(chan time.Time, 16)}
	h.SetStreamHandler(echoProto, func(s network.Stream) {
		_, _ = io.Copy(s, s)
		_ = s.Close()
	})
	h.Notify(func(network.Conn) {}, func(network.Conn) { n.gone <- time.Now() })
	if err := h.Listen(link.ListenAddrs(0)); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) stop(t *testing.T) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// to connects and opens an echo stream.
func (n *node) to(t *testing.T, o *node, at netip.Addr) network.Stream {
	t.Helper()
	if err := n.Connect(t.Context(), o.ID(), memnet.Multiaddrs(at, o.Port())); err != nil {
		t.Fatal(err)
	}
	s, err := n.NewStream(t.Context(), o.ID(), echoProto)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func echo(s network.Stream, msg []byte) bool {
	if _, err := s.Write(msg); err != nil {
		return false
	}
	got := make([]byte, len(msg))
	_, err := io.ReadFull(s, got)
	return err == nil && bytes.Equal(got, msg)
}

// pair runs a test with two connected nodes in a bubble. The bubble ends only if every goroutine of
// theirs does.
func pair(t *testing.T, test func(t *testing.T, n *memnet.Network, a, b *node, s network.Stream)) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := start(t, n.Host(addrA)), start(t, n.Host(addrB))
		defer a.stop(t)
		defer b.stop(t)
		s := a.to(t, b, addrB)
		if !echo(s, []byte("hello")) {
			t.Fatal("no echo")
		}
		test(t, n, a, b, s)
	})
}

func TestIdleLinkSurvives(t *testing.T) {
	pair(t, func(t *testing.T, _ *memnet.Network, a, _ *node, s network.Stream) {
		time.Sleep(24 * time.Hour)
		if !echo(s, bytes.Repeat([]byte("x"), 200<<10)) {
			t.Error("no echo after a day")
		}
		if len(a.gone) != 0 {
			t.Error("the connection was lost")
		}
	})
}

// noticed checks that both ends are told of the loss within the time a pulled cable may take.
func noticed(t *testing.T, since time.Time, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		if d := (<-n.gone).Sub(since); d > 15*time.Second {
			t.Errorf("noticed after %s", d)
		}
	}
}

func TestPulledCable(t *testing.T) {
	for name, idle := range map[string]bool{"idle": true, "writing": false} {
		t.Run(name, func(t *testing.T) {
			pair(t, func(t *testing.T, n *memnet.Network, a, b *node, s network.Stream) {
				since := time.Now()
				n.Partition(addrA, addrB)
				if !idle {
					for {
						if _, err := s.Write(make([]byte, 64<<10)); err != nil {
							break
						}
					}
				}
				noticed(t, since, a, b)
				if echo(s, []byte("hello")) {
					t.Error("the stream outlived its connection")
				}
				n.Heal(addrA, addrB)
				if !echo(a.to(t, b, addrB), []byte("hello again")) {
					t.Error("no echo after healing")
				}
			})
		})
	}
}

func TestShortPartition(t *testing.T) {
	pair(t, func(t *testing.T, n *memnet.Network, a, b *node, s network.Stream) {
		n.Partition(addrA, addrB)
		time.AfterFunc(4*time.Second, func() { n.Heal(addrA, addrB) })
		began := time.Now()
		if !echo(s, []byte("hello")) || time.Since(began) < 4*time.Second {
			t.Errorf("echo after %s", time.Since(began))
		}
		if len(a.gone)+len(b.gone) != 0 {
			t.Error("the connection was lost")
		}
	})
}

func TestDrop(t *testing.T) {
	pair(t, func(t *testing.T, n *memnet.Network, a, b *node, _ network.Stream) {
		since := time.Now()
		n.Drop(addrA, addrB)
		noticed(t, since, a, b)
		if !echo(a.to(t, b, addrB), []byte("hello")) {
			t.Error("no echo on a new connection")
		}
	})
}

func TestReset(t *testing.T) {
	pair(t, func(t *testing.T, n *memnet.Network, a, b *node, s network.Stream) {
		since := time.Now()
		n.Reset(addrA, addrB)
		for _, o := range []*node{a, b} {
			if d := (<-o.gone).Sub(since); d != 0 {
				t.Errorf("noticed after %s", d)
			}
		}
		if echo(s, []byte("hello")) {
			t.Error("the stream outlived its connection")
		}
	})
}

func TestDelay(t *testing.T) {
	pair(t, func(t *testing.T, n *memnet.Network, _, _ *node, s network.Stream) {
		n.Delay(addrA, addrB, 30*time.Millisecond)
		began := time.Now()
		if !echo(s, []byte("hello")) || time.Since(began) != 60*time.Millisecond {
			t.Errorf("echo after %s", time.Since(began))
		}
	})
}

func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		host := n.Host(addrA, netip.MustParseAddr("fd00::1"))
		a, b, c := start(t, host), start(t, n.Host(addrB)), start(t, n.Host(addrC))
		defer a.stop(t)
		defer b.stop(t)
		defer c.stop(t)
		toB, toC := a.to(t, b, addrB), a.to(t, c, addrC)
		moved := netip.MustParseAddr("10.0.0.9")
		host.Move(moved, netip.MustParseAddr("fd00::1"))
		a.CloseLocal([]netip.Addr{addrA})
		if echo(toB, []byte("hello")) || !echo(toC, []byte("hello")) {
			t.Error("the wrong connection was closed")
		}
		noticed(t, time.Now(), b)
		if !echo(b.to(t, a, moved), []byte("hello")) {
			t.Error("not found at the new address")
		}
	})
}

func TestNobodyThere(t *testing.T) {
	pair(t, func(t *testing.T, n *memnet.Network, a, b *node, _ network.Stream) {
		_ = a.Libp2p().Network().ClosePeer(b.ID())
		began := time.Now()
		absent := netip.MustParseAddr("10.0.0.99")
		if a.Connect(t.Context(), b.ID(), memnet.Multiaddrs(absent, b.Port())) == nil || time.Since(began) != link.ConnectTimeout {
			t.Errorf("an absent host: %s", time.Since(began))
		}
		began = time.Now()
		if a.Connect(t.Context(), b.ID(), memnet.Multiaddrs(addrB, 9)) == nil || time.Since(began) != 0 {
			t.Errorf("a closed port: %s", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if a.Connect(ctx, b.ID(), memnet.Multiaddrs(absent, b.Port())) == nil || time.Since(began) != time.Second {
			t.Errorf("the caller gave up: %s", time.Since(began))
		}
	})
}

// Neither side waits for ever for the other to say which protocol a stream is for.
func TestSilentNegotiation(t *testing.T) {
	pair(t, func(t *testing.T, _ *memnet.Network, a, b *node, _ network.Stream) {
		began := time.Now()
		raw, err := a.Libp2p().Network().NewStream(t.Context(), b.ID())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(raw) // the other side's offer of multistream, then the end
		if err == nil || time.Since(began) != 2*time.Second {
			t.Errorf("a silent caller: %v after %s", err, time.Since(began))
		}

		b.Libp2p().Network().SetStreamHandler(func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
		began = time.Now()
		if _, err = a.NewStream(t.Context(), b.ID(), echoProto); err == nil || time.Since(began) != 10*time.Second {
			t.Errorf("a silent server: %v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err = a.NewStream(ctx, b.ID(), echoProto); err == nil || time.Since(began) != time.Second {
			t.Errorf("the caller gave up: %v after %s", err, time.Since(began))
		}
	})
}

// Every pair of an office dials each other at the same instant.
func TestOffice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		var nodes []*node
		var addrs []netip.Addr
		for i := range 12 {
			addrs = append(addrs, netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}))
			nodes = append(nodes, start(t, n.Host(addrs[i])))
			nodes[i].gone = make(chan time.Time, 1000)
			defer nodes[i].stop(t)
		}
		results := make(chan error)
		for i, a := range nodes {
			for j, b := range nodes {
				if i != j {
					go func() {
						results <- a.Connect(t.Context(), b.ID(), memnet.Multiaddrs(addrs[j], b.Port()))
					}()
				}
			}
		}
		for range len(nodes) * (len(nodes) - 1) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		for _, a := range nodes {
			for _, b := range nodes {
				if a != b {
					s, err := a.NewStream(t.Context(), b.ID(), echoProto)
					if err != nil || !echo(s, []byte("hello")) {
						t.Errorf("no echo: %v", err)
					}
				}
			}
		}
	})
}
