package give

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
)

// drain reads what comes until the stream ends, and throws it away.
func drain(s exchange.Stream) { _, _ = io.Copy(io.Discard, struct{ io.Reader }{s}) }

func TestMalformedRequestsEndTheStream(t *testing.T) {
	have := exchange.Request{Of: one, What: exchange.Have}
	for what, frames := range map[string][]byte{
		"the same number":   bytes.Repeat(exchange.AppendFrame(nil, have.Marshal(5)), 2),
		"a lower number":    append(exchange.AppendFrame(nil, have.Marshal(5)), exchange.AppendFrame(nil, have.Marshal(4))...),
		"a long frame":      {0x81, 0x01},
		"an empty one":      {0},
		"a cut off request": {5, 8, 1},
		"nonsense":          []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
			theirs, ended := g.serve(ctx, peerOf(1, 1, budget.Contact))
			go drain(theirs)
			_, _ = theirs.Write(frames)
			synctest.Wait()
			_ = theirs.Close()
			if err := <-ended; !errors.Is(err, exchange.ErrMalformed) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

// A request that never ends, one every 4 seconds, and none at all.
func TestSlowRequests(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		theirs, ended := g.serve(ctx, peerOf(1, 1, budget.Contact))
		began := time.Now()
		for _, b := range []byte{20, 8} {
			time.Sleep(exchange.Silence - 1)
			_, _ = theirs.Write([]byte{b})
		}
		if err := <-ended; err != exchange.ErrSilent || time.Since(began) != 3*exchange.Silence-2 {
			t.Errorf("a request that stops: %v after %v", err, time.Since(began))
		}

		theirs, ended = g.serve(ctx, peerOf(1, 1, budget.Contact))
		go drain(theirs)
		began = time.Now()
		for i := range 3 {
			time.Sleep(idleGiver - 1)
			raw{t, theirs}.send(uint64(i+1), exchange.Request{Of: one, What: exchange.Have})
		}
		if err := <-ended; err != nil || time.Since(began) != 4*idleGiver-3 {
			t.Errorf("a stream without requests: %v after %v", err, time.Since(began))
		}
	})
}

// Twenty thousand requests at once: at most 64 are kept, the others are busy, and the one who
// doesn't read is read no further, then not at all.
func TestRequestsWithoutEnd(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		theirs, ended := g.serve(ctx, peerOf(1, 1, budget.Contact))
		sent, began := 0, time.Now()
		for ; sent < 20_000; sent++ {
			if _, err := theirs.Write(exchange.AppendFrame(nil, (&exchange.Request{Of: one, What: exchange.Have}).Marshal(uint64(sent+1)))); err != nil {
				break
			}
		}
		if err := <-ended; err != exchange.ErrSilent || time.Since(began) != exchange.Silence {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if sent < exchange.MaxOpen || sent > 200 || g.chunks > 0 || g.opened != 1 {
			t.Errorf("%d requests were taken, %d opened, %d chunks read", sent, g.opened, g.chunks)
		}
	})
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		theirs, ended := g.serve(ctx, peerOf(1, 1, budget.Contact))
		go func() {
			for i := range 20_000 {
				_, err := theirs.Write(exchange.AppendFrame(nil, (&exchange.Request{Of: one, What: exchange.Have}).Marshal(uint64(i+1))))
				if err != nil {
					t.Error(err)
					break
				}
			}
		}()
		in, count, busy := make([]byte, 64<<10), 0, 0
		for count < 20_000 {
			n, err := theirs.Read(in)
			if err != nil {
				t.Fatal(err)
			}
			for b := in[:n]; len(b) > 0; b = b[1+b[0]:] {
				p, err := exchange.ParseReply(b[1:][:b[0]])
				if count++; err != nil || p.Status != exchange.Busy && p.Status != exchange.NotHere {
					t.Fatalf("%+v, %v", p, err)
				}
				if p.Status == exchange.Busy {
					busy++
				}
			}
		}
		_ = theirs.Close()
		<-ended
		if g.opened != 1 {
			t.Errorf("%d were busy, and what is not here was looked for %d times", busy, g.opened)
		}
	})
}

