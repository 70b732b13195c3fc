package dial

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
)

// thirdParty is a port of a machine that has nothing to do with it.
func thirdParty(ip, port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(ip >> 8), byte(ip)}), uint16(1024+port))
}

// forged has the planner hear of devices at addresses, for a while, and counts at which it tries.
// Nobody answers.
func forged(w *world, d time.Duration, from discovery.Source, next func(n int) (peer.ID, []netip.AddrPort)) map[netip.AddrPort]int {
	tried := make(map[netip.AddrPort]int)
	for n, end := 0, w.now.Add(d); w.now.Before(end); n++ {
		id, addrs := next(n)
		w.Sighted(discovery.Sighting{Device: id, Addrs: addrs, Source: from}, w.now)
		dials, _ := w.Next(w.now)
		for _, d := range dials {
			for _, a := range d.Addrs {
				tried[a]++
			}
			w.fail(d.Device)
		}
		w.pass(100 * time.Millisecond)
	}
	return tried
}

// TestForgedAddresses: whoever told of devices at others' ports had this node connect to them, 72 in
// 18 s, and had it do so as often as they told.
func TestForgedAddresses(t *testing.T) {
	minutes := 5
	if testing.Short() {
		minutes = 2
	}
	for what, next := range map[string]func(n int) (peer.ID, []netip.AddrPort){
		"many ports of one machine": func(n int) (peer.ID, []netip.AddrPort) {
			return peer.ID(fmt.Sprint("f", n)), []netip.AddrPort{thirdParty(1, n), thirdParty(1, n+9999)}
		},
		"many machines": func(n int) (peer.ID, []netip.AddrPort) {
			return peer.ID(fmt.Sprint("f", n)), []netip.AddrPort{thirdParty(n, 1)}
		},
		"one port under many devices": func(n int) (peer.ID, []netip.AddrPort) {
			return peer.ID(fmt.Sprint("f", n)), []netip.AddrPort{thirdParty(1, 1)}
		},
		"of one contact": func(n int) (peer.ID, []netip.AddrPort) { return "contact", []netip.AddrPort{thirdParty(n, 1)} },
		"of a fellow":    func(n int) (peer.ID, []netip.AddrPort) { return "fellow", []netip.AddrPort{thirdParty(n, 1)} },
	} {
		for _, from := range []discovery.Source{discovery.FromMDNS, discovery.FromPeer} {
			w := newWorld(t)
			w.pin("contact", true, w.now)
			w.Stand("fellow", budget.Fellow, w.now)
			all, most := 0, 0
			for _, n := range forged(w, time.Duration(minutes)*time.Minute, from, next) {
				all += n
				most = max(most, n)
			}
			if all > maxHeardKnown*(minutes+1)/2 || what == "many machines" && all > maxHeardOther*(minutes+1) {
				t.Errorf("%s, by %s: %d dials in %d minutes", what, from, all, minutes)
			}
			if most > 2*minutes+5 {
				t.Errorf("%s, by %s: one address %d times", what, from, most)
			}
			if all == 0 {
				t.Errorf("%s, by %s: nobody is ever dialled", what, from)
			}
			if len(w.heard.missed) > maxMissed {
				t.Errorf("%s: %d addresses are remembered", what, len(w.heard.missed))
			}
		}
	}
}

