package multicast

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/earshot-im/earshot/discovery"
)

// patience is how long sending may take. A socket's buffer is full only if the interface does not
// send; what is not sent now is of no use later.
const patience = 100 * time.Millisecond

// Send sends a packet over a link to some addresses, from an address that this machine has there and
// a port that the system picks. What goes to a group passes no router. It fails if nothing was sent.
func Send(b []byte, from netip.Addr, link discovery.Link, to ...netip.AddrPort) error {
	name := "udp6"
	if from.Is4() {
		name = "udp4"
	}
	conn, err := net.ListenUDP(name, net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	if err != nil {
		return fmt.Errorf("send over %s: %w", link.Name, err)
	}
	defer conn.Close()
	write, err := sender(conn, from.Is4(), link)
	if err != nil {
		return fmt.Errorf("send over %s: %w", link.Name, err)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	failed, sent := error(nil), false
	for _, a := range to {
		err := write(b, net.UDPAddrFromAddrPort(a))
		failed, sent = cmp.Or(failed, err), sent || err == nil
	}
	if sent || failed == nil {
		return nil
	}
	return fmt.Errorf("send over %s: %w", link.Name, failed)
}

// sender sets a socket up for one link, and returns what writes to it.
func sender(conn *net.UDPConn, is4 bool, link discovery.Link) (func([]byte, net.Addr) error, error) {
	const hops = 1
	var o options
	var err error
	var write func([]byte, net.Addr) error
	if is4 {
		p := ipv4.NewPacketConn(conn)
		o, err = p, p.SetMulticastTTL(hops)
		// Names the interface for a broadcast too, where two of them are in one network.
		cm := &ipv4.ControlMessage{IfIndex: link.Index}
		write = func(b []byte, to net.Addr) error { _, err := p.WriteTo(b, cm, to); return err }
	} else {
		p := ipv6.NewPacketConn(conn)
		o, err = p, p.SetMulticastHopLimit(hops)
		write = func(b []byte, to net.Addr) error { _, err := p.WriteTo(b, nil, to); return err }
	}
	if err == nil {
		err = o.SetMulticastInterface(outlet(link))
	}
	if err == nil { // another node on this machine has to hear this one
		err = o.SetMulticastLoopback(true)
	}
	return write, err
}

// Broadcasts returns the addresses of everybody in the networks of IPv4 of a link.
func Broadcasts(link discovery.Link) (out []netip.Addr) {
	for _, p := range link.Prefixes {
		if to, ok := Broadcast(p); ok {
			out = append(out, to)
		}
	}
	return out
}

// Broadcast returns the address of everybody in a network. It reports false for networks of IPv6, and
// for those that are too small to have one (RFC 3021).
func Broadcast(network netip.Prefix) (netip.Addr, bool) {
	const smallest = 30
	if !network.Addr().Is4() || network.Bits() > smallest {
		return netip.Addr{}, false
	}
	b := network.Addr().As4()
	last := binary.BigEndian.Uint32(b[:]) | (1<<(32-network.Bits()) - 1)
	binary.BigEndian.PutUint32(b[:], last)
	return netip.AddrFrom4(b), true
}
