package give

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
)

var (
	someEvent = event.ID{0xe0, 31: 0x0e}

	one     = exchange.Attachment{Event: someEvent, Index: 0}
	another = exchange.Attachment{Event: someEvent, Index: 1}
)

// idleAsker is how long a Conn keeps a stream on which nothing is asked.
const idleAsker = 30 * time.Second

// bubble runs a test in virtual time, and waits until all has ended.
func bubble(t *testing.T, test func(t *testing.T, ctx context.Context, g *giver)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := newGiver()
		defer func() {
			cancel()
			g.serves.Wait()
			if g.open != 0 || g.budget.Used()[budget.Stranger].Memory+g.budget.Used()[budget.Contact].Memory != 0 {
				t.Errorf("%d sources are open, memory is held: %+v", g.open, g.budget.Used())
			}
			if len(g.streams)+len(g.places)+g.strangers.Len() != 0 {
				t.Errorf("places are left: %v, %v, %d", g.streams, g.places, g.strangers.Len())
			}
		}()
		test(t, ctx, g)
	})
}

func TestAllThatMayBeAsked(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		thing := newThing(3<<20 + 5)
		g.things[one] = thing
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))

		o := ask(t, c, exchange.Request{Of: one, What: exchange.Manifest}, blob.MaxManifest)
		o.is(t, "manifest", exchange.OK, thing.manifest)
		if o.first.Had != len(thing.manifest) {
			t.Errorf("manifest of %d bytes", o.first.Had)
		}
		ask(t, c, exchange.Request{Of: one, What: exchange.Pages, Count: 1}, 4*32).is(t, "page", exchange.OK, thing.pages[0].Bytes())
		for _, q := range []exchange.Request{{First: 0, Count: 1}, {First: 7, Count: 1<<20 - 7}, {First: 1 << 20, Count: 1 << 20}, {First: 3 << 20, Count: 5}} {
			q.Of, q.What = one, exchange.Bytes
			ask(t, c, q, q.Count).is(t, "bytes", exchange.OK, thing.data[q.First:][:q.Count])
		}
		o = ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0)
		o.is(t, "have", exchange.OK, nil)
		if o.last.Had != 4 || o.last.Chunks != nil {
			t.Errorf("have %+v", o.last)
		}
		thing.lacks = map[int]bool{1: true}
		o = ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0)
		if o.last.Had != 3 || !slices.Equal(o.last.Chunks, []exchange.Chunks{{First: 0, Count: 1}, {First: 2, Count: 2}}) {
			t.Errorf("have %+v", o.last)
		}
		ask(t, c, exchange.Request{Of: one, What: exchange.Bytes, First: 1 << 20, Count: 9}, 9).is(t, "a chunk that is missing", exchange.NotHere, nil)
		ask(t, c, exchange.Request{Of: one, What: exchange.Bytes, First: 3 << 20, Count: 6}, 6).is(t, "past the end", exchange.NotHere, nil)
		ask(t, c, exchange.Request{Of: one, What: exchange.Bytes, First: 9 << 20, Count: 6}, 6).is(t, "behind the end", exchange.NotHere, nil)
		ask(t, c, exchange.Request{Of: one, What: exchange.Pages, Count: 2}, 5*32).is(t, "a page that is none", exchange.NotHere, nil)
		ask(t, c, exchange.Request{Of: another, What: exchange.Manifest}, 99).is(t, "another", exchange.NotHere, nil)
		time.Sleep(fresh)
		g.err = ErrChanged
		ask(t, c, exchange.Request{Of: another, What: exchange.Have}, 0).is(t, "another", exchange.Changed, nil)
		time.Sleep(fresh)
		g.err = errors.New("disk on fire")
		ask(t, c, exchange.Request{Of: another, What: exchange.Have}, 0).is(t, "another", exchange.NotHere, nil)
	})
}

