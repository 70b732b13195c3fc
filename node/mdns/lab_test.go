//go:build lab && linux

package mdns

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

func TestMain(m *testing.M) {
	labRoles["finder"] = labFinder
	labRoles["squatter"] = labSquatter
	labRoles["forger"] = labForger
	labRoles["flooder"] = labFlooder
	labRoles["bomber"] = labBomber
	labRoles["browser"] = labBrowser
	runLabRole()
	os.Exit(m.Run())
}

const (
	labSeed = "EARSHOT_LAB_SEED" // which device a finder is
	labPort = "EARSHOT_LAB_PORT"

	promised = 10 * time.Second // within this a change is followed
)

// sayStatus prints the status whenever it changes.
func sayStatus(ctx context.Context, m *MDNS) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for said := ""; ; {
		if now := fmt.Sprintf("now %v", m.Status()); now != said {
			said = now
			fmt.Println(said)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// labFinder announces a device and prints what it finds, until its input ends.
func labFinder() {
	seed, _ := strconv.Atoi(os.Getenv(labSeed))
	port, _ := strconv.Atoi(os.Getenv(labPort))
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("finder", seed)
	w := discovery.NewWatcher(discovery.ReadNetwork(), log)
	if n, err := discovery.ReadNetwork()(); err == nil && len(n.Links) == 0 {
		fmt.Println("waiting for an interface")
	}
	var m *MDNS
	m, err := New(Config{
		Device: device(byte(seed)), Port: uint16(port), Networks: w.Subscribe(), Log: log,
		Sightings: sightings.New(sightings.Config{Device: device(byte(seed)), Log: log,
			Found: func(s discovery.Sighting) { fmt.Printf("found %s %v status %v\n", s.Device, s.Addrs, m.Status()) },
			Own:   func(discovery.Sighting) { fmt.Printf("heard itself, status %v\n", m.Status()) },
		}),
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { w.Run(ctx) })
	all.Go(func() { m.Run(ctx) })
	all.Go(func() { sayStatus(ctx, m) })
	io.Copy(io.Discard, os.Stdin)
	cancel()
	all.Wait()
	// The library's announcing goroutine may sleep for some seconds more.
	for range 20 {
		if err = goleak.Find(); err == nil {
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// labSquatter holds the mDNS port for itself.
func labSquatter() {
	c, err := net.ListenPacket("udp4", "0.0.0.0:5353")
	fmt.Println("holds", err)
	io.Copy(io.Discard, os.Stdin)
	c.Close()
}

func (h *labHost) finder(seed, port int) *labProcess {
	return h.start("finder", fmt.Sprintf("%s=%d", labSeed, seed), fmt.Sprintf("%s=%d", labPort, port))
}

// finds waits until p reports the device of a seed at all of the addresses.
func (p *labProcess) finds(seed int, addrs ...string) {
	p.Helper()
	took := p.await(promised, append(addrs, device(byte(seed)).String())...)
	p.Logf("host %d found device %d after %v", p.number, seed, took)
}

func TestLabBothSeeEachOther(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24", "fd00:9::1/64")
		b.plug("br0", "eth0", "10.9.0.2/24", "fd00:9::2/64")
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		pa.finds(2, "10.9.0.2:4002", "[fd00:9::2]:4002")
		pb.finds(1, "10.9.0.1:4001", "[fd00:9::1]:4001")
		pa.finish()
		pb.finish()
	})
}

func TestLabIPv4Alone(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		for _, h := range []*labHost{a, b} {
			h.run("sh", "-c", "for c in all default; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done")
		}
		a.plug("br0", "eth0", "10.9.0.1/24")
		b.plug("br0", "eth0", "10.9.0.2/24")
		pa := a.finder(1, 4001)
		b.finder(2, 4002)
		pa.finds(2, "10.9.0.2:4002")
		pa.finish()
	})
}

func TestLabIPv6Alone(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "fd00:9::1/64")
		b.plug("br0", "eth0", "fd00:9::2/64")
		pa := a.finder(1, 4001)
		b.finder(2, 4002)
		pa.finds(2, "[fd00:9::2]:4002")
		pa.finish()
	})
}

func TestLabTwoOnOneHost(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a := l.host()
		a.plug("br0", "eth0", "10.9.0.1/24")
		one, two := a.finder(1, 4001), a.finder(2, 4002)
		one.finds(2, "10.9.0.1:4002")
		two.finds(1, "10.9.0.1:4001")
	})
}

