package fair

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func at(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }

// One who takes all that they can gets half, of several each gets the same, and one who holds
// nothing always finds a place.
func TestGreedyOnesLeaveRoom(t *testing.T) {
	for greedy := 1; greedy <= 8; greedy++ {
		const size = 360
		p, next := New[netip.Addr, int](size), 0
		for range size { // in turns
			for who := range greedy {
				next++
				p.Take(at(who), next)
			}
		}
		for who := range greedy {
			if n := len(p.held[at(who)]); n < size/(greedy+1)-1 || n > size/(greedy+1)+1 {
				t.Errorf("%d greedy ones: %d places of %d", greedy, n, size)
			}
		}
		if !p.Take(at(99), -1) {
			t.Errorf("no place beside %d greedy ones", greedy)
		}
	}
}

// Who comes when the pool is nearly full takes a place from whoever holds most, until they hold
// about as much.
func TestLatecomersCatchUp(t *testing.T) {
	p, next := New[netip.Addr, int](64), 0
	join := func(who int) bool {
		next++
		if p.Take(at(who), next) {
			return true
		}
		rivals := p.Rivals(at(who))
		if len(rivals) == 0 {
			return false
		}
		p.Swap(rivals[0], at(who), next)
		return true
	}
	for who := range 6 {
		for range 64 {
			if !join(who) {
				t.Fatalf("holder %d finds no place", who)
			}
		}
	}
	for who := range 6 {
		if n := len(p.held[at(who)]); n < 7 || n > 14 {
			t.Errorf("holder %d has %d places", who, n)
		}
	}
	if p.Len() >= 64 || len(p.Rivals(at(99))) < 2 {
		t.Errorf("%d places are taken, and nobody makes room for one who has none", p.Len())
	}
}

// Where everybody holds one place, nobody has to go for one more.
func TestNobodyGoesForAnEqual(t *testing.T) {
	p := New[netip.Addr, int](8)
	n := 0
	for p.Take(at(n), n) {
		n++
	}
	if r := p.Rivals(at(99)); len(r) != 0 || n != 7 {
		t.Errorf("%d hold one place each, and %v have to go", n, r)
	}
	p.Leave(3)
	if !p.Take(at(99), 99) || p.Len() != n || p.Has(3) || !p.Has(99) {
		t.Error("a place that was given back is not free")
	}
}

func TestPoolCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p, have := New[netip.Addr, int](40), map[int]int{}
	for range 20_000 {
		item, who := random.IntN(100), random.IntN(9)
		if random.IntN(3) == 0 {
			p.Leave(item)
			delete(have, item)
		} else if _, there := have[item]; p.Take(at(who), item) && !there {
			have[item] = who
		}
		count := map[netip.Addr]int{}
		for item, who := range have {
			count[at(who)]++
			if !p.Has(item) {
				t.Fatal("a place was lost")
			}
		}
		for a, n := range count {
			if len(p.held[a]) != n {
				t.Fatalf("%v holds %d, want %d", a, len(p.held[a]), n)
			}
		}
		if p.Len() != len(have) || len(p.held) != len(count) || len(p.All()) != len(have) || p.Len() >= 40 {
			t.Fatalf("%d places, %d holders", p.Len(), len(p.held))
		}
	}
}

func TestHolder(t *testing.T) {
	for _, c := range []struct {
		from   string
		onLink bool
		want   string
	}{
		{"10.0.0.1", false, "10.0.0.1"},
		{"::ffff:10.0.0.1", false, "10.0.0.1"},
		{"fe80::1%eth0", true, "fe80::1"},
		{"2001:db8:1:2:3:4:5:6", true, "2001:db8:1:2:3:4:5:6"},
		{"2001:db8:1:2:3:4:5:6", false, "2001:db8:1:2::"},
	} {
		if got := Holder(netip.MustParseAddr(c.from), c.onLink); got.String() != c.want {
			t.Errorf("%s: %v, want %s", c.from, got, c.want)
		}
	}
	if Holder(netip.Addr{}, false).IsValid() {
		t.Error("no address is one")
	}
}

// Whoever tries all the time gets half of what there is, and one who tries once is let through.
func TestRateIsShared(t *testing.T) {
	for greedy := 1; greedy <= 20; greedy *= 2 {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		r, let := NewRate[netip.Addr](400, 4*time.Second), 0
		const seconds = 100
		for i := range seconds * 1000 {
			now = now.Add(time.Millisecond)
			for who := range greedy {
				if r.Allow(at(who), now) {
					let++
				}
			}
			if i%200 == 199 && !r.Allow(at(1000+i), now) {
				t.Fatalf("beside %d greedy ones, one who tries once is refused", greedy)
			}
		}
		all := float64(let) + seconds*5
		if most := float64(400 * (seconds/4 + 1)); all > most || len(r.held) > 400 || float64(let) < most/float64(3) {
			t.Errorf("%d greedy ones were let through %d times, and %d are remembered", greedy, let, len(r.held))
		}
		now = now.Add(time.Hour)
		if !r.Allow(at(0), now) || len(r.held) != 1 || len(r.taken) != 1 {
			t.Errorf("after an hour %d are remembered", len(r.held))
		}
	}
}
