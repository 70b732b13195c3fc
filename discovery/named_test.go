package discovery

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestParseNamed(t *testing.T) {
	id := device(1)
	for _, test := range []struct{ text, host, complaint string }{
		{"/ip4/192.168.1.5/tcp/4001/p2p/" + id.String(), "192.168.1.5", ""},
		{"192.168.1.5:4001", "192.168.1.5", ""},
		{"[fd00::5]:4001", "fd00::5", ""},
		{"bob.example:4001", "bob.example", ""},
		{"Bobs-Laptop.local:4001", "Bobs-Laptop.local", ""},
		{"build_1:4001", "build_1", ""},
		{"/ip4/192.168.1.5/tcp/4001", "", "want /ip4"},
		{"", "", "want HOST:PORT"},
		{"bob", "", "want HOST:PORT"},
		{"fd00::5:4001", "", "want HOST:PORT"},
		{":4001", "", "not the name of a host"},
		{"bob:", "", "is not a port"},
		{"bob:0", "", "is not a port"},
		{"bob:http", "", "is not a port"},
		{"bob:65536", "", "is not a port"},
		{"bob smith:4001", "", "not the name of a host"},
		{"http://bob:4001", "", "want HOST:PORT"},
		{"bob/4:4001", "", "not the name of a host"},
		{strings.Repeat("b", 254) + ":4001", "", "not the name of a host"},
		{"0.0.0.0:4001", "", "cannot be dialled"},
		{"224.0.0.251:4001", "", "cannot be dialled"},
		{"[fe80::1%eth0]:4001", "", "cannot be dialled"},
		{"[::ffff:192.168.1.5]:4001", "", "cannot be dialled"},
	} {
		n, err := ParseNamed(test.text)
		if test.complaint != "" {
			if !errors.Is(err, ErrPeerAddress) || !strings.Contains(err.Error(), test.complaint) {
				t.Errorf("%s: got %v, want a complaint of %q", test.text, err, test.complaint)
			}
			continue
		}
		if err != nil || n.Text != test.text || n.host != test.host || n.port != 4001 || (n.Device == id) != strings.HasPrefix(test.text, "/") {
			t.Errorf("%s: got %+v, %v", test.text, n, err)
		}
	}
}

// A name is looked up by the system; this one needs no server.
func TestNamedAddrs(t *testing.T) {
	for text, want := range map[string]string{"10.0.0.1:4001": "10.0.0.1:4001", "[fd00::1]:4001": "[fd00::1]:4001", "localhost:4001": "127.0.0.1:4001"} {
		n, err := ParseNamed(text)
		if err != nil {
			t.Fatal(err)
		}
		addrs, err := n.Addrs(t.Context())
		if err != nil || !slices.Contains(addrs, netip.MustParseAddrPort(want)) {
			t.Errorf("%s: %v, %v", text, addrs, err)
		}
	}
}
