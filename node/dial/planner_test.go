package dial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/libp2p/go-libp2p/core/peer"
)

const self = peer.ID("m")

var (
	start      = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	errRefused = errors.New("connection refused")
)

// world drives a planner as its owner would.
type world struct {
	t *testing.T
	*Planner
	now time.Time
}

func newWorld(t *testing.T) *world {
	return &world{t: t, Planner: New(Config{Self: self, Seed: 7}), now: start}
}

func addr(n int) netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24+uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4(b), 4001)
}

func (w *world) sight(id peer.ID, from discovery.Source, addrs ...int) {
	s := discovery.Sighting{Device: id, Source: from}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, addr(a))
	}
	w.Sighted(s, w.now)
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

// next returns whom to dial now.
func (w *world) next() []peer.ID {
	w.t.Helper()
	dials, wake := w.Next(w.now)
	if !wake.After(w.now) {
		w.t.Fatalf("wake %v is not after now %v", wake, w.now)
	}
	var ids []peer.ID
	for _, d := range dials {
		ids = append(ids, d.Device)
	}
	return ids
}

func (w *world) want(ids ...peer.ID) {
	w.t.Helper()
	if got := w.next(); !slices.Equal(got, ids) {
		w.t.Fatalf("after %v dials %v, want %v", w.now.Sub(start), got, ids)
	}
}

// until lets time pass until there are dials, and returns how long that took.
func (w *world) until(id peer.ID) time.Duration {
	w.t.Helper()
	for from := w.now; w.now.Sub(from) < time.Hour; {
		dials, wake := w.Next(w.now)
		if len(dials) > 0 {
			if len(dials) != 1 || dials[0].Device != id {
				w.t.Fatalf("dials %v, want %v", dials, id)
			}
			return w.now.Sub(from)
		}
		w.now = wake
	}
	w.t.Fatalf("%v is not dialled within an hour", id)
	return 0
}

// pin says that a device is a contact's, or a stranger's.
func (w *world) pin(id peer.ID, contact bool, now time.Time) {
	as := budget.Stranger
	if contact {
		as = budget.Contact
	}
	w.Stand(id, as, now)
}

func (w *world) fail(id peer.ID)    { w.Dialled(id, errRefused, w.now) }
func (w *world) succeed(id peer.ID) { w.Dialled(id, nil, w.now); w.Connected(id, w.now) }

func TestWhoDialsFirst(t *testing.T) {
	const lower, higher = peer.ID("a"), peer.ID("z")
	for _, c := range []struct {
		device peer.ID
		from   discovery.Source
		after  time.Duration
	}{
		{higher, discovery.FromMDNS, 0},
		{higher, discovery.FromPeer, 0},
		{lower, discovery.FromMDNS, 1500 * time.Millisecond},
		{lower, discovery.FromPeer, 1500 * time.Millisecond},
		{lower, discovery.FromSaved, 0},
		{lower, discovery.FromManual, 0},
	} {
		t.Run(fmt.Sprint(c.device, c.from), func(t *testing.T) {
			w := newWorld(t)
			w.sight(c.device, c.from, 1)
			if got := w.until(c.device); got != c.after {
				t.Errorf("dialled after %v, want %v", got, c.after)
			}
		})
	}

	t.Run("announcing again does not postpone", func(t *testing.T) {
		w := newWorld(t)
		for range 15 {
			w.sight(lower, discovery.FromMDNS, 1)
			w.want()
			w.pass(100 * time.Millisecond)
		}
		w.want(lower)
	})
	t.Run("the other came first", func(t *testing.T) {
		w := newWorld(t)
		w.sight(lower, discovery.FromMDNS, 1)
		w.pass(time.Second)
		w.Connected(lower, w.now)
		w.pass(time.Minute)
		w.want()
	})
	t.Run("never oneself", func(t *testing.T) {
		w := newWorld(t)
		w.sight(self, discovery.FromManual, 1)
		w.pin(self, true, w.now)
		w.want()
		if w.Connected(self, w.now) {
			t.Error("connected to itself")
		}
	})
}

