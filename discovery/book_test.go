package discovery

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func sight(d peer.ID, from Source, addrs ...string) Sighting {
	s := Sighting{Device: d, Source: from}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, netip.MustParseAddrPort(a))
	}
	return s
}

func wantAddrs(t *testing.T, b *Book, d peer.ID, want ...string) {
	t.Helper()
	var got []string
	for _, a := range b.Addrs(d) {
		got = append(got, a.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBookMergesByDevice(t *testing.T) {
	var b Book
	d := device(1)
	for i, step := range []struct {
		s       Sighting
		changed bool
	}{
		{sight(d, FromSaved, "10.0.0.1:1"), true},
		{sight(d, FromMDNS, "10.0.0.2:1"), true},
		{sight(d, FromMDNS, "10.0.0.2:1"), false},
		{sight(d, FromMDNS, "10.0.0.1:1"), true}, // another source of it
		{sight(d, FromPeer, "127.0.0.1:1", "[fe80::1]:1"), false},
		{sight(d, FromManual, "127.0.0.1:1"), true},
		{sight("", FromManual, "10.0.0.1:1"), false},
		{sight(d, "elsewhere", "10.0.0.3:1"), false},
	} {
		if got := b.Add(step.s, at(i)); got != step.changed {
			t.Errorf("step %d: changed %v", i, got)
		}
	}
	wantAddrs(t, &b, d, "127.0.0.1:1", "10.0.0.1:1", "10.0.0.2:1")
	if got, want := b.FoundBy(d), []Source{FromMDNS, FromSaved, FromManual}; !slices.Equal(got, want) {
		t.Errorf("found by %v, want %v", got, want)
	}
	b.Forget(d)
	wantAddrs(t, &b, d)
	if got := b.FoundBy(d); got != nil {
		t.Errorf("forgotten, found by %v", got)
	}
}

func TestBookExpiresHearsayOnly(t *testing.T) {
	var b Book
	d, e := device(1), device(2)
	b.Add(sight(d, FromSaved, "10.0.0.1:1"), at(0))
	b.Add(sight(d, FromMDNS, "10.0.0.1:1", "10.0.0.2:1"), at(0))
	b.Add(sight(e, FromPeer, "10.0.0.3:1"), at(0))
	b.Expire(at(0).Add(Hearsay))
	wantAddrs(t, &b, d, "10.0.0.1:1", "10.0.0.2:1")
	b.Expire(at(1).Add(Hearsay))
	wantAddrs(t, &b, d, "10.0.0.1:1")
	if got := b.FoundBy(d); !slices.Equal(got, []Source{FromSaved}) {
		t.Errorf("found by %v", got)
	}
	if got := b.Devices(); !slices.Equal(got, []peer.ID{d}) {
		t.Errorf("devices %v", got)
	}
}

func TestBookForgedAddressesLeaveProvenOnes(t *testing.T) {
	var b Book
	d := device(1)
	b.Add(sight(d, FromManual, "10.1.0.0:1"), at(0))
	for i := range 20 { // addresses at which it proved itself, over the years
		b.Add(sight(d, FromSaved, fmt.Sprintf("10.2.0.%d:1", i)), at(i))
	}
	for i := range 200 {
		b.Add(sight(d, FromMDNS, fmt.Sprintf("10.3.0.%d:1", i)), at(100+i))
	}
	wantAddrs(t, &b, d, "10.3.0.199:1", "10.3.0.198:1", "10.3.0.197:1", "10.3.0.196:1", "10.3.0.195:1",
		"10.2.0.19:1", "10.2.0.18:1", "10.2.0.17:1", "10.2.0.16:1", "10.1.0.0:1")
}

func TestBookFloodLeavesPinnedDevices(t *testing.T) {
	var b Book
	friend, absent := device(1), device(2)
	b.Rank(friend, 1)
	b.Rank(absent, 1)
	b.Add(sight(friend, FromMDNS, "10.0.0.1:1"), at(0))
	for i := range 2 * MaxDevices {
		b.Add(sight(stranger(i), FromMDNS, "10.0.0.2:1"), at(1+i))
	}
	wantAddrs(t, &b, friend, "10.0.0.1:1")
	if !b.Add(sight(absent, FromMDNS, "10.0.0.3:1"), at(9000)) {
		t.Error("a contact finds no room among strangers")
	}
	all := b.Devices()
	if len(all) != MaxDevices || all[0] != absent || all[1] != friend || all[2] != stranger(2*MaxDevices-1) {
		t.Errorf("%d devices, first %v", len(all), all[:3])
	}
	b.Rank(friend, 0)
	b.Add(sight(stranger(-1), FromMDNS, "10.0.0.2:1"), at(9001))
	wantAddrs(t, &b, friend)
}

func TestBookFullOfPinnedRefusesStrangers(t *testing.T) {
	var b Book
	for i := range MaxDevices {
		b.Rank(stranger(i), 1)
		b.Add(sight(stranger(i), FromMDNS, "10.0.0.2:1"), at(i))
	}
	if b.Add(sight(device(1), FromMDNS, "10.0.0.1:1"), at(5000)) {
		t.Error("a stranger pushed out a contact")
	}
	b.Rank(device(1), 1)
	if !b.Add(sight(device(1), FromMDNS, "10.0.0.1:1"), at(5000)) || len(b.Devices()) != MaxDevices {
		t.Error("a contact did not replace the one sighted longest ago")
	}
	wantAddrs(t, &b, stranger(0))
}

// Whatever is added: the bounds hold, the newest sighting is in the book, nothing
// that cannot be dialled is, and equal runs end equal.
func TestBookHoldsItsBounds(t *testing.T) {
	for seed := range uint64(6) {
		if a, b := bookRun(t, seed), bookRun(t, seed); a != b {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

func bookRun(t *testing.T, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b Book
	now := epoch
	devices := 1 + r.IntN(2*MaxDevices)
	pins := r.IntN(min(devices, MaxDevices/2))
	for i := range pins {
		b.Rank(stranger(i), 1)
	}
	pinnedSeen := map[peer.ID]bool{}
	for range 3000 {
		now = now.Add(time.Duration(r.IntN(50)) * time.Millisecond)
		i := r.IntN(devices)
		if r.IntN(3) == 0 {
			i = r.IntN(min(devices, 3)) // some devices are named much more often
		}
		s := Sighting{Device: stranger(i), Source: sources[r.IntN(len(sources))]}
		for range r.IntN(2 * MaxAddrs) {
			ip := netip.AddrFrom4([4]byte{byte(r.IntN(3)) * 10, 0, 0, byte(r.IntN(60))})
			s.Addrs = append(s.Addrs, netip.AddrPortFrom(ip, uint16(r.IntN(3))))
		}
		b.Add(s, now)
		got := b.Addrs(s.Device)
		if len(got) > MaxAddrs || len(b.devices) > MaxDevices {
			t.Fatalf("seed %d: %d addresses, %d devices", seed, len(got), len(b.devices))
		}
		if trusted := b.devices[s.Device]; trusted != nil && len(trusted.where(place.trusted)) > maxTrusted {
			t.Fatalf("seed %d: too many trusted addresses", seed)
		}
		var last netip.AddrPort
		for _, a := range s.Addrs[:min(len(s.Addrs), MaxAddrs)] {
			if Believable(a, s.Source) {
				last = a
			}
		}
		if last.IsValid() {
			if !slices.Contains(got, last) {
				t.Fatalf("seed %d: %v was just named and is not among %v", seed, last, got)
			}
			if i < pins {
				pinnedSeen[s.Device] = true
			}
		}
		for _, a := range got {
			if a.Port() == 0 || a.Addr().IsUnspecified() {
				t.Fatalf("seed %d: kept %v", seed, a)
			}
		}
	}
	for d := range pinnedSeen {
		if b.Addrs(d) == nil {
			t.Fatalf("seed %d: a pinned device is gone", seed)
		}
	}
	out := ""
	for _, d := range b.Devices() {
		out += fmt.Sprint(d, b.Addrs(d), b.FoundBy(d))
	}
	return out
}

// TestMembersOfGroupsPushOutNoContact: however many devices of one rank come, those of a higher one
// stay, and a newcomer of that finds a place.
func TestMembersOfGroupsPushOutNoContact(t *testing.T) {
	var b Book
	b.Rank(device(1), 2)
	b.Add(sight(device(1), FromSaved, "10.0.0.1:1"), at(0))
	for i := range 2 * MaxDevices {
		b.Rank(stranger(i), 1)
		b.Add(sight(stranger(i), FromMDNS, "10.0.0.2:1"), at(1+i))
	}
	if len(b.Addrs(device(1))) == 0 {
		t.Error("a contact was pushed out")
	}
	b.Rank(device(2), 2)
	b.Add(sight(device(2), FromSaved, "10.0.0.3:1"), at(3*MaxDevices))
	if len(b.Addrs(device(2))) == 0 || len(b.Devices()) != MaxDevices {
		t.Errorf("another contact finds no place among %d", len(b.Devices()))
	}
}
