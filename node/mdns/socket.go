package mdns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/earshot-im/earshot/discovery"
)

// A family is one of IPv4 and IPv6. Each has a socket of its own, so that one that fails does not
// stop the other.
type family int

const (
	v4 family = iota
	v6
	families
)

func (f family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

// group is where multicast DNS is spoken.
func (f family) group() netip.AddrPort {
	return [...]netip.AddrPort{netip.MustParseAddrPort("224.0.0.251:5353"), netip.MustParseAddrPort("[ff02::fb]:5353")}[f]
}

// of tells whether a link has an address of this version, without which nothing can be sent.
func (f family) of(l discovery.Link) bool {
	for _, a := range l.Addrs {
		if a.Is4() == (f == v4) {
			return true
		}
	}
	return false
}

// A socket hears and says packets of one IP version.
type socket interface {
	// say sends a packet to everybody on a link.
	say(b []byte, link discovery.Link) error
	// ended is closed when nothing more is heard, by itself or after close.
	ended() <-chan struct{}
	// close ends it, and returns when nobody is told of packets any more.
	close()
}

// multicast is the edge to the network. Tests replace it.
type multicast interface {
	// listen tells take of each packet of at most maxPacket bytes that comes over one of the links,
	// from whom, and the index of the interface, or 0. It calls take from one goroutine.
	listen(f family, links []discovery.Link, take func(b []byte, from netip.AddrPort, index int)) (socket, error)
	// register has the library announce a device over a link, until hush is called.
	register(n names, at []netip.AddrPort, text []string, link discovery.Link) (hush func(), err error)
}

type network struct{}

// options is what ipv4.PacketConn and ipv6.PacketConn have in common.
type options interface {
	JoinGroup(*net.Interface, net.Addr) error
	SetMulticastInterface(*net.Interface) error
	SetMulticastLoopback(bool) error
}

func (network) listen(f family, links []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	// To listen at a group means to Go that others may hold the port too: on one machine there may
	// be two nodes, and the system's own service. The socket takes packets of all groups.
	name := [...]string{"udp4", "udp6"}[f]
	conn, err := net.ListenUDP(name, net.UDPAddrFromAddrPort(f.group()))
	if err != nil {
		return nil, fmt.Errorf("listen for mDNS over %v: %w", f, err)
	}
	s := &udp{conn: conn, family: f, done: make(chan struct{})}
	if err := s.join(links); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("listen for mDNS over %v: %w", f, err)
	}
	go s.read(take) // ends when the socket is closed or fails
	return s, nil
}

// udp is a socket of the system.
type udp struct {
	conn    *net.UDPConn
	family  family
	options options
	done    chan struct{}
}

// join sets the socket up. It fails if it can hear nothing over any link.
func (s *udp) join(links []discovery.Link) error {
	// Packets may live longer than one hop, to be told from those of other protocols; routers do not
	// pass them on anyway (RFC 6762, section 11).
	const hops = 255
	var err error
	if s.family == v4 {
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
	joined := 0
	for _, l := range links {
		e := s.options.JoinGroup(outlet(l), &net.UDPAddr{IP: s.family.group().Addr().AsSlice()})
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
func (s *udp) read(take func([]byte, netip.AddrPort, int)) {
	defer close(s.done)
	b, about := make([]byte, maxPacket+1), make([]byte, 256)
	var pace pace
	for {
		time.Sleep(pace.rest(time.Now()))
		n, k, _, from, err := s.conn.ReadMsgUDPAddrPort(b, about)
		if errors.Is(err, tooLong) || err == nil && n > maxPacket {
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
	// A socket is read packetsAStretch times in a stretch, 20,000 times a second, which takes 6 % of a
	// core. What comes beyond that the kernel drops, once the little is full that it holds. Honest
	// networks have some hundred packets a second.
	packetsAStretch = 200
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
func (s *udp) arrived(about []byte) (index int, ok bool) {
	var to net.IP
	if s.family == v4 {
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
	return index, to == nil || to.IsMulticast()
}

func (s *udp) say(b []byte, link discovery.Link) error {
	// A socket's buffer is full only if the interface does not send; what is not sent now is of no
	// use later.
	const patience = 100 * time.Millisecond
	if err := s.options.SetMulticastInterface(outlet(link)); err != nil {
		return fmt.Errorf("send over %s: %w", link.Name, err)
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.conn.WriteToUDPAddrPort(b, s.family.group()); err != nil {
		return fmt.Errorf("send over %s: %w", link.Name, err)
	}
	return nil
}

func (s *udp) ended() <-chan struct{} { return s.done }

func (s *udp) close() {
	_ = s.conn.Close() // fails only if it is closed
	<-s.done
}
