package mdns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/sightings"
)

// pass lets d go by, and everything happen that is due until then.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble: no time at all
	synctest.Wait()
}

func inBubble(t *testing.T, run func(context.Context) error, body func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- run(ctx) }()
	synctest.Wait()
	body()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestWaitsForAnInterface(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		pass(time.Hour)
		b.want()
		if s := b.Status(); !errors.Is(s.Announce, sightings.ErrNoInterface) || !errors.Is(s.IPv4, sightings.ErrNoInterface) {
			b.Errorf("status %v", s)
		}
		b.change(lan())
		b.want("3600.0 listen IPv4", "3600.0 ask IPv4 eth2", "3600.0 listen IPv6", "3600.0 ask IPv6 eth2",
			"3600.0 register eth2 [10.0.0.1:4001]")
		pass(announcing)
		b.want("3601.0 hush", "3601.0 say IPv4 eth2", "3601.0 say IPv6 eth2")
		if s := b.Status(); s != (sightings.Status{}) {
			b.Errorf("status %v", s)
		}
	})
}

// TestLibraryRunsForASecondOnly: while it runs, it reads whatever is sent.
func TestLibraryRunsForASecondOnly(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(lan())
		pass(announcing)
		if b.air.runs != int(families) {
			b.Errorf("%d run, want the sockets alone", b.air.runs)
		}
		b.air.happened()
		pass(24 * time.Hour)
		if n := b.air.count("register eth2 [10.0.0.1:4001]"); n != 0 {
			b.Errorf("the library ran %d times in a day without a change", n)
		}
		b.change(lan()) // woken from sleep
		if n := b.air.count("register eth2 [10.0.0.1:4001]"); n != 1 {
			b.Errorf("the library ran %d times at a change", n)
		}
		b.change(networkOf(link(2, "10.0.0.2/24")))
		if did := b.air.did(); did[0] != "hush" || did[len(did)-1] != "register eth2 [10.0.0.2:4001]" {
			b.Errorf("at a change while it ran: %q", did)
		}
	})
}

func TestAnnouncesForEver(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(lan())
		b.air.say(v4, from(device(2)), neighbour)
		pass(announcing)
		b.air.happened()
		pass(30 * time.Second)
		if n := b.air.count("say IPv4 eth2"); n < 2 || n > 4 { // at 4, 12, 28 ± 25 %
			b.Errorf("%d announcements in the first 30 s", n)
		}
		pass(2 * time.Minute)
		b.air.happened()
		pass(time.Hour)
		var says, others int
		for _, what := range b.air.did() {
			if what == "say IPv4 eth2" {
				says++
			} else if what != "say IPv6 eth2" {
				others++
			}
		}
		if says < 60*3/4 || says > 60*4/3 || others != 0 {
			b.Errorf("%d announcements in an hour, and %d other packets", says, others)
		}
	})
}

// While nobody was heard, the question may have been lost.
func TestAsksUntilSomebodyIsHeard(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		b.air.say(v4, from(device(1)), neighbour) // its own announcement
		pass(10 * time.Minute)
		if n := b.air.count("ask IPv4 eth2"); n < 5 {
			b.Errorf("asked %d times in 10 minutes in which nobody was heard", n)
		}
		b.air.say(v4, from(device(2)), neighbour)
		b.air.happened()
		pass(10 * time.Minute)
		if n := b.air.count("ask IPv4 eth2"); n != 0 {
			b.Errorf("asked %d times in 10 minutes after somebody was heard", n)
		}
		b.change(lan())
		pass(10 * time.Minute)
		if n := b.air.count("ask IPv4 eth2"); n < 5 {
			b.Errorf("asked %d times in 10 minutes after a change", n)
		}
	})
}

func TestBeginsAgainOnAChange(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(networkOf(link(2, "10.0.0.1/24")))
		pass(announcing)
		b.air.happened()
		b.change(networkOf(link(2, "10.0.0.2/24"), link(3, "10.1.0.2/24", "fd00::2/64")))
		b.want("1.0 listen IPv4", "1.0 ask IPv4 eth2", "1.0 ask IPv4 eth3", "1.0 listen IPv6", "1.0 ask IPv6 eth3",
			"1.0 register eth2 [10.0.0.2:4001]", "1.0 register eth3 [10.1.0.2:4001 [fd00::2]:4001]")
		pass(announcing)
		b.want("2.0 hush", "2.0 hush", "2.0 say IPv4 eth2", "2.0 say IPv4 eth3", "2.0 say IPv6 eth3")
		b.change(discovery.Network{})
		b.want()
		if b.air.runs != 0 || !errors.Is(b.Status().Announce, sightings.ErrNoInterface) {
			b.Errorf("without interfaces %d run, status %v", b.air.runs, b.Status())
		}
	})
}

