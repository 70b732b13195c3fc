package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/sightings"
)

// once runs a node on a host in memory for as long as do does.
func once(t *testing.T, host *memnet.Host, cfg Config, do func(n *Node)) error {
	t.Helper()
	cfg.NoMDNS, cfg.Transport = true, host.Transport
	if cfg.Networks == nil {
		cfg.Networks = func() (discovery.Network, error) {
			return discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: host.Addrs()}}}, nil
		}
	}
	n, err := Open(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case <-n.Ready():
		do(n)
		cancel()
		return <-ended
	case err := <-ended:
		return err
	}
}

// TestListenIsKept: --listen was forgotten at the next start, and a port alone was refused.
func TestListenIsKept(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		dir, host := t.TempDir(), w.net.Host(w.freshAddr())
		at := func(listen ...string) (port string) {
			t.Helper()
			if err := once(t, host, Config{Dir: dir, Listen: listen}, func(n *Node) {
				s, err := n.Status(t.Context())
				if err != nil || len(s.Listening) != 1 {
					t.Fatalf("listening on %v, %v", s.Listening, err)
				}
				port = strings.Split(s.Listening[0], "/")[4]
			}); err != nil {
				t.Fatal(err)
			}
			return port
		}
		first := at()
		if again := at(); again != first {
			t.Errorf("port %s, then %s", first, again)
		}
		if port := at("4001"); port != "4001" {
			t.Errorf("port %s", port)
		}
		if port := at(); port != "4001" {
			t.Errorf("port %s after 4001 was to be kept", port)
		}
		if port := at("0"); port != first {
			t.Errorf("port %s, not that of before, %s", port, first)
		}
		if port := at(); port != first {
			t.Errorf("port %s after 4001 was to be forgotten", port)
		}
		if port := at(fmt.Sprintf("/ip4/%s/tcp/4002", host.Addrs()[0])); port != "4002" {
			t.Errorf("port %s", port)
		}
		if err := once(t, host, Config{Dir: t.TempDir(), Listen: []string{"4002"}}, func(*Node) {
			err := once(t, host, Config{Dir: dir}, func(*Node) {})
			if !errors.Is(err, ErrListen) || !strings.Contains(err.Error(), "as --listen said last") {
				t.Errorf("a kept address that is taken: %v", err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// listens runs a node for as long as do does, on the port that it says.
func listens(t *testing.T, host *memnet.Host, dir string, listen []string, do func(Port)) {
	t.Helper()
	if err := once(t, host, Config{Dir: dir, Listen: listen}, func(n *Node) { do(n.Port()) }); err != nil {
		t.Fatal(err)
	}
}

// TestPortIsOfTheRange: the port was any that was free, so that no firewall could be opened for it.
func TestPortIsOfTheRange(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		host := w.net.Host(w.freshAddr())
		var seen []uint16
		var next func()
		next = func() { // each runs beside those before it
			listens(t, host, t.TempDir(), nil, func(p Port) {
				if seen = append(seen, p.Now); p.Taken != 0 {
					t.Errorf("a new node misses port %d", p.Taken)
				}
				if len(seen) <= discovery.LastPort-discovery.FirstPort+1 {
					next()
				}
			})
		}
		next()
		for i, port := range seen[:len(seen)-1] {
			if want := uint16(discovery.FirstPort + i); port != want {
				t.Errorf("node %d listens on %d, want %d", i, port, want)
			}
		}
		if last := seen[len(seen)-1]; last == 0 || last >= discovery.FirstPort && last <= discovery.LastPort {
			t.Errorf("when all are taken a node listens on %d", last)
		}
	})
}

// TestPortIsKept: a node tries the port of last time first, takes another one of the range if that is
// another program's now, says so, and keeps the other one.
func TestPortIsKept(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		host, dir := w.net.Host(w.freshAddr()), t.TempDir()
		expect := func(want Port) func(Port) {
			return func(got Port) {
				t.Helper()
				if got != want {
					t.Errorf("listens %+v, want %+v", got, want)
				}
			}
		}
		listens(t, host, t.TempDir(), nil, func(Port) { // has the first
			listens(t, host, dir, nil, expect(Port{Now: discovery.FirstPort + 1}))
		})
		listens(t, host, dir, nil, expect(Port{Now: discovery.FirstPort + 1}))
		listens(t, host, t.TempDir(), []string{fmt.Sprint(discovery.FirstPort + 1)}, func(Port) {
			listens(t, host, dir, nil, expect(Port{Now: discovery.FirstPort, Taken: discovery.FirstPort + 1}))
			listens(t, host, dir, nil, expect(Port{Now: discovery.FirstPort}))
		})
		listens(t, host, dir, []string{"4001"}, expect(Port{Now: 4001}))
		listens(t, host, dir, []string{"0"}, expect(Port{Now: discovery.FirstPort}))
	})
}

// TestPortThatIsTriedIsNotLost: the doctor of a stopped node tries its port. A node that started at that
// moment took another port for good, or did not start where it had been told the port.
func TestPortThatIsTriedIsNotLost(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		host, dir := w.net.Host(w.freshAddr()), t.TempDir()
		meanwhile := func(port uint16) {
			t.Helper()
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			other, err := link.New(link.Config{Key: key, Transport: host.Transport})
			if err == nil {
				err = other.Listen(link.ListenAddrs(port))
			}
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Millisecond, func() { other.Close() })
		}
		kept := func(want uint16) func(Port) {
			return func(got Port) {
				t.Helper()
				if got != (Port{Now: want}) {
					t.Errorf("got %+v, want %d", got, want)
				}
			}
		}
		listens(t, host, dir, nil, kept(discovery.FirstPort))
		meanwhile(discovery.FirstPort)
		listens(t, host, dir, nil, kept(discovery.FirstPort))
		meanwhile(4001)
		listens(t, host, dir, []string{"4001"}, kept(4001))
	})
}

