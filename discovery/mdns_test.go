package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"go.uber.org/goleak"
)

func TestMDNSWaitsForAnInterface(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		pass(time.Hour)
		b.want()
		if s := b.Status(); !errors.Is(s.Announce, ErrNoInterface) || !errors.Is(s.IPv4, ErrNoInterface) {
			b.Errorf("status %v", s)
		}
		b.change(network("10.0.0.1"))
		b.want("3600 browse IPv4", "3600 browse IPv6", "3600 announce [10.0.0.1]")
		if s := b.Status(); s != (MDNSStatus{}) {
			b.Errorf("status %v", s)
		}
	})
}

func TestMDNSAnnouncesForEverWithOneQuery(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(network("10.0.0.1"))
		b.air.happened()
		pass(30 * time.Second)
		if n := b.air.count("announce"); n < 2 || n > 4 { // at 4, 12, 28 ± 25 %
			b.Errorf("%d announcements in the first 30 s", n)
		}
		pass(2 * time.Minute)
		b.air.happened()
		pass(time.Hour)
		var announces, others int
		for _, l := range b.air.happened() {
			var s int
			var what string
			if fmt.Sscan(l, &s, &what); what == "announce" {
				announces++
			} else {
				others++
			}
		}
		if announces < 60*3/4 || announces > 60*4/3 || others != 0 {
			b.Errorf("%d announcements in an hour, and %d queries", announces, others)
		}
	})
}

func TestMDNSRebuildsOnAChange(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(network("10.0.0.1"))
		b.air.happened()
		pass(time.Second)
		b.change(network("10.0.0.2"))
		b.want("1 browse IPv4", "1 browse IPv6", "1 announce [10.0.0.2]")
		if b.air.open != 3 {
			b.Errorf("%d run, want 3", b.air.open)
		}
		pass(time.Second)
		b.change(Network{})
		b.want()
		if b.air.open != 0 || !errors.Is(b.Status().Announce, ErrNoInterface) {
			b.Errorf("without interfaces %d run, status %v", b.air.open, b.Status())
		}
	})
}

func TestMDNSOneFamilyFailing(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		held := errors.New("address already in use")
		b.air.set(func() { b.air.fails[ipv4] = held })
		b.change(network("10.0.0.1"))
		b.want("0 browse IPv6", "0 announce [10.0.0.1]")
		if s := b.Status(); s != (MDNSStatus{IPv4: held}) {
			b.Errorf("status %v", s)
		}
		b.air.say(ipv6, from(device(2)))
		if len(b.found) != 1 {
			b.Errorf("found %v", b.found)
		}
		b.air.set(func() { delete(b.air.fails, ipv4) })
		pass(announceFirst * 3 / 2)
		if n := b.air.count("browse"); n != 1 || b.Status() != (MDNSStatus{}) {
			b.Errorf("freed, %d queries, status %v", n, b.Status())
		}
	})
}

func TestMDNSAnnouncingFailsAndHeals(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.air.set(func() { b.air.refuses = errors.New("no") })
		b.change(network("10.0.0.1"))
		pass(10 * time.Minute)
		b.want("0 browse IPv4", "0 browse IPv6")
		if b.Status().Announce == nil {
			b.Error("status shows nothing")
		}
		b.air.set(func() { b.air.refuses = nil })
		pass(announceEvery * 5 / 4)
		if n := b.air.count("announce"); n == 0 || b.Status().Announce != nil {
			b.Errorf("%d announcements, status %v", n, b.Status())
		}
	})
}

// The library ends a query that heard nobody for 15 minutes.
func TestMDNSQueryThatEndsIsBegunAgain(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(network("10.0.0.1"))
		pass(15 * time.Minute)
		b.air.happened()
		b.air.set(func() { close(b.air.kill[ipv6]) })
		pass(announceEvery * 5 / 4)
		if n := b.air.count("browse"); n != 1 {
			b.Errorf("%d queries", n)
		}
		b.air.say(ipv6, from(device(2)))
		if len(b.found) != 1 {
			b.Errorf("found %v", b.found)
		}
	})
}

func TestMDNSLeavesOutItselfAndNonsense(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(network("10.0.0.1"))
		b.air.say(ipv4, from(device(1)))
		b.air.say(ipv4, entry{})
		b.air.say(ipv4, from(device(2)))
		if len(b.found) != 1 || b.found[0].Device != device(2) {
			b.Errorf("found %v", b.found)
		}
		if len(b.own) != 1 || b.own[0].Device != device(1) || len(b.own[0].Addrs) != 1 {
			b.Errorf("of this device itself %v", b.own)
		}
	})
}

func TestMDNSFloodOfStrangersIsBounded(t *testing.T) {
	friend := device(7)
	withMDNS(t, func(d peer.ID) bool { return d == friend }, func(b *bench) {
		b.change(network("10.0.0.1"))
		pass(2 * time.Minute)
		for i := range maxStrangers + 100 {
			b.air.say(ipv4, from(stranger(i)))
		}
		if len(b.found) != maxStrangers {
			b.Errorf("%d strangers reported", len(b.found))
		}
		b.found = nil
		b.air.say(ipv4, from(friend))
		b.air.say(ipv4, from(stranger(1)))
		if len(b.found) != 2 || b.found[0].Device != friend {
			b.Errorf("amid the flood %d reported", len(b.found))
		}
		pass(announceEvery * 5 / 4)
		b.air.say(ipv4, from(device(8)))
		if len(b.found) != 3 {
			b.Error("a stranger is not reported after the next announcement")
		}
	})
}

// The library remembers every entry while a query lasts, so a query is replaced,
// but not faster than the floor allows.
func TestMDNSQueryIsReplacedUnderAFlood(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(network("10.0.0.1"))
		pass(2 * time.Minute)
		b.air.happened()
		for range maxEntries {
			b.air.say(ipv4, entry{})
		}
		if n := b.air.count("browse"); n != int(families) {
			b.Errorf("%d queries after one flood", n)
		}
		for range 3 * maxEntries {
			b.air.say(ipv4, entry{})
		}
		if n := b.air.count("browse"); n != 0 {
			b.Errorf("%d queries below the floor", n)
		}
		b.air.set(func() {
			if b.air.ctx[ipv4].Err() == nil {
				b.Error("the query goes on past its limit")
			}
		})
		pass(browseFloor)
		b.air.say(ipv4, from(device(2)))
		if n := b.air.count("browse"); n != int(families) || len(b.found) != 1 {
			b.Errorf("%d queries after the floor, found %v", n, b.found)
		}
	})
}

func TestNewMDNSRefuses(t *testing.T) {
	for what, cfg := range map[string]MDNSConfig{
		"port 0":    {Device: device(1)},
		"no device": {Port: 4001},
		"bad":       {Device: "bad", Port: 4001},
	} {
		if _, err := NewMDNS(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Outside a bubble, as goleak looks at every goroutine.
func TestRunLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := NewWatcher(func() (Network, error) { return network("10.0.0.1"), nil }, slog.New(slog.DiscardHandler))
	heardOf := make(chan struct{})
	m, err := NewMDNS(MDNSConfig{Device: device(1), Port: 4001, Networks: w.Subscribe(),
		Found: func(Sighting) { close(heardOf) }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	m.wire = &talkative{air: air{names: map[string]int{}}}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { w.Run(ctx) })
	all.Go(func() { m.Run(ctx) })
	<-heardOf
	cancel()
	all.Wait()
}
