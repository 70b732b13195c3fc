package doctor

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/warnings"
)

const port = 4001

// office is two nodes of contacts on a network in memory, ann and bob, and the doctor of each.
type office struct {
	t        *testing.T
	net      *memnet.Network
	ann, bob *desk
}

// desk is one node.
type desk struct {
	cfg    Config
	person crypto.PersonID
	host   *link.Host
	at     netip.Addr
	doctor *Doctor
	trusts atomic.Bool

	mu     sync.Mutex // guards the next
	heard  map[peer.ID]map[string]time.Time
	budget *budget.Budgets
}

func (d *desk) hears(id peer.ID, ways map[string]time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard[id] = ways
}

func (d *desk) heardOf(id peer.ID) map[string]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard[id]
}

func inOffice(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{t: t, net: memnet.New()}
		o.ann, o.bob = o.desk(1), o.desk(2)
		o.ann.serves(o.bob)
		o.bob.serves(o.ann)
		defer o.ann.host.Close()
		defer o.bob.host.Close()
		o.connect()
		test(t, o)
	})
}

func (o *office) desk(n byte) *desk {
	d := &desk{person: crypto.PersonID{n}, at: netip.AddrFrom4([4]byte{10, 0, 0, n}), budget: budget.New(budget.Config{})}
	d.host = o.newHost(d.at, func(peer.ID) bool { return d.trusts.Load() })
	d.host.SetStreamHandler("/held/1", func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
	d.trusts.Store(true)
	d.heard = make(map[peer.ID]map[string]time.Time)
	return d
}

func (o *office) newHost(at netip.Addr, trusted func(peer.ID) bool) *link.Host {
	o.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	h, err := link.New(link.Config{Key: key, Transport: o.net.Host(at).Transport, Trusted: trusted})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := h.Listen(memnet.Multiaddrs(at, port)); err != nil {
		o.t.Fatal(err)
	}
	return h
}

// serves makes the doctor of a node that has one contact.
func (d *desk) serves(other *desk) {
	eth := discovery.Link{Name: "eth0", Index: 1, Addrs: []netip.Addr{d.at}, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
	owns := func(id peer.ID) (crypto.PersonID, bool) { return other.person, id == other.host.ID() }
	d.cfg = Config{Host: d.host, Version: "1.2.3", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Network:   func() discovery.Network { return discovery.Network{Links: []discovery.Link{eth}} },
		FirstPort: port, LastPort: port + 9,
		Port:     d.host.Port,
		Announce: func() []string { return nil },
		Heard:    func(id peer.ID) map[string]time.Time { return d.heardOf(id) },
		Known: func(crypto.PersonID) Known {
			return Known{ID: other.person, Contact: true, Devices: []Device{{ID: other.host.ID(),
				Connected: len(d.host.ConnsTo(other.host.ID())) > 0, Addrs: []netip.AddrPort{netip.AddrPortFrom(other.at, port)}}}}
		},
		Owns: owns,
		Trusted: func(id peer.ID) (crypto.PersonID, bool) {
			p, ok := owns(id)
			return p, ok && d.trusts.Load()
		},
		Open: func(c network.Conn, p crypto.PersonID) *budget.Account {
			a := d.budget.Open(other.at)
			a.Identify(p, budget.Contact)
			return a
		},
		Warnings: func() ([]warnings.Warning, error) { return nil, nil },
		Waiting:  func(context.Context) ([]checks.Waiting, error) { return nil, nil },
	}
	d.cfg.Contacts = func() []Known { return []Known{d.cfg.Known(crypto.PersonID{})} }
	d.start()
}

// start begins with what the configuration says now.
func (d *desk) start() {
	d.doctor = New(d.cfg)
	d.doctor.Accept(context.Background())
}

func (o *office) connect() {
	o.t.Helper()
	if err := o.ann.host.Connect(o.t.Context(), o.bob.host.ID(), memnet.Multiaddrs(o.bob.at, port)); err != nil {
		o.t.Fatal(err)
	}
	s, err := o.ann.host.NewStream(o.t.Context(), o.bob.host.ID(), "/held/1") // without a stream it is closed soon
	if err != nil {
		o.t.Fatal(err)
	}
	_, _ = s.Write([]byte("held"))
	synctest.Wait()
}

// examine makes all checks, and returns what they say.
func (d *desk) examine(t *testing.T) []checks.Check {
	t.Helper()
	return d.examineFor(t, "")
}

func (d *desk) examineFor(t *testing.T, who string) (out []checks.Check) {
	t.Helper()
	d.doctor = New(d.cfg)
	if err := d.doctor.Examine(t.Context(), Question{Who: who}, func(c checks.Check) error { out = append(out, c); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// words are the checks of a name, as "code detail".
func words(found []checks.Check, name string) string {
	var out []string
	for _, c := range found {
		if c.Check == name {
			text := c.Code
			if c.OK {
				text = strings.TrimSpace("ok " + text)
			}
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// TestHearing: a contact is asked which announcements of this node it hears, made anew, and this node
// listens for the contact's.
func TestHearing(t *testing.T) {
	for _, c := range []struct {
		what                       string
		annAnnounces, bobAnnounces bool
		annHears, bobHears         bool
		before                     time.Duration // how long before they have heard each other; 0: never
		want                       string
	}{
		{"all is well", true, true, true, true, 0, "ok"},
		{"Bob does not hear Ann", true, true, true, false, 0, "unheard"},
		{"Ann does not hear Bob", true, true, false, true, 0, "deaf"},
		{"neither", true, true, false, false, 0, "deaf, unheard"},
		{"they did until a minute ago", true, true, false, false, time.Minute, "deaf, unheard"},
		{"they need not do so again within a second", true, true, false, false, time.Second, "ok"},
		{"Ann does without", false, true, false, false, 0, "ok nobody"},
		{"Bob does without", true, false, false, false, 0, "ok nobody"},
		{"nobody does", false, false, false, false, time.Minute, "ok nobody"},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			ann, bob := o.ann, o.bob
			time.Sleep(time.Hour)
			if c.before != 0 {
				ann.hears(bob.host.ID(), map[string]time.Time{"mdns4": time.Now().Add(-c.before)})
				bob.hears(ann.host.ID(), map[string]time.Time{"mdns4": time.Now().Add(-c.before)})
			}
			announce := func(from, to *desk, does, hears bool) func() []string {
				return func() []string {
					if !does {
						return nil
					}
					if hears {
						to.hears(from.host.ID(), map[string]time.Time{"mdns4": time.Now()})
					}
					return []string{"mdns4"}
				}
			}
			ann.cfg.Announce = announce(ann, bob, c.annAnnounces, c.bobHears)
			bob.cfg.Announce = announce(bob, ann, c.bobAnnounces, c.annHears)
			bob.start()
			if got := words(ann.examine(t), checks.Multicast); got != c.want {
				t.Errorf("%s: got %q, want %q", c.what, got, c.want)
			}
		})
	}
}

// TestPeersOfOtherNetworksNeedNotHear: multicast does not get to a peer beyond a router.
func TestPeersOfOtherNetworksNeedNotHear(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		announce := func() []string { return []string{"mdns4"} }
		o.ann.cfg.Announce, o.bob.cfg.Announce = announce, announce
		o.bob.start()
		eth := discovery.Link{Name: "eth0", Index: 1, Addrs: []netip.Addr{o.ann.at}, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}}
		o.ann.cfg.Network = func() discovery.Network { return discovery.Network{Links: []discovery.Link{eth}} }
		if got := words(o.ann.examine(t), checks.Multicast); got != "ok nobody" {
			t.Errorf("got %q", got)
		}
	})
}

// TestNetworkThatGoesMeanwhileIsNoSilence: a contact was said not to hear this machine where its interface had gone
// in the middle of the examination.
func TestNetworkThatGoesMeanwhileIsNoSilence(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		announce := func() []string { return []string{"mdns4"} }
		o.ann.cfg.Announce, o.bob.cfg.Announce = announce, announce
		o.bob.start()
		began, network := time.Now(), o.ann.cfg.Network
		o.ann.cfg.Network = func() (n discovery.Network) {
			if time.Since(began) < settle/2 {
				n = network()
			}
			return n
		}
		if got := words(o.ann.examine(t), checks.Multicast); got != "ok nobody" {
			t.Errorf("got %q", got)
		}
	})
}

// TestWhoDoesNotAnswerIsPassedOver: a contact that does not have the asker as one answers nothing.
func TestWhoDoesNotAnswerIsPassedOver(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.bob.trusts.Store(false)
		found := o.ann.examine(t)
		for name, want := range map[string]string{checks.Multicast: "ok nobody", checks.Clock: "ok nobody", checks.Reachable: "ok nobody"} {
			if got := words(found, name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		for _, c := range found {
			if c.Code == checks.Nobody && (c.Values.Asked != 1 || c.Values.Answered != 0) {
				t.Errorf("%s: asked %d, of whom %d have answered", c.Check, c.Values.Asked, c.Values.Answered)
			}
		}
	})
}

// TestNodeOnThisMachineProvesNothing: a second node behind the same firewall got a connection, and
// whoever is outside was taken for the one whose filters are in the way.
func TestNodeOnThisMachineProvesNothing(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		network := o.ann.cfg.Network
		o.ann.cfg.Network = func() discovery.Network {
			return discovery.Network{Links: append(network().Links, discovery.Link{Name: "eth1", Index: 2, Addrs: []netip.Addr{o.bob.at}})}
		}
		found := o.ann.examine(t)
		for _, name := range []string{checks.Multicast, checks.Clock, checks.Reachable} {
			if got := words(found, name); got != "ok nobody" {
				t.Errorf("%s: got %q", name, got)
			}
		}
		for _, c := range found {
			if c.Values.Asked != 0 {
				t.Errorf("asked: %+v", c)
			}
		}
	})
}

