package give

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net/netip"
	"sync"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/link"
)

// host returns a device on loopback, to which all others are of one standing.
func host(t testing.TB, is budget.Standing) *link.Host {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := link.New(link.Config{Key: key, Standing: func(peer.ID) budget.Standing { return is }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	if err := h.Listen([]ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/0")}); err != nil {
		t.Fatal(err)
	}
	return h
}

// linked returns a Conn over TCP to a giver.
func linked(t testing.TB, g *giver, is budget.Standing) *exchange.Conn {
	t.Helper()
	ours, theirs := host(t, is), host(t, is)
	ctx, cancel := context.WithCancel(context.Background())
	ours.SetStreamHandler(exchange.Protocol, func(s network.Stream) {
		p := peerOf(1, 1, is)
		p.Account = g.budget.Open(netip.MustParseAddr("127.0.0.1"))
		p.Account.Identify(p.Person, p.Standing)
		p.Unsent = func() int { return link.Unsent(s.Conn()) }
		_ = g.Serve(ctx, s, p)
	})
	if err := theirs.Connect(ctx, ours.ID(), ours.ListenAddrs()); err != nil {
		t.Fatal(err)
	}
	c := exchange.NewConn(func(ctx context.Context) (exchange.Stream, error) {
		return theirs.NewStream(ctx, ours.ID(), exchange.Protocol)
	})
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return c
}

func BenchmarkOverLink(b *testing.B) {
	g := newGiver()
	g.things[one] = newThing(64 << 20)
	c := linked(b, g, budget.Contact)
	const window = 8
	into := make([][]byte, window)
	free := make(chan int, window)
	for i := range into {
		into[i] = make([]byte, 1<<20)
		free <- i
	}
	b.SetBytes(1 << 20)
	for n := 0; b.Loop(); n++ {
		i := <-free
		_, err := c.Ask(exchange.Request{Of: one, What: exchange.Bytes, First: uint64(n%64) << 20, Count: 1 << 20}, into[i], func(a exchange.Answer) {
			if a.Last {
				if a.Status != exchange.OK {
					b.Error(a)
				}
				free <- i
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for range window {
		<-free
	}
}

// BenchmarkBareStream is what a stream of the link can do with the same data: 64 MiB, read into 8 buffers.
func BenchmarkBareStream(b *testing.B) {
	ours, theirs := host(b, budget.Contact), host(b, budget.Contact)
	data := make([]byte, 64<<20)
	ours.SetStreamHandler(exchange.Protocol, func(s network.Stream) {
		for at := 0; ; at = (at + pieceSize) % (len(data) - pieceSize) {
			if _, err := s.Write(data[at:][:pieceSize]); err != nil {
				return
			}
		}
	})
	if err := theirs.Connect(b.Context(), ours.ID(), ours.ListenAddrs()); err != nil {
		b.Fatal(err)
	}
	s, err := theirs.NewStream(b.Context(), ours.ID(), exchange.Protocol)
	if err != nil {
		b.Fatal(err)
	}
	into := make([]byte, 8<<20)
	b.SetBytes(1 << 20)
	for n := 0; b.Loop(); n++ {
		if _, err := io.ReadFull(s, into[n%8<<20:][:1<<20]); err != nil {
			b.Fatal(err)
		}
	}
	_ = s.Reset()
}
