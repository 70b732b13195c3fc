package discovery

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func TestParsePeer(t *testing.T) {
	id := device(1).String()
	for _, test := range []struct{ text, addr, complaint string }{
		{"/ip4/192.168.1.5/tcp/4001/p2p/" + id, "192.168.1.5:4001", ""},
		{"/ip6/fd00::5/tcp/4001/p2p/" + id, "[fd00::5]:4001", ""},
		{"/ip4/127.0.0.1/tcp/65535/p2p/" + id, "127.0.0.1:65535", ""},
		{"/ip6/::1/tcp/1/p2p/" + id, "[::1]:1", ""},
		{"", "", "want /ip4"},
		{"192.168.1.5:4001", "", "want /ip4"},
		{"/ip4/192.168.1.5/tcp/4001", "", "want /ip4"},
		{"/ip4/192.168.1.5/tcp/4001/p2p/" + id + "/", "", "want /ip4"},
		{"x/ip4/192.168.1.5/tcp/4001/p2p/" + id, "", "want /ip4"},
		{"/ip4/192.168.1.5/udp/4001/p2p/" + id, "", "want /ip4"},
		{"/dns4/bob.local/tcp/4001/p2p/" + id, "", "/dns4 is not supported"},
		{"/ip4/fd00::5/tcp/4001/p2p/" + id, "", "is not an ip4 address"},
		{"/ip6/192.168.1.5/tcp/4001/p2p/" + id, "", "is not an ip6 address"},
		{"/ip6/::ffff:192.168.1.5/tcp/4001/p2p/" + id, "", "is not an ip6 address"},
		{"/ip6/fe80::1/tcp/4001/p2p/" + id, "", "cannot be dialled"},
		{"/ip6/fe80::1%eth0/tcp/4001/p2p/" + id, "", "cannot be dialled"},
		{"/ip4/224.0.0.251/tcp/4001/p2p/" + id, "", "cannot be dialled"},
		{"/ip4/0.0.0.0/tcp/4001/p2p/" + id, "", "cannot be dialled"},
		{"/ip4/255.255.255.255/tcp/4001/p2p/" + id, "", "cannot be dialled"},
		{"/ip4/192.168.1.5/tcp/0/p2p/" + id, "", "is not a port"},
		{"/ip4/192.168.1.5/tcp/65536/p2p/" + id, "", "is not a port"},
		{"/ip4/192.168.1.5/tcp/-1/p2p/" + id, "", "is not a port"},
		{"/ip4/192.168.1.5/tcp/http/p2p/" + id, "", "is not a port"},
		{"/ip4/192.168.1.5/tcp/4001/p2p/Bob", "", "is not the ID of a device"},
		{"/ip4/192.168.1.5/tcp/4001/p2p/" + id[1:], "", "is not the ID of a device"},
	} {
		s, err := parsePeer(test.text)
		if test.complaint != "" {
			if !errors.Is(err, ErrPeerAddress) || !strings.Contains(err.Error(), test.complaint) {
				t.Errorf("%s: got %v, want a complaint of %q", test.text, err, test.complaint)
			}
			continue
		}
		if err != nil || s.Device != device(1) || s.Source != FromManual || len(s.Addrs) != 1 || s.Addrs[0].String() != test.addr {
			t.Errorf("%s: got %v, %v", test.text, s, err)
		}
	}
}

func TestDeviceIDsHaveOneSpelling(t *testing.T) {
	if id, err := ParseDevice(device(1).String()); err != nil || id != device(1) {
		t.Errorf("got %v, %v", id, err)
	}
	for kind, id := range otherSpellings() {
		if _, err := ParseDevice(id); err == nil {
			t.Errorf("%s: %s is accepted", kind, id)
		}
	}
}

func TestMultiaddrs(t *testing.T) {
	s := Sighting{Device: device(1), Addrs: []netip.AddrPort{
		netip.MustParseAddrPort("10.0.0.1:4001"), netip.MustParseAddrPort("[fd00::1]:4002"),
	}}
	got := s.Multiaddrs()
	want := []string{"/ip4/10.0.0.1/tcp/4001", "/ip6/fd00::1/tcp/4002"}
	if len(got) != len(want) || got[0].String() != want[0] || got[1].String() != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParsePeer(f *testing.F) {
	f.Add("/ip4/192.168.1.5/tcp/4001/p2p/" + device(1).String())
	f.Add("/ip6/fd00::5/tcp/4001/p2p/" + device(1).String())
	f.Add("/ip6/fe80::1%eth0/tcp/04001/p2p/" + otherSpellings()["RSA"])
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parsePeer(text)
		if err != nil {
			return
		}
		// What we accept, libp2p must read as the same device and address.
		m, err := ma.NewMultiaddr(text)
		if err != nil {
			t.Fatalf("accepted %q, which libp2p refuses: %v", text, err)
		}
		info, err := peer.AddrInfoFromP2pAddr(m)
		if err != nil || info.ID != s.Device || len(info.Addrs) != 1 || !info.Addrs[0].Equal(s.Multiaddrs()[0]) {
			t.Fatalf("%q: libp2p reads %v (%v), we read %v", text, info, err, s)
		}
	})
}
