package warnings

import (
	"net/netip"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store"
)

func addr(ip byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, ip}), port)
}

// Who announces this device for minutes at an address that it has not is another machine; what this
// one has announced itself, at whatever address it had, is not, nor is what is heard once or twice.
func TestSightingsOfTwins(t *testing.T) {
	start := time.Unix(1000, 0)
	own, wifi, other := addr(1, 4001), addr(2, 4001), addr(9, 4001)
	type heard struct {
		after time.Duration
		addrs []netip.AddrPort
		own   []netip.AddrPort
	}
	every := func(d time.Duration, times int, addrs ...netip.AddrPort) (out []heard) {
		for i := range times {
			out = append(out, heard{time.Duration(i) * d, addrs, []netip.AddrPort{own}})
		}
		return out
	}
	for name, test := range map[string]struct {
		heard []heard
		at    netip.AddrPort // zero: no twin
	}{
		"this node for a day":              {every(time.Minute, 24*60, own), netip.AddrPort{}},
		"on two interfaces":                {[]heard{{0, []netip.AddrPort{own, wifi}, []netip.AddrPort{own, wifi}}, {time.Hour, []netip.AddrPort{wifi, own}, []netip.AddrPort{own, wifi}}}, netip.AddrPort{}},
		"another machine":                  {every(time.Minute, 5, other), other},
		"on the same machine":              {every(time.Minute, 5, addr(1, 4002)), addr(1, 4002)},
		"together with this one":           {every(time.Minute, 5, own, other), other},
		"not long enough":                  {every(time.Minute, 4, other), netip.AddrPort{}},
		"a burst":                          {every(time.Millisecond, 1000, other), netip.AddrPort{}},
		"three times in an hour":           {every(20*time.Minute, 3, other), netip.AddrPort{}},
		"three times in a while":           {every(9*time.Minute, 3, other), netip.AddrPort{}},
		"seldom":                           {every(11*time.Minute, 50, other), netip.AddrPort{}},
		"before the network is known":      {append([]heard{{0, []netip.AddrPort{own}, nil}}, every(time.Minute, 60, own)...), netip.AddrPort{}},
		"an address that it had until now": {append([]heard{{0, nil, []netip.AddrPort{wifi}}}, every(time.Minute, 9, wifi)...), netip.AddrPort{}},
		"an address that it had once":      {append([]heard{{0, nil, []netip.AddrPort{wifi}}}, every(time.Minute, 30, wifi)...), wifi},
	} {
		var tw twins
		var at netip.AddrPort
		for _, h := range test.heard {
			if a, yes := tw.sighted(start.Add(h.after), h.addrs, h.own); yes {
				at = a
			}
		}
		if at != test.at {
			t.Errorf("%s: %v, want %v", name, at, test.at)
		}
	}
	var tw twins
	for i := range 10_000 {
		tw.sighted(start, []netip.AddrPort{addr(byte(i), uint16(i))}, nil)
	}
	if len(tw.foreign) > maxTwinAddrs {
		t.Errorf("%d addresses are watched", len(tw.foreign))
	}
}

// A group that costs too much is told once, and is among the warnings for a day after it last did.
func TestStrainedGroupIsToldOnce(t *testing.T) {
	s, err := store.Open(store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now, told := time.Unix(1000, 0), 0
	w := New(Config{Store: s, Now: func() time.Time { return now }, Tell: func(Warning) { told++ }})
	for range 2 {
		w.Strained("lunch")
		now = now.Add(strainedFor - time.Second)
		if all, err := w.All(); err != nil || told != 1 || len(all) != 1 || all[0].Code != Strained || all[0].Detail != "lunch" {
			t.Errorf("told %d times, %+v, %v", told, all, err)
		}
	}
	now = now.Add(time.Minute)
	if all, _ := w.All(); len(all) > 0 {
		t.Errorf("a day later: %+v", all)
	}
}
