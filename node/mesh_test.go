package node

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/chat"
)

// at is where the machine listens.
func (m *machine) at() netip.AddrPort { return netip.AddrPortFrom(m.addr(), worldPort) }

// saved is where the machine looks for another when it starts, the best first.
func (m *machine) saved(other *machine) (at []netip.AddrPort) {
	for _, s := range m.people.Saved() {
		if s.Device == peerID(other.who.device) {
			at = append(at, s.Addrs...)
		}
	}
	return at
}

// TestMeshAnswersWhenItHasStopped: a session that ends because the node stops still has its end
// taken in, and who is connected can be asked ever after.
func TestMeshAnswersWhenItHasStopped(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob") // Bob dials, Ann is dialled
		people[1].meets(soon, people[0])
		for i, m := range people {
			mesh, other := m.mesh, people[1-i].who
			if !mesh.States()[other.device].Connected {
				t.Fatalf("%s is not connected", m.name)
			}
			m.stop()
			if n := len(mesh.Sessions()); n != 0 || mesh.States()[other.device].Connected || mesh.Online(other.device) || mesh.Here(other.person) {
				t.Errorf("%s still has %d sessions when it has stopped", m.name, n)
			}
			m.start(w.addresses()...)
			m.meets(soon, people[1-i])
		}
	})
}

// TestStopSavesLastAddress: what was heard of a device last was not saved by an orderly stop,
// because the mesh was asked when it had stopped.
func TestStopSavesLastAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		bob.meets(soon, ann)
		bob.reaches(soon, bob.say(ann, "hello"), chat.StateDelivered)
		time.Sleep(time.Minute)
		ann.host.Move(ann.addr(), w.freshAddr()) // her laptop is plugged in as well
		to := netip.AddrPortFrom(ann.host.Addrs()[1], worldPort)
		bob.mesh.Sighted(discovery.Sighting{Device: peerID(ann.who.device), Addrs: []netip.AddrPort{to}, Source: discovery.FromMDNS})
		bob.stop()
		bob.start()
		if at := bob.saved(ann); !slices.Contains(at, to) {
			t.Errorf("Bob looks for Ann at %s, want %s among them", at, to)
		}
	})
}

// TestNewAddressIsTold: whoever got another address while a session lasted was looked for at the
// old one when that was gone.
func TestNewAddressIsTold(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		bob.meets(soon, ann)
		time.Sleep(time.Minute)
		ann.host.Move(ann.addr(), w.freshAddr()) // her laptop is plugged in as well
		to := netip.AddrPortFrom(ann.host.Addrs()[1], worldPort)
		w.within(10*time.Second, "Bob hears of it", func() bool {
			return slices.Contains(bob.mesh.States()[ann.who.device].Addrs, to)
		})
	})
}
