package dial

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
)

// A network answers dials after a time and checks what must hold of each.
type network struct {
	*world
	pending map[peer.ID]time.Time // dials in flight, and when they end
	ended   map[peer.ID]time.Time
	dialled map[peer.ID]int
	answers func(id peer.ID) (ok bool, takes time.Duration)
	seen    []byte // all dials in order
}

func newNetwork(t *testing.T, answers func(peer.ID) (bool, time.Duration)) *network {
	return &network{newWorld(t), map[peer.ID]time.Time{}, map[peer.ID]time.Time{}, map[peer.ID]int{}, answers, nil}
}

// step makes what dials are due, ends those whose time has come, and returns when
// something can happen next.
func (n *network) step() time.Time {
	n.t.Helper()
	for _, id := range sorted(n.pending) {
		if n.pending[id].After(n.now) {
			continue
		}
		delete(n.pending, id)
		n.ended[id] = n.now
		if ok, _ := n.answers(id); ok {
			n.succeed(id)
		} else {
			n.fail(id)
		}
	}
	dials, wake := n.Next(n.now)
	for _, d := range dials {
		_, flying := n.pending[d.Device]
		pause := n.now.Sub(n.ended[d.Device])
		switch {
		case flying:
			n.t.Fatalf("%s: two dials in flight", d.Device)
		case n.devices[d.Device].connected:
			n.t.Fatalf("%s is dialled though connected", d.Device)
		case pause < time.Second:
			n.t.Fatalf("%s is dialled after a pause of %v", d.Device, pause)
		case len(d.Addrs) == 0 || len(d.Addrs) > discovery.MaxAddrs:
			n.t.Fatalf("%s is dialled at %d addresses", d.Device, len(d.Addrs))
		}
		_, takes := n.answers(d.Device)
		n.pending[d.Device] = n.now.Add(takes)
		n.dialled[d.Device]++
		n.seen = fmt.Appendln(n.seen, n.now.UnixNano(), d)
	}
	if len(n.pending) > 20 {
		n.t.Fatalf("%d dials in flight", len(n.pending))
	}
	if !wake.After(n.now) {
		n.t.Fatalf("wake %v is not after %v", wake, n.now)
	}
	for _, end := range n.pending {
		if end.Before(wake) {
			wake = end
		}
	}
	return later(wake, n.now.Add(time.Nanosecond))
}

// run lets time pass.
func (n *network) run(d time.Duration) {
	for end := n.now.Add(d); ; {
		next := n.step()
		if next.After(end) {
			n.now = end
			return
		}
		n.now = next
	}
}

func sorted(m map[peer.ID]time.Time) []peer.ID {
	var p Planner
	p.devices = map[peer.ID]*device{}
	for id := range m {
		p.devices[id] = &device{connected: true}
	}
	return p.Devices()
}

// chaos runs random inputs and returns a digest of all dials.
func chaos(t *testing.T, seed uint64) [32]byte {
	random := rand.New(rand.NewPCG(seed, 1))
	n := newNetwork(t, func(peer.ID) (bool, time.Duration) {
		return random.IntN(3) == 0, time.Duration(random.Int64N(int64(10 * time.Second)))
	})
	device := func() peer.ID { return peer.ID('a' + rune(random.IntN(26))) }
	sources := []discovery.Source{discovery.FromMDNS, discovery.FromPeer, discovery.FromMDNS, discovery.FromSaved}

	// As many as the prompt lane has slots: none of these ever waits for another.
	pinned := []peer.ID{"b", "d", "n", "o", "y", "z"}
	free := map[peer.ID]time.Time{} // since when a pinned device should be dialled
	for _, id := range pinned {
		n.pin(id, true, n.now)
		n.sight(id, discovery.FromSaved, 1)
		free[id] = n.now
	}
	for range 1500 {
		switch id := device(); random.IntN(8) {
		case 0, 1, 2:
			n.sight(id, sources[random.IntN(len(sources))], random.IntN(30), random.IntN(30))
		case 3:
			n.Connected(id, n.now)
		case 4, 5:
			why := Lost
			if random.IntN(10) == 0 {
				why = Cause(random.IntN(3))
			}
			if n.State(id).Connected {
				free[id] = later(free[id], n.now)
				if why != Lost {
					free[id] = later(free[id], n.now.Add(maxPenalty))
				}
			}
			n.Disconnected(id, why, n.now)
		case 6:
			if random.IntN(20) == 0 {
				n.NetworkChanged(n.now)
			}
		case 7:
			n.run(time.Duration(random.Int64N(int64(20 * time.Second))))
		}
		n.step()
		for _, id := range pinned {
			d, since := n.devices[id], later(free[id], n.ended[id])
			if waits := n.now.Sub(since); !d.connected && !d.dialling && waits > maxPauseKnown {
				t.Fatalf("seed %d: %q waits for %v", seed, string(id), waits)
			}
		}
	}
	connected := 0
	for _, id := range n.Devices() {
		if n.State(id).Connected {
			connected++
		}
	}
	if counted := n.connected[0] + n.connected[1] + n.connected[2]; connected != counted || len(n.dialled) < 20 {
		t.Fatalf("seed %d: connected %d, counted %d; dialled %d devices", seed, connected, counted, len(n.dialled))
	}
	return sha256.Sum256(n.seen)
}

