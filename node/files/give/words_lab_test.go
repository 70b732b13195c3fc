//go:build lab

package give

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/link"
)

const wordsProtocol = "/earshot-test/words"

// TestLabWordsBesideFiles says how long a short message takes over a link of 1 Mbit/s beside transfers
// in the same direction. It runs itself again in a network namespace of its own. It takes half a minute, so make
// lab leaves it to TestWordsBesideFile of cmd/lab; run it by go test -tags lab -run TestLabWords.
func TestLabWordsBesideFiles(t *testing.T) {
	if os.Getenv("EARSHOT_LAB_SHAPED") == "" {
		again := exec.Command("unshare", "-n", os.Args[0], "-test.run=^TestLabWordsBesideFiles$", "-test.v")
		again.Env = append(os.Environ(), "EARSHOT_LAB_SHAPED=1")
		out, err := again.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, c := range []struct {
		name            string
		readers, window int
		most            time.Duration // in nine of ten times
	}{
		{"10 fetch, 64 KiB on the way", 10, 64 << 10, 2 * time.Second}, // one alone is in cmd/lab
		{"1 fetches all at once", 1, 4 << 20, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) { wordsBeside(t, c.readers, c.window, c.most) })
	}
}

func wordsBeside(t *testing.T, readers, window int, most time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	g := newGiver()
	g.things[one] = newThing(64 << 20)
	defer shape(t)()
	ours := host(t, budget.Contact)
	ours.SetStreamHandler(exchange.Protocol, func(s network.Stream) {
		id := s.Conn().RemotePeer()[10]
		p := peerOf(id, id, budget.Contact)
		p.Account = g.budget.Open(netip.MustParseAddr("127.0.0.1"))
		p.Account.Identify(p.Person, p.Standing)
		p.Unsent = func() int { return link.Unsent(s.Conn()) }
		_ = g.Serve(ctx, s, p)
	})
	var got, busy atomic.Int64
	first := make(chan network.Stream, readers)
	ours.SetStreamHandler(wordsProtocol, func(s network.Stream) { first <- s })
	took := make(chan time.Duration, 1000)
	for range readers {
		theirs := host(t, budget.Contact)
		if err := theirs.Connect(ctx, ours.ID(), ours.ListenAddrs()); err != nil {
			t.Fatal(err)
		}
		s, err := theirs.NewStream(ctx, ours.ID(), wordsProtocol)
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			b := make([]byte, 200)
			for {
				if _, err := io.ReadFull(s, b); err != nil {
					return
				}
				at, _ := time.Parse(time.RFC3339Nano, string(b[:35]))
				took <- time.Since(at)
			}
		})
		context.AfterFunc(ctx, func() { _ = s.Reset() })
		c := exchange.NewConn(func(ctx context.Context) (exchange.Stream, error) {
			return theirs.NewStream(ctx, ours.ID(), exchange.Protocol)
		})
		running.Go(func() { _ = c.Run(ctx) })
		running.Go(func() { fetch(ctx, t, c, window, &got, &busy) })
	}
	pause(ctx, 5*time.Second)
	var words []network.Stream
	for range readers {
		words = append(words, <-first)
	}
	began, before := time.Now(), got.Load()
	var all []time.Duration
	for i := range 30 {
		b := make([]byte, 200)
		copy(b, time.Now().UTC().Format("2006-01-02T15:04:05.000000000+00:00"))
		if _, err := words[i%readers].Write(b); err != nil {
			t.Fatal(err)
		}
		select {
		case d := <-took:
			all = append(all, d)
		case <-time.After(30 * time.Second):
			t.Fatal("lost")
		}
		pause(ctx, 137*time.Millisecond)
	}
	slices.Sort(all)
	rate := float64(got.Load()-before) / time.Since(began).Seconds()
	t.Logf("p50 %v, p90 %v, max %v; %.0f kB/s, %d busy", all[15], all[27], all[29], rate/1e3, busy.Load())
	if all[27] > most || rate < 100_000 {
		t.Errorf("words take %v, not %v, and files go at %.0f bytes/s", all[27], most, rate)
	}
}

// fetch asks for so many bytes at a time, in requests of a quarter of that or a chunk.
func fetch(ctx context.Context, t *testing.T, c *exchange.Conn, window int, got, busy *atomic.Int64) {
	size := min(window/4, 1<<20)
	room := make(chan struct{}, window/size)
	for at := uint64(0); ctx.Err() == nil; at = (at + uint64(size)) % (64 << 20) {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		_, err := c.Ask(exchange.Request{Of: one, What: exchange.Bytes, First: at, Count: size}, make([]byte, size), func(a exchange.Answer) {
			got.Add(int64(a.Bytes))
			if a.Last {
				if a.Status == exchange.Busy {
					busy.Add(1)
				} else if a.Status != exchange.OK && ctx.Err() == nil {
					t.Error(a.Status, a.Err)
				}
				<-room
			}
		})
		if err != nil {
			return
		}
	}
}

// shape lets 1 Mbit/s through the loopback of this namespace, both ways together.
func shape(t *testing.T) (undo func()) {
	for _, c := range []string{"ip link set lo up mtu 1500", "tc qdisc add dev lo root tbf rate 1mbit burst 16kb limit 2mb"} {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", c, err, out)
		}
	}
	return func() { _ = exec.Command("tc", "qdisc", "del", "dev", "lo", "root").Run() }
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