// TestChangeMakesNews: who was heard before a change of the network was reported again only minutes
// after it.
func TestChangeMakesNews(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(lan())
		same := from(device(2))
		b.air.say(v4, same, neighbour)
		b.change(lan()) // woken from sleep
		b.air.say(v4, same, neighbour)
		if len(b.found) != 2 {
			b.Errorf("reported %d times, want once before and once after", len(b.found))
		}
	})
}

func TestSaysGoodbye(t *testing.T) {
	var a *air
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		a = b.air
	})
	if did := a.did(); !slices.Equal(did, []string{"goodbye IPv4 eth2", "goodbye IPv6 eth2"}) {
		t.Errorf("at the end: %q", did)
	}
}

func TestOneFamilyFailing(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		held := errors.New("address already in use")
		b.air.set(func() { b.air.fails[v4] = held })
		b.change(lan())
		pass(announcing)
		b.want("0.0 listen IPv6", "0.0 ask IPv6 eth2", "0.0 register eth2 [10.0.0.1:4001]", "1.0 hush", "1.0 say IPv6 eth2")
		if s := b.Status(); s != (sightings.Status{IPv4: held}) {
			b.Errorf("status %v", s)
		}
		b.air.say(v6, from(device(2)), "[fe80::9]:5353")
		if len(b.found) != 1 {
			b.Errorf("found %v", b.found)
		}
		b.air.set(func() { delete(b.air.fails, v4) })
		pass(announceFirst * 3 / 2)
		if did := b.air.did(); !slices.Contains(did, "ask IPv4 eth2") || !slices.Contains(did, "say IPv4 eth2") || b.Status() != (sightings.Status{}) {
			b.Errorf("freed: %q, status %v", did, b.Status())
		}
	})
}

func TestAnnouncingFailsAndHeals(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		no := errors.New("no")
		b.air.set(func() { b.air.broken = no })
		b.change(lan())
		pass(10 * time.Minute)
		if s := b.Status(); !errors.Is(s.Announce, no) || s.IPv4 != nil {
			b.Errorf("status %v", s)
		}
		b.air.happened()
		b.air.set(func() { b.air.broken = nil })
		pass(announceEvery * 5 / 4)
		if n := b.air.count("say IPv4 eth2"); n == 0 || b.Status().Announce != nil {
			b.Errorf("%d announcements, status %v", n, b.Status())
		}
	})
}

// TestStatusSaysWhyNobodyIsTold: each reason for which others can't hear of this device is told.
func TestStatusSaysWhyNobodyIsTold(t *testing.T) {
	held := errors.New("address already in use")
	for what, test := range map[string]struct {
		network discovery.Network
		port    uint16
		held    bool
		want    error
	}{
		"no interface":       {discovery.Network{}, 4001, false, sightings.ErrNoInterface},
		"only a link-local":  {networkOf(link(2, "fe80::1/64")), 4001, false, discovery.ErrNoAddress},
		"a port of services": {lan(), 1023, false, sightings.ErrLowPort},
		"no socket":          {lan(), 4001, true, errNoSocket},
		"nothing":            {lan(), 1024, false, nil},
	} {
		withMDNS(t, func(c *Config) { c.Port = test.port }, func(b *bench) {
			if test.held {
				b.air.set(func() { b.air.fails[v4], b.air.fails[v6], b.air.refuses = held, held, held })
			}
			b.change(test.network)
			pass(10 * time.Minute)
			if got := b.Status().Announce; !errors.Is(got, test.want) || (got == nil) != (test.want == nil) {
				t.Errorf("%s: %v, want %v", what, got, test.want)
			}
		})
	}
}

func TestWithoutTheLibrary(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.air.set(func() { b.air.refuses = errors.New("no") })
		b.change(networkOf(link(2, "10.0.0.1/24")))
		b.want("0.0 listen IPv4", "0.0 ask IPv4 eth2", "0.0 listen IPv6", "0.0 say IPv4 eth2")
		if s := b.Status(); s != (sightings.Status{}) {
			b.Errorf("status %v", s)
		}
	})
}