func TestOrder(t *testing.T) {
	w := newWorld(t)
	for i, id := range []peer.ID{"s", "t", "u", "v", "w", "contact"} {
		w.pin(id, id == "contact", w.now)
		w.sight(id, discovery.FromSaved, i)
		w.pass(time.Millisecond)
	}
	// The contact, then in turn the last sighted and who waited longest.
	w.want("contact", "w", "s", "v", "t")
	w.want()
	w.fail("s")
	w.want("u")
}

func TestBackOff(t *testing.T) {
	for _, c := range []struct {
		name   string
		pinned bool
		want   []int // seconds
	}{
		{"pinned", true, []int{1, 2, 4, 8, 16, 32, 60, 60, 60}},
		{"stranger", false, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.pin("z", c.pinned, w.now)
			w.sight("z", discovery.FromSaved, 1)
			w.want("z")
			for i, s := range c.want {
				w.pass(3 * time.Second) // the dial takes time of its own
				w.fail("z")
				if got, want := w.until("z"), time.Duration(s)*time.Second; got != want {
					t.Fatalf("pause %d is %v, want %v", i, got, want)
				}
			}
			if s := w.State("z"); s.Fails != len(c.want) || s.Err != errRefused || !s.Dialling {
				t.Errorf("state %+v", s)
			}
			w.succeed("z")
			if s := w.State("z"); s.Fails != 0 || s.Err != nil || s.Dialling || !s.Connected {
				t.Errorf("state %+v", s)
			}
		})
	}
}

func TestNewsShortensThePause(t *testing.T) {
	for _, c := range []struct {
		name   string
		source discovery.Source
		addr   int
		pause  time.Duration
	}{
		{"a stranger announced again", discovery.FromMDNS, 1, 7 * time.Second}, // by anybody
		{"told a new address", discovery.FromPeer, 2, 0},
		{"told the same address", discovery.FromPeer, 1, 7 * time.Second},
		{"saved the same address", discovery.FromSaved, 1, 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.sight("z", discovery.FromMDNS, 1)
			w.want("z")
			for range 3 {
				w.fail("z")
				w.until("z")
			}
			w.fail("z") // due in 8 s
			w.pass(time.Second)
			w.sight("z", c.source, c.addr)
			if got := w.until("z"); got != c.pause {
				t.Errorf("dialled after %v, want %v", got, c.pause)
			}
		})
	}

	t.Run("a contact announced again", func(t *testing.T) {
		w := newWorld(t)
		w.pin("z", true, w.now)
		w.sight("z", discovery.FromMDNS, 1)
		for range 4 {
			w.until("z")
			w.fail("z")
		}
		w.pass(time.Second)
		w.sight("z", discovery.FromMDNS, 1)
		w.want("z")
	})
	t.Run("never below the least pause", func(t *testing.T) {
		w := newWorld(t)
		w.sight("z", discovery.FromMDNS, 1)
		w.want("z")
		w.fail("z")
		for i := range 9 {
			w.pass(100 * time.Millisecond)
			w.sight("z", discovery.FromMDNS, 2+i)
			w.NetworkChanged(w.now)
			w.want()
		}
		w.pass(100 * time.Millisecond)
		w.want("z")
	})
	t.Run("during the dial", func(t *testing.T) {
		w := newWorld(t)
		w.sight("z", discovery.FromSaved, 1)
		for range 4 {
			w.until("z")
			w.fail("z")
		}
		w.until("z")
		w.sight("z", discovery.FromPeer, 2)
		w.want()
		w.fail("z")
		if got := w.until("z"); got != minPause {
			t.Errorf("new address dialled after %v", got)
		}
	})
	t.Run("of a contact", func(t *testing.T) {
		w := newWorld(t)
		w.pin("z", true, w.now)
		w.sight("z", discovery.FromSaved, 1)
		for range 5 {
			w.until("z")
			w.fail("z")
		}
		w.sight("z", discovery.FromMDNS, 1)
		w.until("z")
		w.fail("z") // its back-off begins anew
		if got := w.until("z"); got != minPause {
			t.Errorf("dialled after %v", got)
		}
	})
	t.Run("though forgotten meanwhile", func(t *testing.T) {
		w := newWorld(t)
		w.sight("z", discovery.FromMDNS, 1)
		w.want("z")
		w.fail("z")
		w.book.Forget("z")
		w.sweep(w.now)
		w.sight("z", discovery.FromMDNS, 1)
		w.want()
		w.pass(minPause)
		w.want("z")
	})
	t.Run("became a contact", func(t *testing.T) {
		w := newWorld(t)
		w.sight("z", discovery.FromSaved, 1)
		for range 9 {
			w.until("z")
			w.fail("z")
		}
		w.pass(2 * time.Second)
		w.pin("z", true, w.now)
		w.want("z")
	})
}

