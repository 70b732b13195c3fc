//go:build lab && linux

package mdns

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/miekg/dns"
	mh "github.com/multiformats/go-multihash"
)

// labForger sends packets of many services on one host name with many addresses,
// the worst that fits: the library multiplies the one by the other. Each packet
// has new names, and it goes on until its input ends.
func labForger() {
	c := multicastSocket()
	go func() {
		for packet := 0; ; packet++ {
			m := new(dns.Msg)
			m.Response, m.Compress = true, true
			for i := range 800 {
				m.Answer = append(m.Answer, &dns.SRV{
					Hdr:  dns.RR_Header{Name: fmt.Sprintf("%d-%d._earshot._tcp.local.", packet, i), Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: 120},
					Port: 1, Target: "x.local.",
				})
			}
			for i := range 1000 {
				m.Answer = append(m.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: "x.local.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 120},
					A:   net.IPv4(10, 1, byte(i>>8), byte(i)),
				})
			}
			b, err := m.Pack()
			if err != nil {
				panic(err)
			}
			if _, err = c.Write(b); packet == 0 {
				fmt.Println("sent", len(b), err)
			}
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

// stranger returns a device's ID, another for each i.
func stranger(i int) peer.ID {
	key := []byte{0x08, 0x01, 0x12, 0x20} // protobuf: Ed25519, 32 bytes
	key = append(key, make([]byte, 32)...)
	binary.BigEndian.PutUint32(key[8:], uint32(i))
	hash, _ := mh.Sum(key, mh.IDENTITY, -1)
	return peer.ID(hash)
}

// labFlooder announces a new device in each packet, as fast as the network takes it, until its input
// ends.
func labFlooder() {
	c := multicastSocket()
	var packets [][]byte
	for i := range 1000 {
		packets = append(packets, announced(stranger(i), newNames(), lifetime, "10.9.0.9:4001"))
	}
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	began := time.Now()
	for sent := 0; ; sent++ {
		select {
		case <-ended:
			fmt.Printf("sent %.0f a second\n", float64(sent)/time.Since(began).Seconds())
			return
		default:
		}
		if _, err := c.Write(packets[sent%len(packets)]); sent == 0 {
			fmt.Println("sending", err)
		}
	}
}

// multicastSocket speaks multicast DNS as a responder does, from its port.
func multicastSocket() *net.UDPConn {
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
		return errors.Join(e, err)
	}}
	c, err := (&net.Dialer{LocalAddr: &net.UDPAddr{Port: port}, Control: reuse.Control}).Dial("udp4", Group(v4).At.String())
	if err != nil {
		panic(err)
	}
	return c.(*net.UDPConn)
}

// labBomber sends a query with as many questions as fit into 60 KB for each line of its input.
func labBomber() {
	c, b := multicastSocket(), bomb(60000)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		_, err := c.Write(b)
		fmt.Println("sent", len(b), "bytes", err)
	}
}

// labBrowser does what avahi-browse does when it starts, for each line of its input: it asks for
// all devices, knowing none. It says how long the first answer took.
func labBrowser() {
	c, err := net.ListenMulticastUDP("udp4", nil, net.UDPAddrFromAddrPort(Group(v4).At))
	if err != nil {
		panic(err)
	}
	s := multicastSocket()
	b := make([]byte, maxPacket)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		_ = c.SetReadDeadline(time.Now())
		for err := error(nil); err == nil; { // what was said before
			_, _, err = c.ReadFrom(b)
		}
		_ = c.SetReadDeadline(time.Time{})
		began := time.Now()
		if _, err := s.Write(asking(serviceName, dns.TypePTR)); err != nil {
			panic(err)
		}
		for m := new(dns.Msg); !m.Response; {
			n, _, err := c.ReadFrom(b)
			if err == nil {
				err = m.Unpack(b[:n])
			}
			if err != nil {
				panic(err)
			}
		}
		fmt.Println("seen after", time.Since(began))
	}
}

// memoryMB is the most memory that a process has had resident.
func (p *labProcess) memoryMB() int {
	p.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.Atoi(strings.Fields(kB)[0])
			return n / 1024
		}
	}
	p.Fatal("no VmHWM")
	return 0
}

