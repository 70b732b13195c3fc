package node

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
)

// at is where the machine listens.
func (m *machine) at() netip.AddrPort { return netip.AddrPortFrom(m.addr(), worldPort) }

// saved is where the machine looks for another when it starts, the best first.
func (m *machine) saved(other *machine) []netip.AddrPort {
	for _, s := range m.savedSightings() {
		if s.Device == peerID(other.who.device) {
			return s.Addrs
		}
	}
	return nil
}

// TestHubAnswersWhileItStops: a session that ends because the node stops still has its end taken in.
func TestHubAnswersWhileItStops(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob") // Bob dials, Ann is dialled
		people[1].meets(soon, people[0])
		for i, m := range people {
			hub, device := m.hub, peerID(people[1-i].who.device)
			connected := false
			if err := hub.ask(t.Context(), func() { connected = hub.planner.State(device).Connected }); err != nil || !connected {
				t.Fatalf("%s is not connected: %v", m.name, err)
			}
			m.stop()
			if len(hub.sessions) != 0 || hub.planner.State(device).Connected {
				t.Errorf("%s still has %d sessions when it has stopped", m.name, len(hub.sessions))
			}
			m.start(w.addresses()...)
			m.meets(soon, people[1-i])
		}
	})
}

// TestHubAdmitsNobodyWhileItStops: a session that is admitted then would be waited for by nobody.
func TestHubAdmitsNobodyWhileItStops(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var err error
		if asked := ann.hub.ask(t.Context(), func() { err = ann.hub.admit(ctx, &session{peer: newKey(t).ID()}) }); asked != nil {
			t.Fatal(asked)
		}
		if !errors.Is(err, errGone) {
			t.Errorf("admitted: %v", err)
			ann.hub.running.Done()
		}
	})
}

// TestStopSavesLastAddress: what was heard of a device last was not saved by an orderly stop, because the hub was asked when it
// had stopped.
func TestStopSavesLastAddress(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		bob.meets(soon, ann)
		bob.reaches(soon, bob.say(ann, "hello"), StateDelivered)
		time.Sleep(time.Minute)
		ann.host.Move(ann.addr(), w.freshAddr()) // her laptop is plugged in as well
		to := netip.AddrPortFrom(ann.host.Addrs()[1], worldPort)
		bob.hub.sighted(discovery.Sighting{Device: peerID(ann.who.device), Addrs: []netip.AddrPort{to}, Source: discovery.FromMDNS})
		bob.stop()
		bob.start()
		if at := bob.saved(ann); !slices.Contains(at, to) {
			t.Errorf("Bob looks for Ann at %s, want %s among them", at, to)
		}
	})
}

// TestNewAddressIsTold: whoever got another address while a session lasted was looked for at the old one when that was gone.
func TestNewAddressIsTold(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		bob.meets(soon, ann)
		time.Sleep(time.Minute)
		ann.host.Move(ann.addr(), w.freshAddr()) // her laptop is plugged in as well
		to := netip.AddrPortFrom(ann.host.Addrs()[1], worldPort)
		w.within(10*time.Second, "Bob hears of it", func() bool {
			states, err := bob.hub.states(t.Context())
			return err == nil && slices.Contains(states[ann.who.device].Addrs, to)
		})
	})
}
