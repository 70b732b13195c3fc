package people

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
)

// at returns addresses, one for each number. Those of one ten have one IP.
func at(numbers ...int) (out []netip.AddrPort) {
	for _, n := range numbers {
		out = append(out, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n / 10)}), uint16(4000+n)))
	}
	return out
}

func texts(addrs []netip.AddrPort) (out []string) {
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

// The best address is where the device was really reached. What a contact's says of itself is next, and
// what was known before. What others say, of themselves or of it, may be a lie: it only fills what room
// is left, and stays what was only heard.
func TestWhereADeviceIs(t *testing.T) {
	var none netip.AddrPort
	for what, c := range map[string]struct {
		known           []netip.AddrPort // where a contact's said that it is
		found           discovery.Place
		contact         []netip.AddrPort
		heard           []netip.AddrPort // of a contact's
		stranger, rumor []netip.AddrPort // the same, of anybody else's
	}{
		"dialled":                          {nil, discovery.Place{Remote: at(10)[0], Dialled: true}, at(10), nil, at(10), nil},
		"dialled, and it says more":        {at(30), discovery.Place{Remote: at(10)[0], Dialled: true, Own: at(20, 10), Heard: at(40)}, at(10, 20, 30), at(40), at(10), at(20, 30, 40)},
		"it has come":                      {nil, discovery.Place{Remote: at(10)[0]}, nil, nil, nil, nil},
		"it has come from where it says":   {nil, discovery.Place{Remote: at(10)[0], Own: at(20, 11)}, at(11, 20), nil, at(11), at(20)},
		"from where it was":                {at(20, 12), discovery.Place{Remote: at(10)[0], Own: at(30)}, at(12, 30, 20), nil, nil, at(30, 20, 12)},
		"from where it is said to be":      {at(20), discovery.Place{Remote: at(10)[0], Own: at(30), Heard: at(40, 13)}, at(30, 20), at(40, 13), nil, at(30, 20, 40, 13)},
		"what it says is better":           {at(12), discovery.Place{Remote: at(10)[0], Own: at(11), Heard: at(13)}, at(11, 12), at(13), at(11), at(12, 13)},
		"from somewhere else":              {at(20), discovery.Place{Remote: at(10)[0], Own: at(30), Heard: at(40)}, at(30, 20), at(40), nil, at(30, 20, 40)},
		"from where there is no IP":        {at(20), discovery.Place{Remote: none, Dialled: true, Own: at(30)}, at(30, 20), nil, nil, at(30, 20)},
		"there is no end to what it says":  {at(20), discovery.Place{Remote: at(10)[0], Dialled: true, Own: at(30, 40, 50, 60, 70)}, at(10, 30, 40, 50), nil, at(10), at(30, 40, 50)},
		"there is no end to what is heard": {at(20), discovery.Place{Remote: at(10)[0], Dialled: true, Heard: at(30, 40, 50, 60)}, at(10, 20), at(30, 40), at(10), at(20, 30, 40)},
		"only heard":                       {nil, discovery.Place{Remote: none, Heard: at(30)}, nil, at(30), nil, at(30)},
	} {
		t.Run(what, func(t *testing.T) {
			for _, contact := range []bool{true, false} {
				h, bob := newHome(t), newSomebody(t)
				h.meets(bob, "Bob")
				wantAddrs, wantHeard := c.stranger, c.rumor
				if contact {
					h.accepts(bob)
					wantAddrs, wantHeard = c.contact, c.heard
				}
				if len(c.known) > 0 {
					h.Found(bob.desk.ID(), discovery.Place{Own: c.known})
				}
				h.Found(bob.desk.ID(), c.found)
				a := h.shown(bob)
				got := a.whereabouts(bob.desk.ID(), time.Time{})
				if !slices.Equal(got.Addrs, texts(wantAddrs)) || !slices.Equal(got.Heard, texts(wantHeard)) {
					t.Errorf("contact %t: %v, heard %v, want %v, heard %v", contact, got.Addrs, got.Heard, wantAddrs, wantHeard)
				}
			}
		})
	}
	h := newHome(t)
	h.Found(newKey(t).ID(), discovery.Place{Own: at(10)})
	if len(h.All()) != 1 {
		t.Error("an unknown device makes somebody known")
	}
}

// What anybody has told was an address to trust after the next start: a stranger's could be dialled as
// often as a contact's, whatever it had named.
func TestHearsayIsNotTrustedAfterARestart(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		h.meets(bob, "Bob")
		h.keeps(bob)
		h.Found(bob.desk.ID(), discovery.Place{Remote: at(10)[0], Dialled: true, Own: at(20), Heard: at(30)})
		h.SaveLast(t.Context())
		for range 2 { // also when nothing more is heard
			h.reopen()
			got := map[discovery.Source][]netip.AddrPort{}
			for _, s := range h.Saved() {
				got[s.Source] = append(got[s.Source], s.Addrs...)
			}
			if !slices.Equal(got[discovery.FromSaved], at(10)) || !slices.Equal(got[discovery.FromPeer], at(20, 30)) || len(got) != 2 {
				t.Errorf("saved: %v", got)
			}
			h.Found(bob.desk.ID(), discovery.Place{Remote: at(10)[0], Dialled: true})
			h.SaveLast(t.Context())
		}
	})
}