// What is sure is dialled whatever is forged: a contact's saved address, one that the user gave, and
// one at which a stranger has answered. And so is what another contact is heard of.
func TestForgedAddressesHoldNobodyUp(t *testing.T) {
	w := newWorld(t)
	for _, id := range []peer.ID{"contact", "other"} {
		w.pin(id, true, w.now)
	}
	w.sight("met", discovery.FromPeer, 7)
	w.want("met")
	w.succeed("met")
	w.Answered("met", addr(7))
	w.pass(time.Minute)
	w.Disconnected("met", Lost, w.now)
	forged(w, 3*time.Minute, discovery.FromMDNS, func(n int) (peer.ID, []netip.AddrPort) {
		if n%2 == 0 {
			return "contact", []netip.AddrPort{thirdParty(n, 1)}
		}
		return peer.ID(fmt.Sprint("f", n)), []netip.AddrPort{thirdParty(n, 1)}
	})
	w.sight("contact", discovery.FromSaved, 1)
	w.sight("named", discovery.FromManual, 2)
	w.sight("other", discovery.FromMDNS, 3)
	dialled := make(map[peer.ID][]netip.AddrPort)
	for end := w.now.Add(5 * time.Minute); w.now.Before(end); {
		dials, wake := w.Next(w.now)
		for _, d := range dials {
			w.fail(d.Device)
			dialled[d.Device] = append(dialled[d.Device], d.Addrs...)
		}
		w.now = wake
	}
	for id, a := range map[peer.ID]netip.AddrPort{"contact": addr(1), "named": addr(2), "other": addr(3), "met": addr(7)} {
		if !slices.Contains(dialled[id], a) {
			t.Errorf("%s is not dialled at %v", string(id), a)
		}
	}
}

// Whoever has many addresses, where dials fail soon or late, can't keep a newcomer from being dialled at
// the ports that nodes take: soon, or after as many dials as there are addresses, or after a minute.
func TestManyAddressesHoldNobodyUp(t *testing.T) {
	const usual, odd = discovery.FirstPort, 4001
	lan := func(n, port int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(n)}), uint16(port))
	}
	for _, c := range []struct {
		addresses, port int
		takes           time.Duration // until a dial fails
		within          time.Duration
	}{
		{64, usual, time.Millisecond, 2 * time.Second},
		{64, usual, 5 * time.Second, 64 * 5 * time.Second / 4},
		{64, odd, time.Millisecond, 2 * time.Second},
		{250, usual, time.Millisecond, heardSpan},
		{64, odd, 5 * time.Second, 64 * 5 * time.Second / 4},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			n := newNetwork(t, func(id peer.ID) (bool, time.Duration) { return id == "newcomer", c.takes })
			const newcomer = 30 * time.Second
			for i := range 2000 { // for two minutes
				port := c.port
				if port == usual {
					port += i / c.addresses % 10
				}
				n.Sighted(discovery.Sighting{Device: peer.ID(fmt.Sprint("z", i)), Addrs: []netip.AddrPort{lan(i%c.addresses, port)}, Source: discovery.FromBeacon}, n.now)
				if i >= 500 && i%500 == 0 { // as devices announce themselves
					n.Sighted(discovery.Sighting{Device: "newcomer", Addrs: []netip.AddrPort{lan(254, usual)}, Source: discovery.FromBeacon}, n.now)
				}
				n.run(60 * time.Millisecond)
			}
			if d := n.devices["newcomer"]; d == nil || !d.connected || d.since.Sub(start) > newcomer+c.within {
				t.Errorf("the newcomer is dialled %d times: %+v", n.dialled["newcomer"], d)
			}
			most := maxHeardOther
			if c.port == usual {
				most = maxHeardUsual
			}
			if made := bytes.Count(n.seen, []byte("\n")); made > 2*most {
				t.Errorf("%d dials in vain in two minutes", made)
			}
		})
	}
}

// A whole office that answers uses up nothing, and neither does another device at an address.
func TestWhoAnswersUsesUpNothing(t *testing.T) {
	w := newWorld(t)
	const many = 300
	for i := range many {
		w.sight(peer.ID(fmt.Sprintf("z%03d", i)), discovery.FromMDNS, 2*i, 2*i+1)
	}
	met := 0
	for end := w.now.Add(20 * time.Second); w.now.Before(end); {
		dials, wake := w.Next(w.now)
		for _, d := range dials {
			w.pass(50 * time.Millisecond)
			w.succeed(d.Device)
			met++
		}
		if len(dials) == 0 {
			w.now = wake
		}
	}
	if met != many {
		t.Errorf("%d of %d were met", met, many)
	}

	w = newWorld(t)
	w.sight("wrong", discovery.FromMDNS, 1)
	w.want("wrong")
	w.Dialled("wrong", fmt.Errorf("dial: %w", ErrOther), w.now)
	w.sight("right", discovery.FromMDNS, 1)
	w.want("right")
}
