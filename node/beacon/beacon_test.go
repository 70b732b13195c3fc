package beacon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

const (
	neighbour  = "10.0.0.9:50000" // who sends in most tests
	everybody4 = "send eth2 10.0.0.1 to [239.255.108.182:27830 10.0.0.255:27830]"
	everybody6 = "send eth2 fd00::1 to [[ff12::8000:6cb6]:27830]"
)

// TestSendsAtOnce: a beacon goes out at the start and at each change of the network, by multicast and
// by broadcast, and again in the first seconds.
func TestSendsAtOnce(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		pass(time.Hour)
		b.want()
		if s := b.Status(); !errors.Is(s.Announce, sightings.ErrNoInterface) || !errors.Is(s.IPv4, sightings.ErrNoInterface) {
			b.Errorf("without an interface: status %v", s)
		}
		b.change(lan())
		b.want("3600.0 listen IPv4", "3600.0 listen IPv6", "3600.0 "+everybody4, "3600.0 "+everybody6)
		pass(2 * time.Second)
		b.want("3601.0 "+everybody4, "3601.0 "+everybody6, "3602.0 "+everybody4, "3602.0 "+everybody6)
		if s := b.Status(); s != (sightings.Status{}) {
			b.Errorf("status %v", s)
		}
		b.change(networkOf(link(3, "172.16.0.1/31")))
		b.want("3602.0 listen IPv4", "3602.0 listen IPv6", "3602.0 send eth3 172.16.0.1 to [239.255.108.182:27830]")
		b.change(discovery.Network{})
		b.want()
		if b.ether.open != 0 || !errors.Is(b.Status().Announce, sightings.ErrNoInterface) {
			b.Errorf("without interfaces %d sockets are open, status %v", b.ether.open, b.Status())
		}
	})
}

// TestSaysWhereItIs: what is sent has the device and the port, and is the same all the time.
func TestSaysWhereItIs(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.settle()
		for _, sent := range b.ether.packets {
			if p, err := read(sent); err != nil || p.device != device(1) || p.port != 4001 || !slices.Equal(sent, b.ether.packets[0]) {
				b.Fatalf("sent %x: %v, %v", sent, p, err)
			}
		}
	})
	var starts [2][startSize]byte
	for i := range starts {
		withBeacon(t, 4001, func(b *bench) {
			b.settle()
			p, _ := read(b.ether.packets[0])
			starts[i] = p.start
		})
	}
	if starts[0] == starts[1] {
		t.Error("two starts have the same number")
	}
}

// TestSendsRarely: about every 30 s is enough while there are peers.
func TestSendsRarely(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.settle()
		pass(time.Hour)
		var last float64
		times := map[float64]bool{}
		for _, l := range b.ether.happened() {
			at, what, _ := strings.Cut(l, " ")
			seconds, _ := time.ParseDuration(at + "s")
			if what != everybody4 {
				continue
			}
			if gap := seconds.Seconds() - last; last > 0 {
				if times[gap] = true; gap < 22.4 || gap > 37.6 {
					b.Fatalf("%.1f s between two beacons", gap)
				}
			}
			last = seconds.Seconds()
		}
		if len(times) < 50 {
			b.Errorf("%d different gaps in an hour: devices keep in step", len(times))
		}
	})
}

// TestSendsOftenAlone: a network that was cut would have stayed so for half a minute longer.
func TestSendsOftenAlone(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.settle()
		b.alone = true
		b.PeersChanged()
		for range 20 { // each is told of as it goes
			b.PeersChanged()
			synctest.Wait()
		}
		if n := b.ether.sends("10.0.0.1"); n != 0 {
			b.Errorf("%d beacons at once", n)
		}
		pass(aloneEvery * 5 / 4)
		if n := b.ether.sends("10.0.0.1"); n == 0 {
			b.Error("no beacon soon after the last peer has gone")
		}
		pass(time.Minute)
		if n := b.ether.sends("10.0.0.1"); n < 15 || n > 27 {
			b.Errorf("%d beacons in a minute alone, want one every 3 s", n)
		}
		b.alone = false
		b.PeersChanged()
		pass(aloneEvery * 5 / 4)
		b.ether.happened()
		pass(10 * time.Minute)
		if n := b.ether.sends("10.0.0.1"); n < 16 || n > 27 {
			b.Errorf("%d beacons in ten minutes with a peer, want one every 30 s", n)
		}
	})
}

