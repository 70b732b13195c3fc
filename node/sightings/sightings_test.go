package sightings

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"

	"github.com/earshot-im/earshot/discovery"
)

// device returns a device's ID, another for each i.
func device(i int) peer.ID {
	key := []byte{0x08, 0x01, 0x12, 0x20} // protobuf: Ed25519, 32 bytes
	key = append(key, make([]byte, 32)...)
	binary.BigEndian.PutUint32(key[8:], uint32(i))
	hash, _ := mh.Sum(key, mh.IDENTITY, -1)
	return peer.ID(hash)
}

const own = 1 // the number of this device

// bench hears at a time that the test sets.
type bench struct {
	*Sightings
	now        time.Time
	found, own []discovery.Sighting
	full       int
	log        strings.Builder
}

func newBench(known ...int) *bench {
	b := &bench{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.Sightings = New(Config{Device: device(own),
		Found: func(s discovery.Sighting) { b.found = append(b.found, s) },
		Own:   func(s discovery.Sighting) { b.own = append(b.own, s) },
		Known: func(id peer.ID) bool {
			return slices.ContainsFunc(known, func(i int) bool { return device(i) == id })
		},
		Full: func() { b.full++ },
		Log:  slog.New(slog.NewTextHandler(&b.log, nil))})
	return b
}

// hear has a device say where it is: its address, or that address and what names its start.
func (b *bench) hear(way Way, from string, i int, at string, start ...string) {
	b.Hear(Heard{Way: way, From: netip.MustParseAddr(from), Start: fmt.Sprint(start),
		Sighting: discovery.Sighting{Device: device(i), Addrs: []netip.AddrPort{netip.MustParseAddrPort(at)}}}, b.now)
}

// TestBothWaysShareOneBound: a flood by mDNS and by beacons at once cost twice as much as by one of
// them.
func TestBothWaysShareOneBound(t *testing.T) {
	const friend = 7
	b := newBench(friend)
	ways := []Way{MDNS4, MDNS6, Beacon4, Beacon6}
	for i := range 4 * maxReports {
		b.hear(ways[i%4], "10.0.0.9", 1000+i, "10.0.0.9:4001")
	}
	if len(b.found) != maxReports/2 {
		t.Errorf("%d strangers of one sender are reported, want half of %d", len(b.found), maxReports)
	}
	b.found = nil
	b.hear(Beacon4, "10.0.0.9", friend, "10.0.0.9:4001")
	b.hear(MDNS4, "10.0.0.9", own, "10.0.0.9:4001")
	b.hear(MDNS4, "10.0.0.8", 2, "10.0.0.8:4001")
	if len(b.found) != 2 || b.found[0].Device != device(friend) || len(b.own) != 1 {
		t.Errorf("amid the flood %v and %v are reported, want a friend, a stranger who sends herself and this device", b.found, b.own)
	}
	for i := range 4 * maxReports {
		b.hear(ways[i%4], fmt.Sprintf("10.0.1.%d", i%250), 10_000+i, "10.0.0.9:4001")
	}
	if n := len(b.found); n > maxReports {
		t.Errorf("%d strangers of many senders are reported", n)
	}
	if n := strings.Count(b.log.String(), "\n"); n != 1 || b.full != 1 {
		t.Errorf("told %d times, %d lines of log: %s", b.full, n, &b.log)
	}
	b.found, b.now = nil, b.now.Add(again)
	b.hear(Beacon4, "10.0.0.9", 9, "10.0.0.9:4001")
	if len(b.found) != 1 {
		t.Error("a stranger is not reported a minute later")
	}
}

// TestForgedFriendIsBounded: whoever forges what a device says that is known has it reported no more
// often than a flood of strangers.
func TestForgedFriendIsBounded(t *testing.T) {
	b := newBench(7)
	for i := range maxReports {
		b.hear(MDNS4, "10.0.0.9", 7, "10.0.0.9:4001", fmt.Sprint(i))
	}
	if len(b.found) != maxReports/2 {
		t.Errorf("%d forged reports of a friend, want half of %d", len(b.found), maxReports)
	}
	b.hear(MDNS4, "10.0.0.7", 7, "10.0.0.7:4001")
	if len(b.found) != maxReports/2+1 {
		t.Error("amid it what a friend says herself is not reported")
	}
}

// TestSaidTwiceIsReportedOnce: the same by two ways, or by two interfaces in turns, is no news each
// time.
func TestSaidTwiceIsReportedOnce(t *testing.T) {
	b := newBench()
	for range 10 {
		b.hear(MDNS4, "10.0.0.9", 2, "10.0.0.9:4001", "a")
		b.hear(MDNS6, "fe80::9", 2, "10.0.0.9:4001", "a")
		b.hear(Beacon4, "10.0.0.9", 2, "10.0.0.9:4001", "b")
		b.hear(Beacon6, "fd00::9", 2, "[fd00::9]:4001", "b")
	}
	if len(b.found) != 3 {
		t.Errorf("%d reports of what was said in three ways: %v", len(b.found), b.found)
	}
	b.now = b.now.Add(again)
	b.hear(MDNS4, "10.0.0.9", 2, "10.0.0.9:4001", "a")
	if len(b.found) != 4 {
		t.Error("who goes on to say so is not reported again after a minute")
	}
}

// TestNewsAreReportedAtOnce: another address, another start, the end of a session and a change of the
// network make news of what was said before.
func TestNewsAreReportedAtOnce(t *testing.T) {
	b := newBench()
	say := func(at string, start string) { b.hear(Beacon4, "10.0.0.9", 2, at, start) }
	for i, step := range []func(){
		func() { say("10.0.0.9:4001", "a") },
		func() { say("10.0.0.9:4002", "a") },
		func() { say("10.0.0.9:4002", "b") },
		func() { b.Again(device(2)); say("10.0.0.9:4002", "b") },
		func() { b.Renew(); say("10.0.0.9:4002", "b") },
	} {
		if step(); len(b.found) != i+1 {
			t.Fatalf("step %d: %d reports", i, len(b.found))
		}
	}
}

// TestHeardSaysWhenAndHow: nobody could say whether a device is heard, and by which way.
func TestHeardSaysWhenAndHow(t *testing.T) {
	b := newBench()
	if got := b.Heard(device(2)); got != nil {
		t.Errorf("of a device that was never heard: %v", got)
	}
	began := b.now
	b.hear(MDNS4, "10.0.0.9", 2, "10.0.0.9:4001")
	b.hear(Beacon6, "fd00::9", 2, "[fd00::9]:4001")
	b.now = b.now.Add(10 * time.Second)
	b.hear(MDNS4, "10.0.0.9", 2, "10.0.0.9:4001") // no news, and heard all the same
	got := b.Heard(device(2))
	if len(got) != 2 || !got[MDNS4].Equal(b.now) || !got[Beacon6].Equal(began) {
		t.Errorf("heard %v", got)
	}
	b.now = b.now.Add(24 * time.Hour)
	b.hear(Beacon6, "fd00::9", 2, "[fd00::9]:4001")
	if again := b.Heard(device(2)); len(got) != 2 || !again[Beacon6].Equal(b.now) || again[MDNS4] != got[MDNS4] {
		t.Errorf("a day later %v", again)
	}
}

// TestFloodForgetsNoFriend: when strangers without end are heard, what was heard of those whom the
// owner knows is still there.
func TestFloodForgetsNoFriend(t *testing.T) {
	const friend = 7
	b := newBench(friend)
	b.hear(MDNS4, "10.0.0.7", friend, "10.0.0.7:4001")
	for i := range 4 * discovery.MaxDevices {
		if i%100 == 0 {
			b.now = b.now.Add(again)
		}
		b.hear(Beacon4, "10.0.0.9", 1000+i, "10.0.0.9:4001")
	}
	if n := len(b.heard); n != discovery.MaxDevices {
		t.Errorf("%d devices are remembered, want %d", n, discovery.MaxDevices)
	}
	last := 1000 + 4*discovery.MaxDevices - 1
	if b.Heard(device(friend)) == nil || b.Heard(device(last)) == nil || b.Heard(device(1000)) != nil {
		t.Error("somebody else was forgotten than the stranger who was heard longest ago")
	}
}

// TestBudgetOfPackets: however much is sent, no more is read in a second, and one sender leaves half
// to others. Over IPv6 as much is read.
func TestBudgetOfPackets(t *testing.T) {
	b := newBench()
	flood := func(from string) (admitted int) {
		for range 2 * packetsASecond {
			if b.Admit(netip.MustParseAddr(from), b.now) {
				admitted++
			}
		}
		return admitted
	}
	for _, want := range []struct {
		from string
		n    int
	}{{"10.0.0.9", packetsASecond / 2}, {"10.0.0.8", packetsASecond / 4}, {"fe80::9%eth0", packetsASecond / 2}} {
		if n := flood(want.from); n != want.n {
			t.Errorf("of %s %d are read, want %d", want.from, n, want.n)
		}
	}
	b.now = b.now.Add(time.Second)
	if n := flood("10.0.0.9"); n != packetsASecond/2 {
		t.Errorf("a second later %d are read, want %d", n, packetsASecond/2)
	}
}

// TestPacketComesOverItsLink: each link has the same link-local addresses, and what comes over one that
// is not used, or from beyond the network, is dropped.
func TestPacketComesOverItsLink(t *testing.T) {
	links := []discovery.Link{
		{Name: "eth0", Index: 2, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}},
		{Name: "wlan0", Index: 3, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.1.0/24")}},
	}
	for _, c := range []struct {
		from  string
		index int
		want  string // empty: it is dropped
	}{
		{"10.0.0.9", 2, "eth0"},
		{"10.0.0.9", 3, ""},
		{"10.0.0.9", 0, "eth0"},
		{"10.0.1.9", 0, "wlan0"},
		{"10.0.2.9", 0, ""},
		{"fe80::9", 3, "wlan0"},
		{"fe80::9%wlan0", 0, "wlan0"},
		{"fe80::9%tun0", 0, ""},
		{"fe80::9", 4, ""},
	} {
		l, ok := LinkOf(links, netip.MustParseAddr(c.from), c.index)
		if ok != (c.want != "") || l.Name != c.want {
			t.Errorf("from %s by interface %d: over %q, want %q", c.from, c.index, l.Name, c.want)
		}
	}
}

// TestOwnBeaconIsNobody: who hears only itself is alone, and says so more often.
func TestOwnBeaconIsNobody(t *testing.T) {
	b := newBench()
	before := b.now
	b.now = b.now.Add(time.Second)
	b.hear(Beacon4, "10.0.0.1", own, "10.0.0.1:4001")
	if b.HeardAny(before) {
		t.Error("this device counts as another")
	}
	b.hear(Beacon4, "10.0.0.2", 2, "10.0.0.2:4001")
	if !b.HeardAny(before) || b.HeardAny(b.now) {
		t.Error("another device was heard now")
	}
}
