package give

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/store/blob"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is a stream in memory, without a buffer: what is written is read, or waits.
type pipe struct{ net.Conn }

func (p pipe) Reset() error { return p.Close() }

func newPipe() (exchange.Stream, exchange.Stream) {
	a, b := net.Pipe()
	return pipe{a}, pipe{b}
}

// thing is an attachment of which some chunks are here.
type thing struct {
	data     []byte
	manifest []byte
	pages    []blob.Page
	lacks    map[int]bool // chunks
}

func newThing(size int) *thing {
	t := &thing{data: make([]byte, size), lacks: make(map[int]bool)}
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(t.data)
	m := blob.Manifest{Kind: blob.File, Size: uint64(size)}
	shape := m.Shape()
	for i := range shape.Pages() {
		first, count := shape.Page(i)
		page := make(blob.Page, count)
		for j := range page {
			offset, n := shape.Chunk(first + j)
			page[j] = blob.Leaf(t.data[offset:][:n])
		}
		t.pages = append(t.pages, page)
		m.Pages = append(m.Pages, page.Hash())
	}
	t.manifest = m.Marshal()
	return t
}

// shelf is a Backend in memory.
type shelf struct {
	mu     sync.Mutex
	things map[exchange.Attachment]*thing
	err    error // of all that is not there
	late   bool  // the first time it is opened
	opened int
	open   int
	chunks int                                      // that were read
	slow   func(ctx context.Context, p Peer, i int) // called for each chunk, without the lock
}

func newShelf() *shelf { return &shelf{things: make(map[exchange.Attachment]*thing), err: ErrNotHere} }

func (s *shelf) Open(ctx context.Context, p Peer, of exchange.Attachment) (Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late {
		s.late = false
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.opened++
	t := s.things[of]
	if t == nil {
		return nil, s.err
	}
	s.open++
	return &source{s, t, p}, nil
}

type source struct {
	shelf *shelf
	*thing
	peer Peer
}

func (s *source) Manifest(_ context.Context, into []byte) (int, error) {
	return copy(into, s.manifest), nil
}

func (s *source) Page(_ context.Context, i int, into []byte) (int, error) {
	if i >= len(s.pages) {
		return 0, ErrNotHere
	}
	return copy(into, s.pages[i].Bytes()), nil
}

func (s *source) Chunk(ctx context.Context, i int, into []byte) (int, error) {
	if s.shelf.slow != nil {
		s.shelf.slow(ctx, s.peer, i)
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.chunks++
	shape := blob.Shape{Size: uint64(len(s.data))}
	if i >= shape.Chunks() || s.lacks[i] {
		return 0, ErrNotHere
	}
	offset, n := shape.Chunk(i)
	return copy(into, s.data[offset:][:n]), nil
}

func (s *source) Have() (chunks int, some []exchange.Chunks) {
	all := blob.Shape{Size: uint64(len(s.data))}.Chunks()
	for i := range all {
		switch {
		case s.lacks[i]:
		case len(some) > 0 && some[len(some)-1].First+some[len(some)-1].Count == i:
			some[len(some)-1].Count++
		default:
			some = append(some, exchange.Chunks{First: i, Count: 1})
		}
	}
	if len(s.lacks) == 0 {
		some = nil
	}
	return all - len(s.lacks), some[:min(len(some), exchange.MaxStretches)]
}

func (s *source) Close() {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.open--
}

// giver is a Giver and what it costs.
type giver struct {
	*Giver
	*shelf
	budget *budget.Budgets
	serves sync.WaitGroup
}

func newGiver() *giver {
	g := &giver{shelf: newShelf(), budget: budget.New(budget.Config{})}
	g.Giver = New(Config{Backend: g.shelf, Log: slog.New(slog.DiscardHandler)})
	return g
}

// peerOf returns a device of a person.
func peerOf(person, device byte, is budget.Standing) Peer {
	return Peer{Device: crypto.DeviceID{device}, Person: crypto.PersonID{person}, Standing: is,
		At: netip.AddrFrom4([4]byte{10, 0, 0, person})}
}

// serve serves a stream of a peer, until the other end, which it returns, is closed.
func (g *giver) serve(ctx context.Context, p Peer) (theirs exchange.Stream, ended <-chan error) {
	ours, theirs := newPipe()
	return theirs, g.serveOn(ctx, p, ours)
}

func (g *giver) serveOn(ctx context.Context, p Peer, ours exchange.Stream) <-chan error {
	p.Account = g.budget.Open(p.At)
	p.Account.Identify(p.Person, p.Standing)
	end := make(chan error, 1)
	g.serves.Go(func() { end <- g.Serve(ctx, ours, p) })
	return end
}

// conn returns a Conn of a peer to the giver, which runs until ctx ends.
func (g *giver) conn(ctx context.Context, p Peer) *exchange.Conn {
	c := exchange.NewConn(func(context.Context) (exchange.Stream, error) {
		theirs, _ := g.serve(ctx, p)
		return theirs, nil
	})
	g.serves.Go(func() { _ = c.Run(ctx) })
	return c
}

// outcome is what became of a request.
type outcome struct {
	bytes  []byte
	first  exchange.Answer
	last   exchange.Answer
	pieces int
}

// ask asks for something and waits for all of it.
func ask(t *testing.T, c *exchange.Conn, q exchange.Request, room int) outcome {
	t.Helper()
	return <-asking(t, c, q, room)
}

func asking(t *testing.T, c *exchange.Conn, q exchange.Request, room int) <-chan outcome {
	t.Helper()
	into, got := make([]byte, room), 0
	var o outcome
	done := make(chan outcome, 1)
	_, err := c.Ask(q, into, func(a exchange.Answer) {
		if o.pieces++; o.pieces == 1 {
			o.first = a
		}
		got += a.Bytes
		if a.Last {
			o.last, o.bytes = a, into[:got]
			done <- o
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (o outcome) is(t *testing.T, what string, status exchange.Status, want []byte) {
	t.Helper()
	if o.last.Status != status || !bytes.Equal(o.bytes, want) || o.last.Err != nil {
		t.Errorf("%s: status %d, %d bytes, %v; want %d, %d bytes", what, o.last.Status, len(o.bytes), o.last.Err, status, len(want))
	}
}

// raw is a peer who speaks for itself.
type raw struct {
	t *testing.T
	exchange.Stream
}

func (r raw) send(id uint64, q exchange.Request) {
	r.t.Helper()
	if _, err := r.Write(exchange.AppendFrame(nil, q.Marshal(id))); err != nil {
		r.t.Error(err)
	}
}
