package discovery

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"
)

// air is a multicast network of which the test hears and says everything.
type air struct {
	mu      sync.Mutex
	began   time.Time
	log     []string // what was done, with the seconds since began
	names   map[string]int
	fails   map[family]error
	refuses error // announcing fails with it
	open    int   // announcements and queries that run
	out     [families]chan<- heard
	ctx     [families]context.Context
	kill    [families]chan struct{} // closed: the query ends by itself
}

func (a *air) note(what string, args ...any) {
	a.log = append(a.log, fmt.Sprintf("%.0f ", time.Since(a.began).Seconds())+fmt.Sprintf(what, args...))
}

func (a *air) announce(ann announcement, links []Link) (func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuses != nil {
		return nil, a.refuses
	}
	a.note("announce %v", ann.ips)
	a.names[ann.instance]++
	a.names[ann.host]++
	a.open++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.open--
	}, nil
}

func (a *air) browse(ctx context.Context, f family, links []Link, out chan<- heard) (<-chan struct{}, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(links) == 0 {
		panic("browse on no interface: the library would take all")
	}
	if err := a.fails[f]; err != nil {
		return nil, err
	}
	a.note("browse %v", f)
	a.open++
	a.out[f], a.ctx[f], a.kill[f] = out, ctx, make(chan struct{})
	ended, kill := make(chan struct{}), a.kill[f]
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
		case <-kill:
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.open--
	}()
	return ended, nil
}

// say lets the query of one family hear an entry, unless it is not running.
func (a *air) say(f family, e entry) {
	a.mu.Lock()
	out, ctx := a.out[f], a.ctx[f]
	a.mu.Unlock()
	select {
	case out <- heard{entry: e, by: f}:
	case <-ctx.Done():
	}
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

func (a *air) count(prefix string) (n int) {
	for _, l := range a.happened() {
		var s int
		var what string
		fmt.Sscan(l, &s, &what)
		if what == prefix {
			n++
		}
	}
	return n
}

type bench struct {
	*testing.T
	*MDNS
	air      *air
	networks chan Network
	found    []Sighting // of Run's goroutine: read after synctest.Wait
	own      []Sighting // the same
}

func withMDNS(t *testing.T, known func(peer.ID) bool, body func(*bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, networks: make(chan Network, 1)}
		b.air = &air{began: time.Now(), names: map[string]int{}, fails: map[family]error{}}
		m, err := NewMDNS(MDNSConfig{Device: device(1), Port: 4001, Networks: b.networks, Known: known,
			Found: func(s Sighting) { b.found = append(b.found, s) }, Own: func(s Sighting) { b.own = append(b.own, s) }, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		m.wire, b.MDNS = b.air, m
		inBubble(t, m.Run, func() { body(b) })
		if b.air.open != 0 {
			t.Errorf("%d announcements and queries are left running", b.air.open)
		}
		for name, n := range b.air.names {
			if n > 1 {
				t.Errorf("name %s was used %d times", name, n)
			}
		}
	})
}

func (b *bench) change(n Network) {
	b.networks <- n
	synctest.Wait()
}

func (b *bench) want(want ...string) {
	b.Helper()
	if got := b.air.happened(); !slices.Equal(got, want) {
		b.Errorf("got %q\nwant %q", got, want)
	}
}

// stranger returns a device's ID, another for each i.
func stranger(i int) peer.ID {
	key := []byte{0x08, 0x01, 0x12, 0x20} // protobuf: Ed25519, 32 bytes
	key = append(key, make([]byte, 32)...)
	binary.BigEndian.PutUint32(key[8:], uint32(i))
	hash, _ := mh.Sum(key, mh.IDENTITY, -1)
	return peer.ID(hash)
}

func from(d peer.ID) entry { return entry{text: text(d), port: 4001, ips: ips("10.0.0.9")} }

// talkative is an air in which one device is heard at once over IPv4.
type talkative struct{ air }

func (a *talkative) browse(ctx context.Context, f family, links []Link, out chan<- heard) (<-chan struct{}, error) {
	ended, err := a.air.browse(ctx, f, links, out)
	both := make(chan struct{})
	go func() {
		defer close(both)
		if f == ipv4 {
			select {
			case out <- heard{entry: from(device(2)), by: f}:
			case <-ctx.Done():
			}
		}
		<-ended
	}()
	return both, err
}
