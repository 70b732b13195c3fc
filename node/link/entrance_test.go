package link

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/node/budget"
)

// lobby is an entrance, with connections that carry nothing.
type lobby struct {
	*entrance
	limits *limits
	of     map[peer.ID]budget.Standing
	works  map[peer.ID]bool // has a stream
}

func newLobby(t *testing.T) *lobby {
	t.Helper()
	w := &lobby{of: make(map[peer.ID]budget.Standing), works: make(map[peer.ID]bool)}
	standing := func(id peer.ID) budget.Standing { return w.of[id] }
	var err error
	if w.limits, err = newLimits(standing); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.limits.Close() })
	w.entrance = newEntrance(Config{Standing: standing}, func(id peer.ID) bool { return w.works[id] })
	return w
}

// fakeConn is a connection of which only the other end is known.
type fakeConn struct {
	manet.Conn
	remote ma.Multiaddr
	closed bool
}

func (c *fakeConn) RemoteMultiaddr() ma.Multiaddr      { return c.remote }
func (c *fakeConn) LocalMultiaddr() ma.Multiaddr       { return c.remote }
func (c *fakeConn) Close() error                       { c.closed = true; return nil }
func (c *fakeConn) Read(b []byte) (int, error)         { return 0, net.ErrClosed }
func (c *fakeConn) Write(b []byte) (int, error)        { return 0, net.ErrClosed }
func (c *fakeConn) LocalAddr() net.Addr                { return nil }
func (c *fakeConn) RemoteAddr() net.Addr               { return nil }
func (c *fakeConn) SetDeadline(t time.Time) error      { return nil }
func (c *fakeConn) SetReadDeadline(t time.Time) error  { return nil }
func (c *fakeConn) SetWriteDeadline(t time.Time) error { return nil }

// hostAt is the address of one of many hosts.
func hostAt(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24+uint32(n))
	return netip.AddrFrom4(b)
}

// knocks has a connection come from a host.
func (w *lobby) knocks(from int) (*arrival, error) {
	m, err := manet.FromIP(hostAt(from).AsSlice())
	if err != nil {
		return nil, err
	}
	scope, err := w.limits.OpenConnection(network.DirInbound, true, m)
	if err != nil {
		return nil, err
	}
	a, err := w.arrive(&fakeConn{remote: m}, scope)
	if err != nil {
		scope.Done()
	}
	return a, err
}

// comes has a connection come from a host and prove that it is a device's.
func (w *lobby) comes(from int, id peer.ID) (*arrival, error) {
	a, err := w.knocks(from)
	if err == nil {
		if err = a.SetPeer(id); err != nil {
			a.Done()
		}
	}
	return a, err
}

func closed(a *arrival) bool { return a.conn.(*fakeConn).closed }

// in runs a test under virtual time.
func in(t *testing.T, test func(t *testing.T, w *lobby)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newLobby(t)) })
}

// TestSlowOneIsNotPushedOut: whoever takes time for a handshake makes room for nobody who holds more.
func TestSlowOneIsNotPushedOut(t *testing.T) {
	in(t, func(t *testing.T, w *lobby) {
		slow, err := w.knocks(5)
		if err != nil {
			t.Fatal(err)
		}
		for range maxAttempts {
			for from := range 4 {
				_, _ = w.knocks(from + 1)
			}
			time.Sleep(time.Millisecond)
		}
		if closed(slow) {
			t.Error("it had to make room for others")
		}
	})
}

// TestSilentConnectionsMakeRoom: connections that say nothing took all places of those that are not
// proven, from one address or from many, and nobody got in for as long as they lasted.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	for what, addresses := range map[string]int{"one address": 1, "four": 4, "many": 1000} {
		t.Run(what, func(t *testing.T) {
			in(t, func(t *testing.T, w *lobby) {
				var silent []*arrival
				for i := range 1024 {
					a, err := w.knocks(i%addresses + 1)
					if err == nil {
						silent = append(silent, a)
					}
				}
				time.Sleep(attemptSpan)
				for from := range 60 {
					if _, err := w.comes(from+2000, testPeer(t)); err != nil {
						t.Fatalf("an honest one is refused: %v", err)
					}
				}
				if _, err := w.comes(1, testPeer(t)); err != nil {
					t.Errorf("an honest one behind the address is refused: %v", err)
				}
				open := 0
				for _, a := range silent {
					if !closed(a) {
						open++
					}
				}
				if open > maxArriving {
					t.Errorf("%d silent connections are open", open)
				}
			})
		})
	}
}

