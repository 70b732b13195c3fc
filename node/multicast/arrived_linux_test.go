package multicast

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/net/ipv4"
)

// What was sent to this machine alone may have come through a router, from anybody. The addresses of
// everybody in a network count where the protocol wants that.
func TestPacketToThisMachineAloneIsDropped(t *testing.T) {
	about := func(to string) []byte { // as the system says it
		var b bytes.Buffer
		info := syscall.Inet4Pktinfo{Ifindex: 7, Addr: netip.MustParseAddr(to).As4()}
		h := syscall.Cmsghdr{Level: syscall.IPPROTO_IP, Type: syscall.IP_PKTINFO}
		h.SetLen(syscall.CmsgLen(syscall.SizeofInet4Pktinfo))
		for _, part := range []any{h.Len, h.Level, h.Type, info} {
			if err := binary.Write(&b, binary.NativeEndian, part); err != nil {
				t.Fatal(err)
			}
		}
		b.Write(make([]byte, syscall.CmsgSpace(syscall.SizeofInet4Pktinfo)-b.Len()))
		return b.Bytes()
	}
	var m ipv4.ControlMessage
	if err := m.Parse(about("10.0.0.1")); err != nil || m.Dst.String() != "10.0.0.1" {
		t.Fatalf("%v, %v", &m, err)
	}
	plain, all := &Socket{}, &Socket{broadcasts: []netip.Addr{netip.MustParseAddr("10.0.0.255")}}
	for to, want := range map[string][2]bool{
		"10.0.0.1":        {false, false},
		"10.0.0.255":      {false, true},
		"255.255.255.255": {false, false},
		"10.0.1.255":      {false, false},
		"239.255.108.182": {true, true},
	} {
		for i, s := range []*Socket{plain, all} {
			if index, ok := s.arrived(about(to)); ok != want[i] || index != 7 {
				t.Errorf("to %s, with %d addresses of everybody: %t over %d", to, len(s.broadcasts), ok, index)
			}
		}
	}
	if index, ok := plain.arrived(nil); !ok || index != 0 { // as on Windows
		t.Errorf("where the system does not say: %t over %d", ok, index)
	}
}
