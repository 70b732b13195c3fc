package mesh

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"slices"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// testPort is where every mesh listens.
const testPort = 4001

// party is a device with a mesh, on a network in memory.
type party struct {
	*Mesh
	t      *testing.T
	host   *memnet.Host
	link   *link.Host
	key    crypto.DeviceKey
	card   crypto.Card
	ends   func() // has Run end, and waits for it
	change chan discovery.Network
	unfit  discovery.Reason // why nobody is found over its interface

	mu      gosync.Mutex
	group   event.Conversation       // that all are in; zero: none
	later   map[crypto.DeviceID]bool // who is not followed in it at first
	asked   []crypto.DeviceID        // peers that were asked for everything in the group
	heard   []crypto.DeviceID        // with whom a session has asked whether a log comes directly
	found   []discovery.Place
	parted  []crypto.DeviceID
	changed int
	left    int // sessions that have ended

	unreached []Unreached // as was told
}

// newParty makes one that listens and does not run yet.
func newParty(t *testing.T, net *memnet.Network, number byte) *party {
	t.Helper()
	p := &party{t: t, host: net.Host(netip.AddrFrom4([4]byte{10, 0, 0, number})), change: make(chan discovery.Network)}
	var err error
	if p.key, err = crypto.NewDeviceKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if p.card, _, err = crypto.NewPerson(rand.Reader, p.key); err != nil {
		t.Fatal(err)
	}
	if p.link, err = link.New(link.Config{Key: p.key.Private(), Transport: p.host.Transport}); err != nil {
		t.Fatal(err)
	}
	p.Mesh = New(Config{Host: p.link, Self: p.key.ID(), NewSession: p.newSession, Log: slog.New(slog.DiscardHandler),
		Known:     func(crypto.DeviceID) bool { return false },
		Found:     func(_ crypto.DeviceID, at discovery.Place) { p.note(func() { p.found = append(p.found, at) }) },
		Parted:    func(_ crypto.PersonID, d crypto.DeviceID) { p.note(func() { p.parted = append(p.parted, d) }) },
		Changed:   func() { p.note(func() { p.changed++ }) },
		Unreached: func(u Unreached) { p.note(func() { p.unreached = append(p.unreached, u) }) }})
	return p
}

// hearsOf says whether the session with a peer has asked whether a log comes directly.
func (p *party) hearsOf(of *party) (yes bool) {
	p.note(func() { yes = slices.Contains(p.heard, of.key.ID()) })
	return yes
}

func (p *party) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// listens accepts sessions from now on.
func (p *party) listens(ctx context.Context) {
	p.t.Helper()
	p.Accept(ctx)
	if err := p.link.Listen(link.ListenAddrs(testPort)); err != nil {
		p.t.Fatal(err)
	}
}

// runs starts the mesh, which ends with the test if not before.
func (p *party) runs() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.listens(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx, p.change) }()
	p.ends = gosync.OnceFunc(func() {
		cancel()
		<-ended
		if err := p.link.Close(); err != nil {
			p.t.Error(err)
		}
	})
	p.moves(p.host.Addrs()...)
}

// lastFound is where a peer was last found.
func (p *party) lastFound() (at discovery.Place) {
	p.note(func() {
		if len(p.found) > 0 {
			at = p.found[len(p.found)-1]
		}
	})
	return at
}

// rounds says how often a peer was asked for everything in the group.
func (p *party) rounds(of *party) (n int) {
	p.note(func() {
		for _, d := range p.asked {
			if d == of.key.ID() {
				n++
			}
		}
	})
	return n
}

// moves gives the party's machine addresses.
func (p *party) moves(addrs ...netip.Addr) {
	p.host.Move(addrs...)
	p.change <- discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: addrs, Unfit: p.unfit,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}}
	synctest.Wait()
}

func (p *party) at(i int) netip.AddrPort { return netip.AddrPortFrom(p.host.Addrs()[i], testPort) }

// hears has the party hear where another is.
func (p *party) hears(other *party) {
	p.Sighted(discovery.Sighting{Device: other.link.ID(), Addrs: []netip.AddrPort{other.at(0)}, Source: discovery.FromManual})
}

// session returns the one session that the party has.
func (p *party) session() *session.Session {
	p.t.Helper()
	all := p.Sessions()
	if len(all) != 1 {
		p.t.Fatalf("%d sessions", len(all))
	}
	return all[0]
}

func (p *party) newSession(stream network.Stream, opened bool) *session.Session {
	var nonce [32]byte
	_, _ = rand.Read(nonce[:])
	return session.New(session.Config{Self: p.key.ID(), Nonce: nonce, Stream: stream, Opened: opened,
		Budget: budget.New(budget.Config{}).Open(netip.Addr{}), Log: slog.New(slog.DiscardHandler)},
		func(s *session.Session) session.Host { return &company{p, s} })
}

// company is a party in one session: it believes every card, and has nothing to share.
type company struct {
	party   *party
	session *session.Session
}

func (c *company) Open() sync.Open                                        { return sync.Open{Card: c.party.card.Bytes()} }
func (c *company) Visible(_ event.Log, all event.Segments) event.Segments { return all }
func (c *company) Direct(log event.Log) bool {
	c.party.note(func() { c.party.heard = append(c.party.heard, c.session.Peer()) })
	return c.party.Direct(log)
}
func (c *company) Left() { c.party.note(func() { c.party.left++ }) }
func (c *company) Perform(_ context.Context, e sync.Effect) (answer sync.Input, task session.Task, err error) {
	switch e := e.(type) {
	case sync.Identify:
		card, err := crypto.ParseCard(e.Card)
		if err != nil {
			return nil, task, err
		}
		if err := c.party.Identify(c.session, card.Person()); err != nil {
			return nil, task, err
		}
		c.party.Introduce(c.session)
		return c.Rejoin(), task, nil
	case sync.RoundBegan:
		c.party.note(func() { c.party.asked = append(c.party.asked, c.session.Peer()) })
	case sync.Sighted:
		err = c.party.Told(c.session, e.Sightings)
	}
	return nil, task, err
}

func (c *company) Rejoin() sync.Joined {
	p, peer := c.party, c.session.Peer()
	p.mu.Lock()
	g, later := p.group, p.later[peer]
	p.mu.Unlock()
	in := sync.Joined{Serve: true}
	if g != (event.Conversation{}) {
		p.Join(c.session, g, true)
		in.Conversations = append(in.Conversations, sync.Conversation{ID: g, OurTag: p.cfg.Self[:], PeerTag: peer[:],
			Locator: []crypto.Hash{{1}}, Follow: !later && p.Follow(c.session, g)})
	}
	return in
}

// inCompany runs a test with two parties that run, in a bubble.
func inCompany(t *testing.T, test func(t *testing.T, net *memnet.Network, ann, bob *party)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		ann, bob := newParty(t, net, 1), newParty(t, net, 2)
		for _, p := range []*party{ann, bob} {
			p.runs()
			defer func() { p.ends() }()
		}
		test(t, net, ann, bob)
	})
}

// meet has two parties meet.
func meet(t *testing.T, ann, bob *party) {
	t.Helper()
	ann.hears(bob)
	time.Sleep(time.Second)
	synctest.Wait()
	if !ann.Online(bob.key.ID()) || !bob.Online(ann.key.ID()) || !ann.Here(bob.card.Person()) {
		t.Fatal("they have not met")
	}
}