func TestSessionEnds(t *testing.T) {
	session := func(w *world, lasts time.Duration, why Cause) time.Duration {
		w.succeed("z")
		w.pass(lasts)
		w.Disconnected("z", why, w.now)
		ended := w.now
		w.until("z")
		return w.now.Sub(ended)
	}
	begin := func(t *testing.T, pinned bool) *world {
		w := newWorld(t)
		w.pin("z", pinned, w.now)
		w.sight("z", discovery.FromSaved, 1)
		w.want("z")
		return w
	}

	t.Run("contact", func(t *testing.T) {
		w, pauses := begin(t, true), map[time.Duration]bool{}
		for range 50 {
			got := session(w, 2*time.Second, Lost)
			if got < 300*time.Millisecond || got > time.Second {
				t.Fatalf("dialled again after %v", got)
			}
			pauses[got] = true
		}
		if len(pauses) < 25 {
			t.Errorf("%d different pauses of 50", len(pauses))
		}
	})
	t.Run("stranger hangs up", func(t *testing.T) {
		w := begin(t, false)
		for _, want := range []time.Duration{1, 2, 4, 8} {
			if got := session(w, 0, Lost); got != want*time.Second {
				t.Fatalf("dialled again after %v, want %d s", got, want)
			}
		}
		if got := session(w, steadyAfter, Lost); got > time.Second {
			t.Errorf("after a good session dialled after %v", got)
		}
	})
	t.Run("incompatible", func(t *testing.T) {
		w := begin(t, true)
		if got := session(w, 0, Incompatible); got != 5*time.Minute {
			t.Errorf("dialled again after %v", got)
		}
		if got := w.State("z").Ended; got != Incompatible {
			t.Errorf("ended %v", got)
		}
		w.succeed("z")
		w.Disconnected("z", Incompatible, w.now)
		come := func(lasts time.Duration, want Cause) {
			t.Helper()
			w.pass(time.Second)
			w.Connected("z", w.now)
			w.pass(lasts)
			w.Disconnected("z", Lost, w.now)
			if got := w.State("z").Ended; got != want {
				t.Errorf("when they have dialled and hung up after %v: ended %v, want %v", lasts, got, want)
			}
		}
		come(0, Incompatible)
		come(time.Second, Incompatible)
		come(steadyAfter, Lost) // it was updated
		come(0, Lost)
	})
	t.Run("fault", func(t *testing.T) {
		w := begin(t, true)
		for _, want := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
			if got := session(w, time.Second, Fault); got != want*time.Second {
				t.Fatalf("dialled again after %v, want %d s", got, want)
			}
		}
		session(w, time.Second, Lost)
		if got := session(w, time.Second, Fault); got != maxPenalty {
			t.Errorf("a short good session makes up for all: %v", got)
		}
		session(w, maxPenalty, Lost)
		if got := session(w, time.Second, Fault); got != minPenalty {
			t.Errorf("a long good session does not make up: %v", got)
		}
	})
	t.Run("crowded out, then accepted", func(t *testing.T) {
		w := begin(t, false)
		w.succeed("z")
		w.Disconnected("z", Crowded, w.now)
		w.pass(5 * time.Second)
		w.want()
		w.pin("z", true, w.now)
		if got := w.until("z"); got > minPause {
			t.Errorf("a contact is dialled after %v", got)
		}
	})
	t.Run("nothing shortens a penalty", func(t *testing.T) {
		w := begin(t, true)
		w.succeed("z")
		w.Disconnected("z", Fault, w.now)
		for i := range 49 {
			w.pass(100 * time.Millisecond)
			w.sight("z", discovery.FromMDNS, i)
			w.pin("z", i%2 == 0, w.now)
			w.NetworkChanged(w.now)
			w.want()
		}
		w.pass(100 * time.Millisecond)
		w.want("z")
	})
}

