package node

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/wire"
)

// commits is how many batches the machine's store has written.
func (m *machine) commits() uint64 { return m.store.Batches() }

// office is machines that have all met, in one group in which everybody has said something, since a
// while.
func (w *world) office(size int) []*machine {
	w.t.Helper()
	var names []string
	for i := range size {
		names = append(names, fmt.Sprint("P", i))
	}
	all := w.people(names...)
	for i, m := range all {
		m.meets(time.Minute, all[:i]...)
	}
	all[0].meets(time.Minute, all[1:]...)
	g := all[0].makes("office", all[1:]...)
	for _, m := range all {
		m.tell(g, "hello")
	}
	time.Sleep(5 * time.Minute)
	return all
}

// TestIdleBystanderWritesNothing: one machine that came back cost the others a commit for each peer
// that told of it.
func TestIdleBystanderWritesNothing(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.office(6)
		bystander, comer := all[1], all[5]
		began := bystander.commits()
		for range 10 {
			comer.stop()
			time.Sleep(10 * time.Second)
			comer.start(w.addresses()...)
			for range 5 {
				time.Sleep(10 * time.Second)
				comer.announce()
			}
		}
		if n := bystander.commits() - began; n != 0 {
			t.Errorf("%d commits while another machine came back ten times, want none", n)
		}
		comer.stop()
		comer.host.Move(w.freshAddr())
		comer.start(w.addresses()...)
		time.Sleep(time.Minute)
		if n := bystander.commits() - began; n != 1 {
			t.Errorf("%d commits when it has come back at another address, want 1", n)
		}
		began = bystander.commits()
		time.Sleep(3 * saveEvery)
		if n := bystander.commits() - began; n > 3 {
			t.Errorf("%d commits in %s in which nothing happens", n, 3*saveEvery)
		}
	})
}

// TestOfficeThatMovesIsWrittenOnce: everybody has another address at once, as when the power was
// off.
func TestOfficeThatMovesIsWrittenOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.office(8)
		stays := all[0]
		var began uint64
		var was []netip.AddrPort
		for range 2 { // the first time brings what they had not told each other yet
			began, was = stays.commits(), nil
			for _, m := range all[1:] {
				was = append(was, m.at())
				m.stop()
				m.host.Move(w.freshAddr())
			}
			for _, m := range all[1:] {
				m.start(stays.address())
			}
			time.Sleep(time.Minute)
		}
		if n := stays.commits() - began; n < 1 || n > 2 {
			t.Errorf("%d commits, want 1, or 2 where one device came before all others", n)
		}
		stays.kill()
		for _, m := range all[1:] {
			m.stop()
		}
		stays.start()
		for i, m := range all[1:] {
			if at := stays.saved(m); len(at) < 2 || at[0] != m.at() || at[1] != was[i] {
				t.Errorf("after a crash %s is looked for at %s, want %s and %s", m.name, at, m.at(), was[i])
			}
		}
	})
}

// lastSeen is when somebody's device was last seen, as `peers` shows it.
func (m *machine) lastSeen(other *machine) time.Time {
	m.w.t.Helper()
	peers, err := m.Peers(m.w.t.Context())
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, p := range peers {
		if p.Device == other.who.device {
			return p.LastSeen
		}
	}
	return time.Time{}
}

// TestLastSeen follows what is shown through a day: it is what the memory has, the disk has it at
// an orderly stop, and at most an hour of it is lost by a crash.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		ann.meets(soon, bob)
		bob.meets(soon, ann)
		bob.reaches(soon, bob.say(ann, "hello"), chat.StateDelivered)
		about := func(when string, want time.Time, less time.Duration) {
			t.Helper()
			if at := bob.lastSeen(ann); at.After(want.Add(time.Second)) || at.Before(want.Add(-less-time.Second)) {
				t.Errorf("%s Ann was last seen %s, want %s, less %s at most", when, at, want, less)
			}
		}
		time.Sleep(150 * time.Minute)
		about("while she is here", time.Now(), 0)
		ann.stop()
		left := time.Now()
		time.Sleep(20 * time.Minute)
		about("when she has left", left, 0)
		bob.stop()
		bob.start()
		about("after a stop", left, 0)

		ann.start(bob.address())
		bob.meets(soon, ann)
		time.Sleep(150 * time.Minute)
		ann.stop()
		left = time.Now()
		time.Sleep(5 * time.Minute)
		bob.kill()
		bob.start()
		about("after a crash", left, saveEvery)

		ann.start(bob.address())
		bob.meets(soon, ann)
		time.Sleep(40 * time.Minute)
		bob.stop() // both leave each other at once
		left = time.Now()
		ann.stop()
		time.Sleep(time.Hour)
		bob.start()
		about("after a stop while she was here", left, 0)
	})
}

