package link

import (
	"crypto/rand"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func testLimits(t *testing.T) network.ResourceManager {
	t.Helper()
	l, err := newLimits()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func testPeer(t *testing.T) peer.ID {
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

func inbound(l network.ResourceManager, addr string, id peer.ID) (network.ConnManagementScope, error) {
	s, err := l.OpenConnection(network.DirInbound, true, ma.StringCast(addr))
	if err != nil {
		return nil, err
	}
	if id != "" {
		if err := s.SetPeer(id); err != nil {
			s.Done()
			return nil, err
		}
	}
	return s, nil
}

// The library's defaults take 8 hosts of an IPv6 /56; an office has more, and each keeps several
// connections.
func TestLimitsAdmitAnOffice(t *testing.T) {
	for _, format := range []string{"/ip6/fd00::%x/tcp/4747", "/ip4/10.0.0.%d/tcp/4747"} {
		l := testLimits(t)
		for host := 1; host <= 200; host++ {
			id := testPeer(t)
			for range maxConnsPeer {
				if _, err := inbound(l, fmt.Sprintf(format, host), id); err != nil {
					t.Fatalf("host %d: %v", host, err)
				}
			}
		}
	}
}

func TestLimitsAdmitAThousandPeers(t *testing.T) {
	l := testLimits(t)
	for i := range 1000 {
		id := testPeer(t)
		if _, err := inbound(l, fmt.Sprintf("/ip4/10.1.%d.%d/tcp/4747", i/250, i%250+1), id); err != nil {
			t.Fatalf("peer %d: %v", i, err)
		}
		for range 4 { // as one protocol: the library's defaults for a protocol are lower than the node's
			s, err := l.OpenStream(id, network.DirInbound)
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

func TestLimitsCapOneAddress(t *testing.T) {
	for _, addr := range []string{"/ip6/fd00::1/tcp/4747", "/ip4/10.0.0.1/tcp/4747"} {
		l := testLimits(t)
		admitted := 0
		for range 2 * maxConnsPerAddr {
			if _, err := inbound(l, addr, testPeer(t)); err == nil {
				admitted++
			}
		}
		if admitted != maxConnsPerAddr {
			t.Errorf("%s: %d admitted", addr, admitted)
		}
		if _, err := inbound(l, "/ip6/fd00::2/tcp/4747", testPeer(t)); err != nil {
			t.Errorf("its neighbour: %v", err)
		}
	}
}

func TestLimitsCapAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := newLimits()
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		try := func() (admitted int) {
			for range 4 * connBurstPerAddr {
				if s, err := inbound(l, "/ip6/fd00::1/tcp/4747", ""); err == nil {
					s.Done()
					admitted++
				}
			}
			return admitted
		}
		if n := try(); n != connBurstPerAddr {
			t.Errorf("at once: %d", n)
		}
		time.Sleep(10 * time.Second)
		if n := try(); n != 10*connRatePerAddr {
			t.Errorf("in the next ten seconds: %d", n)
		}
	})
}

func TestLimitsCapOnePeer(t *testing.T) {
	l := testLimits(t)
	id := testPeer(t)
	for i := range maxConnsPeer + 1 {
		if _, err := inbound(l, fmt.Sprintf("/ip6/fd00::%x/tcp/4747", i+1), id); (err == nil) != (i < maxConnsPeer) {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	var memory int
	for i := range maxStreamsPeer + 1 {
		s, err := l.OpenStream(id, network.DirInbound)
		if (err == nil) != (i < maxStreamsPeer) {
			t.Fatalf("stream %d: %v", i, err)
		}
		if err == nil {
			for s.ReserveMemory(1<<20, network.ReservationPriorityAlways) == nil {
				memory += 1 << 20
			}
		}
	}
	if memory != maxMemoryPeer {
		t.Fatalf("one peer was promised %d bytes", memory)
	}
	if _, err := l.OpenStream(id, network.DirOutbound); err != nil {
		t.Fatalf("our own stream to it: %v", err)
	}
}

func TestLimitsLeaveRoomToDial(t *testing.T) {
	l := testLimits(t)
	admitted := 0
	for i := range maxConns {
		if _, err := inbound(l, fmt.Sprintf("/ip6/fd00::%x/tcp/4747", i/8+1), testPeer(t)); err == nil {
			admitted++
		}
	}
	if admitted != maxConnsInbound {
		t.Errorf("%d admitted", admitted)
	}
	strangers := 0
	for {
		if _, err := inbound(l, fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", strangers/8+1), ""); err != nil {
			break
		}
		strangers++
	}
	if strangers != 0 {
		t.Errorf("%d more without a name", strangers)
	}
}

func TestLimitsCapHandshakes(t *testing.T) {
	l := testLimits(t)
	strangers := 0
	for i := range 2 * maxConnsTransient {
		if _, err := inbound(l, fmt.Sprintf("/ip4/10.0.%d.%d/tcp/1", i/250, i%250+1), ""); err == nil {
			strangers++
		}
	}
	if strangers != maxConnsTransient {
		t.Errorf("%d handshakes at once", strangers)
	}
}