// TestTooManyOpen: what is asked for while 64 requests are not answered is not looked at.
func TestTooManyOpen(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1)
		let := make(chan struct{})
		g.slow = func(context.Context, Peer, int) { <-let }
		theirs, ended := g.serve(ctx, peerOf(1, 1, budget.Contact))
		ask := func(id int, q exchange.Request) {
			if _, err := theirs.Write(exchange.AppendFrame(nil, q.Marshal(uint64(id)))); err != nil {
				t.Fatal(err)
			}
		}
		ask(1, exchange.Request{Of: one, What: exchange.Bytes, Count: 1})
		const more = 10
		for id := 2; id <= exchange.MaxOpen+more; id++ {
			ask(id, exchange.Request{Of: one, What: exchange.Have})
		}
		synctest.Wait() // until the last is heard
		close(let)
		in := bufio.NewReader(theirs)
		for id := 1; id <= exchange.MaxOpen+more; id++ {
			b, err := exchange.ReadFrame(in, exchange.MaxReply, func() {})
			if err != nil {
				t.Fatal(err)
			}
			want := exchange.OK
			if id > exchange.MaxOpen {
				want = exchange.Busy
			}
			p, err := exchange.ParseReply(b)
			if err != nil || p.ID != uint64(id) || p.Status != want {
				t.Errorf("%d: %+v, %v", id, p, err)
			}
			_, _ = in.Discard(p.Size)
		}
		_ = theirs.Close()
		<-ended
	})
}

// Each request for something else that isn't here costs what it costs to look, and of strangers that
// has one budget together; what contacts ask is answered beside it.
func TestStrangersShareTime(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		const cost = 10 * time.Millisecond
		g.things[one] = newThing(4 << 20)
		strange, contacts := 0, 0
		g.slow = func(_ context.Context, p Peer, _ int) {
			time.Sleep(cost)
			g.shelf.mu.Lock()
			defer g.shelf.mu.Unlock()
			if p.Standing == budget.Stranger {
				strange++
			} else {
				contacts++
			}
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		endless := func(c *exchange.Conn) {
			at := uint64(0)
			var again func(a exchange.Answer)
			again = func(a exchange.Answer) {
				if a.Last && ctx.Err() == nil {
					at++
					_, _ = c.Ask(exchange.Request{Of: one, What: exchange.Bytes, First: at % 4 << 20, Count: 1}, make([]byte, 1), again)
				}
			}
			for range 8 {
				again(exchange.Answer{Last: true})
			}
		}
		for i := range 10 {
			for range 2 {
				endless(g.conn(ctx, peerOf(byte(100+i), byte(100+i), budget.Stranger)))
			}
		}
		endless(g.conn(ctx, peerOf(1, 1, budget.Contact)))
		const seconds = 5
		time.Sleep(seconds * time.Second)
		used := g.budget.Used()
		g.shelf.mu.Lock()
		defer g.shelf.mu.Unlock()
		if most := 500*time.Millisecond + seconds*200*time.Millisecond + cost; used[budget.Stranger].Time > most || strange < seconds*10 {
			t.Errorf("strangers used %v, and were given %d chunks", used[budget.Stranger].Time, strange)
		}
		if contacts < seconds*int(time.Second/cost)*9/10 {
			t.Errorf("a contact was given %d chunks in %d s", contacts, seconds)
		}
	})
}

// Who doesn't read loses the stream, with what it holds, after 5 s; who reads slowly keeps it, but for
// strangers, who take a piece in 5 s.
func TestSlowReaders(t *testing.T) {
	for _, c := range []struct {
		is    budget.Standing
		every time.Duration // a byte; 0: none
		want  time.Duration // until the stream ends; 0: it goes on
	}{{budget.Contact, 0, exchange.Silence}, {budget.Contact, exchange.Silence - 1, 0}, {budget.Contact, exchange.Silence + 1, exchange.Silence}, {budget.Stranger, time.Second, exchange.Silence}} {
		bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
			g.things[one] = newThing(1 << 20)
			theirs, ended := g.serve(ctx, peerOf(1, 1, c.is))
			raw{t, theirs}.send(1, exchange.Request{Of: one, What: exchange.Bytes, Count: 1 << 20})
			began := time.Now()
			if c.every > 0 {
				g.serves.Go(func() {
					for b := make([]byte, 1); ; {
						time.Sleep(c.every)
						if _, err := theirs.Read(b); err != nil {
							return
						}
					}
				})
			}
			synctest.Wait()
			if m := g.budget.Used()[c.is].Memory; m != streamMemory+bufferSize {
				t.Errorf("a stream holds %d bytes", m)
			}
			select {
			case err := <-ended:
				if err != exchange.ErrSilent || time.Since(began) != c.want {
					t.Errorf("%v, a byte each %v: %v after %v", c.is, c.every, err, time.Since(began))
				}
			case <-time.After(time.Minute):
				if c.want != 0 {
					t.Errorf("%v, a byte each %v: the stream goes on", c.is, c.every)
				}
			}
			_ = theirs.Close()
		})
	}
}

