package mesh

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// silentStream is a stream of which only the other end is known.
type silentStream struct {
	network.Stream
	conn silentConn
}

type silentConn struct {
	network.Conn
	peer peer.ID
	at   ma.Multiaddr
}

func (s silentStream) Conn() network.Conn { return s.conn }
func (c silentConn) RemotePeer() peer.ID  { return c.peer }

// RemoteMultiaddr is where the device is; without a place of its own it is at an address of its own.
func (c silentConn) RemoteMultiaddr() ma.Multiaddr {
	if c.at != nil {
		return c.at
	}
	device, _ := crypto.DeviceFromPeer(c.peer)
	at, _ := manet.FromNetAddr(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, device[5], device[6], device[7]}), 1)))
	return at
}

func (c silentConn) LocalMultiaddr() ma.Multiaddr { return ma.StringCast("/ip4/10.0.0.1/tcp/4001") }
func (c silentConn) Stat() network.ConnStats      { return network.ConnStats{} }

func deviceNumber(n int) (d crypto.DeviceID) {
	binary.BigEndian.PutUint64(d[:], uint64(n))
	d[8] = 1 // so that no number is a weak key
	return d
}

func personNumber(n int) crypto.PersonID    { return crypto.PersonID{byte(n)} }
func conversation(n int) event.Conversation { return event.Conversation{byte(n)} }

// self is the device of the registers in these tests: devices above it have higher peer IDs.
const self = 1 << 20

func newTestRegister() *Register { return newRegister(peerID(deviceNumber(self))) }

// sessionConfig is that of a session over a connection that does nothing.
func sessionConfig(c silentConn, opened bool) session.Config {
	return session.Config{Self: deviceNumber(self), Budget: budget.New(budget.Config{}).Open(netip.Addr{}),
		Stream: silentStream{conn: c}, Opened: opened, Log: slog.New(slog.DiscardHandler)}
}

// newSession makes a session with a device that does nothing.
func newSession(device int, opened bool) *session.Session {
	return session.New(sessionConfig(silentConn{peer: peerID(deviceNumber(device))}, opened), func(*session.Session) session.Host { return nil })
}