// TestForgedAddressesAreNotSaved: who forges many addresses of a device pushed out the one at which
// it is.
func TestForgedAddressesAreNotSaved(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob") // Bob dials, Ann is dialled
		ann, bob := people[0], people[1]
		forge := func() {
			for i := range 2 * discovery.MaxAddrs {
				for j, m := range people {
					other := people[1-j]
					forged := []netip.AddrPort{netip.AddrPortFrom(numbered(1000+i), 9), netip.AddrPortFrom(other.addr(), uint16(i)+9)}
					m.mesh.Sighted(discovery.Sighting{Device: peerID(other.who.device), Addrs: forged, Source: discovery.FromMDNS})
				}
				time.Sleep(time.Second)
			}
		}
		check := func(when string, off func(*machine)) {
			t.Helper()
			for i, m := range people {
				other := people[1-i]
				off(m)
				m.start()
				if at := m.saved(other); len(at) == 0 || at[0] != other.at() {
					t.Errorf("after a %s %s looks for %s at %s first, want %s", when, m.name, other.name, at, other.at())
				}
				m.meets(time.Minute, other)
			}
		}
		bob.meets(soon, ann)
		time.Sleep(time.Second)
		forge()
		ann.reaches(soon, ann.say(bob, "hello"), chat.StateDelivered)
		bob.reaches(soon, bob.say(ann, "hello"), chat.StateDelivered)
		time.Sleep(2 * savePause)
		check("crash", (*machine).kill)
		time.Sleep(time.Second)
		forge()
		check("stop", (*machine).stop)
	})
}

// TestRestlessPeer: a peer that tells other addresses of itself all the time, and of others, causes
// few commits. Of a contact's it is known after a crash what it told last; what a stranger's tells can
// wait.
func TestRestlessPeer(t *testing.T) {
	for _, contact := range []bool{true, false} {
		t.Run(fmt.Sprint("contact ", contact), func(t *testing.T) { restless(t, contact) })
	}
}

func restless(t *testing.T, contact bool) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		m.offer()
		m.send(m.run(m.event("hello")))
		m.until(ann, "it is acknowledged", func(s *seen) bool { return s.holds(m, 1) })
		if contact {
			if _, err := ann.Contacts().Accept(t.Context(), m.person.String(), ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		began := ann.commits()
		const seconds = 200
		for i := range seconds {
			var told []wire.Sighting
			for who, d := range []crypto.DeviceID{m.key.ID(), {byte(i)}} {
				told = append(told, wire.Sighting{Device: d, Addresses: []netip.AddrPort{netip.AddrPortFrom(numbered(1000+i), uint16(who)+4009)}})
			}
			m.send(wire.Frame{Sightings: &wire.Sightings{Sightings: told}})
			time.Sleep(time.Second)
		}
		most := uint64(2)
		if contact {
			most = seconds / 8
		}
		if n := ann.commits() - began; n > most {
			t.Errorf("%d commits in %d s", n, seconds)
		}
		ann.kill()
		ann.start()
		for _, s := range ann.people.Saved() {
			if contact != (s.Source == discovery.FromSaved) {
				t.Errorf("%s is looked for at %s as %s", s.Device, s.Addrs, s.Source)
			}
			for _, at := range s.Addrs {
				if s.Device != peerID(m.key.ID()) || at.Port() != 4009 || contact && !numbered(1000+seconds-20).Less(at.Addr()) && at == s.Addrs[0] {
					t.Errorf("%s is looked for at %s, want what it told last of itself", s.Device, s.Addrs)
				}
			}
		}
		if len(ann.people.Saved()) != 1 {
			t.Error("what the peer told of itself was not saved")
		}
	})
}