// TestPortsThatTheSystemKeeps: a node did not start where the system lets nobody have one of its ports.
func TestPortsThatTheSystemKeeps(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		host, dir := w.net.Host(w.freshAddr()), t.TempDir()
		host.Withhold(discovery.FirstPort)
		listens(t, host, dir, nil, func(p Port) {
			if p != (Port{Now: discovery.FirstPort + 1}) {
				t.Errorf("at first %+v", p)
			}
		})
		host.Withhold(discovery.FirstPort+1, discovery.FirstPort)
		listens(t, host, dir, nil, func(p Port) {
			if p != (Port{Now: discovery.FirstPort + 2, Taken: discovery.FirstPort + 1}) {
				t.Errorf("then %+v", p)
			}
		})
	})
}

// TestMakeshiftPortIsLeft: a node that found the whole range taken once would have stayed outside of
// it, where no firewall lets others through.
func TestMakeshiftPortIsLeft(t *testing.T) {
	for last, want := range map[uint16]string{
		0:                   "[27830 27831 27832 27833 27834 27835 27836 27837 27838 27839 0]",
		40000:               "[27830 27831 27832 27833 27834 27835 27836 27837 27838 27839 40000 0]",
		27832:               "[27832 27830 27831 27833 27834 27835 27836 27837 27838 27839 0]",
		discovery.FirstPort: "[27830 27831 27832 27833 27834 27835 27836 27837 27838 27839 0]",
		discovery.LastPort:  "[27839 27830 27831 27832 27833 27834 27835 27836 27837 27838 0]",
	} {
		if got := fmt.Sprint(usualPorts(last)); got != want {
			t.Errorf("after %d: %s, want %s", last, got, want)
		}
	}
}

func TestWhatCanBeListenedOn(t *testing.T) {
	for text, want := range map[string]int{"4001": 2, "0": 0, "/ip4/10.0.0.1/tcp/4001": 1, "/ip6/::/tcp/0": 1} {
		if addrs, err := parseListen([]string{text}); err != nil || len(addrs) != want {
			t.Errorf("%s: %v, %v", text, addrs, err)
		}
	}
	for _, texts := range [][]string{{"65536"}, {"-1"}, {"4001 "}, {"http"}, {""}, {"0", "4001"}, {"/ip4/10.0.0.1/udp/1"}, {"10.0.0.1:4001"}} {
		if addrs, err := parseListen(texts); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, %v", texts, addrs, err)
		}
	}
}