func TestNetworkChanged(t *testing.T) {
	w := newWorld(t)
	ids := []peer.ID{"a", "n", "o", "p", "x", "y"}
	for i, id := range ids {
		w.pin(id, id >= "x", w.now)
		w.sight(id, discovery.FromSaved, i)
	}
	for range 60 { // until all have failed so often that they wait
		for _, id := range w.next() {
			w.fail(id)
		}
		w.pass(2 * time.Second)
	}
	w.next()
	w.fail("x")
	w.fail("y")
	w.pass(2 * time.Second)
	w.want()
	w.NetworkChanged(w.now)
	w.want("x", "y")
	w.fail("y") // its back-off begins anew
	if got := w.devices["y"].due.Sub(w.now); got != minPause {
		t.Errorf("after a change the first pause is %v", got)
	}
	w.devices["y"].due = time.Time{}
	var dialled []peer.ID
	for range 20 {
		w.pass(100 * time.Millisecond)
		got := w.next()
		if len(got) == 4 {
			t.Error("strangers are dialled all at once")
		}
		dialled = append(dialled, got...)
	}
	if len(dialled) != 4 {
		t.Errorf("within 2 s dialled strangers %v, want 4", dialled)
	}
}

// An inbound connection that comes and goes during a dial does not start another.
func TestOneDialInFlight(t *testing.T) {
	w := newWorld(t)
	w.sight("z", discovery.FromSaved, 1)
	w.want("z")
	w.Connected("z", w.now)
	w.Disconnected("z", Lost, w.now)
	w.pass(time.Minute)
	w.sight("z", discovery.FromMDNS, 2)
	w.NetworkChanged(w.now)
	w.want()
	w.fail("z")
	w.pass(time.Second)
	w.want("z")
}

// Between the end of a dial and word of its connection there is no other dial.
func TestConnectedAfterDialled(t *testing.T) {
	w := newWorld(t)
	w.sight("z", discovery.FromSaved, 1)
	w.want("z")
	w.Dialled("z", nil, w.now)
	w.pass(time.Second / 2)
	w.want()
	w.Connected("z", w.now)
	w.pass(time.Minute)
	w.want()
}

