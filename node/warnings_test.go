package node

import (
	"fmt"
	"net/netip"
	"slices"
	gosync "sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
)

func addr(ip byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, ip}), port)
}

// Who announces this device for minutes at an address that it has not is another machine; what this one has announced itself, at
// whatever address it had, is not, nor is what is heard once or twice.
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

// warned has a machine note what its owner is told when it next starts.
func (m *machine) warned() func() []string {
	var mu gosync.Mutex
	var codes []string
	m.warn = func(w Warning) {
		mu.Lock()
		defer mu.Unlock()
		codes = append(codes, w.Code)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(codes)
	}
}

// warnings are the codes that status shows.
func (m *machine) codes() (out []string) {
	m.w.t.Helper()
	s, err := m.Status(m.w.t.Context())
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, w := range s.Warnings {
		out = append(out, w.Code)
	}
	return out
}

// Whose directory turns out to be a copy is told so, for a week.
func TestOwnerIsToldOfACopy(t *testing.T) {
	inWorld(t, 65, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		if got := ann.codes(); got != nil {
			t.Fatalf("warned of %q", got)
		}
		for i, want := range [][]string{{WarnCopied}, nil} { // once where it is found, in status for a week
			ann.stop()
			ann.file = "copy"
			told := ann.warned()
			ann.start()
			time.Sleep(time.Second)
			if got := told(); !slices.Equal(got, want) {
				t.Errorf("start %d: told %q, want %q", i, got, want)
			}
			if got := ann.codes(); !slices.Equal(got, []string{WarnCopied}) {
				t.Errorf("start %d: status %q", i, got)
			}
			time.Sleep(3 * 24 * time.Hour)
		}
		time.Sleep(3 * 24 * time.Hour)
		if got := ann.codes(); got != nil {
			t.Errorf("after more than a week still %q", got)
		}
	})
}

// Two machines run copies of one directory. Both owners are told: by what the other one has written, as soon as it comes round,
// and by how it is announced.
func TestOwnerIsToldOfATwin(t *testing.T) {
	inWorld(t, 66, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		ann.say(bob, "hello")
		bob.got(soon, ann, "hello")
		time.Sleep(time.Minute)
		ann.stop()
		twin := w.machine("Ann")
		twin.dir, twin.file = snapshot(t, ann.dir), "other file"
		annTold, twinTold := ann.warned(), twin.warned()
		ann.start()
		twin.start()
		time.Sleep(time.Hour)
		w.cut(twin.addr(), bob.addr())
		w.cut(bob.addr(), twin.addr())
		ann.announce()
		bob.announce()
		ann.meets(time.Minute, bob)
		ann.say(bob, "by Ann")
		bob.got(soon, ann, "hello", "by Ann")
		ann.stop()
		w.heal(twin.addr(), bob.addr())
		w.heal(bob.addr(), twin.addr())
		twin.announce()
		bob.announce()
		twin.meets(time.Minute, bob)
		time.Sleep(10 * time.Second)
		if got := twinTold(); !slices.Equal(got, []string{WarnCopied, WarnRestored, WarnTwin}) {
			t.Errorf("the copy is told %q", got)
		}
		if got := twin.codes(); !slices.Equal(got, []string{WarnRestored, WarnTwin}) {
			t.Errorf("the copy's status: %q", got)
		}
		if got := annTold(); got != nil {
			t.Errorf("who knows nothing yet is told %q", got)
		}
		// Ann is on again, hears where the copy is announced, and learns nothing from Bob, who is off.
		bob.stop()
		ann.start()
		for range 6 {
			ann.hub.sightedSelf(discovery.Sighting{Addrs: []netip.AddrPort{netip.AddrPortFrom(ann.addr(), worldPort)}})
			ann.hub.sightedSelf(discovery.Sighting{Addrs: []netip.AddrPort{netip.AddrPortFrom(twin.addr(), worldPort)}})
			time.Sleep(time.Minute)
		}
		if got := annTold(); !slices.Equal(got, []string{WarnTwin}) {
			t.Errorf("Ann is told %q", got)
		}
		s, err := ann.Status(t.Context())
		if err != nil || len(s.Warnings) != 1 || s.Warnings[0].Detail != fmt.Sprintf("%s:%d", twin.addr(), worldPort) {
			t.Errorf("status: %+v, %v", s.Warnings, err)
		}
		time.Sleep(25 * time.Hour)
		if got := ann.codes(); got != nil {
			t.Errorf("a day later still %q", got)
		}
	})
}