// TestSendsRarelyWhereOthersAreHeard: fifty who hear each other, and whose firewalls let nobody connect,
// sent a beacon every 3 s each.
func TestSendsRarelyWhereOthersAreHeard(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.alone = true
		b.settle()
		minutes := func(n int, hears func()) (sent int) {
			b.ether.happened()
			for range n * 60 {
				hears()
				pass(time.Second)
			}
			return b.ether.sends("10.0.0.1")
		}
		if n := minutes(10, func() { b.say(v4, said(device(2), 4002), neighbour, 2) }); n < 16 || n > 27 {
			b.Errorf("%d beacons in ten minutes where others are heard, want one every 30 s", n)
		}
		if n := minutes(10, func() { b.say(v4, said(device(1), 4001), "10.0.0.1:50000", 2) }); n < 150 || n > 270 {
			b.Errorf("%d beacons in ten minutes where only its own are heard, want one every 3 s", n)
		}
		b.say(v4, said(device(2), 4002), neighbour, 2)
		b.PeersChanged() // who was heard was connected, and is lost
		if n := minutes(1, func() {}); n < 15 {
			b.Errorf("%d beacons in a minute after the last peer is lost, want one every 3 s", n)
		}
	})
}

// TestAnnouncesWhenAsked: at once, but once a second at most.
func TestAnnouncesWhenAsked(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.settle()
		pass(every * 5 / 4)
		for b.ether.happened(); b.ether.sends("10.0.0.1") == 0; {
			pass(time.Second / 4)
		}
		pass(2 * time.Second)
		b.Announce()
		synctest.Wait()
		if n := b.ether.sends("10.0.0.1"); n != 1 {
			b.Errorf("asked to announce it sent %d", n)
		}
		for range 50 {
			b.Announce()
			pass(100 * time.Millisecond)
		}
		if n := b.ether.sends("10.0.0.1"); n != 5 {
			b.Errorf("%d beacons in 5 s, want one a second", n)
		}
	})
}

// TestOneAddressOfEachNetwork: a machine with many addresses in one network sent as many beacons, and
// one whose first address can't be used sent none.
func TestOneAddressOfEachNetwork(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.ether.set(func() { b.ether.broken[netip.MustParseAddr("fd00::1")] = errors.New("tentative") })
		b.change(networkOf(link(2, "10.0.0.1/24", "10.0.0.2/24", "10.1.0.1/24", "fd00::1/64", "fd00::2/64", "fd00::3/64"), link(3, "10.0.0.3/24")))
		got := b.ether.happened()[2:]
		slices.Sort(got)
		want := []string{
			"0.0 send eth2 10.0.0.1 to [239.255.108.182:27830 10.0.0.255:27830]",
			"0.0 send eth2 10.1.0.1 to [239.255.108.182:27830 10.1.0.255:27830]",
			"0.0 send eth2 fd00::2 to [[ff12::8000:6cb6]:27830]",
			"0.0 send eth3 10.0.0.3 to [239.255.108.182:27830 10.0.0.255:27830]",
		}
		if !slices.Equal(got, want) {
			b.Errorf("got %q\nwant %q", got, want)
		}
		if s := b.Status(); s.Announce != nil {
			b.Errorf("status %v", s)
		}
	})
}

// TestEveryNetworkIsServed: a machine with more addresses than are told of one device sent no beacon in
// some of its networks.
func TestEveryNetworkIsServed(t *testing.T) {
	var links []discovery.Link
	for i := range 12 {
		var addrs []string
		for j := range 12 {
			addrs = append(addrs, fmt.Sprintf("10.%d.0.%d/24", i, j+1))
		}
		links = append(links, link(i+2, append(addrs, "fd00::1/64")...))
	}
	withBeacon(t, 4001, func(b *bench) {
		b.change(networkOf(links...))
		if n := len(b.ether.happened()); n != 2+2*len(links) {
			b.Errorf("%d lines, want 2 and one for each of two networks of %d links", n, len(links))
		}
	})
}

// TestUnfitInterfacesAreLeftOut: nothing goes to the networks of containers or into a tunnel.
func TestUnfitInterfacesAreLeftOut(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		tunnel := link(3, "10.8.0.1/24")
		tunnel.Unfit = discovery.Tunnel
		b.change(networkOf(link(2, "10.0.0.1/24"), tunnel))
		pass(time.Hour)
		for _, l := range b.ether.happened() {
			if strings.Contains(l, "eth3") {
				b.Fatal(l)
			}
		}
		b.say(v4, said(device(2), 4001), "10.8.0.9:27830", 3)
		if len(b.found) != 0 {
			b.Errorf("found %v", b.found)
		}
	})
}

