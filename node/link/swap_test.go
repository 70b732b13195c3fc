package link

import (
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
)

// movingTCP is TCP on a machine whose address changes under its listener. Real addresses can't
// change in a test that anyone may run.
type movingTCP struct {
	transport.Transport
	at *atomic.Pointer[ma.Multiaddr] // where the listener is said to be
}

type movingListener struct {
	transport.Listener
	at *atomic.Pointer[ma.Multiaddr]
}

func (m movingTCP) Listen(addr ma.Multiaddr) (transport.Listener, error) {
	l, err := m.Transport.Listen(addr)
	if err != nil {
		return nil, err
	}
	return movingListener{l, m.at}, nil
}

func (l movingListener) Multiaddr() ma.Multiaddr { return *l.at.Load() }

// TestPeerTakesOwnAddress dials a peer at an address that was this machine's until just now. The
// library remembered its own addresses for a minute and refused.
func TestPeerTakesOwnAddress(t *testing.T) {
	b := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	taken := b.ListenAddrs()[0]
	var at atomic.Pointer[ma.Multiaddr]
	at.Store(&taken)
	a := newHost(t, func(up transport.Upgrader, limits network.ResourceManager) (transport.Transport, error) {
		tcp, err := newTCP(up, limits)
		return movingTCP{tcp, &at}, err
	}, "/ip4/127.0.0.1/tcp/0")
	if err := a.Connect(t.Context(), b.ID(), []ma.Multiaddr{taken}); err == nil {
		t.Fatal("dialled its own address: this tests nothing")
	}
	elsewhere := ma.StringCast("/ip4/127.0.0.2/tcp/4001")
	at.Store(&elsewhere)
	connect(t, a, b)
}