// admitted takes in a new session with a device.
func admitted(t *testing.T, r *Register, device int) *session.Session {
	t.Helper()
	s := newSession(device, true)
	if _, _, err := r.admit(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// leaves takes a session out, and has it noted.
func leaves(r *Register, s *session.Session, why dial.Cause) *left {
	out := r.leave(s, why)
	noted(r, out)
	return out
}

func noted(r *Register, out *left) {
	if out != nil && out.known {
		r.parted(out.person)
	}
}

// empty finds that nothing is remembered of any session.
func empty(t *testing.T, r *Register) {
	t.Helper()
	if n := r.places.Len() + len(r.devices) + len(r.persons) + len(r.locals) + len(r.sessions) + len(r.hearing) + len(r.followed) + len(r.direct); n != 0 {
		t.Errorf("left: %d devices, %d persons, %d sessions, %d conversations, %d of them with followed peers, %d with logs that come directly",
			len(r.devices), len(r.persons), len(r.sessions), len(r.hearing), len(r.followed), len(r.direct))
	}
	for d, s := range r.States() {
		if s.Connected {
			t.Errorf("%v counts as connected", d)
		}
	}
}

// A peer that opens another stream has lost the first. But if both have opened one at about the
// same time, each must keep the same of the two, or both end.
func TestWhichOfTwoSessionsStays(t *testing.T) {
	const lower, higher = self - 1, self + 1
	for _, c := range []struct {
		what     string
		device   int
		old, new bool // opened by this node
		after    time.Duration
		oldStays bool
	}{
		{"both opened by this node", lower, true, true, 0, false},
		{"both opened by the peer", lower, false, false, 0, false},
		{"both opened by this node, which is the lower", higher, true, true, 0, false},
		{"the old one by the peer, which is the lower", lower, false, true, 0, true},
		{"the new one by the peer, which is the lower", lower, true, false, 0, false},
		{"the old one by this node, which is the lower", higher, true, false, 0, true},
		{"the new one by this node, which is the lower", higher, false, true, 0, false},
		{"the old one by the lower, just young", lower, false, true, youngSession - 1, true},
		{"the old one by the lower, old", lower, false, true, youngSession, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newTestRegister()
			old := newSession(c.device, c.old)
			if replaced, _, err := r.admit(old); replaced != nil || err != nil {
				t.Fatal(replaced, err)
			}
			time.Sleep(c.after)
			late := newSession(c.device, c.new)
			replaced, _, err := r.admit(late)
			stays, want := late, error(nil)
			if c.oldStays {
				stays, want = old, errReplaced
			}
			if !errors.Is(err, want) || (replaced == nil) != c.oldStays || replaced != nil && (replaced.session != old || replaced.known) {
				t.Errorf("%s: %v, replaced is %+v", c.what, err, replaced)
			}
			if in := r.Sessions(); !slices.Equal(in, []*session.Session{stays}) {
				t.Errorf("%s: %d sessions, or not the right one", c.what, len(in))
			}
		})
	}
}

// A session that was replaced ends a while later. Until then its loop may still call the register.
func TestReplacedSessionChangesNothing(t *testing.T) {
	r := newTestRegister()
	c, other := conversation(1), conversation(2)
	old := admitted(t, r, 1)
	if err := r.Identify(old, personNumber(1)); err != nil {
		t.Fatal(err)
	}
	r.Join(old, c, true)
	r.Follow(old, c)
	late := newSession(1, true)
	replaced, _, err := r.admit(late)
	if err != nil || replaced.session != old || !replaced.known || !r.Here(personNumber(1)) {
		t.Fatalf("replaced is %+v, %v; the person is here until that is noted: %t", replaced, err, r.Here(personNumber(1)))
	}
	noted(r, replaced)
	if r.Online(deviceNumber(1)) || r.Here(personNumber(1)) || len(r.In(c))+len(r.Hearing(c))+len(r.With(personNumber(1)))+len(r.followed) != 0 {
		t.Error("what the old one was is taken for the new one's")
	}
	if err := r.Identify(old, personNumber(1)); !errors.Is(err, errReplaced) {
		t.Errorf("the old one identifies: %v", err)
	}
	r.Join(old, other, true)
	if r.Follow(old, other) {
		t.Error("the old one is followed")
	}
	r.setOwn(old, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1")})
	if _, _, ok := r.where(old); ok {
		t.Error("the old one's place is told")
	}
	if _, _, ok := r.introduction(old); ok {
		t.Error("the old one is introduced")
	}
	if leaves(r, old, dial.Fault) != nil {
		t.Error("the old one leaves")
	}
	if !slices.Equal(r.Sessions(), []*session.Session{late}) || len(r.Hearing(other)) != 0 || r.Here(personNumber(1)) {
		t.Error("the old one has changed something")
	}
	if s := r.States()[deviceNumber(1)]; !s.Connected || s.Ended != dial.Lost {
		t.Errorf("the planner thinks that the device has gone: %+v", s)
	}
	if own, _, ok := r.where(late); !ok || own != nil {
		t.Errorf("the new one's own addresses: %v, %t", own, ok)
	}
	if leaves(r, late, dial.Lost) == nil {
		t.Error("the new one does not leave")
	}
	empty(t, r)
}

// There is an end to how many are connected. Pinned devices have places of their own, and a device
// that is connected can always open another session.
func TestFullRegisterRefuses(t *testing.T) {
	r := newTestRegister()
	n := 0
	for ; ; n++ {
		if _, _, err := r.admit(newSession(n, true)); errors.Is(err, errFull) {
			break
		} else if err != nil || n > 10_000 {
			t.Fatal(n, err)
		}
	}
	if len(r.devices) != n || len(r.sessions) != n {
		t.Errorf("%d were admitted, of which %d are there", n, len(r.devices))
	}
	if replaced, _, err := r.admit(newSession(0, true)); replaced == nil || err != nil {
		t.Errorf("another session of one that is connected: %v", err)
	}
	r.stand([]crypto.DeviceID{deviceNumber(n)}, budget.Contact)
	if _, _, err := r.admit(newSession(n, true)); err != nil {
		t.Errorf("a pinned device: %v", err)
	}
}

// The mesh waits for the sessions that are there when it stops, so none may come after.
func TestNobodyIsAdmittedAfterTheStop(t *testing.T) {
	r := newTestRegister()
	s := admitted(t, r, 1)
	if err := r.Identify(s, personNumber(1)); err != nil {
		t.Fatal(err)
	}
	r.stop()
	for _, device := range []int{1, 2} {
		if _, _, err := r.admit(newSession(device, true)); !errors.Is(err, errGone) {
			t.Errorf("device %d: %v", device, err)
		}
	}
	if !r.Here(personNumber(1)) || !r.Online(deviceNumber(1)) || len(r.Sessions()) != 1 {
		t.Error("the one that was there is there no more")
	}
	if out := r.leave(s, dial.Lost); out == nil || !out.known || out.person != personNumber(1) {
		t.Errorf("it leaves as %+v", out)
	}
	if !r.Here(personNumber(1)) || r.Online(deviceNumber(1)) {
		t.Error("the person is gone before that is noted, or the device is not")
	}
	r.parted(personNumber(1))
	if r.Here(personNumber(1)) || r.Online(deviceNumber(1)) || len(r.States()) != 0 {
		t.Error("it has left and is there")
	}
	empty(t, r)
}

// A person is here until the last of their devices has gone, and a device that says twice who it is
// is one.
func TestPersonIsHereWithAnyDevice(t *testing.T) {
	r := newTestRegister()
	desk, laptop, unknown := admitted(t, r, 1), admitted(t, r, 2), admitted(t, r, 3)
	for _, s := range []*session.Session{desk, laptop, laptop} {
		if err := r.Identify(s, personNumber(7)); err != nil {
			t.Fatal(err)
		}
	}
	if r.Here(crypto.PersonID{}) || r.Online(deviceNumber(3)) || len(r.With(crypto.PersonID{})) != 0 || len(r.Identified()) != 2 {
		t.Error("one that has not said who it is counts")
	}
	if with := r.With(personNumber(7)); len(with) != 2 || slices.Contains(with, unknown) {
		t.Errorf("%d sessions with the person", len(with))
	}
	leaves(r, laptop, dial.Lost)
	if !r.Here(personNumber(7)) || r.Online(deviceNumber(2)) {
		t.Error("the laptop has gone: is the person here, and the laptop not?")
	}
	leaves(r, desk, dial.Lost)
	if r.Here(personNumber(7)) {
		t.Error("both have gone, and the person is here")
	}
}

// A first one that brings something is waited for, and not for ever; one that is silent isn't.
func TestOthersAreFollowedInTheEnd(t *testing.T) {
	for _, brings := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r, c := newTestRegister(), conversation(1)
			first, other := admitted(t, r, 1), admitted(t, r, 2)
			r.Join(first, c, true)
			r.Join(other, c, true)
			r.Follow(first, c)
			began, last := time.Now(), firstSilence
			if brings {
				last = firstAtLast
				r.silence = func(*session.Session) time.Duration { return 0 }
			}
			for !r.Follow(other, c) {
				if time.Since(began) > 2*firstAtLast {
					t.Fatal("it never is")
				}
				time.Sleep(time.Second)
				synctest.Wait()
			}
			if d := time.Since(began); d < last || d > last+firstSilence {
				t.Errorf("brings %t: after %v", brings, d)
			}
			leaves(r, first, dial.Lost)
			leaves(r, other, dial.Lost)
			empty(t, r)
		})
	}
}

