package node

import (
	"net/netip"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
)

// Of a contact whose machine is heard of, and whom no dial reaches, it was only said that they are
// offline. Of one who has just left, or of whom nothing is heard, there is nothing else to say.
func TestSeenAndNotReachedIsTold(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(time.Minute, bob)
		ann.say(bob, "hello") // makes him a contact
		unreached := func() bool {
			peers, err := ann.Peers(t.Context())
			if err != nil || len(peers) != 1 {
				t.Fatalf("%d peers: %v", len(peers), err)
			}
			return peers[0].Unreached
		}
		heard := func() { // by multicast, which firewalls let through that stop what is dialled
			ann.mesh.Sighted(discovery.Sighting{Device: peerID(bob.who.device),
				Addrs: []netip.AddrPort{netip.AddrPortFrom(bob.addr(), worldPort)}, Source: discovery.FromMDNS})
		}
		if unreached() {
			t.Error("he is connected")
		}
		w.cut(ann.addr(), bob.addr())
		w.within(2*time.Minute, "he is gone", func() bool { return !ann.mesh.Online(bob.who.device) })
		heard()
		if time.Sleep(time.Second); unreached() {
			t.Error("he has just left, and may have said so before")
		}
		w.within(5*time.Minute, "told that he is here, and not reached", func() bool { heard(); return unreached() })
		if time.Sleep(10 * time.Minute); unreached() {
			t.Error("nothing was heard of him for long")
		}
		w.heal(ann.addr(), bob.addr())
		heard()
		ann.meets(time.Minute, bob)
		if unreached() {
			t.Error("he is connected again")
		}
	})
}
