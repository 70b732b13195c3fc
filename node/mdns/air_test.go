package mdns

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/miekg/dns"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

// device returns a device's ID, always the same for a seed.
func device(seed byte) peer.ID {
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		panic(err)
	}
	return id
}

// link returns an interface with some addresses, such as 10.0.0.1/24.
func link(index int, addrs ...string) discovery.Link {
	l := discovery.Link{Name: fmt.Sprintf("eth%d", index), Index: index}
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		l.Addrs, l.Prefixes = append(l.Addrs, p.Addr()), append(l.Prefixes, p.Masked())
	}
	return l
}

func networkOf(links ...discovery.Link) discovery.Network { return discovery.Network{Links: links} }

// lan is a network on which most tests take place.
func lan() discovery.Network { return networkOf(link(2, "10.0.0.1/24", "fe80::1/64")) }

func addrs(texts ...string) (out []netip.AddrPort) {
	for _, t := range texts {
		out = append(out, netip.MustParseAddrPort(t))
	}
	return out
}

// announced returns the packet by which a device announces itself.
func announced(d peer.ID, n names, ttl uint32, at ...string) []byte {
	b, err := n.announcement(d, addrs(at...), ttl)
	if err != nil {
		panic(err)
	}
	return b
}

// from returns an announcement of a device, at an address of lan.
func from(d peer.ID) []byte { return announced(d, newNames(), lifetime, "10.0.0.9:4001") }

// asking returns a query.
func asking(name string, kinds ...uint16) []byte {
	m := new(dns.Msg)
	for _, k := range kinds {
		m.Question = append(m.Question, dns.Question{Name: name, Qtype: k, Qclass: dns.ClassINET})
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// air is a network of which the test hears and says everything.
type air struct {
	mu      sync.Mutex
	began   time.Time
	log     []string // what was done, with the seconds since began
	fails   map[family]error
	broken  error // sending fails with it
	refuses error // the library fails with it
	runs    int   // sockets that are open, and the library
	sockets [families]*quiet
}

// quiet is one socket of an air.
type quiet struct {
	*air
	by   family
	take func([]byte, netip.AddrPort, int)
	done chan struct{}
	once sync.Once
}

func (a *air) note(what string, args ...any) {
	a.log = append(a.log, fmt.Sprintf("%.1f ", time.Since(a.began).Seconds())+fmt.Sprintf(what, args...))
}

func (a *air) listen(f family, links []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fails[f]; err != nil {
		return nil, err
	}
	a.runs++
	a.note("listen %v", f)
	a.sockets[f] = &quiet{air: a, by: f, take: take, done: make(chan struct{})}
	return a.sockets[f], nil
}

func (a *air) register(n names, at []netip.AddrPort, text []string, l discovery.Link) (func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuses != nil {
		return nil, a.refuses
	}
	a.runs++
	a.note("register %s %v", l.Name, at)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.note("hush")
		a.runs--
	}, nil
}

func (q *quiet) Say(b []byte, l discovery.Link) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil {
		return q.broken
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		panic(err)
	}
	what := "ask"
	if m.Response {
		what = "say"
		if m.Answer[0].Header().Ttl == 0 {
			what = "goodbye"
		}
	}
	q.note("%s %v %s", what, q.by, l.Name)
	return nil
}

func (q *quiet) Ended() <-chan struct{} { return q.done }

func (q *quiet) Close() { q.fail() }

// fail ends the socket.
func (q *quiet) fail() {
	q.once.Do(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.runs--
		close(q.done)
	})
}

// say lets a packet arrive from a sender, over the interface with index 2.
func (a *air) say(f family, b []byte, from string) {
	a.mu.Lock()
	s := a.sockets[f]
	a.mu.Unlock()
	s.take(b, netip.MustParseAddrPort(from), 2)
	synctest.Wait()
}

func (a *air) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// happened returns what was done since it was last called.
func (a *air) happened() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := a.log
	a.log = nil
	return log
}

// did returns what was done since it or happened was last called, without the times.
func (a *air) did() (out []string) {
	for _, l := range a.happened() {
		_, what, _ := strings.Cut(l, " ")
		out = append(out, what)
	}
	return out
}

func (a *air) count(what string) (n int) {
	for _, l := range a.did() {
		if l == what {
			n++
		}
	}
	return n
}

type bench struct {
	*testing.T
	*MDNS
	air      *air
	networks chan discovery.Network
	found    []discovery.Sighting // of Run's goroutine: read after synctest.Wait
}

func newSightings(found func(discovery.Sighting)) *sightings.Sightings {
	return sightings.New(sightings.Config{Device: device(1), Found: found, Log: slog.New(slog.DiscardHandler)})
}

const neighbour = "10.0.0.9:5353" // who sends in most tests

func withMDNS(t *testing.T, change func(*Config), body func(*bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, networks: make(chan discovery.Network, 1)}
		b.air = &air{began: time.Now(), fails: map[family]error{}}
		cfg := Config{Device: device(1), Port: 4001, Networks: b.networks, Log: slog.New(slog.DiscardHandler),
			Sightings: newSightings(func(s discovery.Sighting) { b.found = append(b.found, s) })}
		if change != nil {
			change(&cfg)
		}
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		m.wire, b.MDNS = b.air, m
		inBubble(t, m.Run, func() { body(b) })
		if b.air.runs != 0 {
			t.Errorf("%d sockets and libraries are left running", b.air.runs)
		}
	})
}

func (b *bench) change(n discovery.Network) {
	b.networks <- n
	synctest.Wait()
}

func (b *bench) want(want ...string) {
	b.Helper()
	if got := b.air.happened(); !slices.Equal(got, want) {
		b.Errorf("got %q\nwant %q", got, want)
	}
}

// settle lets the beginning pass, until nothing is said but once a minute, and was just said: for 40 s
// nothing comes by itself.
func (b *bench) settle(n discovery.Network) {
	b.change(n)
	pass(3 * time.Minute)
	for b.air.happened(); len(b.air.happened()) == 0; {
		pass(time.Second)
	}
}