func TestSocketThatEndsIsOpenedAgain(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		b.air.sockets[v6].fail()
		pass(announceEvery * 5 / 4)
		if did := b.air.did(); !slices.Contains(did, "listen IPv6") || !slices.Contains(did, "say IPv6 eth2") {
			b.Errorf("after its end: %q", did)
		}
		b.air.say(v6, from(device(2)), "[fe80::9]:5353")
		if len(b.found) != 1 {
			b.Errorf("found %v", b.found)
		}
	})
}

func TestLeavesOutItselfAndNonsense(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(lan())
		b.air.say(v4, from(device(1)), neighbour)
		b.air.say(v4, []byte("nonsense with _earshot in it"), neighbour)
		b.air.say(v4, from(device(2)), neighbour)
		if len(b.found) != 1 || b.found[0].Device != device(2) || b.found[0].Source != discovery.FromMDNS {
			b.Errorf("found %v", b.found)
		}
	})
}

// TestNewPortsAndAddressesAreHeard: the library's client reported a name once and never again.
func TestNewPortsAndAddressesAreHeard(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		n := newNames()
		for _, at := range []string{"10.0.0.9:4001", "10.0.0.9:4001", "10.0.0.9:4002", "10.0.0.10:4002"} {
			b.air.say(v4, announced(device(2), n, lifetime, at), neighbour)
		}
		b.air.say(v4, announced(device(2), newNames(), lifetime, "10.0.0.10:4002"), neighbour) // started anew
		var got []string
		for _, s := range b.found {
			got = append(got, s.Addrs[0].String())
		}
		if want := []string{"10.0.0.9:4001", "10.0.0.9:4002", "10.0.0.10:4002", "10.0.0.10:4002"}; !slices.Equal(got, want) {
			b.Errorf("reported %v, want %v", got, want)
		}
		pass(announceEvery * 5 / 4)
		b.air.say(v4, announced(device(2), n, lifetime, "10.0.0.10:4002"), neighbour)
		if len(b.found) != 5 {
			b.Error("a device that goes on to announce itself is not reported again")
		}
	})
}

// TestGoodbyeTakesNothingBack: anybody can say it in another's name.
func TestGoodbyeTakesNothingBack(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		n := newNames()
		b.air.say(v4, announced(device(2), n, 0, "10.0.0.9:4001"), neighbour)
		if len(b.found) != 0 {
			b.Errorf("a goodbye is reported: %v", b.found)
		}
		for _, ttl := range []uint32{lifetime, 0, lifetime, lifetime} {
			b.air.say(v4, announced(device(2), n, ttl, "10.0.0.9:4001"), neighbour)
		}
		if len(b.found) != 2 {
			b.Errorf("reported %d times, want once before and once after the goodbye", len(b.found))
		}
	})
}

// TestAnnouncesWhenAsked: somebody who wants to know whether others hear this device had to wait for
// up to 75 s.
func TestAnnouncesWhenAsked(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		pass(2 * time.Second)
		b.air.happened()
		b.Announce()
		synctest.Wait()
		if did := b.air.did(); !slices.Contains(did, "say IPv4 eth2") || !slices.Contains(did, "say IPv6 eth2") {
			b.Errorf("asked to announce it did %q", did)
		}
		pass(announceLeast / 2)
		if b.Announce(); b.air.count("say IPv4 eth2") != 0 {
			b.Error("asked again half a second later it announces at once")
		}
		if pass(announceLeast / 2); b.air.count("say IPv4 eth2") != 1 {
			b.Error("it does not announce a second after the last time")
		}
		for range 500 {
			b.Announce()
			pass(10 * time.Millisecond)
		}
		if n := b.air.count("say IPv4 eth2"); n < 4 || n > 5 {
			b.Errorf("%d announcements in 5 s, want one a second", n)
		}
	})
}

// TestQuestionsAreAnsweredOnceASecond: each of a packet's questions got an answer of its own.
func TestQuestionsAreAnsweredOnceASecond(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		pass(2 * time.Second)
		b.air.happened()
		one := asking(serviceName, slices.Repeat([]uint16{dns.TypePTR}, maxQuestions)...)
		b.air.say(v4, one, neighbour)
		pass(answerWait + answerSpread)
		if did := b.air.did(); !slices.Equal(did, []string{"say IPv4 eth2"}) {
			b.Errorf("one packet is answered by %q", did)
		}
		for range 500 {
			b.air.say(v4, one, neighbour)
			time.Sleep(10 * time.Millisecond)
		}
		pass(2 * time.Second)
		if n := b.air.count("say IPv4 eth2"); n < 5 || n > 7 {
			b.Errorf("%d answers in 5 s, want one a second", n)
		}
	})
}