func TestLabLateInterface(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		b.plug("br0", "eth0", "10.9.0.2/24", "fd00:9::2/64")
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		c := l.host()
		c.plug("br0", "eth0", "10.9.0.3/24")
		pc := c.finder(3, 4003)
		pb.finds(3, "10.9.0.3:4003") // b has started, and a too by now
		pc.finish()
		a.plug("br0", "eth0", "10.9.0.1/24", "fd00:9::1/64")
		pa.finds(2, "10.9.0.2:4002")
		pb.finds(1, "10.9.0.1:4001", "[fd00:9::1]:4001")
		pa.finish()
	})
}

func TestLabAddressChange(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24")
		b.plug("br0", "eth0", "10.9.0.2/24")
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		pb.finds(1, "10.9.0.1:4001")
		a.address("del", "eth0", "10.9.0.1/24")
		a.address("add", "eth0", "10.9.0.77/24")
		pb.finds(1, "10.9.0.77:4001")
		pa.finish()
	})
}

func TestLabCableOutAndIn(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24")
		b.plug("br0", "eth0", "10.9.0.2/24")
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		pa.finds(2, "10.9.0.2:4002")
		pb.finds(1, "10.9.0.1:4001")
		l.command("ip", "link", "set", a.far("eth0"), "down")
		witness := a.finder(3, 4003)
		witness.await(promised, "waiting")
		l.command("ip", "link", "set", a.far("eth0"), "up")
		pb.finds(3, "10.9.0.1:4003")
		b.finder(4, 4004)
		pa.finds(4, "10.9.0.2:4004")
		pa.finish()
	})
}

func TestLabSecondInterfaceComesAndGoes(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		l.bridge("br1")
		a, b, c := l.host(), l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24")
		b.plug("br0", "eth0", "10.9.0.2/24")
		c.plug("br1", "eth0", "10.9.1.3/24")
		pa, pb, pc := a.finder(1, 4001), b.finder(2, 4002), c.finder(3, 4003)
		pa.finds(2, "10.9.0.2:4002")
		a.plug("br1", "eth1", "10.9.1.1/24")
		pa.finds(3, "10.9.1.3:4003")
		pc.finds(1, "10.9.1.1:4001")
		a.run("ip", "link", "del", "eth1")
		pb.kill()
		b.finder(4, 4004)
		pa.finds(4, "10.9.0.2:4004")
		pa.finish()
	})
}

func TestLabRestartAfterKill(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24")
		b.plug("br0", "eth0", "10.9.0.2/24")
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		pa.finds(2, "10.9.0.2:4002")
		pb.kill()
		b.finder(2, 5002)
		pa.finds(2, "10.9.0.2:5002")
		pa.finish()
	})
}

func TestLabLostAnnouncementsHeal(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		l.command("ip", "link", "set", "br0", "down") // a switch that forwards nothing yet
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24")
		b.plug("br0", "eth0", "10.9.0.2/24")
		pa, pb := a.finder(1, 4001), b.finder(2, 4002)
		other := a.finder(3, 4003)
		pa.finds(3, "10.9.0.1:4003") // so that it asks no more
		const all = "status {<nil> <nil> <nil>}"
		pa.await(promised, all) // its first announcements are lost
		pb.await(promised, all)
		l.command("ip", "link", "set", "br0", "up")
		pb.finds(1, "10.9.0.1:4001")
		pa.finds(2, "10.9.0.2:4002")
		other.finish()
	})
}

func TestLabPortHeldByAnother(t *testing.T) {
	inLab(t, func(l *lab) {
		l.bridge("br0")
		a, b := l.host(), l.host()
		a.plug("br0", "eth0", "10.9.0.1/24", "fd00:9::1/64")
		b.plug("br0", "eth0", "10.9.0.2/24", "fd00:9::2/64")
		squatter := a.start("squatter")
		squatter.await(promised, "holds <nil>")
		pa := a.finder(1, 4001)
		pb := b.finder(2, 4002)
		pa.await(promised, device(2).String(), "address already in use", "fd00:9::2")
		pb.finds(1, "10.9.0.1:4001")
		squatter.finish()
		pa.await(3*promised, "now {<nil> <nil> <nil>}")
		pa.finish()
	})
}
