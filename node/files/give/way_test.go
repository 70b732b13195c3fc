package give

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
)

// buffered is a way out that takes all that is written at once, and sends it at a rate in the order in
// which it came, as the system and the link do.
type buffered struct {
	rate int
	all  chan packet

	mu     sync.Mutex
	unsent int
	most   int
}

type packet struct {
	b  []byte
	of *outlet
}

// outlet is the end of a stream whose writes go by a way.
type outlet struct {
	exchange.Stream
	by     *buffered
	stuck  bool
	unsent int // by.mu guards it
}

func (o *outlet) Write(b []byte) (int, error) {
	o.by.mu.Lock()
	defer o.by.mu.Unlock()
	o.unsent += len(b)
	o.by.unsent += len(b)
	o.by.most = max(o.by.most, o.by.unsent)
	if !o.stuck {
		o.by.all <- packet{append([]byte(nil), b...), o}
	}
	return len(b), nil
}

func (o *outlet) waits() int {
	o.by.mu.Lock()
	defer o.by.mu.Unlock()
	return o.unsent
}

func (w *buffered) run(ctx context.Context) {
	for {
		select {
		case p := <-w.all:
			time.Sleep(time.Duration(len(p.b)) * time.Second / time.Duration(w.rate))
			w.mu.Lock()
			p.of.unsent -= len(p.b)
			w.unsent -= len(p.b)
			w.mu.Unlock()
			_, _ = p.of.Stream.Write(p.b)
		case <-ctx.Done():
			return
		}
	}
}

// However many fetch, and however much they ask for at once, little of it is unsent at a time, the way is
// full, everybody gets the same, and those who take nothing hold up nobody.
func TestLittleIsUnsent(t *testing.T) {
	for _, c := range []struct{ rate, readers, stuck, most int }{
		{125_000, 1, 0, 36 << 10}, // 1 Mbit/s
		{125_000, 10, 0, 106 << 10},
		{125_000, 50, 0, 290 << 10},
		{125_000, 4, 4, 160 << 10},
		{12_500_000, 1, 0, 1_500_000},
		{12_500_000, 10, 3, 4_500_000},
		{100_000_000, 1, 0, 2<<20 + 22},
	} {
		bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			g.things[one] = newThing(8 << 20)
			w := &buffered{rate: c.rate, all: make(chan packet, 100_000)}
			g.serves.Go(func() { w.run(ctx) })
			got := make([]int, c.readers+c.stuck)
			busy := 0
			var mu sync.Mutex
			for i := range c.readers + c.stuck {
				con := exchange.NewConn(func(context.Context) (exchange.Stream, error) {
					ours, theirs := newPipe()
					out := &outlet{Stream: ours, by: w, stuck: i >= c.readers}
					p := peerOf(byte(i), byte(i), budget.Contact)
					p.Unsent = out.waits
					g.serveOn(ctx, p, out)
					return theirs, nil
				})
				g.serves.Go(func() { _ = con.Run(ctx) })
				next := uint64(0)
				var again func(a exchange.Answer)
				again = func(a exchange.Answer) {
					mu.Lock()
					defer mu.Unlock()
					got[i] += a.Bytes
					if a.Last && a.Status == exchange.Busy {
						busy++
					}
					if a.Last && a.Err == nil && ctx.Err() == nil {
						next++
						_, _ = con.Ask(exchange.Request{Of: one, What: exchange.Bytes, First: next % 8 << 20, Count: 1 << 20}, make([]byte, 1<<20), again)
					}
				}
				for range 16 {
					again(exchange.Answer{Last: true})
				}
			}
			seconds := min(20, 100_000_000/c.rate)
			time.Sleep(time.Duration(seconds) * time.Second)
			mu.Lock()
			defer mu.Unlock()
			w.mu.Lock()
			defer w.mu.Unlock()
			all, least, most := 0, got[0], 0
			for _, n := range got[:c.readers] {
				all += n
				least, most = min(least, n), max(most, n)
			}
			if w.most > c.most || all < seconds*c.rate*8/10 || least < most/2 || busy > 0 {
				t.Errorf("%+v: %d unsent at most, %d of %d bytes, %d to %d each, %d busy", c, w.most, all, seconds*c.rate, least, most, busy)
			}
		})
	}
}