// TestOthersAreAskedWhoeverIsLookedFor: with WHO, nobody else said whether this node can be reached, and
// whoever is looked for is mostly away.
func TestOthersAreAskedWhoeverIsLookedFor(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.ann.cfg.Whom = func(context.Context, string) (crypto.PersonID, error) { return crypto.PersonID{9}, nil }
		known := o.ann.cfg.Known
		o.ann.cfg.Known = func(p crypto.PersonID) Known {
			if p == (crypto.PersonID{9}) {
				return Known{ID: p}
			}
			return known(p)
		}
		o.net.Shut(o.ann.at, true)
		if got := words(o.ann.examineFor(t, "Cat"), checks.Reachable); got != checks.Closed {
			t.Errorf("got %q", got)
		}
	})
}

// TestWhoIsLookedForIsAskedFirst, by all devices; of others one is enough.
func TestWhoIsLookedForIsAskedFirst(t *testing.T) {
	var known []Known
	for p := range byte(2 * maxAsked) {
		known = append(known, Known{ID: crypto.PersonID{p + 1}, Devices: []Device{{ID: "off"}, {ID: "one", Connected: true}, {ID: "two", Connected: true}}})
	}
	of := func(whom byte) (out string) {
		for _, a := range (&Doctor{}).whoToAsk(known, crypto.PersonID{whom}) {
			out += fmt.Sprint(a.person[0], string(a.device), " ")
		}
		return out
	}
	if got, want := of(0), "1one 2one 3one 4one 5one 6one 7one 8one "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := of(12), "12one 12two 1one 2one 3one 4one 5one 6one "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// visits opens a stream to Bob's doctor.
func (o *office) visits() (network.Stream, *bufio.Reader) {
	o.t.Helper()
	s, err := o.ann.host.NewStream(o.t.Context(), o.bob.host.ID(), Protocol)
	if err != nil {
		o.t.Fatal(err)
	}
	return s, bufio.NewReader(s)
}

// answered says whether a visit is answered now.
func (o *office) answered() bool {
	s, err := o.ann.host.NewStream(o.t.Context(), o.bob.host.ID(), Protocol)
	if err != nil {
		return false
	}
	defer func() {
		s.Reset()
		synctest.Wait()
	}()
	_, err = exchange(s, bufio.NewReader(s), question{})
	return err == nil
}

// TestVisitsAreBounded: a contact asks a few times a minute, once at a time.
func TestVisitsAreBounded(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		s, in := o.visits()
		if _, err := exchange(s, in, question{}); err != nil {
			t.Fatal(err)
		}
		if o.answered() {
			t.Error("two visits at a time")
		}
		s.Reset()
		synctest.Wait()
		for range visitsBurst - 1 {
			if !o.answered() {
				t.Error("not answered")
			}
		}
		for range 5 {
			if o.answered() {
				t.Error("too many visits")
			}
			time.Sleep(visitsEvery)
			if !o.answered() {
				t.Error("not answered after a while")
			}
		}
		for s, u := range o.bob.budget.Used() {
			if u.Memory != 0 || u.Accounts != 0 {
				t.Errorf("of %d there is %+v left", s, u)
			}
		}
	})
}

