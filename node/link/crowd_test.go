package link

import (
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/link/memnet"
)

// besieged runs a test with a host that others attack, on a network in memory. at makes a host at an
// address, of which the other sees what standing says.
func besieged(t *testing.T, test func(t *testing.T, net *memnet.Network, victim *Host, at func(netip.Addr, budget.Standing) *Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		var of sync.Map // of peer.ID: Standing
		var all []*Host
		build := func(m *memnet.Host, key ed25519.PrivateKey) *Host {
			h, err := New(Config{Key: key, Transport: m.Transport, Log: slog.New(slog.DiscardHandler),
				Standing: func(id peer.ID) budget.Standing {
					s, _ := of.Load(id)
					standing, _ := s.(budget.Standing)
					return standing
				}})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, h)
			return h
		}
		machines := map[netip.Addr]*memnet.Host{}
		machine := func(a netip.Addr) *memnet.Host {
			if machines[a] == nil {
				machines[a] = n.Host(a)
			}
			return machines[a]
		}
		victim := build(machine(hostAt(1)), newKey(t))
		victim.SetStreamHandler(echoProto, func(s network.Stream) { _, _ = io.Copy(s, s) })
		if err := victim.Listen(multiaddrs("/ip4/0.0.0.0/tcp/4001")); err != nil {
			t.Fatal(err)
		}
		test(t, n, victim, func(a netip.Addr, standing budget.Standing) *Host {
			h := build(machine(a), newKey(t))
			of.Store(h.ID(), standing)
			return h
		})
		for _, h := range all {
			_ = h.Close()
		}
	})
}

func reaches(t *testing.T, from, to *Host) error {
	t.Helper()
	if err := from.Connect(t.Context(), to.ID(), memnet.Multiaddrs(hostAt(1), 4001)); err != nil {
		return err
	}
	s, err := from.NewStream(t.Context(), to.ID(), echoProto)
	if err == nil {
		echo(t, s, []byte("hello"))
	}
	return err
}

// TestSilentStreams: 60 links with 32 streams each that name no protocol, all from one address, took
// all places for streams. Nobody got a session for as long as it lasted.
func TestSilentStreams(t *testing.T) {
	besieged(t, func(t *testing.T, _ *memnet.Network, victim *Host, at func(netip.Addr, budget.Standing) *Host) {
		var ended atomic.Bool
		hold := make(chan struct{})
		for range 60 {
			h := at(hostAt(2), budget.Stranger)
			go func() { // ends with hold
				for !ended.Load() {
					_ = h.Connect(t.Context(), victim.ID(), memnet.Multiaddrs(hostAt(1), 4001))
					for range maxStreamsPeer {
						if s, err := h.Libp2p().Network().NewStream(network.WithNoDial(t.Context(), ""), victim.ID()); err == nil {
							go func() { _, _ = io.Copy(io.Discard, s) }()
						}
					}
					select {
					case <-hold:
					case <-time.After(time.Second):
					}
				}
			}()
		}
		time.Sleep(5 * time.Second)
		for i := range 20 {
			from, standing := hostAt(3+i), budget.Stranger
			if i%4 == 0 {
				from, standing = hostAt(2), budget.Contact
			}
			began := time.Now()
			if err := reaches(t, at(from, standing), victim); err != nil || time.Since(began) > time.Second {
				t.Errorf("number %d after %s: %v", i, time.Since(began), err)
			}
		}
		ended.Store(true)
		close(hold)
	})
}

// TestIdleLinksAreClosed: links that carry no stream stayed, and kept their places.
func TestIdleLinksAreClosed(t *testing.T) {
	besieged(t, func(t *testing.T, _ *memnet.Network, victim *Host, at func(netip.Addr, budget.Standing) *Host) {
		honest := at(hostAt(3), budget.Stranger)
		if err := reaches(t, honest, victim); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			h := at(hostAt(2), budget.Stranger)
			if err := h.Connect(t.Context(), victim.ID(), memnet.Multiaddrs(hostAt(1), 4001)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(idleTimeout + time.Second)
		synctest.Wait()
		if n := len(victim.Conns()); n != 1 || len(victim.ConnsTo(honest.ID())) != 1 {
			t.Errorf("%d links are there", n)
		}
		time.Sleep(time.Hour)
		if n := len(victim.ConnsTo(honest.ID())); n != 1 {
			t.Error("a link with a stream was closed")
		}
		if n := victim.entrance.strangers.Len(); n != 1 {
			t.Errorf("%d places are taken", n)
		}
	})
}

// TestHalfOpenConnections: connections on which nothing is said took all places for ten seconds.
func TestHalfOpenConnections(t *testing.T) {
	besieged(t, func(t *testing.T, n *memnet.Network, victim *Host, at func(netip.Addr, budget.Standing) *Host) {
		hold := make(chan struct{})
		for i := range 400 {
			m := n.Host(hostAt(100 + i%40))
			go func() { // ends with hold
				time.Sleep(time.Duration(i) * 250 * time.Microsecond)
				for {
					conn, err := m.Dial(hostAt(1), 4001)
					if err == nil {
						_, _ = io.Copy(io.Discard, conn)
						_ = conn.Close()
					}
					select {
					case <-hold:
						return
					case <-time.After(100 * time.Millisecond):
					}
				}
			}()
		}
		time.Sleep(2 * time.Second)
		for i := range 20 {
			began := time.Now()
			if err := reaches(t, at(hostAt(3+i), budget.Stranger), victim); err != nil || time.Since(began) > time.Second {
				t.Errorf("number %d after %s: %v", i, time.Since(began), err)
			}
		}
		close(hold)
	})
}
