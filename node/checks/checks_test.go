package checks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store/book"
)

var (
	ann = crypto.PersonID{0xa0}
	bob = crypto.PersonID{0xb0}
	cat = crypto.PersonID{0xc0}
)

// said is what a check says of what is wrong: its name and code, "ok" before what is not wrong, and
// whom and what it is about.
func said(all ...Check) string {
	var out []string
	for _, c := range all {
		s := c.Check
		if c.Code != "" {
			s += " " + c.Code
		}
		if c.OK {
			s = "ok " + s
		}
		if c.About != "" {
			s += " of " + c.About
		}
		if c.Person != (crypto.PersonID{}) {
			s += fmt.Sprintf(" of %x", c.Person[:1])
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func link(name string, unfit discovery.Reason, addrs ...string) discovery.Link {
	l := discovery.Link{Name: name, Index: 1, Unfit: unfit}
	for _, a := range addrs {
		l.Addrs = append(l.Addrs, netip.MustParseAddr(a))
	}
	return l
}

func TestInterfaces(t *testing.T) {
	eth := link("eth0", "", "10.0.0.1")
	for want, n := range map[string]discovery.Network{
		"ok interfaces of eth0":                        {Links: []discovery.Link{eth}},
		"ok interfaces of eth0, ok interfaces of eth1": {Links: []discovery.Link{eth, link("eth1", "", "10.0.1.1")}},
		"interfaces none of docker0":                   {Links: []discovery.Link{{Name: "docker0", Addrs: eth.Addrs, Inside: true}}},
		"interfaces none":                              {},
		"ok interfaces left_out of docker0, ok interfaces left_out of tun0, ok interfaces left_out of wlan0, ok interfaces left_out of wwan0, ok interfaces left_out of eth9, ok interfaces of eth0": {
			Links: []discovery.Link{link("docker0", discovery.Container, "172.17.0.1"), link("tun0", discovery.Tunnel, "10.8.0.1"),
				link("wlan0", "", "fe80::1"), link("wwan0", discovery.NoMulticast, "10.9.0.1"), eth}, Missing: []string{"eth9"}},
		"ok interfaces left_out of wlan0, interfaces none": {Links: []discovery.Link{link("wlan0", "", "fe80::1")}},
	} {
		if got := said(OfInterfaces(n, nil)...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := OfInterfaces(discovery.Network{}, errors.New("no buffers")); said(got...) != "interfaces none" || got[0].Detail != "no buffers" {
		t.Errorf("got %+v", got)
	}
	if got := OfInterfaces(discovery.Network{Links: []discovery.Link{link("tun0", discovery.Tunnel, "10.8.0.1")}}, nil); got[0].Values.Reason != "tunnel" {
		t.Errorf("got %+v", got)
	}
}

func TestMulticast(t *testing.T) {
	err := errors.New("operation not permitted")
	for want, sent := range map[string][]Sent{
		"ok multicast of eth0, ok multicast of wlan0": {{Interface: "eth0", Heard: true}, {Interface: "eth0", Heard: true}, {Interface: "wlan0", Heard: true}},
		"multicast out of eth0":                       {{Interface: "eth0", Sending: err}},
		"multicast in of eth0":                        {{Interface: "eth0", Family: "IPv4"}},
		"multicast in of wlan0":                       {{Interface: "wlan0", Family: "IPv6", Listening: err}},
		"multicast in of eth0, ok multicast of eth1":  {{Interface: "eth0", Heard: true}, {Interface: "eth0"}, {Interface: "eth1", Heard: true}},
		"": nil,
	} {
		if got := said(OfMulticast(sent)...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := OfMulticast([]Sent{{Interface: "eth0", Listening: err}}); got[0].Detail != err.Error() {
		t.Errorf("got %+v", got)
	}
	got := OfMulticast([]Sent{{Interface: "eth0", Family: "IPv6", Port: 5353, Sending: err}})
	if got[0].Detail != err.Error() || got[0].Values.Family != "IPv6" || got[0].Values.Port != 5353 {
		t.Errorf("got %+v", got)
	}
}

func TestPorts(t *testing.T) {
	err := errors.New("address already in use")
	holder := Holder{Program: "avahi-daemon", PID: 7}
	for want, got := range map[string]Check{
		"ok mdns_port":     OfShared(MDNSPort, false, Claim{Port: 5353}),
		"ok mdns_port off": OfShared(MDNSPort, true, Claim{Port: 5353}),
		"mdns_port held":   OfShared(MDNSPort, false, Claim{Port: 5353, Held: true, Holder: holder, Err: err}),
		"beacon held":      OfShared(Beacon, false, Claim{Port: 27830, Held: true}),
		"ok port":          OfPort(Claim{Port: 27830}, 0),
		"port taken":       OfPort(Claim{Port: 27830, Held: true, Holder: holder, Err: err}, 27831),
	} {
		if said(got) != want {
			t.Errorf("got %s, want %s", said(got), want)
		}
		if held := got.Code == Held && got.Check == MDNSPort || got.Code == Taken; held && (got.Values.Holder != holder || got.Detail != err.Error()) {
			t.Errorf("%s: %+v", want, got)
		}
	}
	if got := OfPort(Claim{Port: 27830, Held: true}, 27831); got.Values.Instead != 27831 || got.Values.Port != 27830 {
		t.Errorf("got %+v", got)
	}
}

func TestDisk(t *testing.T) {
	err := errors.New("the system's words")
	for want, s := range map[string]Storage{
		"ok disk":                     {Known: true, Free: 200, Kept: 100, Sync: SlowSync - 1},
		"disk nearly_full":            {Known: true, Free: 199, Kept: 100},
		"disk full":                   {Known: true, Free: 99, Kept: 100},
		"disk slow":                   {Sync: SlowSync},
		"disk unreadable":             {Read: err},
		"disk read_only":              {Write: err, No: ReadOnly},
		"disk nearly_full, disk slow": {Known: true, Free: 150, Kept: 100, Sync: time.Second},
	} {
		if got := said(OfDisk(s)...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := OfDisk(Storage{Write: err, No: Full}); said(got...) != "disk full" || got[0].Detail != err.Error() {
		t.Errorf("no room: %+v", got)
	}
	if got := OfDisk(Storage{Write: err}); said(got...) != "disk unreadable" {
		t.Errorf("an error of input and output: %+v", got)
	}
	got := OfDisk(Storage{Dir: "/d", Known: true, Free: 150, Kept: 100, Sync: time.Millisecond})[0]
	if v := got.Values; got.About != "/d" || v.Free != 150 || v.Needed != 200 || v.Sync != time.Millisecond || v.Limit != SlowSync {
		t.Errorf("got %+v", got)
	}
}

func TestReachable(t *testing.T) {
	a := func(p crypto.PersonID, outcome string) Asked {
		return Asked{Person: p, Outcome: outcome, Address: "10.0.0.1:5"}
	}
	beside := func(p crypto.PersonID, outcome string) Asked {
		return Asked{Person: p, Outcome: outcome, OnLink: true}
	}
	for _, c := range []struct {
		want  string
		asked []Asked
	}{
		{"ok reachable nobody", nil},
		{"ok reachable nobody", []Asked{a(ann, "")}},
		{"ok reachable", []Asked{a(ann, Connected)}},
		{"reachable closed of a0", []Asked{a(ann, TimedOut)}},
		{"reachable closed of b0", []Asked{a(ann, ""), a(bob, Refused)}},
		{"ok reachable", []Asked{a(ann, TimedOut), a(bob, Connected)}}, // the first one's own filters
		{"ok reachable", []Asked{a(ann, Other)}},                       // nothing is known
		{"reachable closed of b0", []Asked{a(ann, Other), a(bob, TimedOut)}},
		{"reachable closed of b0", []Asked{a(ann, Connected), beside(bob, TimedOut)}}, // by a VPN only
		{"ok reachable", []Asked{a(ann, TimedOut), beside(bob, Connected)}},
		{"ok reachable", []Asked{a(ann, Connected), beside(bob, "")}},
		{"ok reachable", []Asked{a(ann, Connected), beside(bob, Other)}},
	} {
		if got := said(reachable(27830, c.asked)); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.asked, got, c.want)
		}
	}
	got := reachable(27830, []Asked{a(ann, TimedOut)})
	if v := got.Values; v.Port != 27830 || v.Outcome != TimedOut || v.Asked != 1 || v.Answered != 0 || v.Address != "10.0.0.1:5" {
		t.Errorf("got %+v", got)
	}
}

func TestHearing(t *testing.T) {
	heard := []Heard{{Way: "mdns4"}}
	for _, c := range []struct {
		want  string
		asked []Asked
	}{
		{"ok multicast nobody", nil},
		{"ok multicast nobody", []Asked{{Person: ann, WeAnnounce: true, TheyAnnounce: true}}}, // in another network
		{"ok multicast nobody", []Asked{{Person: ann, OnLink: true}}},                         // nobody announces anything
		{"ok multicast", []Asked{{Person: ann, OnLink: true, WeAnnounce: true, TheyAnnounce: true, HeardUs: heard, HeardThem: heard}}},
		{"multicast unheard of a0", []Asked{{Person: ann, OnLink: true, WeAnnounce: true, TheyAnnounce: true, HeardThem: heard}}},
		{"multicast deaf of a0", []Asked{{Person: ann, OnLink: true, WeAnnounce: true, TheyAnnounce: true, HeardUs: heard}}},
		{"multicast unheard of a0, multicast deaf of a0, multicast deaf of b0", []Asked{{Person: ann, OnLink: true, WeAnnounce: true, TheyAnnounce: true},
			{Person: bob, OnLink: true, WeAnnounce: true, TheyAnnounce: true, HeardUs: heard}}},
		{"ok multicast nobody", []Asked{{Person: ann, OnLink: true, WeAnnounce: true}}},   // they do without, and hear nothing
		{"ok multicast nobody", []Asked{{Person: ann, OnLink: true, TheyAnnounce: true}}}, // this node does without
	} {
		if got := said(hearing(c.asked)...); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.asked, got, c.want)
		}
	}
}

func TestClocks(t *testing.T) {
	people := []crypto.PersonID{ann, bob, cat}
	const hour = time.Hour
	for _, c := range []struct {
		want    string
		offsets []time.Duration // how far this machine's clock is ahead of each peer's
		whose   string
	}{
		{"ok clock nobody", nil, ""},
		{"ok clock", []time.Duration{FarOff}, ""},
		{"clock off", []time.Duration{FarOff + 1}, ""}, // nobody can say whose
		{"clock off", []time.Duration{-hour}, ""},
		{"clock off", []time.Duration{hour, hour + time.Minute}, Ours},
		{"clock off", []time.Duration{-hour, -hour, time.Second}, ""}, // two of four each
		{"clock off", []time.Duration{-hour, -hour, -hour}, Ours},
		{"ok clock, ok clock off of b0", []time.Duration{time.Second, hour}, ""},
		{"ok clock, ok clock off of a0", []time.Duration{-hour, time.Second, 0}, ""},
		{"clock off", []time.Duration{-2 * hour, -hour}, ""}, // three times
		{"ok clock", []time.Duration{time.Second, -time.Second, time.Minute}, ""},
	} {
		var asked []Asked
		for i, o := range c.offsets {
			asked = append(asked, Asked{Person: people[i], Offset: o})
		}
		got := clocks(asked)
		if said(got...) != c.want || got[0].Values.Whose != c.whose {
			t.Errorf("%v: got %s %q, want %s %q", c.offsets, said(got...), got[0].Values.Whose, c.want, c.whose)
		}
	}
	got := clocks([]Asked{{Person: ann, Offset: -hour}, {Person: bob, Offset: -hour - time.Second}, {Person: cat, Offset: 9 * hour}})
	if v := got[0].Values; v.Offset != -hour-time.Second || v.Asked != 3 || v.Whose != Ours {
		t.Errorf("got %+v", got[0])
	}
}

// TestSilentContactsAreTold: who does not answer is asked in vain, and is not nobody.
func TestSilentContactsAreTold(t *testing.T) {
	one := []Asked{{Person: ann}}
	for _, c := range []struct {
		want            string
		asked           []Asked
		silent          int
		total, answered int // of the check of multicast
	}{
		{"ok multicast nobody, ok clock nobody, ok reachable nobody", nil, 0, 0, 0},
		{"ok multicast nobody, ok clock nobody, ok reachable nobody", nil, 2, 2, 0},
		{"ok multicast nobody, ok clock, ok reachable nobody", one, 2, 3, 1},
	} {
		got := OfAnswers(27830, c.asked, c.silent)
		if v := got[0].Values; said(got...) != c.want || v.Asked != c.total || v.Answered != c.answered {
			t.Errorf("%+v: got %s, %+v", c, said(got...), v)
		}
	}
}

func TestPeers(t *testing.T) {
	for _, c := range []struct {
		want string
		peer Peer
	}{
		{"ok peers", Peer{Person: ann, Here: true, Tries: []Try{{Code: Refused}}}},
		{"ok peers offline of a0", Peer{Person: ann}},
		{"ok peers offline of a0", Peer{Person: ann, Tries: []Try{{Code: TimedOut}}}}, // off, as it seems
		{"ok peers offline of a0", Peer{Person: ann, Tries: []Try{{Code: Refused}}}},
		{"peers timed_out of a0", Peer{Person: ann, Seen: true, Tries: []Try{{Code: TimedOut}}}},
		{"peers refused of a0", Peer{Person: ann, Seen: true, Tries: []Try{{Code: TimedOut}, {Code: Refused}}}},
		{"peers no_route of a0", Peer{Person: ann, Seen: true, Tries: []Try{{Code: NoRoute}}}},
		{"peers other of a0", Peer{Person: ann, Seen: true, Tries: []Try{{Code: Other}}}},
		{"peers permission of a0", Peer{Person: ann, Tries: []Try{{Code: Permission}}}},
		{"peers wrong_identity of a0", Peer{Person: ann, Tries: []Try{{Code: TimedOut}, {Code: WrongIdentity, Instead: "other"}}}},
		{"ok peers offline of a0", Peer{Person: ann, Tries: []Try{{Code: WrongIdentity, Instead: "bob's", Known: true}}}}, // the address is Bob's now
		{"peers wrong_identity of a0", Peer{Person: ann, Seen: true, Tries: []Try{{Code: WrongIdentity, Known: true}}}},
		{"peers timed_out of a0", Peer{Person: ann, Seen: true, Tries: []Try{{Code: WrongIdentity, Known: true}, {Code: TimedOut}}}}, // an address of last week
		{"peers other_version of a0", Peer{Person: ann, Incompatible: true, Tries: []Try{{Code: Refused}}}},
		{"ok peers offline of a0", Peer{Person: ann, Seen: true}}, // seen just now, not tried yet
	} {
		if got := said(OfPeers([]Peer{c.peer})...); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.peer, got, c.want)
		}
	}
	got := OfPeers([]Peer{{Person: ann, Seen: true, Tries: []Try{{Code: WrongIdentity, Address: "10.0.0.1:5", Device: "ann's", Instead: "other", Detail: "words"}}}})
	if v := got[0].Values; v.Address != "10.0.0.1:5" || v.Device != "other" || got[0].Detail != "words" {
		t.Errorf("got %+v", got)
	}
	if got := said(OfPeers(nil)...); got != "ok peers" {
		t.Errorf("nobody: %s", got)
	}
}

func TestPerson(t *testing.T) {
	here := Peer{Person: ann, Contact: true, Here: true}
	with := func(change func(*Peer)) Peer {
		p := here
		change(&p)
		return p
	}
	for _, c := range []struct {
		want string
		peer Peer
	}{
		{"ok person of a0", here},
		{"ok person of a0", with(func(p *Peer) { p.Here, p.Seen = false, true })},
		{"person blocked of a0", with(func(p *Peer) { p.Blocked = true })},
		{"person not_seen of a0", with(func(p *Peer) { p.Here = false })},
		{"person not_accepted of a0", with(func(p *Peer) { p.Contact = false })},
		{"person not_accepted of a0", with(func(p *Peer) { p.Waiting.Unaccepted = true })},
	} {
		if got := said(OfPerson(c.peer)); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.peer, got, c.want)
		}
	}
	got := OfPerson(with(func(p *Peer) {
		p.Addresses, p.Heard, p.LastSeen = []string{"x"}, []Heard{{Way: "mdns4"}}, time.Unix(1, 0)
		p.Waiting = Waiting{Messages: 3, WaitingFor: "unanswered", Reason: "acceptance"}
	})).Values
	if !got.Here || got.Waiting != 3 || got.WaitingFor != "unanswered" || got.Reason != "acceptance" || len(got.Addresses) != 1 || len(got.Heard) != 1 || got.LastSeen.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestCopiesAndLimits(t *testing.T) {
	var all []warnings.Warning
	if got := said(append(OfCopies(all), OfLimits(all, nil)...)...); got != "ok copies, ok limits" {
		t.Errorf("got %s", got)
	}
	for _, code := range []string{warnings.Copied, warnings.Restored, warnings.Twin, warnings.Starved, warnings.Crowded, warnings.Full, warnings.Strained} {
		all = append(all, warnings.Warning{Code: code, Detail: "of " + code, Since: time.Unix(1, 0)})
	}
	all = append(all, warnings.Warning{Code: warnings.Limit, Detail: "team", Person: &people.Person{Person: book.Person{ID: bob}}, InGroup: true})
	if got, want := said(OfCopies(all)...), "copies copied, copies restored, copies twin"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	waiting := []Waiting{{Person: ann, Messages: 2, WaitingFor: "no_room"}, {Person: bob, WaitingFor: "offline"}, {Person: cat, WaitingFor: "refused", Reason: "logs"}}
	got := OfLimits(all, waiting)
	if want := "limits starved, limits crowded, limits full, limits strained, limits limit of b0, limits refused of a0, limits refused of c0"; said(got...) != want {
		t.Errorf("got %s, want %s", said(got...), want)
	}
	if got[3].Values.Group != "of strained" || got[0].Detail != "of starved" || got[4].Values.Group != "team" || got[5].Values.Waiting != 2 || got[6].Values.Reason != "logs" {
		t.Errorf("got %+v", got)
	}
	if got := OfCopies(all)[2].Values.Address; got != "of twin" {
		t.Errorf("another machine is %q", got)
	}
}

func TestProbe(t *testing.T) {
	for want, tried := range map[string]Tried{
		"probe no_network": {},
		"ok probe nobody":  {Networks: 1, Addresses: 254},
		"ok probe found":   {Networks: 1, Addresses: 254, Nodes: []string{"10.0.0.2:27830"}},
	} {
		got := OfProbe(tried)
		if said(got) != want || got.Values.Asked != tried.Addresses || got.Values.Answered != len(tried.Nodes) || !slices.Equal(got.Values.Addresses, tried.Nodes) {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
}
