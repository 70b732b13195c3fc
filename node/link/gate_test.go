package link

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/node/link/memnet"
)

// newGated makes a host whose links run over one address of this machine.
func newGated(t *testing.T, over string, listen ...string) *Host {
	t.Helper()
	only := netip.MustParseAddr(over)
	h, err := New(Config{Key: newKey(t), Over: func(a netip.Addr) bool { return a == only }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	if err := h.Listen(multiaddrs(listen...)); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestLinksRunOverNamedAddressesOnly: whoever named an interface was reached over all others as
// well.
func TestLinksRunOverNamedAddressesOnly(t *testing.T) {
	ann := newGated(t, "127.0.0.2", "/ip4/0.0.0.0/tcp/0")
	bob := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	port, _ := ann.ListenAddrs()[0].ValueForProtocol(ma.P_TCP)
	if err := bob.Connect(t.Context(), ann.ID(), multiaddrs("/ip4/127.0.0.1/tcp/"+port)); err == nil {
		t.Error("reached at an address that is not used")
	}
	if err := bob.Connect(t.Context(), ann.ID(), multiaddrs("/ip4/127.0.0.2/tcp/"+port)); err != nil {
		t.Errorf("not reached at the address that is used: %v", err)
	}
	cy := newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	if err := ann.Connect(t.Context(), cy.ID(), cy.ListenAddrs()); !errors.Is(err, ErrOver) {
		t.Errorf("dialled from an address that is not used: %v", err)
	}
	if err := newGated(t, "127.0.0.1").Connect(t.Context(), cy.ID(), cy.ListenAddrs()); err != nil {
		t.Errorf("not dialled from the address that is used: %v", err)
	}
}

// ends are the two addresses of a connection.
type ends struct{ local, remote string }

func (e ends) LocalMultiaddr() ma.Multiaddr  { return ma.StringCast(e.local) }
func (e ends) RemoteMultiaddr() ma.Multiaddr { return ma.StringCast(e.remote) }

// TestWhoComesOverAnotherInterface: whoever was on another network got in by sending to the address
// of the named interface.
func TestWhoComesOverAnotherInterface(t *testing.T) {
	const used, other = "/ip4/10.1.0.1/tcp/4001", "/ip4/10.2.0.1/tcp/4001"
	over := netip.MustParseAddr("10.1.0.1")
	g := gate{func(a netip.Addr) bool { return a == over }, func(to ma.Multiaddr) (ma.Multiaddr, error) {
		switch ip, _ := to.ValueForProtocol(ma.P_IP4); ip {
		case "10.1.0.2":
			return ma.StringCast(used), nil
		case "10.3.0.2":
			return nil, &net.OpError{Err: syscall.EMFILE}
		}
		return ma.StringCast(other), nil
	}}
	for _, c := range []struct {
		ends
		want bool
	}{
		{ends{used, "/ip4/10.1.0.2/tcp/5"}, true},
		{ends{used, "/ip4/10.2.0.2/tcp/5"}, false},
		{ends{other, "/ip4/10.1.0.2/tcp/5"}, false},
		{ends{used, "/ip4/10.3.0.2/tcp/5"}, false}, // of whom the system does not say
		{ends{used, "/ip4/127.0.0.1/tcp/5"}, true},
		{ends{other, "/ip4/127.0.0.1/tcp/5"}, false},
	} {
		if got := g.InterceptAccept(c); got != c.want {
			t.Errorf("%s to %s: %v", c.remote, c.local, got)
		}
	}
	if !g.InterceptAddrDial("", ma.StringCast("/ip4/10.3.0.2/tcp/5")) {
		t.Error("an address to which there is no way is not dialled, so nobody is told why")
	}
}

func TestWhoIs(t *testing.T) {
	ann, bob := newHost(t, nil, "/ip4/127.0.0.1/tcp/0"), newHost(t, nil, "/ip4/127.0.0.1/tcp/0")
	id, err := ann.WhoIs(t.Context(), bob.ListenAddrs()[0])
	if err != nil || id != bob.ID() {
		t.Errorf("%v, %v; want %v", id, err, bob.ID())
	}
	if n := len(ann.Conns()); n != 0 {
		t.Errorf("%d connections remain", n)
	}
	if id, err := ann.WhoIs(t.Context(), ann.ListenAddrs()[0]); !errors.Is(err, ErrSelf) {
		t.Errorf("%v, %v; want %v", id, err, ErrSelf)
	}
	at := bob.ListenAddrs()[0]
	_ = bob.Close()
	if id, err := ann.WhoIs(t.Context(), at); err == nil {
		t.Errorf("nobody is %v", id)
	}
}

// TestWhoIsIsBounded: an address at which nobody answers holds nobody up for long.
func TestWhoIsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		ann := newHost(t, net.Host(netip.MustParseAddr("10.0.0.1")).Transport, "/ip4/0.0.0.0/tcp/4001")
		began := time.Now()
		if _, err := ann.WhoIs(t.Context(), ma.StringCast("/ip4/10.0.0.9/tcp/4001")); err == nil || time.Since(began) > ConnectTimeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