// TestPortThatChanged: whoever listens on another port than before, at the same address, is looked
// for there first.
func TestPortThatChanged(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		m.offer()
		m.send(m.run(m.event("hello")))
		tcp, err := manet.ToNetAddr(m.stream.Conn().LocalMultiaddr())
		if err != nil {
			t.Fatal(err)
		}
		from := netip.MustParseAddrPort(tcp.String()).Addr()
		for port := range uint16(3) {
			s := wire.Sighting{Device: m.key.ID(), Addresses: []netip.AddrPort{netip.AddrPortFrom(from, port+4009)}}
			m.send(wire.Frame{Sightings: &wire.Sightings{Sightings: []wire.Sighting{s}}})
			time.Sleep(2 * savePause)
		}
		ann.kill()
		ann.start()
		saved := ann.people.Saved()
		if len(saved) != 1 || saved[0].Addrs[0].Port() != 4011 {
			t.Errorf("she is looked for at %v, want port 4011 first", saved)
		}
	})
}

// TestStoreKnowsDevicesOfWhoWasNeverMet: the store finds by the device who has written a recall
// that is enclosed in a run, also where this node has only heard of its author.
func TestStoreKnowsDevicesOfWhoWasNeverMet(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann, bob, cleo := w.machine("Ann"), w.machine("Bob"), w.machine("Cleo")
		w.cut(bob.addr(), cleo.addr())
		ann.start()
		bob.start(ann.address())
		cleo.start(ann.address())
		ann.meets(soon, bob, cleo)
		g := ann.makes("lunch", bob, cleo)
		cleo.tell(g, "hello")
		bob.hears(g, "hello")
		time.Sleep(2 * savePause)
		persons, err := bob.store.Book().Persons()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range persons {
			if _, known := p.Devices[cleo.who.device]; known && p.ID == cleo.who.person {
				return
			}
		}
		t.Error("Bob's store does not know whose Cleo's device is")
	})
}

// TestAddressSurvivesCrash: where somebody was reached is on the disk soon, also if they say
// nothing of where they are.
func TestAddressSurvivesCrash(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		if err := ann.Owner().SetAccept(t.Context(), "contacts"); err != nil {
			t.Fatal(err)
		}
		bob.stop()
		bob.start(ann.address())
		bob.meets(soon, ann)
		if _, err := bob.Contacts().NameContact(t.Context(), ann.who.person.String(), "Ann", false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		bob.kill()
		bob.start()
		if at := bob.saved(ann); !slices.Equal(at, []netip.AddrPort{ann.at()}) {
			t.Errorf("Bob looks for Ann at %s, want %s", at, ann.at())
		}
	})
}

// TestPortOfWhoCalledIsNoAddress: the port that a connection comes from leads nowhere, whichever
// side then opens the stream.
func TestPortOfWhoCalledIsNoAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann, bob := w.machine("Ann"), w.machine("Bob")
		ann.start()
		bob.start()
		time.Sleep(time.Second) // each knows its own addresses
		if err := bob.Node.host.Connect(t.Context(), peerID(ann.who.device), memnet.Multiaddrs(ann.addr(), worldPort)); err != nil {
			t.Fatal(err)
		}
		ann.mesh.Sighted(discovery.Sighting{Device: peerID(bob.who.device), Addrs: []netip.AddrPort{bob.at()}, Source: discovery.FromManual})
		ann.meets(soon, bob)
		if _, err := ann.Contacts().NameContact(t.Context(), bob.who.person.String(), "Bob", false); err != nil {
			t.Fatal(err)
		}
		ann.stop()
		ann.start()
		if at := ann.saved(bob); !slices.Equal(at, []netip.AddrPort{bob.at()}) {
			t.Errorf("Ann looks for Bob at %s, want %s", at, bob.at())
		}
	})
}