// TestVisitsEnd: a visit that says nothing ends, and so does one that asks without end.
func TestVisitsEnd(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		began := time.Now()
		_, in := o.visits()
		if _, err := read(in, maxAnswer); err == nil || time.Since(began) != visitPatience {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		synctest.Wait() // until the visit is over
		s, in := o.visits()
		n := 0
		for ; ; n++ {
			if _, err := exchange(s, in, question{}); err != nil {
				break
			}
		}
		if n != maxQuestions {
			t.Errorf("%d questions", n)
		}
	})
}

// TestWhoIsNoContactAnyMoreIsNotAnswered, also in the middle of a visit.
func TestWhoIsNoContactAnyMoreIsNotAnswered(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		s, in := o.visits()
		if _, err := exchange(s, in, question{}); err != nil {
			t.Fatal(err)
		}
		o.bob.trusts.Store(false)
		if a, err := exchange(s, in, question{announce: true}); err == nil {
			t.Errorf("answered %+v", a)
		}
	})
}

// TestMalformedQuestionsHaveNoEffect but that the stream is reset.
func TestMalformedQuestionsHaveNoEffect(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.bob.cfg.Announce = func() []string { t.Error("announced"); return nil }
		o.bob.start()
		for _, b := range []string{"\xff\xff\xff", "\x11", "\x02\x08\x02", "\x02\x10\x50", "\x01\x08"} {
			s, in := o.visits()
			if _, err := s.Write([]byte(b)); err != nil {
				t.Fatal(err)
			}
			if b, err := read(in, maxAnswer); err == nil {
				t.Errorf("%x: answered %x", b, b)
			}
			time.Sleep(visitsEvery)
		}
		if u := o.bob.budget.Used()[budget.Contact]; u.Memory != 0 || u.Accounts != 0 {
			t.Errorf("left: %+v", u)
		}
	})
}