// 32 pages are a chunk's worth of bytes.
func TestManyPages(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		thing, want := newThing(1), []byte(nil)
		for range 2 * exchange.MaxPages {
			p := make(blob.Page, blob.PageLeaves)
			p[0][0] = byte(len(thing.pages))
			thing.pages = append(thing.pages, p)
		}
		for _, p := range thing.pages[8:][:exchange.MaxPages] {
			want = append(want, p.Bytes()...)
		}
		g.things[one] = thing
		c := g.conn(ctx, peerOf(1, 1, budget.Fellow))
		ask(t, c, exchange.Request{Of: one, What: exchange.Pages, First: 8, Count: exchange.MaxPages}, exchange.MaxPages*exchange.PageSize).is(t, "pages", exchange.OK, want)
	})
}

// Requests are answered in order, whatever they are for, and one that is there twice comes twice.
func TestManyRequests(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one], g.things[another] = newThing(8<<20), newThing(2<<20)
		all := make(chan struct{})
		g.slow = func(context.Context, Peer, int) { <-all }
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))
		var waits []<-chan outcome
		var want [][]byte
		for i := range exchange.MaxOpen {
			q := exchange.Request{Of: one, What: exchange.Bytes, First: uint64(i/2%8) << 20, Count: 1<<20 - i}
			if i%2 == 1 {
				q.Of, q.First = another, q.First%(2<<20)
			}
			waits = append(waits, asking(t, c, q, q.Count))
			want = append(want, g.things[q.Of].data[q.First:][:q.Count])
		}
		if _, err := c.Ask(exchange.Request{Of: one, What: exchange.Have}, nil, nil); err != exchange.ErrFull {
			t.Errorf("the 65th request: %v", err)
		}
		close(all)
		for i, w := range waits {
			o := <-w
			o.is(t, "request", exchange.OK, want[i])
			if o.pieces > 17 {
				t.Errorf("a chunk came in %d pieces", o.pieces)
			}
		}
		if g.chunks != exchange.MaxOpen {
			t.Errorf("%d chunks were read for %d requests that took turns", g.chunks, exchange.MaxOpen)
		}
	})
}

// A Backend that has no time to look is asked again: that says nothing of the attachment.
func TestBackendThatIsSlow(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		g.late = true
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))
		ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0).is(t, "have", exchange.Busy, nil)
		ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0).is(t, "have", exchange.OK, nil)
	})
}

// What is written doesn't harm what stays in hand.
func TestChunkStaysAsItIs(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))
		for _, first := range []uint64{0, 1, 40, 5, 0, 1<<20 - 2, 70_000, 0} {
			q := exchange.Request{Of: one, What: exchange.Bytes, First: first, Count: int(min(200_000, 1<<20-1-first))}
			ask(t, c, q, q.Count).is(t, "request", exchange.OK, g.things[one].data[first:][:q.Count])
		}
		if g.chunks != 1 {
			t.Errorf("the chunk was read %d times", g.chunks)
		}
	})
}

// Small requests within a chunk, of two attachments in turn, read each chunk once.
func TestChunkIsReadOnce(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one], g.things[another] = newThing(1<<20), newThing(1<<20)
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))
		for i := range 64 {
			q := exchange.Request{Of: exchange.Attachment{Event: someEvent, Index: i % 2}, What: exchange.Bytes, First: uint64(i) << 14, Count: 1 << 14}
			ask(t, c, q, q.Count).is(t, "request", exchange.OK, g.things[q.Of].data[q.First:][:q.Count])
		}
		if g.chunks != 2 || g.opened != 2 {
			t.Errorf("%d chunks were read, and attachments were opened %d times", g.chunks, g.opened)
		}
	})
}

