package link

import (
	"crypto/rand"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/node/budget"
)

func testPeer(t testing.TB) peer.ID {
	t.Helper()
	_, pub, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// The library's defaults for a protocol are lower than the node's, and those for the memory of all
// were used up by strangers.
func TestLimitsAdmitAThousandPeers(t *testing.T) {
	w := newLobby(t)
	for i := range 1000 {
		id := testPeer(t)
		w.of[id] = budget.Contact
		if _, err := w.comes(i+1, id); err != nil {
			t.Fatalf("peer %d: %v", i, err)
		}
		for range 4 {
			s, err := w.limits.OpenStream(id, network.DirInbound)
			if err == nil {
				err = s.SetProtocol("/earshot-test/1")
			}
			if err == nil {
				err = s.ReserveMemory(256<<10, network.ReservationPriorityAlways)
			}
			if err != nil {
				t.Fatalf("stream of peer %d: %v", i, err)
			}
		}
	}
}

func TestLimitsCapOnePeer(t *testing.T) {
	w := newLobby(t)
	id := testPeer(t)
	w.of[id] = budget.Contact
	for i := range maxConnsPeer + 1 {
		if _, err := w.comes(i+1, id); (err == nil) != (i < maxConnsPeer) {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	var memory int
	for i := range maxStreamsPeer + 1 {
		s, err := w.limits.OpenStream(id, network.DirInbound)
		if (err == nil) != (i < maxStreamsPeer) {
			t.Fatalf("stream %d: %v", i, err)
		}
		if err != nil {
			continue
		}
		if err := s.SetProtocol("/earshot-test/1"); err != nil {
			t.Fatal(err)
		}
		for s.ReserveMemory(1<<20, network.ReservationPriorityAlways) == nil {
			memory += 1 << 20
		}
	}
	if memory != maxMemoryPeer {
		t.Fatalf("one peer was promised %d bytes", memory)
	}
	if _, err := w.limits.OpenStream(id, network.DirOutbound); err != nil {
		t.Fatalf("our own stream to it: %v", err)
	}
}

// TestNobodyUsesUpDials: handshakes that came in and were not proven counted together with the
// dials of this node, as did the rate of attempts.
func TestNobodyUsesUpDials(t *testing.T) {
	w := newLobby(t)
	for i := range 3000 {
		_, _ = w.knocks(i + 1) // from one address each
	}
	for i := range 2000 {
		if a, err := w.knocks(i%250 + 1); err == nil {
			_ = a.SetPeer(testPeer(t))
		}
	}
	for i := range 1000 {
		scope, err := w.limits.OpenConnection(network.DirOutbound, true, ma.StringCast("/ip4/10.9.9.9/tcp/1"))
		if err == nil {
			err = scope.SetPeer(testPeer(t))
		}
		if err != nil {
			t.Fatalf("dial %d: %v", i, err)
		}
	}
}
