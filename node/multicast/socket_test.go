package multicast

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
)

// TestReadsNoFasterThanItsPace: a network carries many times as many packets as there is any need to
// read.
func TestReadsNoFasterThanItsPace(t *testing.T) {
	var p pace
	began := time.Now()
	now := began
	for range 10 * packetsAStretch {
		now = now.Add(p.rest(now))
	}
	if took := now.Sub(began); took != 9*stretch {
		t.Errorf("read in %v, want %v", took, 9*stretch)
	}
	now = now.Add(stretch)
	for range 10 * packetsAStretch { // at half the pace
		now = now.Add(2 * stretch / packetsAStretch)
		if wait := p.rest(now); wait > 0 {
			t.Fatalf("waits for %v", wait)
		}
	}
}

// TestBroadcasts: what is sent to everybody in a network goes to its last address, where it has one.
func TestBroadcasts(t *testing.T) {
	link := discovery.Link{}
	for _, p := range []string{"10.9.0.0/24", "172.16.0.0/12", "192.168.1.4/30", "192.168.1.8/31", "192.168.1.1/32", "0.0.0.0/0", "fd00::/64"} {
		link.Prefixes = append(link.Prefixes, netip.MustParsePrefix(p))
	}
	if got, want := fmt.Sprint(Broadcasts(link)), "[10.9.0.255 172.31.255.255 192.168.1.7 255.255.255.255]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