// TestHearsOthers: a device that says it is here is reported, at the address from which it says so.
func TestHearsOthers(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.change(lan())
		b.say(v4, said(device(2), 4002), neighbour, 2)
		b.say(v6, said(device(3), 4003), "[fd00::9]:50000", 2)
		b.say(v4, said(device(1), 4001), "10.0.0.1:50000", 2) // itself
		want := []discovery.Sighting{
			{Device: device(2), Addrs: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:4002")}, Source: discovery.FromBeacon},
			{Device: device(3), Addrs: []netip.AddrPort{netip.MustParseAddrPort("[fd00::9]:4003")}, Source: discovery.FromBeacon},
		}
		if !slices.EqualFunc(b.found, want, func(x, y discovery.Sighting) bool {
			return x.Device == y.Device && x.Source == y.Source && slices.Equal(x.Addrs, y.Addrs)
		}) {
			b.Errorf("found %v, want %v", b.found, want)
		}
		if h := b.heard.Heard(device(2)); len(h) != 1 || h[sightings.Beacon4].IsZero() {
			b.Errorf("device 2 was heard by %v", h)
		}
		if h := b.heard.Heard(device(3)); len(h) != 1 || h[sightings.Beacon6].IsZero() {
			b.Errorf("device 3 was heard by %v", h)
		}
	})
}

// TestNewStartIsHeard: whoever starts anew at the same address was reported up to a minute later, and
// so was everybody after a change of the network.
func TestNewStartIsHeard(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.change(lan())
		for _, start := range []byte{1, 1, 2, 2} {
			b.say(v4, said(device(2), 4001, start), neighbour, 2)
		}
		if len(b.found) != 2 {
			b.Errorf("two starts are reported %d times", len(b.found))
		}
		b.change(lan()) // woken from sleep
		b.say(v4, said(device(2), 4001, 2), neighbour, 2)
		if len(b.found) != 3 {
			b.Error("after a change of the network it is not reported")
		}
	})
}

// TestNobodyElsesAddressIsTold: an address counts only if the beacon comes from it, from this network
// and over the interface of this network.
func TestNobodyElsesAddressIsTold(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.change(networkOf(link(2, "10.0.0.1/24", "fd00::1/64", "fe80::1/64"), link(3, "10.1.0.1/24")))
		for what, from := range map[string]struct {
			f     family
			at    string
			index int
		}{
			"from beyond the network":   {v4, "192.0.2.9:50000", 2},
			"no index":                  {v4, "192.0.2.9:50000", 0},
			"of the other interface":    {v4, "10.1.0.9:50000", 2},
			"over an unknown interface": {v4, "10.0.0.9:50000", 4},
			"from loopback":             {v4, "127.0.0.1:50000", 2},
			"link-local IPv6":           {v6, "[fe80::9%eth2]:50000", 2},
			"IPv6 from beyond":          {v6, "[2001:db8::9]:50000", 2},
		} {
			if b.say(from.f, said(device(2), 4001), from.at, from.index); len(b.found) != 0 {
				b.Errorf("%s: found %v", what, b.found)
			}
		}
		b.say(v4, said(device(2), 4001), "10.1.0.9:50000", 3)
		b.say(v4, said(device(3), 4001), "169.254.3.4:50000", 2) // got no other address
		if len(b.found) != 2 {
			b.Errorf("found %v", b.found)
		}
	})
}

// TestNobodyAnswersABeacon: whoever can send one packet would have had a whole network send.
func TestNobodyAnswersABeacon(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.settle()
		for b.ether.happened(); b.ether.sends("10.0.0.1") == 0; {
			pass(time.Second / 4)
		}
		for i := range 1000 {
			b.say(v4, said(device(i), 4001), neighbour, 2)
			time.Sleep(10 * time.Millisecond)
		}
		b.want()
	})
}

// TestPacketsAreAdmitted: a flood of beacons is read no faster than one of mDNS, and what is no
// beacon uses nothing up.
func TestPacketsAreAdmitted(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		b.change(lan())
		admitted := func() (n int) {
			for b.heard.Admit(netip.MustParseAddr("10.0.0.9"), time.Now()) {
				n++
			}
			return n
		}
		all := admitted()
		b.say(v4, said(device(2), 4001), neighbour, 2)
		if len(b.found) != 0 {
			b.Error("a packet was read that was not admitted")
		}
		pass(time.Second)
		for range 100 {
			b.say(v4, said(device(2), 4001)[1:], neighbour, 2)
			b.say(v4, said(device(2), 4001), "192.0.2.9:50000", 2)
		}
		b.say(v4, said(device(2), 4001), neighbour, 2)
		if n := admitted(); n != all-1 || len(b.found) != 1 {
			b.Errorf("then %d packets are admitted, want %d; found %v", n, all-1, b.found)
		}
	})
}

