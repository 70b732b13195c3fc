package beacon

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

// device returns a device's ID, another for each i.
func device(i int) peer.ID {
	key := []byte{0x08, 0x01, 0x12, 0x20} // protobuf: Ed25519, 32 bytes
	key = append(key, make([]byte, 32)...)
	binary.BigEndian.PutUint32(key[8:], uint32(i))
	hash, _ := mh.Sum(key, mh.IDENTITY, -1)
	return peer.ID(hash)
}

// link returns an interface with some addresses, such as 10.0.0.1/24.
func link(index int, addrs ...string) discovery.Link {
	l := discovery.Link{Name: fmt.Sprintf("eth%d", index), Index: index}
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		l.Addrs, l.Prefixes = append(l.Addrs, p.Addr()), append(l.Prefixes, p.Masked())
	}
	l.Prefixes = slices.Compact(l.Prefixes)
	return l
}

func networkOf(links ...discovery.Link) discovery.Network { return discovery.Network{Links: links} }

// lan is a network on which most tests take place.
func lan() discovery.Network {
	return networkOf(link(2, "10.0.0.1/24", "fd00::1/64", "fe80::1/64"))
}

// said returns the beacon of a device.
func said(d peer.ID, port uint16, start ...byte) []byte {
	p := packet{device: d, port: port}
	copy(p.start[:], start)
	b, err := p.write()
	if err != nil {
		panic(err)
	}
	return b
}

// ether is a network of which the test hears and says everything.
type ether struct {
	mu      sync.Mutex
	began   time.Time
	log     []string // what was done, with the seconds since began
	fails   [families]error
	broken  map[netip.Addr]error // sending from an address fails with it
	packets [][]byte             // that were sent
	open    int                  // sockets
	sockets [families]*quiet
}

// quiet is one socket of an ether.
type quiet struct {
	*ether
	take func([]byte, netip.AddrPort, int)
	done chan struct{}
	once sync.Once
}

func (e *ether) note(what string, args ...any) {
	e.log = append(e.log, fmt.Sprintf("%.1f ", time.Since(e.began).Seconds())+fmt.Sprintf(what, args...))
}

func (e *ether) listen(f family, links []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.fails[f]; err != nil {
		return nil, err
	}
	e.open++
	e.note("listen %v", f)
	e.sockets[f] = &quiet{ether: e, take: take, done: make(chan struct{})}
	return e.sockets[f], nil
}

func (e *ether) send(b []byte, from netip.Addr, l discovery.Link, to ...netip.AddrPort) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.broken[from]; err != nil {
		return err
	}
	e.packets = append(e.packets, slices.Clone(b))
	e.note("send %s %s to %v", l.Name, from, to)
	return nil
}

func (q *quiet) Ended() <-chan struct{} { return q.done }

func (q *quiet) Close() {
	q.once.Do(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.open--
		close(q.done)
	})
}

func (e *ether) set(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

// happened returns what was done since it was last called.
func (e *ether) happened() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	log := e.log
	e.log = nil
	return log
}

// sends returns how many beacons were sent from an address since it or happened was last called.
func (e *ether) sends(from string) (n int) {
	for _, l := range e.happened() {
		if strings.Contains(l, " "+from+" to ") {
			n++
		}
	}
	return n
}

type bench struct {
	*testing.T
	*Beacon
	ether    *ether
	networks chan discovery.Network
	alone    bool
	found    []discovery.Sighting
	heard    *sightings.Sightings
}

// withBeacon runs device 1, which listens on port 4001 and has a peer unless the test says otherwise.
func withBeacon(t *testing.T, port uint16, body func(*bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, networks: make(chan discovery.Network, 1), ether: &ether{began: time.Now(), broken: map[netip.Addr]error{}}}
		b.heard = sightings.New(sightings.Config{Device: device(1), Found: func(s discovery.Sighting) { b.found = append(b.found, s) },
			Log: slog.New(slog.DiscardHandler)})
		var err error
		b.Beacon, err = New(Config{Device: device(1), Port: port, Networks: b.networks, Sightings: b.heard,
			Alone: func() bool { return b.alone }, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b.wire = b.ether
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Beacon.Run(ctx) }()
		synctest.Wait()
		body(b)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if b.ether.open != 0 {
			t.Errorf("%d sockets are left open", b.ether.open)
		}
	})
}

// pass lets d go by, and everything happen that is due until then.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble: no time at all
	synctest.Wait()
}

func (b *bench) change(n discovery.Network) {
	b.networks <- n
	synctest.Wait()
}

// settle lets the beginning pass.
func (b *bench) settle() {
	b.change(lan())
	pass(time.Minute)
	b.ether.happened()
}

// say lets a packet arrive from a sender, over the interface with an index.
func (b *bench) say(f family, packet []byte, from string, index int) {
	b.ether.mu.Lock()
	s := b.ether.sockets[f]
	b.ether.mu.Unlock()
	s.take(packet, netip.MustParseAddrPort(from), index)
	synctest.Wait()
}

func (b *bench) want(want ...string) {
	b.Helper()
	if got := b.ether.happened(); !slices.Equal(got, want) {
		b.Errorf("got %q\nwant %q", got, want)
	}
}
