package mesh

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		if _, _, err := ann.admit(newSessionOf(ann, 7)); err != errGone {
			t.Errorf("somebody comes when Run has returned: %v", err)
		}
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
		ann.running.Wait() // or Run never ends
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

// TestTunnelLetsThoseBehindItMeet: over an interface without multicast, such as a VPN's, nobody was
// told the addresses of anybody, so two who both named Ann never met. It does not matter in what
// order they come.
func TestTunnelLetsThoseBehindItMeet(t *testing.T) {
	for what, between := range map[string]time.Duration{"together": 0, "one after the other": time.Minute} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				var all []*party
				for i := range 3 {
					p := newParty(t, net, byte(i+1))
					p.unfit = discovery.Tunnel
					p.runs()
					defer func() { p.ends() }()
					all = append(all, p)
				}
				ann, bob, cy := all[0], all[1], all[2]
				for _, p := range all { // so that both are introduced before either has said where it is
					for _, other := range all {
						net.Delay(p.at(0).Addr(), other.at(0).Addr(), 100*time.Millisecond)
					}
				}
				if own := bob.OwnAddrs(); len(own) != 0 {
					t.Errorf("Bob tells %v before the tunnel carries a session", own)
				}
				bob.hears(ann)
				time.Sleep(between)
				cy.hears(ann)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if !bob.Online(cy.key.ID()) || !cy.Online(bob.key.ID()) {
					t.Error("Bob and Cy, who both named Ann, have not met")
				}
			})
		})
	}
}

// TestFirstSessionOverAnInterfaceIsTold: with it the machine has one more address to tell, and those
// who are connected over others hear of it once.
func TestFirstSessionOverAnInterfaceIsTold(t *testing.T) {
	inCompany(t, func(t *testing.T, net *memnet.Network, ann, bob *party) {
		meet(t, ann, bob)
		lan, vpn := ann.host.Addrs()[0], netip.MustParseAddr("10.8.0.1")
		ann.host.Move(vpn, lan)
		ann.change <- discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: []netip.Addr{lan}},
			{Name: "tun0", Index: 2, Addrs: []netip.Addr{vpn}, Unfit: discovery.Tunnel}}}
		time.Sleep(time.Second)
		told := func() bool {
			synctest.Wait()
			own, _, _ := bob.where(bob.With(ann.card.Person())[0])
			return slices.Contains(own, netip.AddrPortFrom(vpn, testPort))
		}
		if told() {
			t.Error("Bob was told of a tunnel that carries nothing")
		}
		cy := newParty(t, net, 3)
		cy.runs()
		defer func() { cy.ends() }()
		cy.Sighted(discovery.Sighting{Device: ann.link.ID(), Addrs: []netip.AddrPort{netip.AddrPortFrom(vpn, testPort)}, Source: discovery.FromManual})
		time.Sleep(time.Second)
		if !told() {
			t.Error("Bob was not told of the tunnel over which Cy came")
		}
	})
}

// TestChangingPlacesArePassedOnOnce: a peer that says something else of itself all the time costs
// the others one frame.
func TestChangingPlacesArePassedOnOnce(t *testing.T) {
	r := newTestRegister()
	s := admitted(t, r, 1)
	if _, _, ok := r.introduction(s); !ok {
		t.Fatal("not introduced")
	}
	passed := 0
	for i := range 10 {
		addrs := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), testPort)}
		r.sighted(discovery.Sighting{Device: peerID(s.Peer()), Addrs: addrs, Source: discovery.FromPeer})
		if _, ok := r.setOwn(s, addrs); ok {
			passed++
		}
	}
	if passed != 1 {
		t.Errorf("passed on %d times", passed)
	}
}

// The session of a peer that takes another's place is told to follow, when that one leaves and when
// it comes again.
func TestFollowIsToldToTheSession(t *testing.T) {
	for what, leaves := range map[string]func(ctx context.Context, ann, bob *party){
		"leaves": func(_ context.Context, _, bob *party) { bob.ends() },
		"is replaced": func(ctx context.Context, ann, bob *party) {
			ann.note(func() { ann.later[bob.key.ID()] = true })
			go bob.dial(ctx, dial.Dial{Device: ann.link.ID(), Addrs: []netip.AddrPort{ann.at(0)}}) // until ctx ends
		},
		"is unfollowed": func(_ context.Context, ann, bob *party) {
			for _, s := range ann.Sessions() {
				if s.Peer() == bob.key.ID() {
					ann.Unfollow(s, ann.group)
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				ann, bob, dora := newParty(t, net, 1), newParty(t, net, 2), newParty(t, net, 3)
				ann.later = map[crypto.DeviceID]bool{dora.key.ID(): true}
				for _, p := range []*party{ann, bob, dora} {
					p.group = event.Conversation{1}
					p.runs()
					defer func() { p.ends() }()
				}
				meet(t, ann, bob)
				meet(t, ann, dora)
				if ann.rounds(dora) != 0 || ann.rounds(bob) == 0 {
					t.Errorf("asked: Dora %d times, Bob %d times", ann.rounds(dora), ann.rounds(bob))
				}
				for _, s := range ann.Sessions() {
					if s.Peer() == dora.key.ID() {
						ann.Brings(s, event.Log{Conversation: ann.group, Device: dora.key.ID()}, true)
					}
				}
				if ann.hearsOf(dora) {
					t.Error("Dora is told what comes directly")
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				leaves(ctx, ann, bob)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if ann.rounds(dora) == 0 || !ann.hearsOf(dora) {
					t.Error("Dora does not take Bob's place, or is not told what comes directly")
				}
			})
		})
	}
}

// Each group is compared with one peer from time to time, and no other conversation is.
func TestCompare(t *testing.T) {
	inCompany(t, func(t *testing.T, _ *memnet.Network, ann, bob *party) {
		g := event.Conversation{1}
		ann.note(func() { ann.group, ann.later = g, map[crypto.DeviceID]bool{bob.key.ID(): true} })
		bob.note(func() { bob.group = g })
		meet(t, ann, bob)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { // until cancel
			defer close(ended)
			ann.Compare(ctx, func() []event.Conversation { return []event.Conversation{{2}, g} })
		}()
		time.Sleep(compareEvery*3/4 - time.Second)
		if ann.rounds(bob) != 0 {
			t.Error("compared too soon")
		}
		time.Sleep(10 * compareEvery)
		cancel()
		<-ended
		if n := ann.rounds(bob); n < 8 || n > 14 {
			t.Errorf("compared %d times", n)
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
		if _, _, err := p.admit(s); err != nil {
			t.Fatal(err)
		}
		at := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.7:4001")}
		p.NetworkChanged(onNetwork("10.0.0.1", "10.0.0.0/24"))
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
	return newSessionAt(p, device, fmt.Sprintf("/ip4/10.0.0.%d/tcp/4001", device))
}

func newSessionAt(p *party, device int, at string) *session.Session {
	return p.newSession(silentStream{conn: silentConn{peer: peerID(deviceNumber(device)), at: ma.StringCast(at)}}, true)
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
		if _, _, err := p.admit(s); err != nil {
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