// TestDialBack: to the other end of the connection, to the port that is said, once in a visit, and
// charged to the contact.
func TestDialBack(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		outcome := func(port uint16) string {
			t.Helper()
			time.Sleep(visitsEvery)
			s, in := o.visits()
			defer s.Reset()
			a, err := exchange(s, in, question{port: port})
			if err != nil {
				t.Fatal(err)
			}
			if again, err := exchange(s, in, question{port: port}); err != nil || again.outcome != "" {
				t.Errorf("dialled twice: %+v, %v", again, err)
			}
			return a.outcome
		}
		if got := outcome(port); got != checks.Connected {
			t.Errorf("got %q", got)
		}
		if got := outcome(port + 1); got != checks.Refused {
			t.Errorf("nobody listens: got %q", got)
		}
		o.net.Shut(o.ann.at, true)
		if got := outcome(port); got != checks.TimedOut {
			t.Errorf("a firewall: got %q", got)
		}
		if u := o.bob.budget.Used()[budget.Contact]; u.Time < 3*backCost {
			t.Errorf("charged: %s", u.Time)
		}
		if n := o.bob.doctor.callers.dialling; n != 0 {
			t.Errorf("%d dials are counted", n)
		}
		o.bob.doctor.callers.dialling = maxBack
		o.net.Shut(o.ann.at, false)
		if got := outcome(port); got != checks.Other {
			t.Errorf("with too many dials: got %q", got)
		}
	})
}

// TestOthersPortsAreNotDialled: a contact can't have anybody look for services that aren't theirs.
func TestOthersPortsAreNotDialled(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		outcome := func(to uint16) string {
			t.Helper()
			time.Sleep(visitsEvery)
			s, in := o.visits()
			defer s.Reset()
			a, err := exchange(s, in, question{port: to})
			if err != nil {
				t.Fatal(err)
			}
			return a.outcome
		}
		o.bob.cfg.FirstPort, o.bob.cfg.LastPort = port+1, port+10
		o.bob.start()
		for to, want := range map[uint16]string{port: checks.Connected, port + 1: checks.Refused, port - 1: "", port + 11: "", 8080: ""} {
			if got := outcome(to); got != want {
				t.Errorf("%d: got %q, want %q", to, got, want)
			}
		}
	})
}

// TestDialsBackAreBounded, those of all contacts together.
func TestDialsBackAreBounded(t *testing.T) {
	c, now := newCallers(), time.Now()
	dials := func() bool {
		if !c.dial(now) {
			return false
		}
		c.dialled()
		return true
	}
	for range backBurst {
		if !dials() {
			t.Error("not dialled")
		}
	}
	for range 3 {
		if dials() {
			t.Error("too many dials")
		}
		if now = now.Add(backEvery); !dials() {
			t.Error("not dialled after a while")
		}
	}
}

