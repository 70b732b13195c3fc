package mesh

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"
	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

	mu      gosync.Mutex
	found   []discovery.Place
	parted  []crypto.DeviceID
	changed int
	left    int // sessions that have ended
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
		Found:   func(_ crypto.DeviceID, at discovery.Place) { p.note(func() { p.found = append(p.found, at) }) },
		Parted:  func(_ crypto.PersonID, d crypto.DeviceID) { p.note(func() { p.parted = append(p.parted, d) }) },
		Changed: func() { p.note(func() { p.changed++ }) }})
	return p
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

// moves gives the party's machine addresses.
func (p *party) moves(addrs ...netip.Addr) {
	p.host.Move(addrs...)
	p.change <- discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: addrs}}}
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
	return session.New(session.Config{Self: p.key.ID(), Nonce: nonce, Stream: stream, Opened: opened, Log: slog.New(slog.DiscardHandler)},
		func(s *session.Session) session.Host { return &company{p, s} })
}

// company is a party in one session: it believes every card, and has nothing to share.
type company struct {
	party   *party
	session *session.Session
}

func (c *company) Open() sync.Open                                        { return sync.Open{Card: c.party.card.Bytes()} }
func (c *company) Rejoin() sync.Joined                                    { return sync.Joined{Serve: true} }
func (c *company) Visible(_ event.Log, all event.Segments) event.Segments { return all }
func (c *company) Budget() *semaphore.Weighted                            { return semaphore.NewWeighted(1 << 20) }
func (c *company) Left()                                                  { c.party.note(func() { c.party.left++ }) }
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
	case sync.Sighted:
		c.party.Told(c.session, e.Sightings)
	}
	return nil, task, nil
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

// Two meshes connect as soon as one of them hears of the other, say where they are, and know when
// the other has gone.
func TestTwoMeet(t *testing.T) {
	inCompany(t, func(t *testing.T, _ *memnet.Network, ann, bob *party) {
		meet(t, ann, bob)
		if s := ann.session(); !s.Opened() || s.Peer() != bob.key.ID() {
			t.Error("Ann has not dialled Bob")
		}
		if at := ann.lastFound(); !at.Dialled || at.Remote != bob.at(0) || !slices.Equal(at.Own, []netip.AddrPort{bob.at(0)}) {
			t.Errorf("Ann has found Bob at %+v", at)
		}
		if at := bob.lastFound(); at.Dialled || at.Remote.Addr() != ann.at(0).Addr() || !slices.Equal(at.Own, []netip.AddrPort{ann.at(0)}) {
			t.Errorf("Bob has found Ann at %+v", at)
		}
		changed := bob.changed
		ann.ends()
		time.Sleep(time.Second)
		synctest.Wait()
		if ann.left != 1 || len(ann.Sessions()) != 0 {
			t.Errorf("Ann's mesh has ended, %d sessions have, %d are there", ann.left, len(ann.Sessions()))
		}
		if bob.Online(ann.key.ID()) || !slices.Equal(bob.parted, []crypto.DeviceID{ann.key.ID()}) || bob.changed != changed+1 {
			t.Errorf("Bob has parted from %d, and was told %d times of a change", len(bob.parted), bob.changed-changed)
		}
		if s := bob.States()[ann.key.ID()]; s.Connected || s.Ended != dial.Lost {
			t.Errorf("Bob's planner has %+v", s)
		}
	})
}