// TestContactsAddressesHavePlacesOfTheirOwn: whoever was lately at an address gets in from there
// whatever comes from others, and so much of it as there is.
func TestContactsAddressesHavePlacesOfTheirOwn(t *testing.T) {
	in(t, func(t *testing.T, w *lobby) {
		contact := testPeer(t)
		w.of[contact] = budget.Contact
		if _, err := w.comes(7, contact); err != nil {
			t.Fatal(err)
		}
		for i := range 2 * maxAttempts {
			_, _ = w.knocks(i + 100)
		}
		if _, err := w.knocks(99); err == nil {
			t.Fatal("the rate of attempts has no end")
		}
		a, err := w.knocks(7)
		if err != nil {
			t.Fatal("a contact's address is refused")
		}
		for i := range 5000 {
			_, _ = w.knocks(i + 100)
			time.Sleep(time.Millisecond)
		}
		if closed(a) {
			t.Error("it had to make room for strangers")
		}
		time.Sleep(keptFor + 1)
		if w.isKept(hostAt(7)) {
			t.Error("the address is remembered for ever")
		}
		for i := range 2 * maxKept {
			w.keep(hostAt(i))
		}
		if len(w.known) != maxKept || !w.isKept(hostAt(2*maxKept-1)) {
			t.Errorf("%d addresses are remembered", len(w.known))
		}
	})
}