// TestHeldPortIsToldAndTriedAgain: while another program holds the port, beacons are sent all the
// same.
func TestHeldPortIsToldAndTriedAgain(t *testing.T) {
	withBeacon(t, 4001, func(b *bench) {
		held := errors.New("address already in use")
		b.ether.set(func() { b.ether.fails[v4] = held })
		b.change(lan())
		b.want("0.0 listen IPv6", "0.0 "+everybody4, "0.0 "+everybody6)
		if s := b.Status(); s != (sightings.Status{IPv4: held}) {
			b.Errorf("status %v", s)
		}
		pass(time.Minute)
		b.ether.happened()
		b.ether.set(func() { b.ether.fails[v4] = nil })
		pass(every * 5 / 4)
		if did := b.ether.happened(); !strings.Contains(did[0], "listen IPv4") || b.Status() != (sightings.Status{}) {
			b.Errorf("freed: %q, status %v", did, b.Status())
		}
		b.ether.sockets[v6].Close() // by itself
		pass(every * 5 / 4)
		if did := b.ether.happened(); !strings.Contains(did[0], "listen IPv6") {
			b.Errorf("after the end of a socket: %q", did)
		}
	})
}

// TestStatusSaysWhyNobodyIsTold: each reason for which others can't hear of this device is told.
func TestStatusSaysWhyNobodyIsTold(t *testing.T) {
	no := errors.New("no")
	for what, test := range map[string]struct {
		network discovery.Network
		port    uint16
		broken  []string
		want    error
	}{
		"no interface":       {discovery.Network{}, 4001, nil, sightings.ErrNoInterface},
		"only a link-local":  {networkOf(link(2, "fe80::1/64")), 4001, nil, discovery.ErrNoAddress},
		"a port of services": {lan(), 1023, nil, sightings.ErrLowPort},
		"nothing goes out":   {lan(), 4001, []string{"10.0.0.1", "fd00::1"}, no},
		"half of it does":    {lan(), 4001, []string{"10.0.0.1"}, nil},
		"nothing":            {lan(), 1024, nil, nil},
	} {
		withBeacon(t, test.port, func(b *bench) {
			for _, a := range test.broken {
				b.ether.broken[netip.MustParseAddr(a)] = no
			}
			b.change(test.network)
			pass(10 * time.Minute)
			if got := b.Status().Announce; !errors.Is(got, test.want) || (got == nil) != (test.want == nil) {
				t.Errorf("%s: %v, want %v", what, got, test.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for what, cfg := range map[string]Config{
		"port 0":    {Device: device(1)},
		"no device": {Port: 4001},
		"bad":       {Device: "bad", Port: 4001},
	} {
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Outside a bubble, as goleak looks at every goroutine.
func TestRunLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := discovery.NewWatcher(func() (discovery.Network, error) { return lan(), nil }, slog.New(slog.DiscardHandler))
	heard := make(chan struct{})
	var once sync.Once
	b, err := New(Config{Device: device(1), Port: 4001, Networks: w.Subscribe(), Alone: func() bool { return true },
		Sightings: sightings.New(sightings.Config{Device: device(1), Found: func(discovery.Sighting) { once.Do(func() { close(heard) }) }, Log: slog.New(slog.DiscardHandler)}),
		Log:       slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b.wire = &chatter{}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = w.Run(ctx) })
	all.Go(func() { _ = b.Run(ctx) })
	<-heard
	cancel()
	all.Wait()
}

// chatter is a network on which one device is heard again and again.
type chatter struct{}

func (chatter) send([]byte, netip.Addr, discovery.Link, ...netip.AddrPort) error { return nil }

func (chatter) listen(_ family, _ []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	s := &speaking{quit: make(chan struct{}), done: make(chan struct{})}
	go func() { // like a socket's reader
		defer close(s.done)
		for {
			select {
			case <-s.quit:
				return
			default:
				take(said(device(2), 4001), netip.MustParseAddrPort(neighbour), 2)
			}
		}
	}()
	return s, nil
}

type speaking struct{ quit, done chan struct{} }

func (s *speaking) Ended() <-chan struct{} { return s.done }

func (s *speaking) Close() {
	close(s.quit)
	<-s.done
}
