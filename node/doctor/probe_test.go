package doctor

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
)

func link4(addrs ...string) (l discovery.Link) {
	l.Name = "eth0"
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		l.Addrs, l.Prefixes = append(l.Addrs, p.Addr()), append(l.Prefixes, p.Masked())
	}
	return l
}

// TestProbeStaysOnTheLink: only addresses of the own networks are tried, the nearest first.
func TestProbeStaysOnTheLink(t *testing.T) {
	for _, c := range []struct {
		links       []discovery.Link
		n           int
		first, last string
	}{
		{nil, 0, "", ""},
		{[]discovery.Link{link4("10.0.0.7/24")}, 253, "10.0.0.6", "10.0.0.254"},
		{[]discovery.Link{link4("192.168.1.1/30")}, 1, "192.168.1.2", "192.168.1.2"},
		{[]discovery.Link{link4("192.168.1.1/31"), link4("10.8.0.1/32")}, 0, "", ""},
		{[]discovery.Link{link4("fd00::7/64")}, 0, "", ""},
		{[]discovery.Link{link4("169.254.3.3/16")}, 0, "", ""},
		{[]discovery.Link{link4("10.20.30.40/8")}, maxProbed, "10.20.30.39", "10.20.32.40"},
		{[]discovery.Link{link4("10.0.0.1/16")}, maxProbed, "10.0.0.2", "10.0.4.1"},
		{[]discovery.Link{link4("255.255.255.254/8")}, maxProbed, "255.255.255.253", "255.255.251.254"},
		{[]discovery.Link{link4("0.0.0.1/8")}, maxProbed, "0.0.0.2", "0.0.4.1"},
		{[]discovery.Link{link4("10.0.0.1/29"), link4("10.0.1.1/29")}, 10, "10.0.0.2", "10.0.1.6"},
		{[]discovery.Link{link4("10.0.0.1/29", "10.0.0.4/29")}, 4, "10.0.0.2", "10.0.0.6"},
	} {
		got := nearest(c.links)
		if len(got) != c.n || c.n > 0 && (got[0].String() != c.first || got[c.n-1].String() != c.last) {
			t.Errorf("%v: %d from %v", c.links, len(got), got[:min(3, len(got))])
			if len(got) > 0 {
				t.Errorf("to %v", got[len(got)-1])
			}
		}
		for i, a := range got {
			for _, l := range c.links {
				if slices.Contains(l.Addrs, a) {
					t.Errorf("%v: tries itself, %v", c.links, a)
				}
			}
			if slices.Contains(got[:i], a) || !slices.ContainsFunc(c.links, func(l discovery.Link) bool { return l.OnLink(a) }) {
				t.Errorf("%v: tries %v", c.links, a)
			}
		}
	}
}

// knocks is a network that is probed.
type knocks struct {
	Host
	mu        sync.Mutex
	begun     map[time.Duration]int // by the second
	atOnce    int
	most      int
	ports     map[netip.Addr][]uint16
	began     time.Time
	nodes     map[netip.AddrPort]peer.ID
	machines  map[netip.Addr]bool // where something answers
	sightings []discovery.Sighting
}

func (k *knocks) ID() peer.ID { return "self" }

func (k *knocks) WhoIs(_ context.Context, at ma.Multiaddr) (peer.ID, error) {
	for a, id := range k.nodes {
		if (discovery.Sighting{Addrs: []netip.AddrPort{a}}).Multiaddrs()[0].Equal(at) {
			return id, nil
		}
	}
	return "", syscall.ECONNRESET // some other service
}