func TestPlaces(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		crowded := func(p Peer) bool {
			_, ended := g.serve(ctx, p)
			synctest.Wait()
			select {
			case err := <-ended:
				return err == ErrCrowded
			default:
				return false
			}
		}
		for i := range 6 {
			if got, want := crowded(peerOf(1, 1, budget.Contact)), i >= 4; got != want {
				t.Errorf("stream %d of a contact's device: %v", i+1, got)
			}
			if i >= startsBurst { // then it is refused for another reason
				continue
			}
			if got, want := crowded(peerOf(2, 2, budget.Stranger)), i >= 2; got != want {
				t.Errorf("stream %d of a stranger's: %v", i+1, got)
			}
		}
	})
}

// Of strangers' streams who asks for nothing goes first, then of those who hold most, then who has been
// there for longest; nobody who has just come.
func TestStrangersMakeRoom(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		var pools budget.Config
		pools.Pools[budget.Stranger] = budget.Pool{Memory: 1 << 30, Turns: 1}
		g.budget = budget.New(pools)
		g.things[one] = newThing(1 << 20)
		var ends []<-chan error
		stranger := func(i int, asks bool) <-chan error {
			p := peerOf(byte(i), byte(i), budget.Stranger)
			theirs, ended := g.serve(ctx, p)
			if asks { // and reads, slowly, all the time
				_, _ = theirs.Write(exchange.AppendFrame(nil, (&exchange.Request{Of: one, What: exchange.Bytes, Count: 1 << 20}).Marshal(1)))
				g.serves.Go(func() {
					for b := make([]byte, 64<<10); ; time.Sleep(exchange.Silence - 1) {
						if _, err := theirs.Read(b); err != nil {
							return
						}
					}
				})
			}
			synctest.Wait()
			return ended
		}
		gone := func(e <-chan error) bool {
			synctest.Wait()
			select {
			case err := <-e:
				return err == ErrCrowded
			default:
				return false
			}
		}
		for i := range maxStrangers {
			ends = append(ends, stranger(i, i != 7))
		}
		if e := stranger(40, true); gone(e) || !gone(ends[7]) {
			t.Error("who asks for nothing stays")
		}
		if e := stranger(41, true); !gone(e) {
			t.Error("somebody goes who has just come")
		}
		time.Sleep(strangerStays)
		if e := stranger(42, true); gone(e) || !gone(ends[0]) || gone(ends[1]) {
			t.Error("the first to have come stays")
		}
	})
}

// Who asks on an open stream that was quiet waits 5 s from then on, and no longer.
func TestSilenceCountsFromTheQuestion(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		var block atomic.Bool
		g.slow = func(ctx context.Context, _ Peer, _ int) { // doesn't look at ctx, as a disk
			if block.Load() {
				time.Sleep(time.Minute)
			}
		}
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))
		q := exchange.Request{Of: one, What: exchange.Bytes, Count: 1}
		for _, quiet := range []time.Duration{0, exchange.Silence - 1, exchange.Silence + time.Second, 3*exchange.Silence + 3*time.Second} {
			block.Store(false)
			time.Sleep(time.Minute) // until the disk is there again
			ask(t, c, q, 1).is(t, "a byte", exchange.OK, g.things[one].data[:1])
			time.Sleep(quiet + fresh)
			block.Store(true)
			began := time.Now()
			if o := ask(t, c, q, 1); !errors.Is(o.last.Err, exchange.ErrSilent) || time.Since(began) != exchange.Silence {
				t.Errorf("after %v of quiet: %v after %v", quiet, o.last.Err, time.Since(began))
			}
		}
		time.Sleep(time.Minute)
	})
}

// FuzzServe: whatever a peer says, answers are well formed, and all ends and is given back.
func FuzzServe(f *testing.F) {
	var all []byte
	id := uint64(0)
	for _, q := range []exchange.Request{
		{Of: one, What: exchange.Manifest},
		{Of: one, What: exchange.Pages, Count: 32},
		{Of: one, What: exchange.Bytes, First: 1 << 20, Count: 1},
		{Of: one, What: exchange.Bytes, Count: 1 << 20},
		{Of: exchange.Attachment{}, What: exchange.Bytes, First: 1, Count: 4},
		{Of: another, What: exchange.Have},
		{What: exchange.Have},
		{What: exchange.CallOff, First: 6},
	} {
		id++
		all = exchange.AppendFrame(all, q.Marshal(id))
		f.Add(exchange.AppendFrame(nil, q.Marshal(7)))
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, in []byte) {
		bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
			g.things[exchange.Attachment{}], g.things[one] = newThing(5), newThing(1<<20+1)
			theirs, ended := g.serve(ctx, peerOf(1, 1, budget.Fellow))
			g.serves.Go(func() {
				_, _ = theirs.Write(in)
				time.Sleep(time.Second)
				_ = theirs.Close()
			})
			drain(theirs)
			<-ended
		})
	})
}