// Who may have something is asked again every second, also in the middle of an answer.
func TestRightIsLookedAtAgain(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		theirs, _ := g.serve(ctx, peerOf(1, 1, budget.Contact))
		defer theirs.Close()
		raw{t, theirs}.send(1, exchange.Request{Of: one, What: exchange.Bytes, Count: 1 << 20})
		b := make([]byte, 1<<20)
		if n, err := theirs.Read(b); err != nil || n < pieceSize {
			t.Fatalf("%d bytes, %v", n, err)
		}
		time.Sleep(fresh)
		g.shelf.mu.Lock()
		delete(g.things, one)
		g.shelf.mu.Unlock()
		if n, err := theirs.Read(b); err != nil || n < pieceSize { // was on the way
			t.Fatalf("%d bytes, %v", n, err)
		}
		want := exchange.AppendFrame(nil, (&exchange.Reply{ID: 1, Status: exchange.NotHere}).Marshal())
		if n, err := theirs.Read(b); err != nil || !bytes.Equal(b[:n], want) {
			t.Errorf("%x, %v; want %x", b[:n], err, want)
		}
	})
}

func TestCallOff(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(4 << 20)
		all := make(chan struct{})
		g.slow = func(context.Context, Peer, int) { <-all }
		c := g.conn(ctx, peerOf(1, 1, budget.Contact))
		var answers []exchange.Answer
		var calls [4]uint64
		left := 4
		done := make(chan bool)
		for i := range calls {
			id, err := c.Ask(exchange.Request{Of: one, What: exchange.Bytes, First: uint64(i) << 20, Count: 1 << 20}, make([]byte, 1<<20), func(a exchange.Answer) {
				if len(answers) == 0 {
					c.CallOff(calls[0])
					c.CallOff(calls[2])
					synctest.Wait() // until the other end has heard that
				}
				answers = append(answers, a)
				if a.Last {
					if left--; left == 0 {
						close(done)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			calls[i] = id
		}
		close(all)
		<-done
		var ends []exchange.Status
		bytes := 0
		for _, a := range answers {
			bytes += a.Bytes
			if a.Last {
				ends = append(ends, a.Status)
			}
		}
		if want := []exchange.Status{exchange.NotHere, exchange.OK, exchange.NotHere, exchange.OK}; !slices.Equal(ends, want) || bytes > 2<<20+3*pieceSize {
			t.Errorf("answers end with %v after %d bytes, want %v", ends, bytes, want)
		}
		c.CallOff(calls[1]) // has been answered
		ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0).is(t, "have", exchange.OK, nil)
	})
}

// A stream is opened when something is asked, and closed when nothing is.
func TestStreamIsLazy(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
		g.things[one] = newThing(1 << 20)
		opened := 0
		var ended <-chan error
		c := exchange.NewConn(func(context.Context) (exchange.Stream, error) {
			opened++
			var theirs exchange.Stream
			theirs, ended = g.serve(ctx, peerOf(1, 1, budget.Contact))
			return theirs, nil
		})
		g.serves.Go(func() { _ = c.Run(ctx) })
		synctest.Wait()
		if opened != 0 {
			t.Error("a stream is opened for nothing")
		}
		for want := 1; want <= 3; want++ {
			for range 3 {
				time.Sleep(idleAsker - time.Second)
				ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0).is(t, "have", exchange.OK, nil)
			}
			if opened != want {
				t.Errorf("%d streams, not %d", opened, want)
			}
			time.Sleep(idleAsker + exchange.Silence)
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			default:
				t.Error("the stream goes on")
			}
		}
	})
}

// Asking just when the stream is closed because it is idle goes over another one.
func TestAskingWhileItCloses(t *testing.T) {
	for wait := idleAsker - time.Millisecond; wait <= idleAsker+exchange.Silence; wait += time.Second / 2 {
		bubble(t, func(t *testing.T, ctx context.Context, g *giver) {
			g.things[one] = newThing(1 << 20)
			c := g.conn(ctx, peerOf(1, 1, budget.Contact))
			for range 3 {
				ask(t, c, exchange.Request{Of: one, What: exchange.Have}, 0).is(t, "have", exchange.OK, nil)
				time.Sleep(wait)
			}
		})
	}
}