// saves starts Run, which ends with the test.
func (h *home) saves() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); h.Run(ctx) }() // until the cleanup
	h.t.Cleanup(func() { cancel(); <-ended })
}

// onDisk is where the store has somebody's desk.
func (h *home) onDisk(s *somebody) []string {
	h.t.Helper()
	p, _ := h.kept(s.id())
	return p.Devices[s.desk.ID()].Addrs
}

// passes lets time pass, and finds that the place of a device is written down at the end of it and
// no sooner.
func (h *home) passes(what string, d time.Duration, s *somebody, want []netip.AddrPort) {
	h.t.Helper()
	before := h.onDisk(s)
	time.Sleep(d - time.Millisecond)
	if got := h.onDisk(s); !slices.Equal(got, before) {
		h.t.Errorf("%s: on the disk before %v have passed", what, d)
	}
	time.Sleep(2 * time.Millisecond)
	if got := h.onDisk(s); !slices.Equal(got, texts(want)) {
		h.t.Errorf("%s: on the disk after %v: %v, want %v", what, d, got, want)
	}
}

// A device that could not be found again after a crash is written down soon, but not often. What is
// only hearsay can wait.
func TestPlacesAreSaved(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob, dora := newSomebody(t), newSomebody(t)
		h.meets(bob, "Bob")
		h.meets(dora, "Dora")
		h.saves()
		h.accepts(bob)
		time.Sleep(time.Millisecond)
		h.Found(bob.desk.ID(), discovery.Place{Own: at(10)})
		h.passes("the first", savePause-time.Millisecond, bob, at(10))
		h.Found(bob.desk.ID(), discovery.Place{Own: at(20)})
		time.Sleep(savePause / 2)
		h.Found(bob.desk.ID(), discovery.Place{Own: at(30)}) // does not put it off
		h.passes("the next", savePause/2-time.Millisecond, bob, at(30, 20, 10))
		time.Sleep(10 * time.Minute)
		h.Found(bob.desk.ID(), discovery.Place{Own: at(40)})
		time.Sleep(time.Millisecond)
		if got := h.onDisk(bob); !slices.Equal(got, texts(at(40, 30, 20, 10))) {
			t.Errorf("after a long pause: %v on the disk", got)
		}
		h.Found(bob.desk.ID(), discovery.Place{Own: at(40), Heard: at(50)})
		h.Found(bob.desk.ID(), discovery.Place{Own: at(10, 20, 30, 40)}) // in another order
		h.Found(dora.desk.ID(), discovery.Place{Own: at(60)})
		time.Sleep(10 * time.Minute)
		if got := h.onDisk(bob); !slices.Equal(got, texts(at(40, 30, 20, 10))) {
			t.Errorf("%v on the disk, though Bob can be found", got)
		}
		time.Sleep(saveEvery)
		if got := h.onDisk(bob); !slices.Equal(got, texts(at(10, 20, 30, 40))) {
			t.Errorf("%v on the disk after an hour", got)
		}
		if _, ok := h.kept(dora.id()); ok {
			t.Error("a stranger is on the disk")
		}
		h.Found(bob.desk.ID(), discovery.Place{Own: at(40, 30, 20, 10)})
		time.Sleep(saveEvery)
		if got := h.onDisk(bob); !slices.Equal(got, texts(at(40, 30, 20, 10))) {
			t.Errorf("%v on the disk after another hour", got)
		}
		// What was only heard once does not become sure because the device is found again.
		h.Found(dora.desk.ID(), discovery.Place{Own: at(60)})
		h.keeps(dora)
		time.Sleep(time.Minute)
		h.Found(dora.desk.ID(), discovery.Place{Own: at(60), Heard: at(70)})
		h.Found(dora.desk.ID(), discovery.Place{Own: at(60)})
		time.Sleep(time.Minute)
		if p, _ := h.kept(dora.id()); !slices.Equal(p.Devices[dora.desk.ID()].Heard, texts(at(60))) {
			t.Errorf("%+v on the disk, of which some was heard since", p.Devices[dora.desk.ID()])
		}
	})
}

