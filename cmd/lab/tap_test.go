//go:build lab && linux

package lab

import (
	order "encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// A tap counts the packets on a bridge by which devices find each other. What is sent to everybody
// comes to the bridge itself too.
type tap struct {
	mu   sync.Mutex // guards sent
	sent packets
}

// packets are how many went over a bridge.
type packets struct{ mdns, beacons int }

func (p packets) all() int       { return p.mdns + p.beacons }
func (p packets) String() string { return fmt.Sprintf("%d of mDNS, %d beacons", p.mdns, p.beacons) }

func (l *lab) tap(bridge string) *tap {
	l.Helper()
	var all [2]byte
	order.BigEndian.PutUint16(all[:], syscall.ETH_P_ALL)
	protocol := order.NativeEndian.Uint16(all[:])
	at, err := net.InterfaceByName(bridge)
	if err != nil {
		l.Fatal(err)
	}
	// Without the header of the link.
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, int(protocol))
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: protocol, Ifindex: at.Index})
	}
	if err == nil {
		err = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 200_000})
	}
	if err != nil {
		l.Fatalf("listen to %s: %v", bridge, err)
	}
	t := &tap{}
	var over atomic.Bool
	var reading sync.WaitGroup
	reading.Go(func() {
		for b := make([]byte, 128); !over.Load(); {
			// It also fails when the time is over and when the bridge goes down, and goes on then.
			if n, _, err := syscall.Recvfrom(fd, b, 0); err == nil {
				t.count(b[:n])
			}
		}
	})
	l.Cleanup(func() { over.Store(true); reading.Wait(); syscall.Close(fd) })
	return t
}

// count takes a packet of IPv4 or IPv6 if it is one of those.
func (t *tap) count(b []byte) {
	const udp, header6 = 17, 40
	var rest []byte
	switch {
	case len(b) > header6 && b[0]>>4 == 6 && b[6] == udp:
		rest = b[header6:]
	case len(b) > header6 && b[0]>>4 == 4 && b[9] == udp:
		rest = b[4*(b[0]&0xf):]
	}
	if len(rest) < 4 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch fmt.Sprint(order.BigEndian.Uint16(rest[2:])) {
	case mdnsPort:
		t.sent.mdns++
	case beaconPort:
		t.sent.beacons++
	}
}

// restart returns what was counted, and begins anew.
func (t *tap) restart() packets {
	t.mu.Lock()
	defer t.mu.Unlock()
	sent := t.sent
	t.sent = packets{}
	return sent
}
