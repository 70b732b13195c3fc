package mesh

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

// onNetwork is a machine with one interface.
func onNetwork(addr, prefix string) discovery.Network {
	return discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: []netip.Addr{netip.MustParseAddr(addr)},
		Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}}}}
}

// TestWhatPeersTellIsOnTheNetwork: whoever had a session could have this node connect to any address
// and port, in any network.
func TestWhatPeersTellIsOnTheNetwork(t *testing.T) {
	const peer, known, unknown = 7, 8, 9
	local := netip.MustParseAddr("10.0.0.1") // of the session, and of the way to 10.1.0.0/16 and 100.64.0.0/10
	for _, c := range []struct {
		what   string
		by     budget.Standing
		device int
		at     string
		want   bool
	}{
		{"on the network", budget.Stranger, unknown, "10.0.0.20:4001", true},
		{"a port of the system", budget.Contact, known, "10.0.0.20:1023", false},
		{"the lowest port", budget.Stranger, unknown, "10.0.0.20:1024", true},
		{"elsewhere", budget.Stranger, known, "10.1.0.20:4001", false},
		{"elsewhere, by a fellow", budget.Fellow, known, "10.1.0.20:4001", false},
		{"elsewhere, by a contact", budget.Contact, known, "10.1.0.20:4001", true},
		{"elsewhere, of somebody unknown", budget.Contact, unknown, "10.1.0.20:4001", false},
		{"in a VPN", budget.Contact, known, "100.64.0.20:4001", true},
		{"in the Internet", budget.Contact, known, "9.9.9.9:4001", false},
		{"over another interface", budget.Contact, known, "10.2.0.20:4001", false},
		{"no way there", budget.Contact, known, "10.3.0.20:4001", false},
		{"where the peer is", budget.Stranger, peer, "192.168.7.7:4001", true},
		{"another where the peer is", budget.Stranger, unknown, "192.168.7.7:4001", false},
		{"a port of the system where the peer is", budget.Stranger, peer, "192.168.7.7:22", false},
		{"this machine", budget.Contact, known, "127.0.0.1:4001", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newParty(t, memnet.New(), 1)
			defer p.link.Close()
			p.cfg.Known = func(d crypto.DeviceID) bool { return d == deviceNumber(known) }
			p.from = func(to netip.Addr) netip.Addr {
				switch {
				case netip.MustParsePrefix("10.1.0.0/16").Contains(to), netip.MustParsePrefix("100.64.0.0/10").Contains(to), to.Is4() && !to.IsPrivate():
					return local
				case netip.MustParsePrefix("10.2.0.0/16").Contains(to):
					return netip.MustParseAddr("172.16.0.1")
				}
				return netip.Addr{}
			}
			p.NetworkChanged(onNetwork("10.0.0.1", "10.0.0.0/24"))
			s := newSessionAt(p, peer, "/ip4/192.168.7.7/tcp/50000")
			if _, _, err := p.admit(s); err != nil {
				t.Fatal(err)
			}
			p.stand([]crypto.DeviceID{s.Peer()}, c.by)
			at := netip.MustParseAddrPort(c.at)
			p.Told(s, []wire.Sighting{{Device: deviceNumber(c.device), Addresses: []netip.AddrPort{at}}})
			if got := slices.Contains(p.States()[deviceNumber(c.device)].Addrs, at); got != c.want {
				t.Errorf("%s: believed is %t", c.what, got)
			}
			own, _, _ := p.where(s)
			if got := slices.Contains(own, at); got != (c.want && c.device == peer) {
				t.Errorf("%s: its own is %t", c.what, got)
			}
		})
	}
}

// TestFloodOfSightingsEnds: a peer that told of devices without end took a core. One that tells of
// all who are here and of each who comes is heard.
func TestFloodOfSightingsEnds(t *testing.T) {
	for _, c := range []struct {
		as    budget.Standing
		burst int
	}{{budget.Stranger, tellsBurst}, {budget.Contact, contactTellsBurst}} {
		synctest.Test(t, func(t *testing.T) {
			p := newParty(t, memnet.New(), 1)
			defer p.link.Close()
			p.NetworkChanged(onNetwork("10.0.0.1", "10.0.0.0/8"))
			s := newSessionOf(p, 7)
			p.stand([]crypto.DeviceID{s.Peer()}, c.as)
			if _, _, err := p.admit(s); err != nil {
				t.Fatal(err)
			}
			next := 100
			tells := func(many int) error {
				var all []wire.Sighting
				for range many {
					next++
					at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(next >> 8), byte(next)}), 4001)
					all = append(all, wire.Sighting{Device: deviceNumber(next), Addresses: []netip.AddrPort{at}})
				}
				return p.Told(s, all)
			}
			err := tells(wire.MaxSightings)
			for range 10 * 60 {
				time.Sleep(time.Second)
				if err == nil {
					err = tells(3)
				}
			}
			if err != nil {
				t.Errorf("a %v who tells of newcomers: %v", c.as, err)
			}
			told, before := 0, len(p.States())
			for ; told < 100 && err == nil; told++ {
				err = tells(wire.MaxSightings)
			}
			if !errors.Is(err, sync.ErrProtocol) || told > (c.burst+maxUnheard)/wire.MaxSightings+1 {
				t.Errorf("a %v tells %d times: %v", c.as, told, err)
			}
			if n := len(p.States()) - before; n > c.burst {
				t.Errorf("of a %v %d devices are remembered", c.as, n)
			}
		})
	}
}

// TestNewsOfStrangersAreBounded: each stranger who came cost a frame in each session. Everybody is
// told of a contact who comes, and newcomers of everybody.
func TestNewsOfStrangersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, memnet.New(), 1)
		defer p.link.Close()
		p.NetworkChanged(onNetwork("10.0.0.1", "10.0.0.0/8"))
		told := 0
		for i := range 200 {
			s := newSessionOf(p, 7+i%200)
			if _, _, err := p.admit(s); err != nil {
				t.Fatal(err)
			}
			if i%50 == 0 {
				p.stand([]crypto.DeviceID{s.Peer()}, budget.Contact)
			}
			before := p.news.Tokens()
			p.Told(s, []wire.Sighting{{Device: s.Peer(), Addresses: []netip.AddrPort{netip.AddrPortFrom(remote(s).Addr(), 4001)}}})
			if p.news.Tokens() < before {
				told++
			} else if i%50 != 0 && told < newsBurst {
				t.Errorf("stranger %d is told of to nobody", i)
			}
		}
		if told != newsBurst {
			t.Errorf("everybody was told of %d strangers", told)
		}
	})
}
