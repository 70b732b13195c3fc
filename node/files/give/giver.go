package give

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/fair"
	"github.com/earshot-im/earshot/node/files/exchange"
)

const (
	// maxStreams is how many streams of a device are served, maxStrange of a stranger's.
	maxStreams = 4
	maxStrange = 2
	// maxStrangers is how many streams of strangers are served together. Who has had one of these
	// places for strangerStays gives it to somebody who has none.
	maxStrangers  = 32
	strangerStays = 30 * time.Second

	// streamMemory is what a stream takes from its beginning, in bytes: goroutines, requests, a piece
	// of an answer, and what the link has of it that is not written.
	streamMemory = 256 << 10
	// patience is how long a request may wait for memory, a turn or room. Then it is answered with
	// Busy, before whoever asks takes us for silent.
	patience = 3 * time.Second
)

// Peer is who asks.
type Peer struct {
	Device   crypto.DeviceID // proven by the link
	Person   crypto.PersonID // whose it is; zero if nobody has said so
	Standing budget.Standing
	// At is whom a stranger counts as, see [fair.Holder]: identities cost nothing.
	At netip.Addr
	// Unsent returns how many bytes of the stream's connection are not sent yet, as link.Unsent does:
	// what is given waits while others need the way out of this node as well. nil: it is not known.
	Unsent func() int
	// Account is charged for the stream. It is identified, and Serve closes it.
	Account *budget.Account
}

// Backend knows what this node holds, and whom it is for. Any goroutine may call it, several at once.
type Backend interface {
	// Open returns an attachment, if the peer may have it now and something of it is here. It is asked
	// again a second later, and Sources don't live much longer. The errors are ErrNotHere,
	// ErrChanged and ErrGone; any other is logged, and taken for ErrNotHere.
	Open(ctx context.Context, peer Peer, of exchange.Attachment) (Source, error)
}

// Source is an attachment of which all or parts are here. One goroutine calls it. What it gives is
// proven: a peer who got something else would ask us no more. Manifest, Page and Chunk read something
// into a buffer and return its size; behind what they return, the buffer has at least
// blob.SealOverhead bytes more for them to use. The errors are those of Open.
type Source interface {
	Manifest(ctx context.Context, into []byte) (int, error)
	Page(ctx context.Context, i int, into []byte) (int, error)
	Chunk(ctx context.Context, i int, into []byte) (int, error)
	// Have returns how many chunks are here, and some of them, ascending, if these aren't all: up to
	// exchange.MaxStretches.
	Have() (chunks int, some []exchange.Chunks)
	Close()
}

// Config is what a Giver is made of.
type Config struct {
	Backend Backend
	Log     *slog.Logger
}

// Giver answers requests of others.
type Giver struct {
	cfg     Config
	turns   [budget.Contact + 1]*turns // to read something, by standing
	starts  starts
	way     way
	holders holders

	mu        sync.Mutex
	streams   map[crypto.DeviceID]int
	places    map[holder]*place
	strangers *fair.Pool[netip.Addr, *giving]
}

// holder is whose streams count together: a device's or a person's, or those of strangers at one
// address. Of a contact and of a stranger it is not the same.
type holder struct {
	standing budget.Standing
	person   bool
	id       [32]byte
	at       netip.Addr
}

// place is what streams of one holder have together.
type place struct {
	streams int
	// Of a device: free has one element unless one of the streams writes. One of them writes at a time,
	// so that several streams bring nothing that one would not.
	free chan struct{}
	// Of a person: what they get.
	share share
}

// New returns a Giver that serves nobody yet.
func New(cfg Config) *Giver {
	g := &Giver{
		cfg:       cfg,
		starts:    starts{devices: make(map[crypto.DeviceID]*rate.Limiter)},
		streams:   make(map[crypto.DeviceID]int),
		places:    make(map[holder]*place),
		strangers: fair.New[netip.Addr, *giving](maxStrangers + 1), // of which one is always free
	}
	g.way.streams, g.holders.since = make(map[*giving]struct{}), make(map[*giving]time.Time)
	for s := range g.turns {
		g.turns[s] = newTurns(runtime.GOMAXPROCS(0))
	}
	return g
}

// enter finds a place for a stream, or returns ErrCrowded or ErrTooOften.
func (g *Giver) enter(v *giving) error {
	if v.peer.Standing == budget.Stranger && !g.starts.allow(v.peer.Device, time.Now()) {
		return ErrTooOften
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	most := maxStreams
	if v.peer.Standing == budget.Stranger {
		most = maxStrange
	}
	if g.streams[v.peer.Device] >= most {
		return ErrCrowded
	}
	if v.peer.Standing == budget.Stranger && !g.strangers.Take(v.peer.At, v) {
		goes := g.goes(v.peer.At)
		if goes == nil {
			return ErrCrowded
		}
		g.strangers.Swap(goes, v.peer.At, v)
		goes.cancel(ErrCrowded)
	}
	g.streams[v.peer.Device]++
	v.line, v.person = g.place(v.peer.line()), g.place(v.peer.person())
	return nil
}

// place returns that of a holder for one more stream.
func (g *Giver) place(h holder) *place {
	p := g.places[h]
	if p == nil {
		p = &place{free: make(chan struct{}, 1)}
		p.free <- struct{}{}
		g.places[h] = p
	}
	p.streams++
	return p
}

// goes returns the stream that makes room for one of an address: of those who hold most, first one
// that asks for nothing, else the oldest. If all hold as much, the oldest of all that had its time.
func (g *Giver) goes(at netip.Addr) *giving {
	rivals := g.strangers.Rivals(at)
	for _, r := range append(rivals, g.strangers.All()...) {
		if r.opened() == 0 {
			return r
		}
	}
	if len(rivals) > 0 {
		return rivals[0]
	}
	if all := g.strangers.All(); len(all) > 0 && time.Since(all[0].since) >= strangerStays {
		return all[0]
	}
	return nil
}

func (g *Giver) leave(v *giving) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.strangers.Leave(v)
	if g.streams[v.peer.Device]--; g.streams[v.peer.Device] == 0 {
		delete(g.streams, v.peer.Device)
	}
	for _, h := range []holder{v.peer.line(), v.peer.person()} {
		if p := g.places[h]; p.streams > 1 {
			p.streams--
		} else {
			delete(g.places, h)
		}
	}
}

// line is whose streams write one at a time.
func (p *Peer) line() holder {
	if p.Standing == budget.Stranger {
		return holder{at: p.At}
	}
	return holder{standing: p.Standing, id: p.Device}
}

// person is whose turns are counted together.
func (p *Peer) person() holder {
	if p.Standing == budget.Stranger {
		return holder{person: true, at: p.At}
	}
	return holder{standing: p.Standing, person: true, id: p.Person}
}