// TestPlacesForConnections: members of groups had the places of contacts, so a thousand identities
// that somebody brought into a group with the owner kept all contacts out.
func TestPlacesForConnections(t *testing.T) {
	w := newWorld(t)
	fill := func(as budget.Standing, kind string) (n int) {
		for ; n <= MaxConnected; n++ {
			id := peer.ID(fmt.Sprintf("%s%05d", kind, n))
			w.Stand(id, as, w.now)
			if !w.Connected(id, w.now) {
				return n
			}
		}
		return n
	}
	if n := fill(budget.Stranger, "s"); n != MaxStrangers {
		t.Errorf("%d strangers", n)
	}
	if !w.Connected("s00000", w.now) {
		t.Error("who is connected is refused")
	}
	w.sight("y-stranger", discovery.FromMDNS, 1)
	w.want()
	if n := fill(budget.Fellow, "f"); n != MaxOthers-MaxStrangers {
		t.Errorf("%d fellows", n)
	}
	w.sight("f90000", discovery.FromSaved, 2)
	w.Stand("f90000", budget.Fellow, w.now)
	w.want()
	w.pin("contact", true, w.now)
	w.sight("contact", discovery.FromSaved, 3)
	w.want("contact")
	w.fail("contact")
	if n := fill(budget.Contact, "c"); n != MaxConnected-MaxOthers {
		t.Errorf("%d contacts beside all others", n)
	}
	w.pass(time.Minute)
	w.want("contact") // another makes room for it
	w.fail("contact")
	w.Disconnected("s00000", Crowded, w.now)
	w.Disconnected("s00000", Crowded, w.now) // counts once
	if !w.Connected("contact", w.now) || w.Connected("s90000", w.now) || w.Connected("c90000", w.now) {
		t.Error("who has the place of one who has gone?")
	}
	for i := 1; i < MaxStrangers; i++ {
		w.Stand(peer.ID(fmt.Sprintf("s%05d", i)), budget.Contact, w.now)
	}
	if w.connected[budget.Stranger] != 0 || w.connected[budget.Contact] != MaxConnected-MaxOthers+MaxStrangers {
		t.Errorf("connected: %v", w.connected)
	}
}

// TestWhoMadeRoomIsLeftAlone: this node would have dialled at once whom it had just hung up on.
func TestWhoMadeRoomIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.sight("z", discovery.FromMDNS, 1)
	w.want("z")
	w.succeed("z")
	w.pass(time.Minute)
	w.Disconnected("z", Crowded, w.now)
	for range 4 {
		w.pass(time.Minute)
		w.sight("z", discovery.FromMDNS, 1)
		w.want()
	}
	w.pass(time.Minute)
	w.want("z")
}

// TestFellowsHaveDialsOfTheirOwn: many fellows that are away hold up no contact, and strangers hold
// up no fellow.
func TestFellowsHaveDialsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		id := peer.ID(fmt.Sprintf("f%05d", i))
		w.Stand(id, budget.Fellow, w.now)
		w.sight(id, discovery.FromSaved, 1)
		w.sight(peer.ID(fmt.Sprintf("s%05d", i)), discovery.FromSaved, 2)
	}
	for i := range 3 {
		w.pin(peer.ID(fmt.Sprintf("c%05d", i)), true, w.now)
		w.sight(peer.ID(fmt.Sprintf("c%05d", i)), discovery.FromSaved, 3)
	}
	var n [lanes]int
	for _, id := range w.next() {
		n[w.devices[id].lane]++
	}
	if n[patient]+n[prompt] != 3 || n[fellow] != slots[fellow] || n[stranger] != slots[stranger] {
		t.Errorf("dials: %v", n)
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t)
	w.pin("contact", true, w.now)
	w.sight("contact", discovery.FromSaved, 1)
	w.sight("named", discovery.FromManual, 2)
	w.sight("saved", discovery.FromSaved, 3)
	w.sight("heard", discovery.FromMDNS, 4)
	last := map[peer.ID]time.Duration{}
	for end := start.Add(3 * time.Hour); w.now.Before(end); {
		dials, wake := w.Next(w.now)
		for _, d := range dials {
			w.fail(d.Device)
			last[d.Device] = w.now.Sub(start)
		}
		w.now = wake
	}
	if d := last["heard"]; d > discovery.Hearsay+time.Minute {
		t.Errorf("what was heard is dialled after %v", d)
	}
	if d := last["saved"]; d < 50*time.Minute || d > 62*time.Minute {
		t.Errorf("a saved stranger was last dialled after %v", d)
	}
	if last["contact"] < 178*time.Minute || last["named"] < 178*time.Minute {
		t.Errorf("pinned devices are given up: %v", last)
	}
	if got := w.Devices(); !slices.Equal(got, []peer.ID{"contact", "named"}) {
		t.Errorf("devices %v", got)
	}
	if len(w.devices) != 2 {
		t.Errorf("remembers %d", len(w.devices))
	}
}
