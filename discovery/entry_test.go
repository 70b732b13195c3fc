package discovery

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/grandcat/zeroconf"
)

func ips(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

func TestAnnouncementIsWhatParseAccepts(t *testing.T) {
	n := Network{Links: []Link{{Name: "eth0", Index: 2, Addrs: ips("10.0.0.1", "fd00::1", "fe80::1")}}}
	a, err := announce(device(1), 4001, n.Links)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range a.text {
		if len(s) > maxString || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("string %q", s)
		}
	}
	s, err := entry{text: a.text, port: int(a.port), ips: a.ips}.parse()
	want := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:4001"), netip.MustParseAddrPort("[fd00::1]:4001")}
	if err != nil || s.Device != device(1) || s.Source != FromMDNS || !slices.Equal(s.Addrs, want) {
		t.Errorf("got %v, %v", s, err)
	}
	b, err := announce(device(1), 4001, n.Links)
	if err != nil || b.instance == a.instance || b.host == a.host || a.instance == a.host {
		t.Errorf("names are used twice: %v and %v", a, b)
	}
}

func TestAnnouncementNeedsAnAddress(t *testing.T) {
	if _, err := announce(device(1), 4001, nil); !errors.Is(err, ErrNoInterface) {
		t.Errorf("without interfaces: %v", err)
	}
	n := Network{Links: []Link{{Name: "eth0", Index: 2, Addrs: ips("fe80::1")}}}
	if _, err := announce(device(1), 4001, n.Links); !errors.Is(err, ErrNoAddress) {
		t.Errorf("with a link-local address: %v", err)
	}
}

func TestParseEntry(t *testing.T) {
	good := text(device(1))
	id := good[1]
	many := strings.Fields(strings.Repeat("x=y ", maxStrings-2))
	for name, test := range map[string]struct {
		entry entry
		want  string // addresses, or what is complained of
	}{
		"plain":             {entry{good, 4001, ips("10.0.0.1", "fd00::1")}, "[10.0.0.1:4001 [fd00::1]:4001]"},
		"unknown strings":   {entry{append(many, good...), 4001, ips("10.0.0.1")}, "[10.0.0.1:4001]"},
		"some undialable":   {entry{good, 4001, ips("127.0.0.1", "fe80::1", "::1", "224.0.0.1", "169.254.3.4")}, "[169.254.3.4:4001]"},
		"mapped":            {entry{good, 4001, ips("::ffff:10.0.0.1")}, "[10.0.0.1:4001]"},
		"mapped loopback":   {entry{good, 4001, ips("::ffff:127.0.0.1")}, "no address"},
		"only loopback":     {entry{good, 4001, ips("127.0.0.1", "::1")}, "no address"},
		"no addresses":      {entry{good, 4001, nil}, "no address"},
		"eleven addresses":  {entry{good, 4001, slices.Repeat(ips("10.0.0.1"), MaxAddrs+1)}, "11 addresses"},
		"port 0":            {entry{good, 0, ips("10.0.0.1")}, "port 0"},
		"port too high":     {entry{good, 65536, ips("10.0.0.1")}, "port 65536"},
		"too many strings":  {entry{append(many, append(good, "z")...), 4001, ips("10.0.0.1")}, "17 strings"},
		"long string":       {entry{append(good, strings.Repeat("x", 256)), 4001, ips("10.0.0.1")}, "256 bytes"},
		"no strings":        {entry{nil, 4001, ips("10.0.0.1")}, "0 strings with v="},
		"no device":         {entry{good[:1], 4001, ips("10.0.0.1")}, "0 strings with id="},
		"two devices":       {entry{append(good, text(device(2))[1]), 4001, ips("10.0.0.1")}, "2 strings with id="},
		"two versions":      {entry{append(good, "v=1"), 4001, ips("10.0.0.1")}, "2 strings with v="},
		"another version":   {entry{[]string{"v=2", id}, 4001, ips("10.0.0.1")}, `version "2"`},
		"not a device":      {entry{[]string{"v=1", "id=Bob"}, 4001, ips("10.0.0.1")}, "peer ID"},
		"another key type":  {entry{[]string{"v=1", "id=" + otherSpellings()["RSA"]}, 4001, ips("10.0.0.1")}, "public key"},
		"long device":       {entry{[]string{"v=1", id + strings.Repeat("1", 100)}, 4001, ips("10.0.0.1")}, "152 bytes"},
		"device with space": {entry{[]string{"v=1", id + " "}, 4001, ips("10.0.0.1")}, "peer ID"},
	} {
		s, err := test.entry.parse()
		switch {
		case err == nil:
			var got []string
			for _, a := range s.Addrs {
				got = append(got, a.String())
			}
			if "["+strings.Join(got, " ")+"]" != test.want {
				t.Errorf("%s: got %v, want %s", name, s, test.want)
			}
		case !errors.Is(err, errEntry) || !strings.Contains(err.Error(), test.want):
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestTakeEmptiesTheLibrarysEntry(t *testing.T) {
	e := &zeroconf.ServiceEntry{Port: 4001, Text: slices.Repeat([]string{"x"}, 500),
		AddrIPv4: slices.Repeat([]net.IP{net.IPv4(10, 0, 0, 1)}, 500), AddrIPv6: []net.IP{{1, 2, 3}}}
	got := take(e)
	if len(got.text) != maxStrings+1 || len(got.ips) != MaxAddrs+1 || !got.ips[0].Is4() {
		t.Errorf("took %d strings and %d addresses", len(got.text), len(got.ips))
	}
	if e.Text != nil || e.AddrIPv4 != nil || e.AddrIPv6 != nil {
		t.Error("the library still holds what was sent")
	}
}

// FuzzEntry feeds what a hostile sender controls: strings, port and addresses.
func FuzzEntry(f *testing.F) {
	f.Add(strings.Join(text(device(1)), "\n"), 4001, []byte{10, 0, 0, 1}, []byte(net.ParseIP("fd00::1")))
	f.Add("v=1\nid="+otherSpellings()["RSA"], 65536, []byte{127, 0, 0, 1}, []byte(net.ParseIP("::ffff:127.0.0.1")))
	f.Add("", 0, []byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, text string, port int, v4, v6 []byte) {
		in := &zeroconf.ServiceEntry{Port: port, Text: strings.Split(text, "\n")}
		for c := range slices.Chunk(v4, 4) {
			in.AddrIPv4 = append(in.AddrIPv4, c)
		}
		for c := range slices.Chunk(v6, 16) {
			in.AddrIPv6 = append(in.AddrIPv6, c)
		}
		s, err := take(in).parse()
		if err != nil {
			if !errors.Is(err, errEntry) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if _, err := parseDevice(s.Device.String()); err != nil {
			t.Fatalf("device %q: %v", s.Device, err)
		}
		if len(s.Addrs) == 0 || len(s.Addrs) > MaxAddrs || len(s.Multiaddrs()) != len(s.Addrs) {
			t.Fatalf("%d addresses, %d for libp2p", len(s.Addrs), len(s.Multiaddrs()))
		}
		for _, a := range s.Addrs {
			ip := a.Addr()
			if a.Port() == 0 || ip.IsLoopback() || ip.IsMulticast() || ip.IsUnspecified() || ip.Zone() != "" || ip.Is4In6() {
				t.Fatalf("believed %v", a)
			}
		}
	})
}
