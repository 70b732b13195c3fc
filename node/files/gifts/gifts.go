package gifts

import (
	"context"
	"errors"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/give"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/rate"
	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// Config is what a Backend is made of.
type Config struct {
	Store  *store.Store
	Places *place.Places
	// MayRead returns an attachment of a message if the words of that may be given to a person now.
	MayRead func(to crypto.PersonID, message event.ID, n int) (event.Attachment, bool)

	Gave func() // something was given
	Wake func() // there is something in Changed
}

// Backend answers what peers ask: see give.New.
type Backend struct {
	cfg     Config
	gave    gave
	altered gosync.Map // store.BlobID of originals that were found to be others, until Changed tells it
}

// New returns a Backend.
func New(cfg Config) *Backend { return &Backend{cfg: cfg, gave: gave{to: make(map[giving]*given)}} }

// Open returns an attachment of a message that the peer may read, if something of it is here.
func (g *Backend) Open(_ context.Context, peer give.Peer, of exchange.Attachment) (give.Source, error) {
	a, ok := g.cfg.MayRead(peer.Person, of.Event, of.Index)
	if !ok {
		return nil, give.ErrNotHere
	}
	what := store.OfFile(&a)
	c, err := g.cfg.Places.Open(what)
	if errors.Is(err, shelf.ErrNoBlob) {
		return nil, g.lack(of)
	}
	if err != nil {
		return nil, err
	}
	if set := c.Here(); set.Count() == 0 && !c.Whole() {
		c.Close()
		return nil, g.lack(of)
	}
	return &gift{content: c, backend: g, to: giving{g.cfg.Store.Shelf().ID(what), peer.Person}, by: of}, nil
}

// lack is what somebody is told who may have an attachment of which something is not here: whoever may have sent it
// doesn't have it any more.
func (g *Backend) lack(of exchange.Attachment) error {
	refs, err := g.cfg.Store.Files(of.Event)
	switch {
	case err != nil || of.Index < 0 || of.Index >= len(refs) || !refs[of.Index].Own:
		return give.ErrNotHere
	case refs[of.Index].State == store.FileChanged:
		return give.ErrChanged
	}
	return give.ErrGone
}

// gift is an attachment that is given to a peer.
type gift struct {
	content *place.Content
	backend *Backend
	to      giving
	by      exchange.Attachment
}

func (g *gift) Manifest(_ context.Context, into []byte) (int, error) {
	m, err := g.content.Manifest()
	if err != nil {
		return 0, asGiven(err)
	}
	return copy(into, m.Marshal()), nil
}

func (g *gift) Page(_ context.Context, i int, into []byte) (int, error) {
	p, err := g.content.Page(i)
	return copy(into, p.Bytes()), asGiven(err)
}

func (g *gift) Chunk(_ context.Context, i int, into []byte) (int, error) {
	var b []byte
	var err error
	if len(into) >= len(blob.Buffer{}) {
		b, err = g.content.Chunk(i, (*blob.Buffer)(into)) // it stands there already
	} else {
		buffer := blob.NewBuffer()
		defer buffer.Free()
		b, err = g.content.Chunk(i, buffer)
	}
	switch {
	case errors.Is(err, tree.ErrChanged):
		g.backend.changed(g.content.Info().Of)
		return 0, give.ErrChanged
	case errors.Is(err, shelf.ErrNotHeld):
		return 0, g.backend.lack(g.by)
	case err != nil:
		return 0, err
	}
	g.backend.gave.add(g.to, g.by, len(b), time.Now())
	g.backend.cfg.Gave()
	return copy(into, b), nil
}

func (g *gift) Have() (chunks int, some []exchange.Chunks) {
	all := g.content.Shape.Chunks()
	if g.content.Whole() {
		return all, nil
	}
	set := g.content.Here()
	for first, count := range set.Stretches() {
		if len(some) == exchange.MaxStretches {
			break
		}
		some = append(some, exchange.Chunks{First: first, Count: count})
	}
	return set.Count(), some
}

func (g *gift) Close() { g.content.Close() }

// asGiven is what a peer is told of an error.
func asGiven(err error) error {
	switch {
	case errors.Is(err, tree.ErrChanged):
		return give.ErrChanged
	case errors.Is(err, shelf.ErrNotHeld):
		return give.ErrNotHere
	}
	return err
}

// changed says that an original that is sent in place is not what it was. Any goroutine may call it, as often
// as peers ask.
func (g *Backend) changed(of shelf.Of) {
	if _, known := g.altered.LoadOrStore(store.BlobID(g.cfg.Store.Shelf().ID(of)), true); !known {
		g.cfg.Wake()
	}
}

// Changed returns which originals were found not to be what they were. It returns each once.
func (g *Backend) Changed() (ids []store.BlobID) {
	g.altered.Range(func(id, _ any) bool {
		g.altered.Delete(id)
		ids = append(ids, id.(store.BlobID))
		return true
	})
	return ids
}

// giving is an attachment that a person is given.
type giving struct {
	blob shelf.ID
	to   crypto.PersonID
}

// given is how much of it they were given of late.
type given struct {
	by    exchange.Attachment
	bytes uint64
	meter rate.Meter
	last  time.Time
}

const (
	// shownGiven is how long what is given is shown after the last byte, and maxGiven how much of it is
	// remembered.
	shownGiven = 5 * time.Second
	maxGiven   = 256
)

// gave is what persons are given of late. Any goroutine may use it.
type gave struct {
	mu gosync.Mutex
	to map[giving]*given
}

func (g *gave) add(to giving, by exchange.Attachment, n int, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.to[to]
	if one == nil {
		for k, old := range g.to {
			if now.Sub(old.last) > shownGiven {
				delete(g.to, k)
			}
		}
		if len(g.to) >= maxGiven {
			return
		}
		one = &given{by: by}
		g.to[to] = one
	}
	one.bytes += uint64(n)
	one.last = now
	one.meter.Add(n, now)
}

// Given is what a person was given of late of an attachment.
type Given struct {
	Of    exchange.Attachment
	To    crypto.PersonID
	Bytes uint64
	Rate  uint64 // bytes a second
}

// Now returns what is given at a time.
func (g *Backend) Now(now time.Time) []Given { return g.gave.now(now) }

// now returns what is given at a time.
func (g *gave) now(now time.Time) (out []Given) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, one := range g.to {
		if now.Sub(one.last) <= shownGiven {
			meter := one.meter // to look at it changes nothing
			out = append(out, Given{one.by, k.to, one.bytes, meter.Now(now)})
		}
	}
	return out
}