// TestAnnouncementsAreAnswersToo: a second lies between any two packets with this device's records,
// whether somebody asked for them or not.
func TestAnnouncementsAreAnswersToo(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		for range 3 * 60 * 100 {
			b.air.say(v4, asking(serviceName, dns.TypePTR), neighbour)
			time.Sleep(10 * time.Millisecond)
		}
		last := -1.0
		for _, l := range b.air.happened() {
			var at float64
			var what, by string
			if fmt.Sscan(l, &at, &what, &by); what != "say" || by != "IPv4" {
				continue
			}
			if at-last < 0.9 { // written with one digit
				b.Fatalf("%s comes %.1f s after the one before", l, at-last)
			}
			last = at
		}
		if last < 0 {
			b.Error("nothing was answered")
		}
	})
}

// TestLibrarysGoodbyeIsMadeGood: when the library ends, it takes everything back.
func TestLibrarysGoodbyeIsMadeGood(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.change(lan())
		pass(announcing / 2)
		b.air.say(v4, asking(serviceName, dns.TypePTR), neighbour)
		pass(answerWait + answerSpread)
		b.air.happened()
		pass(announcing/2 - answerWait - answerSpread)
		if did := b.air.did(); !slices.Equal(did, []string{"hush", "say IPv4 eth2", "say IPv6 eth2"}) {
			b.Errorf("at the library's end: %q", did)
		}
	})
}

// TestOnePacketCausesOnePacket: one of 60 KB with 10,000 questions caused 10,004.
func TestOnePacketCausesOnePacket(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		pass(2 * time.Second)
		b.air.happened()
		b.air.say(v4, bomb(60000), neighbour)
		pass(2 * time.Second)
		if did := b.air.did(); len(did) != 0 {
			b.Errorf("a packet that is too long is answered by %q", did)
		}
		b.air.say(v4, bomb(maxPacket), neighbour)
		pass(2 * time.Second)
		if did := b.air.did(); len(did) != 0 {
			b.Errorf("1,490 questions are answered by %q", did)
		}
	})
}

// bomb returns a query of a size that has as many questions as fit.
func bomb(size int) []byte {
	b := asking(serviceName, dns.TypePTR)
	for len(b)+6 <= size {
		b = append(b, 0xc0, headerSize, 0, byte(dns.TypePTR), 0, dns.ClassINET)
		b[5]++
		if b[5] == 0 {
			b[4]++
		}
	}
	return b
}

func TestNewRefuses(t *testing.T) {
	for what, cfg := range map[string]Config{
		"port 0":    {Device: device(1)},
		"no device": {Port: 4001},
		"bad":       {Device: "bad", Port: 4001},
	} {
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// talkative is an air in which one device is heard at once over IPv4, again and again.
type talkative struct{ air }

func (a *talkative) listen(f family, links []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	s, err := a.air.listen(f, links, take)
	q := s.(*quiet)
	own := &quiet{air: &a.air, by: f, take: take, done: make(chan struct{})}
	go func() { // like a socket's reader
		defer own.fail()
		for f == v4 {
			select {
			case <-q.done:
				return
			default:
				take(from(device(2)), netip.MustParseAddrPort(neighbour), 2)
			}
		}
		<-q.done
	}()
	return &closing{q, own}, err
}

// closing ends when the reader has.
type closing struct {
	*quiet
	reader *quiet
}

func (c *closing) Ended() <-chan struct{} { return c.reader.done }

func (c *closing) Close() {
	c.quiet.fail()
	<-c.reader.done
}

// Outside a bubble, as goleak looks at every goroutine.
func TestRunLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := discovery.NewWatcher(func() (discovery.Network, error) { return lan(), nil }, slog.New(slog.DiscardHandler))
	heardOf := make(chan struct{})
	var once sync.Once
	m, err := New(Config{Device: device(1), Port: 4001, Networks: w.Subscribe(),
		Sightings: newSightings(func(discovery.Sighting) { once.Do(func() { close(heardOf) }) }), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	m.wire = &talkative{air: air{}}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { w.Run(ctx) })
	all.Go(func() { m.Run(ctx) })
	<-heardOf
	cancel()
	all.Wait()
}