// Few are followed. When one of them goes, another takes the place, and nobody who hears of control
// events only.
func TestFewAreFollowed(t *testing.T) {
	r, c := newTestRegister(), conversation(1)
	var all []*session.Session
	for i := range maxFollowed + 2 {
		s := admitted(t, r, i)
		r.Join(s, c, true)
		if i == 1 { // it waits for what the first one brings
			if r.Follow(s, c) || len(r.brought(s, c)) > 0 || !slices.Equal(r.brought(all[0], c), []choice{{c, s}}) || len(r.brought(all[0], c)) > 0 {
				t.Error("not followed once the first one has brought what was missed")
			}
		}
		if got := r.Follow(s, c); got != (i < maxFollowed) {
			t.Errorf("peer %d is followed: %t", i, got)
		}
		if got := r.Follow(s, c); got != (i < maxFollowed) {
			t.Errorf("peer %d, asked again: %t", i, got)
		}
		all = append(all, s)
	}
	quiet, waiting := all[maxFollowed], all[maxFollowed+1]
	r.Join(quiet, c, false)
	out := leaves(r, all[0], dial.Lost)
	if !slices.Equal(out.follow, []choice{{c, waiting}}) || !r.Follow(waiting, c) || r.Follow(quiet, c) {
		t.Errorf("%d take the place of one who has left", len(out.follow))
	}
	// Nobody is left who could take the next place.
	if out := leaves(r, all[1], dial.Lost); len(out.follow) != 0 {
		t.Errorf("%d more are followed", len(out.follow))
	}
	// Whoever is followed no more does not take their own place.
	if instead := r.unfollow(c, waiting); len(instead) != 0 || len(followed(r, c)) != maxFollowed-2 {
		t.Errorf("%d instead, %d are followed", len(instead), len(followed(r, c)))
	}
	if instead := r.unfollow(c, quiet); len(instead) != 0 {
		t.Error("somebody takes the place of one who had none")
	}
	// One whose session is replaced makes room as well.
	if replaced, _, err := r.admit(newSession(2, true)); err != nil || !slices.Equal(replaced.follow, []choice{{c, waiting}}) {
		t.Errorf("one who was replaced: %+v, %v", replaced, err)
	}
	for _, s := range r.Sessions() {
		leaves(r, s, dial.Lost)
	}
	empty(t, r)
}

// What a peer is told when it comes fits one frame with the place of this node, and has nobody in
// it who can't be dialled.
func TestIntroductionIsBounded(t *testing.T) {
	r := newTestRegister()
	at := func(n int) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 1) }
	var s *session.Session
	for i := range wire.MaxSightings + 10 {
		s = admitted(t, r, i)
		if i == 5 {
			if peer, others, ok := r.introduction(s); !ok || len(others) != 4 || len(peer.Addresses) != 0 {
				t.Errorf("%d others, the peer is at %v", len(others), peer.Addresses)
			}
		}
		if i != 0 {
			r.sighted(discovery.Sighting{Device: peerID(deviceNumber(i)), Addrs: []netip.AddrPort{at(i)}, Source: discovery.FromMDNS})
		}
	}
	peer, others, ok := r.introduction(s)
	if !ok || len(others) != wire.MaxSightings-1 {
		t.Errorf("%d others", len(others))
	}
	if peer.Device != s.Peer() || !slices.Equal(peer.Addresses, []netip.AddrPort{at(wire.MaxSightings + 9)}) {
		t.Errorf("the peer: %+v", peer)
	}
	for _, o := range others {
		if o.Device == s.Peer() || len(o.Addresses) == 0 {
			t.Errorf("told: %+v", o)
		}
	}
}
