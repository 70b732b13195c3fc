// Package rogue is a client of the protocol that keeps none of the limits of a node: what anybody
// could write from node/PROTOCOL.md in an afternoon. cmd/hostile says with it whatever it likes.
//
// A Client is one program aimed at one node. It makes a Person, connects as that person with Link,
// and has Sessions on it: any number, from any source address that the host has. A Log makes events
// and a Group makes control events, true or not. A Session sends frames as it is told, and Listen
// answers requests for cards and counts what comes back.
//
// Everything ends with the context. Errors are what the node or the network did; what the package
// makes itself can't fail, and panics if it does. It has no limits, bounds or retries: a caller that
// wants some brings them. Only cmd/hostile may use it.
package rogue

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
)

const (
	// handshakesAtOnce keeps the client from choking on its own work.
	handshakesAtOnce = 16
	// maxErrors is how many different errors are told.
	maxErrors = 20
)

// Client is aimed at a node and counts what came of that. All methods may be called from any
// goroutine.
type Client struct {
	At   netip.AddrPort // of the node
	Peer peer.ID        // its device
	From []netip.Addr   // source addresses; none: as the system likes
	Seed uint64         // persons are those of the seed; 0: new ones

	turn       atomic.Int64 // of the source addresses
	handshakes chan struct{}
	cards      sync.Map // crypto.Hash and crypto.PersonID to []byte: of all persons that were made

	counting sync.Mutex // guards the next two
	counts   map[string]int64
	errors   map[string]int64
}

// New returns a client that is not aimed yet.
func New() *Client {
	return &Client{handshakes: make(chan struct{}, handshakesAtOnce), counts: make(map[string]int64), errors: make(map[string]int64)}
}

// Count adds to a counter.
func (c *Client) Count(what string, n int) {
	c.counting.Lock()
	defer c.counting.Unlock()
	c.counts[what] += int64(n)
}

// Most keeps the greatest value.
func (c *Client) Most(what string, value int64) {
	c.counting.Lock()
	defer c.counting.Unlock()
	c.counts[what] = max(c.counts[what], value)
}

// Failed counts an error, unless there is none or everything is over anyway.
func (c *Client) Failed(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	c.counting.Lock()
	defer c.counting.Unlock()
	c.counts["failed "+what]++
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner // what is around it names addresses, which are many
	}
	text := what + ": " + err.Error()
	if _, known := c.errors[text]; known || len(c.errors) < maxErrors {
		c.errors[text]++
	}
}

// Report gives copies of the counters.
func (c *Client) Report() (counts, errors map[string]int64) {
	c.counting.Lock()
	defer c.counting.Unlock()
	return maps.Clone(c.counts), maps.Clone(c.errors)
}

// Source is the i-th address, round and round.
func (c *Client) Source(i int) netip.Addr {
	if len(c.From) == 0 {
		return netip.Addr{}
	}
	return c.From[i%len(c.From)]
}

// AnySource is another address each time.
func (c *Client) AnySource() netip.Addr { return c.Source(int(c.turn.Add(1) - 1)) }

// publish lets every session answer who asks for a person's card.
func (c *Client) publish(p *Person) {
	c.cards.Store(p.Card.Head(), p.Card.Bytes())
	c.cards.Store(p.ID, p.Card.Bytes())
}

// Hide has no session give a person's card any more.
func (c *Client) Hide(p *Person) {
	c.cards.Delete(p.Card.Head())
	c.cards.Delete(p.ID)
}

// card is what a request for one is answered with, nil if nobody has it.
func (c *Client) card(head crypto.Hash, of crypto.PersonID) []byte {
	card, ok := c.cards.Load(head)
	if !ok {
		card, ok = c.cards.Load(of)
	}
	if !ok {
		return nil
	}
	return card.([]byte)
}