// What could not be written is tried again soon.
func TestPlacesAreSavedAgain(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		h.meets(bob, "Bob")
		h.accepts(bob)
		h.saves()
		time.Sleep(time.Minute)
		h.ends() // whatever is written fails
		h.Found(bob.desk.ID(), discovery.Place{Own: at(10)})
		time.Sleep(time.Second)
		for want := int32(1); want < 4; want++ {
			if got := h.warnings.Load(); got != want {
				t.Errorf("failed %d times, want %d", got, want)
			}
			time.Sleep(saveAgain)
		}
	})
}

// When somebody was last seen is now, if they are connected, and else when their last session has
// ended, by the owner's clock.
func TestLastSeen(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob, laptop := newSomebody(t), newKey(t)
		h.skew = -time.Hour
		bob.card = bob.with(laptop)
		h.meets(bob, "Bob")
		h.accepts(bob)
		seen := func(what string, want time.Time) {
			t.Helper()
			a := h.shown(bob)
			if got := h.LastSeen(&a, bob.desk.ID()); !got.Equal(want) {
				t.Errorf("%s: last seen %v, want %v", what, got, want)
			}
		}
		seen("never", time.Time{})
		h.online[bob.desk.ID()] = true
		time.Sleep(time.Minute)
		seen("connected", h.now())
		h.online[bob.desk.ID()] = false
		h.Parted(bob.id(), bob.desk.ID())
		gone := h.now()
		time.Sleep(time.Minute)
		seen("gone", gone)
		h.Found(bob.desk.ID(), discovery.Place{Own: at(10)})
		seen("gone, and found since", gone)
		h.online[laptop.ID()] = true
		h.SaveLast(t.Context())
		on := h.now()
		h.online[laptop.ID()] = false
		h.reopen()
		seen("after a restart", gone.Truncate(time.Millisecond))
		if p, _ := h.kept(bob.id()); !p.Devices[laptop.ID()].LastSeen.Equal(on.Truncate(time.Millisecond)) {
			t.Errorf("the laptop was connected, and last seen %v", p.Devices[laptop.ID()].LastSeen)
		}
		want := discovery.Sighting{Device: peer.ID(bob.desk.ID().PeerID()), Addrs: at(10), Source: discovery.FromSaved}
		if got := h.Saved(); len(got) != 1 || got[0].Device != want.Device || !slices.Equal(got[0].Addrs, want.Addrs) || got[0].Source != want.Source {
			t.Errorf("saved: %+v", got)
		}
	})
}