// Somebody else at the port is no proof that the one who asks is reached.
func TestSomebodyElseAtThePort(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		cat := o.desk(3)
		defer cat.host.Close()
		v := visit{Doctor: o.bob.doctor, person: o.ann.person, account: o.bob.budget.Open(o.ann.at)}
		defer v.account.Close()
		v.conn = elsewhere{o.bob.host.ConnsTo(o.ann.host.ID())[0], cat.at}
		if there, err := v.whoIs(t.Context(), netip.AddrPortFrom(cat.at, port)); err != nil || there != cat.host.ID() {
			t.Fatalf("%s, %v", there, err)
		}
		if got := v.dialBack(t.Context(), port); got != checks.Other {
			t.Errorf("got %q", got)
		}
	})
}

// elsewhere is a connection whose other end seems to be elsewhere.
type elsewhere struct {
	network.Conn
	at netip.Addr
}

func (e elsewhere) RemoteMultiaddr() ma.Multiaddr { return memnet.Multiaddrs(e.at, 50000)[0] }

// TestExaminationsTakeTurns: one at a time, and each ends in time whatever is slow.
func TestExaminationsTakeTurns(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		var running, most atomic.Int32
		o.ann.cfg.Machine = func(ctx context.Context, tell func(...checks.Check)) {
			most.Store(max(most.Load(), running.Add(1)))
			<-ctx.Done()
			running.Add(-1)
			tell(checks.Check{Check: checks.Disk, Code: checks.Slow})
		}
		d := New(o.ann.cfg)
		ended := make(chan time.Duration, 3)
		began := time.Now()
		for range 3 {
			go func() { // ends when all have
				var found []checks.Check
				err := d.Examine(t.Context(), Question{}, func(c checks.Check) error { found = append(found, c); return nil })
				if err != nil || words(found, checks.Disk) != checks.Slow || words(found, checks.Clock) == "" {
					t.Errorf("%v, %v", found, err)
				}
				ended <- time.Since(began)
			}()
		}
		for i := range 3 {
			if took := <-ended; took != time.Duration(i+1)*longest {
				t.Errorf("%d: %s", i, took)
			}
		}
		if most.Load() != 1 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

// TestExaminationEndsWithItsCaller: when nobody reads, or who asks goes away.
func TestExaminationEndsWithItsCaller(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.ann.cfg.Machine = func(ctx context.Context, tell func(...checks.Check)) { <-ctx.Done() }
		d := New(o.ann.cfg)
		began, gone := time.Now(), errors.New("nobody reads")
		if err := d.Examine(t.Context(), Question{}, func(checks.Check) error { return gone }); !errors.Is(err, gone) || time.Since(began) > time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Examine(ctx, Question{}, func(checks.Check) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestSeen: who was heard just now is on this network, unless they have gone since.
func TestSeen(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		time.Sleep(time.Hour)
		d, id := New(o.ann.cfg), o.bob.host.ID()
		now := time.Now()
		for what, c := range map[string]struct {
			heard, last time.Time
			want        bool
		}{
			"never heard":         {time.Time{}, now, false},
			"heard just now":      {now.Add(-seenWithin + time.Second), now.Add(-time.Hour), true},
			"heard long ago":      {now.Add(-seenWithin), now.Add(-time.Hour), false},
			"gone since it spoke": {now.Add(-time.Second), now, false},
		} {
			o.ann.hears(id, nil)
			if !c.heard.IsZero() {
				o.ann.hears(id, map[string]time.Time{"beacon4": c.heard})
			}
			p := d.peer(discovery.Network{}, Known{Devices: []Device{{ID: id, LastSeen: c.last, FoundBy: []discovery.Source{discovery.FromMDNS, discovery.FromBeacon, discovery.FromSaved}}}})
			if p.Seen != c.want || !p.LastSeen.Equal(c.last) {
				t.Errorf("%s: %+v", what, p)
			}
			want := []checks.Heard{{Way: "saved"}}
			if !c.heard.IsZero() {
				want = []checks.Heard{{Way: "beacon4", Last: c.heard}, {Way: "saved"}}
			}
			if !reflect.DeepEqual(p.Heard, want) {
				t.Errorf("%s: heard %v, want %v", what, p.Heard, want)
			}
		}
	})
}

// TestSeenContactIsDialled: the last error may be old, so that who is on this network is dialled again.
func TestSeenContactIsDialled(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		ann, bob := o.ann, o.bob
		_ = bob.host.ConnsTo(ann.host.ID())[0].Close()
		synctest.Wait()
		ann.hears(bob.host.ID(), map[string]time.Time{"mdns4": time.Now()})
		for _, connects := range []func(){
			func() { time.AfterFunc(time.Second, o.connect) },
			func() { ann.cfg.Host = meanwhile{ann.host, o.connect} },
		} {
			connects()
			if got := words(ann.examine(t), checks.Peers); got != "ok" { // it was about to connect
				t.Errorf("got %q", got)
			}
			_ = bob.host.ConnsTo(ann.host.ID())[0].Close()
			synctest.Wait()
		}
		ann.cfg.Host = ann.host
		ann.hears(bob.host.ID(), map[string]time.Time{"mdns4": time.Now()})
		if got := words(ann.examine(t), checks.Peers); got != "ok offline" { // it answers
			t.Errorf("got %q", got)
		}
		ann.hears(bob.host.ID(), map[string]time.Time{"mdns4": time.Now()})
		o.net.Shut(bob.at, true)
		if got := words(ann.examine(t), checks.Peers); got != checks.TimedOut {
			t.Errorf("got %q", got)
		}
	})
}