// cpu is the time that a process has computed, in its own code and for it in the kernel.
func (p *labProcess) cpu() time.Duration {
	p.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// said is how many packets the processes of a host have sent by UDP.
func (h *labHost) said() (n int) {
	h.Helper()
	for file, name := range map[string]string{"snmp": "Udp:", "snmp6": "Udp6OutDatagrams"} {
		b, err := os.ReadFile("/proc/" + h.pid + "/net/" + file)
		if err != nil {
			h.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			fields := strings.Fields(line)
			if fields[0] != name || fields[1] == "InDatagrams" {
				continue
			}
			count, err := strconv.Atoi(fields[map[string]int{"snmp": 4, "snmp6": 1}[file]])
			if err != nil {
				h.Fatal(err)
			}
			n += count
		}
	}
	return n
}

// order gives a line to a process, and waits for what it answers.
func (p *labProcess) order(words ...string) time.Duration {
	p.Helper()
	if _, err := io.WriteString(p.in, "go\n"); err != nil {
		p.Fatal(err)
	}
	return p.await(promised, words...)
}

// threeHosts returns hosts on one network. The last is to attack the first: it need not know of
// networks to send.
func threeHosts(l *lab) (a, b, c *labHost) {
	l.bridge("br0")
	a, b, c = l.host(), l.host(), l.host()
	a.plug("br0", "eth0", "10.9.0.1/24", "fd00:9::1/64")
	b.plug("br0", "eth0", "10.9.0.2/24", "fd00:9::2/64")
	c.plug("br0", "eth0", "10.9.0.3/24")
	c.run("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
	return a, b, c
}

// TestLabForgedPackets: five such packets a second took 504 MiB.
func TestLabForgedPackets(t *testing.T) {
	inLab(t, func(l *lab) {
		a, b, c := threeHosts(l)
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		pa.finds(2, "10.9.0.2:4002")
		forger := c.start("forger")
		l.Logf("forging begins after %v", forger.await(promised, "sent", "<nil>"))
		began, before := time.Now(), pa.cpu()
		pb.kill()
		for seed := range 3 { // the third comes well after the first flood
			p := b.finder(10+seed, 4003)
			l.Logf("amid it device %d found after %v", seed,
				pa.await(time.Minute, device(byte(10+seed)).String(), "fd00:9::2"))
			p.finish()
		}
		l.Logf("%.0f %% of a core", 100*(pa.cpu()-before).Seconds()/time.Since(began).Seconds())
		forger.finish()
		mb := pa.memoryMB()
		l.Logf("at most %d MB resident", mb)
		if mb > 40 {
			l.Errorf("%d MB resident", mb)
		}
		pa.finish()
	})
}

// TestLabFlood: a network carries more packets than a node can read.
func TestLabFlood(t *testing.T) {
	inLab(t, func(l *lab) {
		a, b, c := threeHosts(l)
		pa := a.finder(1, 4001)
		flooder := c.start("flooder")
		flooder.await(promised, "sending <nil>")
		began, before := time.Now(), pa.cpu()
		for seed := range 5 {
			p := b.finder(10+seed, 4003)
			l.Logf("amid it device %d found after %v", seed, pa.await(time.Minute, device(byte(10+seed)).String()))
			p.finish()
		}
		share := (pa.cpu() - before).Seconds() / time.Since(began).Seconds()
		l.Logf("%.0f %% of a core, at most %d MB resident", 100*share, pa.memoryMB())
		if share > 0.25 || pa.memoryMB() > 40 {
			l.Error("that is too much")
		}
		flooder.in.Close()
		for line := range flooder.lines {
			l.Log(line)
		}
		pa.finish()
	})
}

// TestLabQuestions: one packet of 60 KB with 10,000 questions caused 10,004 multicasts, 2.1 MB.
func TestLabQuestions(t *testing.T) {
	inLab(t, func(l *lab) {
		a, _, c := threeHosts(l)
		bomber := c.start("bomber")
		pa := a.finder(1, 4001)
		pa.await(promised, "itself") // the library has announced it
		bomber.order("sent")
		pa.await(promised, "status {<nil> <nil> <nil>}") // the library has ended
		// Two questions of its own, two probes, an announcement, a goodbye and an announcement of its
		// own over each of IPv4 and IPv6.
		n := a.said()
		l.Logf("in its first second, in which the library runs, it sends %d packets", n)
		if n > 12+10 {
			l.Error("that is too much")
		}
		before, memory := a.said(), pa.memoryMB()
		for range 20 {
			bomber.order("sent")
		}
		// What follows shows that they were read.
		c.start("browser").order("seen after")
		grown := pa.memoryMB() - memory
		n = a.said() - before
		l.Logf("after that, 20 packets of questions cause %d packets and %d MiB", n, grown)
		if n > 10 || grown > 1 {
			l.Error("that is too much")
		}
		pa.finish()
	})
}

// TestLabBrowseAtAnyMoment: a program that lists services sees this device whenever it starts.
func TestLabBrowseAtAnyMoment(t *testing.T) {
	inLab(t, func(l *lab) {
		a, _, c := threeHosts(l)
		pa := a.finder(1, 4001)
		pa.await(promised, "status {<nil> <nil> <nil>}") // the library has ended, which answers too
		browser := c.start("browser")
		for range 10 { // each comes just after an answer, when the next has to wait
			took := browser.order("seen after")
			l.Logf("seen after %v", took)
			if took > 2*time.Second {
				l.Error("that is too late")
			}
		}
		pa.finish()
	})
}

// TestLabFiftyDevices counts what fifty devices send that start at once.
func TestLabFiftyDevices(t *testing.T) {
	inLab(t, func(l *lab) {
		const devices, rate = 50, 30 // packets a second, of all together
		l.bridge("br0")
		var hosts []*labHost
		var all []*labProcess
		for i := range devices {
			h := l.host()
			h.plug("br0", "eth0", fmt.Sprintf("10.9.0.%d/24", i+1), fmt.Sprintf("fd00:9::%x/64", i+1))
			hosts = append(hosts, h)
		}
		began := time.Now()
		for i, h := range hosts {
			all = append(all, h.finder(i+1, 4001))
		}
		sent := func() (n int) {
			for _, h := range hosts {
				n += h.said()
			}
			return n
		}
		for i, p := range all {
			found := map[string]bool{}
			for len(found) < devices-1 {
				select {
				case line := <-p.lines:
					if fields := strings.Fields(line); fields[0] == "found" {
						found[fields[1]] = true
					}
				case <-time.After(3 * promised):
					l.Fatalf("device %d has found %d others", i+1, len(found))
				}
			}
		}
		l.Logf("all have found all %v after the first started, and have sent %d packets", time.Since(began), sent())
		for _, p := range all { // a process whose lines are not read stops
			go func() {
				for range p.lines {
				}
			}()
		}
		before, over := sent(), 30*time.Second
		time.Sleep(over) // in which each announces itself more often than later
		got := float64(sent()-before) / over.Seconds()
		l.Logf("then %.1f packets a second", got)
		if got > rate {
			l.Errorf("more than %d", rate)
		}
	})
}