// TestNamedInterfaceIsTheOnlyOne: whoever named an interface was reached over all others, and over
// all of them if its name did not exist.
func TestNamedInterfaceIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		used, other := w.freshAddr(), w.freshAddr()
		host := w.net.Host(used, other)
		bob := w.machine("Bob")
		bob.start()
		for what, test := range map[string]struct {
			network discovery.Network
			reached []netip.Addr
		}{
			"there":     {discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: []netip.Addr{used}, Named: true}}}, []netip.Addr{used}},
			"not there": {discovery.Network{Missing: []string{"eth0"}}, nil},
		} {
			err := once(t, host, Config{Dir: t.TempDir(), Interfaces: []string{"eth0"}, Listen: []string{"4001"},
				Networks: func() (discovery.Network, error) { return test.network, nil }}, func(n *Node) {
				for _, addr := range []netip.Addr{used, other} {
					sighting := discovery.Sighting{Device: n.host.ID(), Addrs: []netip.AddrPort{netip.AddrPortFrom(addr, 4001)}}
					err := bob.Node.host.Connect(t.Context(), n.host.ID(), sighting.Multiaddrs())
					if want := slices.Contains(test.reached, addr); (err == nil) != want {
						t.Errorf("%s: reached at %s: %v, want %t", what, addr, err, want)
					}
					for _, c := range bob.Node.host.ConnsTo(n.host.ID()) {
						_ = c.Close()
					}
				}
				s, err := n.Status(t.Context())
				if err != nil || len(s.Listening) != len(test.reached) {
					t.Errorf("%s: listening on %v, %v", what, s.Listening, err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestStatusSaysWhyNobodyIsFound: an interface that was passed over, no network at all, and a peer
// that was named and does not answer, were said nowhere.
func TestStatusSaysWhyNobodyIsFound(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		addr := w.freshAddr()
		host := w.net.Host(addr)
		var told []string
		err := once(t, host, Config{Dir: t.TempDir(), Listen: []string{"4001"}, Peers: []string{"10.0.0.99:4001"},
			Unreached: func(peer string, err error) { told = append(told, fmt.Sprint(peer, ": ", err)) },
			Networks: func() (discovery.Network, error) {
				return discovery.Network{Links: []discovery.Link{{Name: "tun0", Index: 1, Addrs: []netip.Addr{addr}, Unfit: discovery.Tunnel}}}, nil
			}}, func(n *Node) {
			time.Sleep(time.Minute)
			f := n.Finding()
			if !slices.Equal(f.LeftOut, []LeftOut{{"tun0", "tunnel"}}) || !slices.Equal(f.Troubles, []Trouble{{Code: TroubleNoMDNS}}) ||
				len(f.Unreached) != 1 || f.Unreached[0].Peer != "10.0.0.99:4001" || f.Unreached[0].Detail == "" {
				t.Errorf("%+v", f)
			}
			n.networks = func() (discovery.Network, error) { return discovery.Network{}, nil }
			if f := n.Finding(); !slices.Equal(f.Troubles, []Trouble{{Code: TroubleNoNetwork}}) {
				t.Errorf("without an interface: %+v", f)
			}
			n.networks = func() (discovery.Network, error) { return discovery.Network{Missing: []string{"eth9"}}, nil }
			if f := n.Finding(); len(f.Troubles) != 0 || !slices.Equal(f.LeftOut, []LeftOut{{"eth9", "not_there"}}) {
				t.Errorf("without the interface that was named: %+v", f)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 {
			t.Errorf("told %q", told)
		}
	})
}

// TestOneWayIsEnough: whoever is found by beacons was told that nobody finds them, as mDNS did not work.
// What keeps both from working is said, unless the interfaces explain it.
func TestOneWayIsEnough(t *testing.T) {
	held, linkLocal := errors.New("address already in use"), fmt.Errorf("announce: %w", discovery.ErrNoAddress)
	none, all := sightings.Status{Announce: sightings.ErrNoInterface, IPv4: sightings.ErrNoInterface, IPv6: sightings.ErrNoInterface}, sightings.Status{Announce: held, IPv4: held, IPv6: held}
	ok := sightings.Status{}
	for what, test := range map[string]struct {
		mdns, beacons sightings.Status
		want          string // codes
	}{
		"well":                      {ok, ok, ""},
		"before the start":          {none, none, ""},
		"without IPv6":              {sightings.Status{IPv6: held}, sightings.Status{IPv6: held}, ""},
		"link-local only":           {sightings.Status{Announce: linkLocal}, sightings.Status{Announce: linkLocal}, ""},
		"mDNS alone":                {ok, all, ""},
		"beacons alone":             {all, ok, ""},
		"beacons over IPv6 alone":   {all, sightings.Status{IPv4: held}, ""},
		"beacons that are not sent": {all, sightings.Status{Announce: held}, "announce"},
		"beacons that are sent":     {all, sightings.Status{IPv4: held, IPv6: held}, "hear"},
		"nothing":                   {all, all, "announce hear"},
	} {
		var codes []string
		for _, trouble := range troublesOf(test.mdns, test.beacons) {
			if codes = append(codes, trouble.Code); !strings.Contains(trouble.Detail, held.Error()) {
				t.Errorf("%s: %q does not say why", what, trouble.Detail)
			}
		}
		if got := strings.Join(codes, " "); got != test.want {
			t.Errorf("%s: %q, want %q", what, got, test.want)
		}
	}
}
