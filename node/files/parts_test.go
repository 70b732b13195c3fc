package files

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/fetch"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

// bench is a run of one chunk, and its source, who answers as the test likes.
type bench struct {
	*testing.T
	r    *Room
	x    *run
	now  time.Time
	asks map[fetch.Ticket]fetch.Ask
}

// shelfOfNothing is a target that takes everything.
type shelfOfNothing struct{}

func (shelfOfNothing) Put(fetch.Part, []byte) error         { return nil }
func (shelfOfNothing) Commit(context.Context) error         { return nil }
func (shelfOfNothing) Finish(context.Context, string) error { return nil }
func (shelfOfNothing) Lead() int                            { return 0 }
func (shelfOfNothing) Held() place.Held                     { return place.Held{} }
func (shelfOfNothing) Close()                               {}

func newBench(t *testing.T) *bench {
	them := crypto.DeviceID{1}
	conn := exchange.NewConn(nil) // which nobody runs: nothing is sent
	b := &bench{T: t, now: time.Now(), asks: make(map[fetch.Ticket]fetch.Ask)}
	b.r = &Room{cfg: Config{Log: slog.New(slog.DiscardHandler)}, ctx: t.Context(), inbox: make(chan func(time.Time)), ended: make(chan struct{}),
		work: make(chan struct{}, 1), moved: notify.NewCounter(0), sources: map[crypto.DeviceID]*source{them: {device: them, conn: conn}}}
	b.x = &run{job: &job{of: shelf.Of{Size: blob.ChunkSize}}, to: shelfOfNothing{}, via: map[crypto.DeviceID]exchange.Attachment{them: {Index: 1}},
		parts: make(map[partOf]*part), asked: make(map[fetch.Ticket]*question)}
	one := func(yield func(int, int) bool) { yield(0, 1) }
	b.x.fetch = fetch.New(fetch.Config{Size: blob.ChunkSize, Held: fetch.Held{Manifest: true, Pages: one}})
	b.x.fetch.Came(them, fetch.NewPace(), true, b.now)
	return b
}

// next does what is to be done, and returns what is asked for by that.
func (b *bench) next() (tickets []fetch.Ticket) {
	effects, _ := b.x.fetch.Next(b.now)
	for _, e := range effects {
		b.x.perform(b.r, e, b.now)
		if a, ok := e.(fetch.Ask); ok {
			b.asks[a.Ticket] = a
			tickets = append(tickets, a.Ticket)
		}
	}
	return tickets
}

// has answers what the source has, and returns what is asked of it then.
func (b *bench) has(tickets []fetch.Ticket) []fetch.Ticket {
	b.Helper()
	if len(tickets) != 1 || b.asks[tickets[0]].Kind != fetch.Have {
		b.Fatalf("asked for %v", tickets)
	}
	b.x.answered(b.r, tickets[0], exchange.Answer{Had: 1, Last: true, Status: exchange.OK}, b.now)
	return b.next()
}

func (b *bench) answer(t fetch.Ticket, bytes int, s exchange.Status) {
	b.x.answered(b.r, t, exchange.Answer{Bytes: bytes, Last: true, Status: s}, b.now)
}

// TestPartThatIsAskedForAgain: a source gave a byte of a chunk, then said that it was not here, and left the
// other requests for it unanswered. Asked again it gave all, and the buffer was that of before, which went
// with the last answer: the node came down.
func TestPartThatIsAskedForAgain(t *testing.T) {
	b := newBench(t)
	before := b.has(b.next())
	if len(before) < 2 {
		t.Fatalf("%d requests", len(before))
	}
	b.answer(before[0], 1, exchange.NotHere)
	b.next()
	b.now = b.now.Add(time.Second)
	asked := b.has(b.next())
	for came := 0; len(asked) > 0; asked = append(asked[1:], b.next()...) {
		count := b.asks[asked[0]].Count
		if came += count; came == blob.ChunkSize {
			for _, t := range before[1:] {
				b.answer(t, 0, exchange.NotHere)
			}
		}
		b.answer(asked[0], count, exchange.OK)
	}
	select {
	case checked := <-b.r.inbox:
		checked(b.now)
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was checked")
	}
	if state, _ := b.x.fetch.State(); state != fetch.Done || len(b.x.parts) > 0 {
		t.Errorf("state %d, and %d buffers are left", state, len(b.x.parts))
	}
}

// TestPartThatNeverCame: of each part that a source promised and did not give, a buffer of 1 MiB stayed.
func TestPartThatNeverCame(t *testing.T) {
	b := newBench(t)
	for range 3 {
		for _, t := range b.has(b.next()) {
			b.answer(t, 0, exchange.NotHere)
		}
		b.next()
		if len(b.x.parts) > 0 {
			t.Fatalf("%d buffers are left", len(b.x.parts))
		}
		b.now = b.now.Add(time.Minute)
	}
}

// TestNobodyHasThem: what nobody had was asked for as long as its source was here, and gave its turn up again
// each time that anything happened: with 10,000 of them the node did nothing else.
func TestNobodyHasThem(t *testing.T) {
	b := newBench(t)
	r := b.r
	r.queue, r.runs = queue.New[store.BlobID](), make(map[*run]struct{})
	r.queue.Room(1 << 30)
	for i := range 3 * maxListening {
		id := store.BlobID{byte(i)}
		r.queue.Add(id, person(i), 1)
		if _, start, _ := r.queue.Next(b.now); len(start) != 1 || start[0] != id {
			t.Fatalf("%v begin", start)
		}
		x := &run{job: &job{id: id}, to: shelfOfNothing{}, fetch: fetch.New(fetch.Config{Size: 1}), working: 1}
		if i > 0 {
			x.via = b.x.via
		}
		r.runs[x] = struct{}{}
		x.step(r, b.now)
		if s := r.queue.State(id); s != queue.Resting {
			t.Fatalf("%d is %d", i, s)
		}
		if x.stopping != (i == 0) {
			t.Errorf("stopping %t, and there is somebody to ask: %t", x.stopping, i > 0)
		}
		b.now = b.now.Add(time.Second)
	}
	stopped := 0
	for x := range r.runs {
		if x.stopping {
			stopped++
			r.queue.Remove(x.job.id)
		}
	}
	if listening := len(r.runs) - stopped; listening != maxListening {
		t.Errorf("%d are asked for", listening)
	}
	for x := range r.runs { // it doesn't begin to rest again
		x.step(r, b.now)
	}
	if _, _, wake := r.queue.Next(b.now); !wake.Before(b.now.Add(restFor)) {
		t.Errorf("woken in %v", wake.Sub(b.now))
	}
}

// What nobody had is asked for anew when the owner says again that they want it, and nothing else is.
func TestAskAgain(t *testing.T) {
	b := newBench(t)
	r := b.r
	r.queue = queue.New[store.BlobID]()
	for i, status := range []store.FileStatus{
		{State: store.FilePaused, Reason: store.FileLost}, {State: store.FilePaused, Reason: store.FileNoSource},
		{State: store.FilePaused, Reason: store.FileNoRoom}, {State: store.FileFetching},
	} {
		j := &job{id: store.BlobID{byte(i)}, refs: map[refKey]store.FileRef{{}: {File: store.File{FileStatus: status}}}}
		j.run = &run{job: j}
		r.queue.Add(j.id, person(i), 1)
		r.queue.Rest(j.id, b.now.Add(restFor))
		r.askAgain(j)
		if again := i < 2; j.run.stopping != again || (r.queue.State(j.id) != queue.Resting) != again {
			t.Errorf("%+v: stopping %t, %d", status, j.run.stopping, r.queue.State(j.id))
		}
	}
}