// meanwhile is a host where something happens while it dials.
type meanwhile struct {
	Host
	do func()
}

func (m meanwhile) WhoIs(ctx context.Context, at ma.Multiaddr) (peer.ID, error) {
	m.do()
	return m.Host.WhoIs(ctx, at)
}

func TestOutcome(t *testing.T) {
	for want, all := range map[string][]error{
		checks.Refused:    {syscall.ECONNREFUSED, fmt.Errorf("/ip4/10.0.0.1/tcp/1: %w", syscall.ECONNREFUSED), wsaConnRefused},
		checks.TimedOut:   {link.ErrNoAnswer, context.DeadlineExceeded, syscall.ETIMEDOUT, wsaTimedOut},
		checks.NoRoute:    {syscall.EHOSTUNREACH, syscall.ENETUNREACH, wsaHostUnreach, wsaNetUnreach},
		checks.Permission: {syscall.EACCES, syscall.EPERM, wsaAccess},
		checks.Other:      {link.ErrOver, errors.New("anything else")},
	} {
		for _, err := range all {
			if got := outcome(err); got != want {
				t.Errorf("%v: got %s, want %s", err, got, want)
			}
		}
	}
}

// TestTurnedAway: a firewall may say what sounds as if there were no way to a neighbour.
func TestTurnedAway(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("see TestPermission")
	}
	eth := discovery.Network{Links: []discovery.Link{{Name: "eth0", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/64")}}}}
	d := New(Config{Contacts: func() []Known { return nil }})
	for _, c := range []struct {
		at   string
		err  error
		took time.Duration
		want string
	}{
		{"10.0.0.1:1", syscall.ECONNREFUSED, time.Minute, checks.Refused},
		{"10.0.0.1:1", syscall.EHOSTUNREACH, promptly - 1, checks.Refused},
		{"[fd00::1]:1", syscall.EACCES, 0, checks.Refused},
		{"10.0.0.1:1", syscall.EHOSTUNREACH, promptly, checks.NoRoute}, // no machine is there
		{"10.9.0.1:1", syscall.EHOSTUNREACH, 0, checks.NoRoute},        // a router says it
		{"10.0.0.1:1", syscall.ENETUNREACH, 0, checks.NoRoute},         // the system itself
		{"10.0.0.1:1", syscall.EACCES, 0, checks.Permission},           // the same
		{"[fd00::1]:1", syscall.EPERM, 0, checks.Permission},           // the same
		{"10.0.0.1:1", link.ErrNoAnswer, 0, checks.TimedOut},
	} {
		if got := d.try(eth, "bob", netip.MustParseAddrPort(c.at), c.err, c.took); got.Code != c.want {
			t.Errorf("%+v: %s", c, got.Code)
		}
	}
}

// TestPermission: macOS says that there is no way to its own network.
func TestPermission(t *testing.T) {
	yes, no := func() bool { return true }, func() bool { return false }
	if !forbidden("darwin", no) || forbidden("darwin", yes) {
		t.Error("got", forbidden("darwin", no), forbidden("darwin", yes))
	}
	if forbidden("linux", nil) { // nor are all contacts gone through for each dial
		t.Error("elsewhere")
	}
}

// TestVisitsOfAllAreBounded: one more than there may be at a time is refused, until one has left.
func TestVisitsOfAllAreBounded(t *testing.T) {
	c, now := newCallers(), time.Now()
	for n := range byte(maxVisits) {
		if !c.enter(crypto.PersonID{n}, now) {
			t.Fatalf("%d is not let in", n)
		}
	}
	late := crypto.PersonID{maxVisits}
	if c.enter(late, now) {
		t.Error("one too many")
	}
	c.leave(crypto.PersonID{0})
	if !c.enter(late, now) {
		t.Error("not let in though there is a place")
	}
}

// TestAnAddressIsOneDevices: a contact's other device may be behind the same router, and what listens there
// is not for the one who asks to find out.
func TestAnAddressIsOneDevices(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		at := netip.AddrPortFrom(o.ann.at, 8080)
		conn := o.bob.host.ConnsTo(o.ann.host.ID())[0]
		for id, want := range map[peer.ID]bool{o.ann.host.ID(): true, "ann's other": false} {
			o.bob.cfg.Known = func(p crypto.PersonID) Known {
				return Known{ID: p, Devices: []Device{{ID: id, Addrs: []netip.AddrPort{at}}}}
			}
			v := visit{Doctor: New(o.bob.cfg), person: o.ann.person, conn: conn}
			if got := v.theirs(at); got != want {
				t.Errorf("%s: %v", id, got)
			}
		}
	})
}