func (k *knocks) knock(ctx context.Context, at netip.AddrPort) error {
	k.mu.Lock()
	k.begun[time.Since(k.began).Truncate(time.Second)]++
	k.atOnce++
	k.most = max(k.most, k.atOnce)
	k.ports[at.Addr()] = append(k.ports[at.Addr()], at.Port())
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.atOnce--
	}()
	switch _, node := k.nodes[at]; {
	case node, at.Port() == 27832 && k.machines[at.Addr()]:
		return nil
	case k.machines[at.Addr()]:
		return syscall.ECONNREFUSED
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestProbeIsBounded: in addresses, in how many are tried at once and in a second, and in time. What
// it finds becomes a sighting.
func TestProbeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := netip.MustParseAddrPort
		k := &knocks{begun: make(map[time.Duration]int), ports: make(map[netip.Addr][]uint16), began: time.Now(),
			nodes:    map[netip.AddrPort]peer.ID{at("10.0.0.9:27830"): "bob", at("10.0.0.9:27833"): "cleo", at("10.0.1.1:27830"): "self"},
			machines: map[netip.Addr]bool{netip.MustParseAddr("10.0.0.9"): true, netip.MustParseAddr("10.0.1.1"): true}}
		d := New(Config{Host: k, Knock: k.knock, FirstPort: 27830,
			Network: func() discovery.Network { return discovery.Network{Links: []discovery.Link{link4("10.0.0.1/16")}} },
			Sighted: func(s discovery.Sighting) {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.sightings = append(k.sightings, s)
			}})
		c := d.probe(t.Context())
		if took := time.Since(k.began); took > 15*time.Second {
			t.Errorf("took %s", took)
		}
		if !slices.Equal(c.Values.Addresses, []string{"10.0.0.9:27830", "10.0.0.9:27833"}) || c.Code != checks.Found || c.Values.Asked != maxProbed {
			t.Errorf("got %+v", c)
		}
		if len(k.ports) != maxProbed || k.most > probesAtOnce || k.most < probesAtOnce/2 {
			t.Errorf("%d addresses, %d at once", len(k.ports), k.most)
		}
		for second, n := range k.begun {
			if n > probesASecond+2*otherPorts+1 {
				t.Errorf("%d are begun after %s", n, second)
			}
		}
		for a, ports := range k.ports {
			if want := []uint16{27830, 27831, 27832, 27833}; k.machines[a] && !slices.Equal(ports, want) || !k.machines[a] && len(ports) != 1 {
				t.Errorf("%v: %v", a, ports)
			}
		}
		if len(k.sightings) != 2 || k.sightings[0].Source != discovery.FromProbe {
			t.Errorf("sighted: %v", k.sightings)
		}
	})
}

// TestProbeWithoutAnAddress: a network that has none to try is none, as one of IPv6 or of a machine that
// was given no address.
func TestProbeWithoutAnAddress(t *testing.T) {
	for address, want := range map[string]string{"fd00::7/64": checks.NoNetwork, "169.254.3.3/16": checks.NoNetwork, "192.0.2.1/31": checks.NoNetwork,
		"192.0.2.1/30": checks.Nobody} {
		d := New(Config{Network: func() discovery.Network { return discovery.Network{Links: []discovery.Link{link4(address)}} },
			Knock: func(context.Context, netip.AddrPort) error { return syscall.EHOSTUNREACH }})
		if c := d.probe(t.Context()); c.Code != want {
			t.Errorf("%s: %s", address, c.Code)
		}
	}
}

// TestProbeEndsWithItsContext: when the owner waits no longer.
func TestProbeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &knocks{begun: make(map[time.Duration]int), ports: make(map[netip.Addr][]uint16), began: time.Now()}
		d := New(Config{Host: k, Knock: k.knock, FirstPort: 27830, Network: func() discovery.Network { return discovery.Network{Links: []discovery.Link{link4("10.0.0.1/16")}} }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if c := d.probe(ctx); c.Values.Asked == 0 || c.Values.Asked != len(k.ports) {
			t.Errorf("of %d that were tried it tells %d", len(k.ports), c.Values.Asked)
		}
		if took := time.Since(k.began); took > time.Second+probePatience {
			t.Errorf("took %s", took)
		}
	})
}