func TestChaos(t *testing.T) {
	digests, seeds := map[[32]byte]bool{}, uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		first := chaos(t, seed)
		if chaos(t, seed) != first {
			t.Fatalf("seed %d: a second run dials otherwise", seed)
		}
		digests[first] = true
	}
	if len(digests) != int(seeds) {
		t.Errorf("%d different runs of %d", len(digests), seeds)
	}
}

// Everything that anyone can forge, as fast as it can be heard.
func TestFlood(t *testing.T) {
	const contact, other = peer.ID("m-contact"), peer.ID("a-contact")
	n := newNetwork(t, func(id peer.ID) (bool, time.Duration) {
		if id[0] == 'f' {
			return false, 10 * time.Second // black holes hurt most
		}
		return id == contact, 50 * time.Millisecond
	})
	n.pin(contact, true, n.now)
	n.pin(other, true, n.now)
	n.sight(contact, discovery.FromSaved, 1)
	n.sight(other, discovery.FromSaved, 2)
	n.sight("f-named", discovery.FromManual, 3)
	lost, sightings, most := time.Time{}, 0, 0
	for range 750 {
		for range 6 {
			sightings++
			n.sight(peer.ID(fmt.Sprintf("f%06d", sightings)), discovery.FromMDNS, sightings)
		}
		n.sight("f-many", discovery.FromMDNS, sightings)
		n.sight(other, discovery.FromPeer, sightings)
		n.run(20 * time.Millisecond)
		most = max(most, len(n.devices))
		switch s := n.State(contact); {
		case s.Connected && n.now.Sub(lost) > 3*time.Second:
			n.Disconnected(contact, Lost, n.now)
			lost = n.now
		case !s.Connected && n.now.Sub(lost) > 2*time.Second && !lost.IsZero():
			t.Fatalf("after %v the contact waits since %v", n.now.Sub(start), n.now.Sub(lost))
		}
		if got := len(n.State(other).Addrs); got > discovery.MaxAddrs {
			t.Fatalf("%d addresses", got)
		}
	}
	if len(n.State("f-named").Addrs) == 0 {
		t.Error("what the user named is forgotten")
	}
	if most > leastSweep {
		t.Errorf("remembers %d devices", most)
	}
	if n.dialled[contact] < 4 || n.dialled[other] < 13 {
		t.Errorf("contacts dialled %d and %d times in 15 s", n.dialled[contact], n.dialled[other])
	}
	if n.dialled["f-many"] > 2 {
		t.Errorf("a stranger with ever new addresses is dialled %d times", n.dialled["f-many"])
	}
}

// Hundreds of contacts that are away, of which a forger keeps many in the news,
// starve neither each other nor one that comes.
func TestAwayContacts(t *testing.T) {
	answering := map[peer.ID]bool{}
	n := newNetwork(t, func(id peer.ID) (bool, time.Duration) {
		if answering[id] {
			return true, 50 * time.Millisecond
		}
		return false, 10 * time.Second
	})
	id := func(i int) peer.ID { return peer.ID(fmt.Sprintf("p%03d", i)) }
	for i := range 300 {
		n.pin(id(i), true, n.now)
		n.sight(id(i), discovery.FromSaved, i)
	}
	n.run(5 * time.Second) // all the slots of the patient are taken
	for i := range 100 {
		n.sight(id(i), discovery.FromMDNS, 500+i)
	}
	n.run(4 * time.Minute) // these have had their chance

	answering[id(299)] = true
	n.sight(id(299), discovery.FromMDNS, 1000)
	n.run(time.Second)
	if !n.State(id(299)).Connected {
		t.Error("a contact that is there waits for those that are not")
	}
	n.sight("stranger", discovery.FromMDNS, 2000)
	n.run(time.Second)
	if n.dialled["stranger"] == 0 {
		t.Error("a stranger waits for contacts that are away")
	}

	for range 20 * 60 {
		for i := range 100 {
			n.sight(id(i), discovery.FromPeer, int(n.now.Unix())+i*7)
		}
		n.run(time.Second)
	}
	for i := range 300 {
		if n.dialled[id(i)] == 0 {
			t.Errorf("contact %d was never dialled", i)
		}
	}
}