// TestHearingTakesAWhile: what is heard a second after it was asked for counts.
func TestHearingTakesAWhile(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		time.Sleep(time.Hour)
		later := func(from, to *desk) func() []string {
			return func() []string {
				time.AfterFunc(time.Second, func() { to.hears(from.host.ID(), map[string]time.Time{"beacon4": time.Now()}) })
				return []string{"beacon4"}
			}
		}
		o.ann.cfg.Announce, o.bob.cfg.Announce = later(o.ann, o.bob), later(o.bob, o.ann)
		o.bob.start()
		if got := words(o.ann.examine(t), checks.Multicast); got != "ok" {
			t.Errorf("got %q", got)
		}
	})
}

// TestDialsAreBounded: however many contacts are heard and not connected, few are dialled, and nobody who
// is connected.
func TestDialsAreBounded(t *testing.T) {
	dialled := &dials{}
	d := New(Config{Host: dialled, Now: time.Now, Known: func(id crypto.PersonID) Known { return Known{ID: id} }})
	var known []Known
	peers := make([]checks.Peer, 3*maxDialled)
	for i := range peers {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), port)
		known = append(known, Known{ID: crypto.PersonID{byte(i + 1)}, Devices: []Device{{Addrs: []netip.AddrPort{at}}}})
		peers[i] = checks.Peer{Person: known[i].ID, Seen: true, Here: i < maxDialled}
	}
	d.dialAll(t.Context(), discovery.Network{}, known[len(known)-1].ID, known, peers)
	if n := dialled.n.Load(); n != maxDialled+1 {
		t.Errorf("%d dials", n)
	}
	for i, p := range peers {
		if want := i >= maxDialled && i < 2*maxDialled || i == len(peers)-1; (len(p.Tries) == 1) != want {
			t.Errorf("%d: %+v", i, p)
		}
	}
}

// dials is a host that counts its dials, which all fail.
type dials struct {
	Host
	n atomic.Int32
}

func (d *dials) ID() peer.ID { return "self" }

func (d *dials) WhoIs(context.Context, ma.Multiaddr) (peer.ID, error) {
	d.n.Add(1)
	return "", syscall.ECONNREFUSED
}

// TestCallersAreForgotten: who has rested is remembered no more.
func TestCallersAreForgotten(t *testing.T) {
	c, now := newCallers(), time.Now()
	visit := func(n int) {
		p := crypto.PersonID{byte(n), byte(n >> 8)}
		if !c.enter(p, now) {
			t.Fatalf("%d is not let in", n)
		}
		c.leave(p)
	}
	for n := range leastCallers {
		visit(n)
	}
	now = now.Add(visitsBurst * visitsEvery)
	visit(leastCallers)
	if len(c.persons) != 1 {
		t.Errorf("%d are remembered", len(c.persons))
	}
}