// A peer that lost a session opens another. The first one ends, and the device counts as gone until
// it has said who it is again.
func TestNewSessionReplaces(t *testing.T) {
	inCompany(t, func(t *testing.T, _ *memnet.Network, ann, bob *party) {
		meet(t, ann, bob)
		time.Sleep(time.Minute)
		old, theirs := ann.session(), bob.session()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		again := make(chan struct{})
		go func() { // ends with ctx
			defer close(again)
			ann.dial(ctx, dial.Dial{Device: bob.link.ID(), Addrs: []netip.AddrPort{bob.at(0)}})
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		if ann.session() == old || bob.session() == theirs {
			t.Error("the old session is there")
		}
		if ann.left != 1 || bob.left != 1 {
			t.Errorf("%d and %d sessions have ended", ann.left, bob.left)
		}
		if !ann.Online(bob.key.ID()) || !bob.Online(ann.key.ID()) {
			t.Error("the device counts as gone")
		}
		if len(ann.parted) != 1 || len(bob.parted) != 1 {
			t.Errorf("parted %d and %d times", len(ann.parted), len(bob.parted))
		}
		cancel()
		<-again
	})
}

// Whoever comes when a mesh has stopped is hung up on, and the connection is closed at both ends.
func TestNobodyComesAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		ann, bob := newParty(t, net, 1), newParty(t, net, 2)
		ann.listens(t.Context())
		ann.stop()
		bob.runs()
		bob.hears(ann)
		time.Sleep(time.Second / 2)
		synctest.Wait()
		if n := len(ann.Sessions()) + len(bob.Sessions()) + len(ann.link.Conns()) + len(bob.link.Conns()); n != 0 {
			t.Errorf("%d sessions and connections", n)
		}
		if ann.left != 0 {
			t.Error("a session that was not admitted was run")
		}
		bob.ends()
		if err := ann.link.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Who gets another address says so to those who are connected, and a session over an address that
// is gone ends at once.
func TestMovingIsTold(t *testing.T) {
	inCompany(t, func(t *testing.T, _ *memnet.Network, ann, bob *party) {
		meet(t, ann, bob)
		more := netip.MustParseAddr("10.0.0.77")
		ann.moves(ann.host.Addrs()[0], more)
		time.Sleep(time.Second)
		synctest.Wait()
		own, heard, _ := bob.where(bob.session())
		if at := netip.AddrPortFrom(more, testPort); !slices.Contains(own, at) || !slices.Contains(heard, at) || bob.left != 0 {
			t.Errorf("Bob has heard of %v, and Ann says %v", heard, own)
		}
		ann.moves(more)
		if ann.left != 1 || len(ann.parted) != 1 {
			t.Error("the session over the old address goes on")
		}
	})
}

// The one that comes is told who is here, and they are told of it.
func TestIntroduced(t *testing.T) {
	inCompany(t, func(t *testing.T, net *memnet.Network, ann, bob *party) {
		meet(t, ann, bob)
		dora := newParty(t, net, 3)
		dora.runs()
		defer func() { dora.ends() }()
		dora.hears(ann)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !dora.Online(bob.key.ID()) || !bob.Online(dora.key.ID()) {
			t.Error("Dora and Bob, who both know Ann, have not met")
		}
	})
}

// What a peer says of itself is its own place. Of others it is hearsay, and of this device
// nonsense.
func TestToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, memnet.New(), 1)
		defer p.link.Close()
		s := newSessionOf(p, 7)
		if _, err := p.admit(s); err != nil {
			t.Fatal(err)
		}
		at := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.7:1")}
		p.Told(s, []wire.Sighting{{Device: p.key.ID(), Addresses: at}, {Device: deviceNumber(8), Addresses: at}})
		if own, _, _ := p.where(s); own != nil || len(p.found) != 0 {
			t.Error("what a peer says of others is taken for its own place")
		}
		p.Told(s, []wire.Sighting{{Device: deviceNumber(7), Addresses: at}})
		if own, heard, _ := p.where(s); !slices.Equal(own, at) || !slices.Equal(heard, at) {
			t.Errorf("own %v, heard %v", own, heard)
		}
		if len(p.found) != 1 || !slices.Equal(p.found[0].Own, at) {
			t.Errorf("found at %+v", p.found)
		}
		states := p.States()
		if _, ok := states[p.key.ID()]; ok || !slices.Equal(states[deviceNumber(8)].Addrs, at) || !slices.Equal(states[deviceNumber(8)].FoundBy, []discovery.Source{discovery.FromPeer}) {
			t.Errorf("the planner has %v", states)
		}
	})
}

// newSessionOf makes a session of a party's with a device that does nothing.
func newSessionOf(p *party, device int) *session.Session {
	at := ma.StringCast(fmt.Sprintf("/ip4/10.0.0.%d/tcp/4001", device))
	return p.newSession(silentStream{conn: silentConn{peer: peerID(deviceNumber(device)), at: at}}, true)
}

// How a session has ended decides when its device is dialled again.
func TestEndsAsTheyAre(t *testing.T) {
	p := newParty(t, memnet.New(), 1)
	defer p.link.Close()
	for i, c := range []struct {
		err  error
		want dial.Cause
	}{
		{nil, dial.Lost},
		{context.Canceled, dial.Lost},
		{errReplaced, dial.Lost},
		{sync.ErrStore, dial.Lost},
		{sync.ErrProtocol, dial.Fault},
		{fmt.Errorf("card: %w", sync.ErrPeerProof), dial.Fault},
		{sync.ErrIncompatible, dial.Incompatible},
	} {
		s := newSessionOf(p, i+1)
		if _, err := p.admit(s); err != nil {
			t.Fatal(err)
		}
		p.sighted(discovery.Sighting{Device: peerID(s.Peer()), Addrs: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:1")}, Source: discovery.FromManual})
		if p.ended(s, c.err); p.States()[s.Peer()].Ended != c.want {
			t.Errorf("%v: ended as %v", c.err, p.States()[s.Peer()].Ended)
		}
	}
	if len(p.parted) != 0 {
		t.Error("parted from somebody who was not identified")
	}
	if p.changed != 7 {
		t.Errorf("told %d times of a change", p.changed)
	}
}
