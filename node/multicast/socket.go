package multicast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/earshot-im/earshot/discovery"
)

// A Family is one of IPv4 and IPv6. Each has a socket of its own, so that one that fails does not
// stop the other.
type Family int

// The families, and how many there are.
const (
	V4 Family = iota
	V6
	Families
)

func (f Family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

// Of tells whether a link has an address of this version, without which nothing can be sent.
func (f Family) Of(l discovery.Link) bool {
	for _, a := range l.Addrs {
		if a.Is4() == (f == V4) {
			return true
		}
	}
	return false
}

// A Group is where packets of some protocol are sent, of one IP version.
type Group struct {
	Family Family
	At     netip.AddrPort
	Name   string // of the protocol, for errors
	Most   int    // bytes that a packet may have; longer ones are dropped unread

	// Broadcast says that packets to everybody in a network of IPv4 are heard as well.
	Broadcast bool
}

// options is what ipv4.PacketConn and ipv6.PacketConn have in common.
type options interface {
	JoinGroup(*net.Interface, net.Addr) error
	SetMulticastInterface(*net.Interface) error
	SetMulticastLoopback(bool) error
}

// Listen opens a socket that hears a group over some links. It tells take of each packet, of who
// sent it, and of the index of the interface, or 0 if the system does not say; it calls take from one
// goroutine, which ends when the socket does.
func Listen(g Group, links []discovery.Link, take func(b []byte, from netip.AddrPort, index int)) (*Socket, error) {
	// To listen at a group means to Go that others may hold the port too: on one machine there may
	// be two nodes, and the system's own service. The socket takes packets of all groups.
	name := [...]string{"udp4", "udp6"}[g.Family]
	conn, err := net.ListenUDP(name, net.UDPAddrFromAddrPort(g.At))
	if err != nil {
		return nil, fmt.Errorf("listen for %s over %v: %w", g.Name, g.Family, err)
	}
	s := &Socket{conn: conn, group: g, done: make(chan struct{})}
	if err := s.join(links); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("listen for %s over %v: %w", g.Name, g.Family, err)
	}
	go s.read(take) // ends when the socket is closed or fails
	return s, nil
}

// Socket is a socket of the system that hears a group. Make one by Listen.
type Socket struct {
	conn    *net.UDPConn
	group   Group
	options options
	// broadcasts are the addresses of everybody in the networks of the links, if they count.
	broadcasts []netip.Addr
	done       chan struct{}
}

// join sets the socket up. It fails if it can hear nothing over any link.
func (s *Socket) join(links []discovery.Link) error {
	// Packets may live longer than one hop, to be told from those of other protocols; routers do not
	// pass them on anyway (RFC 6762, section 11).
	const hops = 255
	var err error
	if s.group.Family == V4 {
		p := ipv4.NewPacketConn(s.conn)
		s.options, err = p, p.SetMulticastTTL(hops)
		// Windows can't tell the interface; then the sender's address has to.
		_ = p.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true)
	} else {
		p := ipv6.NewPacketConn(s.conn)
		s.options, err = p, p.SetMulticastHopLimit(hops)
		_ = p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true)
	}
	// Another node on this machine has to hear this one.
	if err = errors.Join(err, s.options.SetMulticastLoopback(true)); err != nil {
		return err
	}
	if s.group.Broadcast {
		for _, l := range links {
			s.broadcasts = append(s.broadcasts, Broadcasts(l)...)
		}
	}
	joined := 0
	for _, l := range links {
		e := s.options.JoinGroup(outlet(l), &net.UDPAddr{IP: s.group.At.Addr().AsSlice()})
		if err = errors.Join(err, e); e == nil {
			joined++
		}
	}
	if joined > 0 {
		return nil // an interface may have gone since the links were read; a change follows
	}
	return err
}

// outlet returns what x/net needs of a link.
func outlet(l discovery.Link) *net.Interface { return &net.Interface{Index: l.Index, Name: l.Name} }

// tooLong is what Windows says of a packet that is longer than the buffer; others cut it off.
const tooLong = syscall.Errno(10040)

// read tells take of packets until the socket is closed or fails.
func (s *Socket) read(take func([]byte, netip.AddrPort, int)) {
	defer close(s.done)
	b, about := make([]byte, s.group.Most+1), make([]byte, 256)
	var pace pace
	for {
		time.Sleep(pace.rest(time.Now()))
		n, k, _, from, err := s.conn.ReadMsgUDPAddrPort(b, about)
		if errors.Is(err, tooLong) || err == nil && n > s.group.Most {
			continue
		}
		if err != nil {
			return
		}
		if index, ok := s.arrived(about[:k]); ok {
			take(b[:n], from, index)
		}
	}
}

const (
	// A socket is read packetsAStretch times in a stretch, 10,000 times a second, which takes 3 % of a
	// core; a node has four. What comes beyond that the kernel drops, once the little is full that it
	// holds. Honest networks have some hundred packets a second.
	packetsAStretch = 100
	stretch         = 10 * time.Millisecond
)

// A pace keeps a reader from running too fast.
type pace struct {
	until time.Time // end of the stretch
	read  int       // packets in it
}

// rest returns how long to wait before the next packet is read.
func (p *pace) rest(now time.Time) time.Duration {
	if !now.Before(p.until) {
		*p = pace{until: now.Add(stretch)}
	}
	p.read++
	if p.read <= packetsAStretch {
		return 0
	}
	wait := p.until.Sub(now)
	*p = pace{until: p.until.Add(stretch), read: 1}
	return wait
}

// arrived returns the index of the interface over which a packet came, or 0 where the system does
// not say. It reports false if the packet was sent to this machine alone: that may come through a
// router, from anywhere.
func (s *Socket) arrived(about []byte) (index int, ok bool) {
	var to net.IP
	if s.group.Family == V4 {
		var m ipv4.ControlMessage
		if m.Parse(about) == nil {
			index, to = m.IfIndex, m.Dst
		}
	} else {
		var m ipv6.ControlMessage
		if m.Parse(about) == nil {
			index, to = m.IfIndex, m.Dst
		}
	}
	at, _ := netip.AddrFromSlice(to)
	return index, to == nil || to.IsMulticast() || slices.Contains(s.broadcasts, at.Unmap())
}

// Say sends a packet to everybody on a link.
func (s *Socket) Say(b []byte, link discovery.Link) error {
	if err := s.options.SetMulticastInterface(outlet(link)); err != nil {
		return fmt.Errorf("send over %s: %w", link.Name, err)
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.conn.WriteToUDPAddrPort(b, s.group.At); err != nil {
		return fmt.Errorf("send over %s: %w", link.Name, err)
	}
	return nil
}

// Ended is closed when nothing more is heard, by itself or after Close.
func (s *Socket) Ended() <-chan struct{} { return s.done }

// Close ends the socket, and returns when nobody is told of packets any more.
func (s *Socket) Close() {
	_ = s.conn.Close() // fails only if it is closed
	<-s.done
}
