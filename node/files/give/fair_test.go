package give

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
)

// uplink is what all streams of a giver go out by: so many bytes a second, in the order in which they
// were written.
type uplink struct {
	free chan struct{} // has one element unless somebody writes
	rate int
}

func newUplink(rate int) *uplink {
	u := &uplink{make(chan struct{}, 1), rate}
	u.free <- struct{}{}
	return u
}

// narrow is an end of a stream whose writes go by an uplink.
type narrow struct {
	exchange.Stream
	by *uplink
}

func (s narrow) Write(b []byte) (int, error) {
	<-s.by.free
	time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(s.by.rate))
	s.by.free <- struct{}{}
	return s.Stream.Write(b)
}

// greedy has as many requests of a size open as there may be on streams of a peer, and counts what comes.
func greedy(ctx context.Context, g *giver, p Peer, streams, size int, by *uplink, got *int, mu *sync.Mutex) {
	for range streams {
		c := exchange.NewConn(func(context.Context) (exchange.Stream, error) {
			ours, theirs := newPipe()
			if by != nil {
				ours = narrow{ours, by}
			}
			g.serveOn(ctx, p, ours)
			return theirs, nil
		})
		g.serves.Go(func() { _ = c.Run(ctx) })
		next := uint64(0)
		var again func(a exchange.Answer)
		again = func(a exchange.Answer) {
			mu.Lock()
			*got += a.Bytes
			mu.Unlock()
			if a.Last && ctx.Err() == nil {
				next++
				_, _ = c.Ask(exchange.Request{Of: one, What: exchange.Bytes, First: next % 4 << 20, Count: size}, make([]byte, size), again)
			}
		}
		for range exchange.MaxOpen {
			again(exchange.Answer{Last: true})
		}
	}
}

// Who opens four streams with 64 requests each gets as much as who opens one, where all go out by one way
// that is too narrow.
func TestManyStreamsBringNothing(t *testing.T) {
	for _, is := range []budget.Standing{budget.Contact, budget.Fellow, budget.Stranger} {
		bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
			g.things[one] = newThing(4 << 20)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			by := newUplink(1 << 20)
			var mu sync.Mutex
			var many, single int
			streams := maxStreams
			if is == budget.Stranger {
				streams = maxStrange
			}
			greedy(ctx, g, peerOf(1, 1, is), streams, 1<<20, by, &many, &mu)
			greedy(ctx, g, peerOf(2, 2, is), 1, 1<<20, by, &single, &mu)
			time.Sleep(20 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			if many > single*11/10 || single > many*11/10 || many+single < 19<<20 {
				t.Errorf("%v: %d bytes over many streams, %d over one", is, many, single)
			}
		})
	}
}

// Who has four devices gets as much as who has one, where the disk is what is slow.
func TestManyDevicesBringNothing(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(4 << 20)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		reads, most := 0, 0
		g.slow = func(context.Context, Peer, int) {
			g.shelf.mu.Lock()
			reads++
			most = max(most, reads)
			g.shelf.mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			g.shelf.mu.Lock()
			reads--
			g.shelf.mu.Unlock()
		}
		var mu sync.Mutex
		var many, single int
		for i := range 4 {
			greedy(ctx, g, peerOf(1, byte(i+1), budget.Contact), 1, 1<<10, nil, &many, &mu)
		}
		for i := range 4 { // others, so that the turns are all taken
			greedy(ctx, g, peerOf(byte(3+i), byte(10+i), budget.Contact), 1, 1<<10, nil, new(int), &mu)
		}
		greedy(ctx, g, peerOf(2, 9, budget.Contact), 1, 1<<10, nil, &single, &mu)
		time.Sleep(20 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		g.shelf.mu.Lock()
		defer g.shelf.mu.Unlock()
		if many > single*5/4 || single > many*5/4 || most > runtime.GOMAXPROCS(0) {
			t.Errorf("%d bytes for many devices, %d for one, %d read at a time", many, single, most)
		}
	})
}

// A peer who doesn't read holds up nobody else, not even another device of the same person.
func TestWhoDoesNotReadHoldsUpNobody(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		theirs, _ := g.serve(ctx, peerOf(1, 1, budget.Contact))
		raw{t, theirs}.send(1, exchange.Request{Of: one, What: exchange.Bytes, Count: 1 << 20})
		synctest.Wait()
		for _, p := range []Peer{peerOf(1, 2, budget.Contact), peerOf(2, 3, budget.Contact), peerOf(3, 3, budget.Stranger)} {
			began := time.Now()
			ask(t, g.conn(ctx, p), exchange.Request{Of: one, What: exchange.Bytes, Count: 1 << 20}, 1<<20).is(t, "bytes", exchange.OK, g.things[one].data)
			if d := time.Since(began); d > 0 {
				t.Errorf("another waits for %v", d)
			}
		}
		began := time.Now() // another stream of the same device waits for it, and is told so in time
		ask(t, g.conn(ctx, peerOf(1, 1, budget.Contact)), exchange.Request{Of: one, What: exchange.Bytes, Count: 1}, 1).is(t, "bytes", exchange.Busy, nil)
		if d := time.Since(began); d != patience {
			t.Errorf("busy after %v", d)
		}
	})
}

// Where memory is short, nobody waits for ever: who has most gives back, who doesn't read goes, and who
// finds none in time is told that we are busy.
func TestShortOfMemory(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(8 << 20)
		var pools budget.Config
		pools.Pools[budget.Contact] = budget.Pool{Memory: 9 << 19, Turns: 4}
		g.budget = budget.New(pools)
		var ends []<-chan error
		for device := range byte(2) {
			stuck, ended := g.serve(ctx, peerOf(9, 20+device, budget.Contact))
			raw{t, stuck}.send(1, exchange.Request{Of: one, What: exchange.Bytes, Count: 1 << 20})
			ends = append(ends, ended)
		}
		time.Sleep(2 * blocked)
		var conns []*exchange.Conn
		for i := range 3 {
			conns = append(conns, g.conn(ctx, peerOf(byte(i), byte(i), budget.Contact)))
		}
		given := 0
		for at := range 8 {
			var waits []<-chan outcome
			for _, c := range conns {
				waits = append(waits, asking(t, c, exchange.Request{Of: one, What: exchange.Bytes, First: uint64(at) << 20, Count: 1 << 20}, 1<<20))
			}
			for _, w := range waits {
				if o := <-w; o.last.Status == exchange.OK {
					given++
					o.is(t, "bytes", exchange.OK, g.things[one].data[at<<20:][:1<<20])
				} else if o.last.Status != exchange.Busy {
					t.Errorf("%+v", o.last)
				}
			}
		}
		if given < 12 {
			t.Errorf("%d of 24 requests were answered", given)
		}
		a, b := <-ends[0], <-ends[1]
		if a != ErrCrowded && b != ErrCrowded || g.budget.Used()[budget.Contact].Asked == 0 {
			t.Errorf("who doesn't read: %v, %v", a, b)
		}
	})
}