// TestStrangersShareTheirPlaces: one address took all places for connections, and a contact behind
// the same address was charged to it.
func TestStrangersShareTheirPlaces(t *testing.T) {
	in(t, func(t *testing.T, w *lobby) {
		of := func(from int) int {
			n := 0
			for _, a := range w.strangers.All() {
				if a.from == hostAt(from) {
					n++
				}
			}
			return n
		}
		idle := make(map[peer.ID]*arrival)
		for range 1200 {
			id := testPeer(t)
			if a, err := w.comes(1, id); err == nil {
				idle[id] = a
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := of(1); n != maxConnsStrangers/2 {
			t.Errorf("one address has %d places", n)
		}
		// Ten contacts and fifty newcomers behind it get in all the same.
		for i := range 60 {
			id := testPeer(t)
			if i < 10 {
				w.of[id] = budget.Contact
			}
			w.works[id] = true
			if a, err := w.comes(1, id); err != nil || closed(a) {
				t.Fatalf("number %d behind the address of an attacker: %v", i, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		// One that carries a stream is closed for nobody.
		for id := range idle {
			w.works[id] = true
		}
		if _, err := w.comes(1, testPeer(t)); err == nil {
			t.Error("an address has more than its share")
		}
		if _, err := w.comes(2, testPeer(t)); err != nil {
			t.Errorf("another address: %v", err)
		}
	})
}

// TestContactsPlacesAreTheirs: however many strangers and fellows there are, a contact gets in; and
// one who has become a contact is no stranger that must make room.
func TestContactsPlacesAreTheirs(t *testing.T) {
	in(t, func(t *testing.T, w *lobby) {
		promoted := testPeer(t)
		first, err := w.comes(1, promoted)
		if err != nil {
			t.Fatal(err)
		}
		w.of[promoted] = budget.Contact
		many := func(standing budget.Standing, from int) (n int) {
			for i := range 2 * maxConnsInbound {
				id := testPeer(t)
				w.of[id] = standing
				a, err := w.comes(from+i%500, id)
				if err == nil && !closed(a) {
					n++
				}
				time.Sleep(10 * time.Millisecond)
			}
			return n
		}
		many(budget.Stranger, 1)
		if closed(first) {
			t.Error("one who has become a contact had to make room for strangers")
		}
		strangers := w.strangers.Len()
		many(budget.Fellow, 1000)
		if n := strangers + len(w.fellows); n != maxConnsOthers || strangers >= maxConnsStrangers {
			t.Errorf("%d strangers and fellows, %d of them strangers", n, strangers)
		}
		if n := many(budget.Contact, 2000); n < maxConnsInbound-maxConnsOthers {
			t.Errorf("%d contacts", n)
		}
		if n := w.contacts; n != maxConnsInbound {
			t.Errorf("%d places are contacts' at last", n)
		}
	})
}

// Every place that was taken is given back.
func TestEntranceForgets(t *testing.T) {
	in(t, func(t *testing.T, w *lobby) {
		var all []*arrival
		for i := range 600 {
			a, err := w.knocks(i%300 + 1)
			if err != nil {
				continue
			}
			all = append(all, a)
			if i%3 > 0 {
				id := testPeer(t)
				w.of[id] = budget.Standing(i % 4 % 3)
				_ = a.SetPeer(id)
			}
		}
		for _, a := range all {
			a.Done()
			a.Done()
		}
		if n := len(w.arrivals) + w.arriving.Len() + w.kept.Len() + w.strangers.Len() + len(w.fellows) + w.contacts; n != 0 {
			t.Errorf("%d places are taken", n)
		}
		a, err := w.knocks(1)
		if err != nil {
			t.Fatal(err)
		}
		a.Done()
		if a.SetPeer(testPeer(t)) == nil || w.strangers.Len() != 0 {
			t.Error("a connection that has ended takes a place")
		}
	})
}

// TestHandshakesTakeTurns: handshakes of strangers took as much of a core as they liked. They are
// bounded in all, and every address has its turn.
func TestHandshakesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts turns
		ts.init(handshakeRate, handshakeBurst)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var done [2]atomic.Int64
		for greedy := range 2 { // two who ask for as much as there is
			for range 4000 {
				go func() {
					if ts.wait(ctx, hostAt(greedy)) == nil {
						done[greedy].Add(1)
					}
				}()
			}
			synctest.Wait()
		}
		time.Sleep(5 * time.Second)
		began := time.Now()
		if err := ts.wait(ctx, hostAt(9)); err != nil || time.Since(began) > 4*time.Second/handshakeRate {
			t.Errorf("one who asks once waits for %s: %v", time.Since(began), err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		all := done[0].Load() + done[1].Load()
		if most := int64(handshakeBurst + 10*handshakeRate); all > most+4 || all < most-10 {
			t.Errorf("%d handshakes in ten seconds", all)
		}
		if d := done[0].Load() - done[1].Load(); d > handshakeBurst+4 || d < -handshakeBurst-4 {
			t.Errorf("one has %d turns more than the other", d)
		}
		cancel()
		synctest.Wait()
		if len(ts.waiting) != 0 || len(ts.order) != 0 {
			t.Errorf("%d wait for ever", len(ts.waiting))
		}
	})
}

// TestNobodyWaitsForAllWhoComeLater: of an address the one that came last had its turn, so as long as
// more came than there were turns, the first had none.
func TestNobodyWaitsForAllWhoComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ts turns
		ts.init(handshakeRate, handshakeBurst)
		ctx, cancel := context.WithCancel(t.Context())
		var first, later atomic.Int64
		arrive := func(done *atomic.Int64) {
			go func() { // ends with ctx
				if ts.wait(ctx, hostAt(1)) == nil {
					done.Add(1)
				}
			}()
			synctest.Wait()
		}
		for range handshakeBurst {
			arrive(&later)
		}
		const waiting = 50
		for range waiting {
			arrive(&first)
		}
		for range 10 * handshakeRate { // one comes for each turn, and others wait
			arrive(&later)
			time.Sleep(time.Second / handshakeRate)
		}
		synctest.Wait()
		if n := first.Load(); n < waiting-1 {
			t.Errorf("%d of %d that came first had a turn in ten seconds", n, waiting)
		}
		if later.Load() < 9*handshakeRate {
			t.Errorf("%d turns for those who came later", later.Load())
		}
		cancel()
		synctest.Wait()
	})
}

// TestUnnamedStreamsHoldUpNobodyElse: streams that name no protocol took places of all peers.
func TestUnnamedStreamsHoldUpNobodyElse(t *testing.T) {
	in(t, func(t *testing.T, w *lobby) {
		silent, honest, stranger := testPeer(t), testPeer(t), testPeer(t)
		w.of[silent], w.of[honest] = budget.Fellow, budget.Contact
		for i := range 2 * maxUnnamed { // a stranger's are reset at once
			s, err := w.limits.OpenStream(stranger, network.DirInbound)
			if (err == nil) != (i < maxUnnamed) {
				t.Errorf("stream %d of a stranger: %v", i, err)
			}
			if err == nil {
				defer s.Done()
			}
		}
		var held []network.StreamManagementScope
		opened := make(chan network.StreamManagementScope)
		go func() { // as the swarm, which takes a connection's streams one after the other
			for range maxUnnamed + 2 {
				s, err := w.limits.OpenStream(silent, network.DirInbound)
				if err != nil {
					t.Error(err)
				}
				opened <- s
			}
			close(opened)
		}()
		for range maxUnnamed {
			held = append(held, <-opened)
		}
		synctest.Wait()
		select {
		case <-opened:
			t.Error("more streams than may be without a name")
		default:
		}
		for range maxStreamsPeer {
			s, err := w.limits.OpenStream(honest, network.DirInbound)
			if err == nil {
				err = s.SetProtocol("/earshot-test/1")
			}
			if err != nil {
				t.Fatalf("a stream of another peer: %v", err)
			}
		}
		if w.limits.busy(silent) || !w.limits.busy(honest) {
			t.Error("who has a stream with a name?")
		}
		held[0].Done()
		held[0].Done()
		if err := held[1].SetProtocol("/earshot-test/1"); err != nil || !w.limits.busy(silent) {
			t.Errorf("it names a protocol: %v", err)
		}
		for s := range opened {
			s.Done()
		}
		held[1].Done()
		if len(w.limits.peers) != 2 {
			t.Errorf("%d peers are remembered", len(w.limits.peers))
		}
	})
}
