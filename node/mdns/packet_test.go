package mdns

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grandcat/zeroconf"
	"github.com/miekg/dns"

	"github.com/earshot-im/earshot/discovery"
)

var home = link(2, "10.0.0.1/24", "fd00::1/64", "fe80::1/64")

func TestAnnouncementIsWhatIsRead(t *testing.T) {
	n := newNames()
	b := announced(device(1), n, lifetime, "10.0.0.9:4001", "[fd00::9]:4001")
	s, err := readAnnouncement(b, home)
	if err != nil || s.goodbye || s.instance != n.instanceName() || s.sighting.Device != device(1) || s.sighting.Source != discovery.FromMDNS ||
		!slices.Equal(s.sighting.Addrs, addrs("10.0.0.9:4001", "[fd00::9]:4001")) {
		t.Errorf("got %v, %v", s, err)
	}
	var most []string
	for i := range discovery.MaxAddrs {
		most = append(most, fmt.Sprintf("[fd00::%d]:65535", i))
	}
	b = announced(device(1), n, lifetime, most...)
	if s, err := readAnnouncement(b, home); err != nil || len(s.sighting.Addrs) != discovery.MaxAddrs {
		t.Errorf("got %v, %v", s, err)
	}
	const fits = 1280 - 48 // an IPv6 packet that is never divided
	if len(b) > fits {
		t.Errorf("%d bytes do not fit into one packet", len(b))
	}
	if s, err = readAnnouncement(announced(device(1), n, 0, "10.0.0.9:4001"), home); err != nil || !s.goodbye || s.sighting.Device != device(1) {
		t.Errorf("a goodbye: got %v, %v", s, err)
	}
	if m := newNames(); m.instance == n.instance || m.host == n.host || n.instance == n.host {
		t.Errorf("names are used twice: %v and %v", n, m)
	}
}

// TestLibraryIsMute: while it ran, it answered each question of each packet. It compares names as
// text, so it must know its own by a text that no question has.
func TestLibraryIsMute(t *testing.T) {
	e := zeroconf.NewServiceEntry("x", service, mute)
	for plain, own := range map[string]string{serviceName: e.ServiceName(), typesName: e.ServiceTypeName(), "x." + serviceName: e.ServiceInstanceName()} {
		want, got := make([]byte, 256), make([]byte, 256)
		n, err := dns.PackDomainName(plain, want, 0, nil, false)
		m, err2 := dns.PackDomainName(own, got, 0, nil, false)
		if err != nil || err2 != nil || !bytes.Equal(want[:n], got[:m]) {
			t.Errorf("%s is not %s in a packet: %v, %v", own, plain, err, err2)
		}
		if read, _, err := dns.UnpackDomainName(got, 0); err != nil || read == own {
			t.Errorf("a question for %s has the text that the library knows: %v", plain, err)
		}
	}
}

// altered returns an announcement of device 1 at 10.0.0.9:4001 after a change.
func altered(change func(m *dns.Msg, srv *dns.SRV, txt *dns.TXT, a *dns.A)) []byte {
	m := new(dns.Msg)
	if err := m.Unpack(announced(device(1), newNames(), lifetime, "10.0.0.9:4001")); err != nil {
		panic(err)
	}
	change(m, m.Answer[2].(*dns.SRV), m.Answer[3].(*dns.TXT), m.Answer[4].(*dns.A))
	m.Compress = true
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func TestReadAnnouncement(t *testing.T) {
	type change = func(m *dns.Msg, srv *dns.SRV, txt *dns.TXT, a *dns.A)
	const ok = "[10.0.0.9:4001]"
	at := func(ips ...string) change {
		return func(m *dns.Msg, srv *dns.SRV, _ *dns.TXT, a *dns.A) {
			m.Answer = m.Answer[:4]
			for _, ip := range ips {
				h := dns.RR_Header{Name: a.Hdr.Name, Class: dns.ClassINET, Ttl: lifetime}
				if ip := netip.MustParseAddr(ip); ip.Is4() {
					h.Rrtype = dns.TypeA
					m.Answer = append(m.Answer, &dns.A{Hdr: h, A: ip.AsSlice()})
				} else {
					h.Rrtype = dns.TypeAAAA
					m.Answer = append(m.Answer, &dns.AAAA{Hdr: h, AAAA: ip.AsSlice()})
				}
			}
		}
	}
	strs := func(f func(good []string) []string) change {
		return func(_ *dns.Msg, _ *dns.SRV, txt *dns.TXT, _ *dns.A) { txt.Txt = f(text(device(1))) }
	}
	port := func(p uint16) change { return func(_ *dns.Msg, srv *dns.SRV, _ *dns.TXT, _ *dns.A) { srv.Port = p } }
	msg := func(f func(m *dns.Msg)) change { return func(m *dns.Msg, _ *dns.SRV, _ *dns.TXT, _ *dns.A) { f(m) } }
	for name, test := range map[string]struct {
		change change
		want   string // addresses, or what is complained of
	}{
		"plain":              {msg(func(*dns.Msg) {}), ok},
		"in other sections":  {msg(func(m *dns.Msg) { m.Ns, m.Extra, m.Answer = m.Answer[:2], m.Answer[2:], nil }), ok},
		"in other order":     {msg(func(m *dns.Msg) { slices.Reverse(m.Answer) }), ok},
		"upper case":         {func(_ *dns.Msg, srv *dns.SRV, _ *dns.TXT, _ *dns.A) { srv.Target = strings.ToUpper(srv.Target) }, ok},
		"another class":      {func(_ *dns.Msg, srv *dns.SRV, _ *dns.TXT, _ *dns.A) { srv.Hdr.Class = dns.ClassCHAOS }, "no device"},
		"unknown strings":    {strs(func(s []string) []string { return append(slices.Repeat([]string{"x=y"}, maxStrings-2), s...) }), ok},
		"too many strings":   {strs(func(s []string) []string { return append(slices.Repeat([]string{"x=y"}, maxStrings-1), s...) }), "16 strings"},
		"no strings":         {strs(func([]string) []string { return nil }), "0 strings with v="},
		"no device":          {strs(func(s []string) []string { return s[:1] }), "0 strings with id="},
		"two devices named":  {strs(func(s []string) []string { return append(s, text(device(2))[1]) }), "2 strings with id="},
		"two versions":       {strs(func(s []string) []string { return append(s, "v=1") }), "2 strings with v="},
		"another version":    {strs(func(s []string) []string { return []string{"v=2", s[1]} }), `version "2"`},
		"not a device":       {strs(func([]string) []string { return []string{"v=1", "id=Bob"} }), "peer ID"},
		"another key type":   {strs(func([]string) []string { return []string{"v=1", "id=QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"} }), "public key"},
		"long device":        {strs(func(s []string) []string { return []string{"v=1", s[1] + strings.Repeat("1", 100)} }), "152 bytes"},
		"device with space":  {strs(func(s []string) []string { return []string{"v=1", s[1] + " "} }), "peer ID"},
		"lowest port":        {port(1024), "[10.0.0.9:1024]"},
		"port of services":   {port(1023), "no address"},
		"port 0":             {port(0), "no address"},
		"undialable":         {at("127.0.0.1", "fe80::9", "::1", "224.0.0.1", "0.0.0.0", "::ffff:10.0.0.9", "169.254.3.4"), "[169.254.3.4:4001]"},
		"elsewhere":          {at("10.0.1.9", "192.0.2.1", "fd00:1::9", "2001:db8::9", "fd00::9"), "[[fd00::9]:4001]"},
		"only elsewhere":     {at("192.0.2.1"), "no address"},
		"no addresses":       {at(), "no address"},
		"eleven addresses":   {at(slices.Repeat([]string{"10.0.0.9"}, discovery.MaxAddrs+1)...), "11 addresses"},
		"address of another": {func(m *dns.Msg, _ *dns.SRV, _ *dns.TXT, a *dns.A) { a.Hdr.Name = "other.local." }, "no address"},
		"short address":      {func(m *dns.Msg, _ *dns.SRV, _ *dns.TXT, a *dns.A) { a.A = net.IP{} }, "no address"},
		"two SRV":            {func(m *dns.Msg, srv *dns.SRV, _ *dns.TXT, _ *dns.A) { m.Answer = append(m.Answer, srv) }, "more than one"},
		"two TXT":            {func(m *dns.Msg, _ *dns.SRV, txt *dns.TXT, _ *dns.A) { m.Answer = append(m.Answer, txt) }, "more than one"},
		"TXT of another":     {func(m *dns.Msg, _ *dns.SRV, txt *dns.TXT, _ *dns.A) { txt.Hdr.Name = "x." + serviceName }, "no device"},
		"another service": {func(m *dns.Msg, srv *dns.SRV, txt *dns.TXT, _ *dns.A) {
			srv.Hdr.Name, txt.Hdr.Name = "x._ipp._tcp.local.", "x._ipp._tcp.local."
		}, "no device"},
		"the service itself": {func(m *dns.Msg, srv *dns.SRV, txt *dns.TXT, _ *dns.A) {
			srv.Hdr.Name, txt.Hdr.Name = serviceName, serviceName
		}, "no device"},
		"most records":     {msg(func(m *dns.Msg) { m.Ns = slices.Repeat(m.Answer[:1], maxRecords-len(m.Answer)) }), ok},
		"too many records": {msg(func(m *dns.Msg) { m.Ns = slices.Repeat(m.Answer[:1], maxRecords-len(m.Answer)+1) }), "25 records"},
		"a question":       {msg(func(m *dns.Msg) { m.Question = []dns.Question{{Name: serviceName, Qtype: 1, Qclass: 1}} }), "records"},
		"an error":         {msg(func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }), "records"},
		"another opcode":   {msg(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), "records"},
		"a query":          {msg(func(m *dns.Msg) { m.Response = false }), "records"},
	} {
		s, err := readAnnouncement(altered(test.change), home)
		switch {
		case err == nil:
			var got []string
			for _, a := range s.sighting.Addrs {
				got = append(got, a.String())
			}
			if "["+strings.Join(got, " ")+"]" != test.want {
				t.Errorf("%s: got %v, want %s", name, s, test.want)
			}
		case !errors.Is(err, errPacket) || !strings.Contains(err.Error(), test.want):
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

// TestForgedAddressesAreLeftOut: nodes connected to whatever a packet named, 72 ports of third
// parties in 18 s.
func TestForgedAddressesAreLeftOut(t *testing.T) {
	withMDNS(t, nil, func(b *bench) {
		b.settle(lan())
		for _, at := range []string{"192.0.2.1:4001", "10.0.1.9:4001", "10.0.0.9:22", "10.0.0.9:1023"} {
			b.air.say(v4, announced(device(2), newNames(), lifetime, at), neighbour)
		}
		if len(b.found) != 0 {
			b.Errorf("believed %v", b.found)
		}
		b.air.say(v4, announced(device(2), newNames(), lifetime, "192.0.2.1:4001", "10.0.0.9:4001"), neighbour)
		if len(b.found) != 1 || !slices.Equal(b.found[0].Addrs, addrs("10.0.0.9:4001")) {
			b.Errorf("believed %v", b.found)
		}
	})
}

// TestBrokenPacketsAreRefused cuts an announcement and a query off at each byte, and adds one.
func TestBrokenPacketsAreRefused(t *testing.T) {
	n := newNames()
	whole := announced(device(1), n, lifetime, "10.0.0.9:4001")
	for i := range len(whole) {
		if s, err := readAnnouncement(whole[:i], home); err == nil {
			t.Errorf("the first %d bytes are an announcement: %v", i, s)
		}
	}
	query := asking(serviceName, dns.TypePTR)
	if !n.asks(query) {
		t.Error("a query is none")
	}
	for i := range len(query) {
		if n.asks(query[:i]) {
			t.Errorf("the first %d bytes are a query", i)
		}
	}
}

// TestWindingNamesAreRefused: a name may lead to itself, out of the packet, or on and on.
func TestWindingNamesAreRefused(t *testing.T) {
	n := newNames()
	for what, name := range map[string][]byte{
		"to itself":         {0xc0, headerSize},
		"out of the packet": {0xc0, 200},
		"in a circle":       {1, 'x', 0xc0, headerSize},
		"past the end":      {0xff, 0xff},
		"a label too long":  {63, 'x'},
		"a reserved length": {0x80, 0},
		"of 256 bytes":      append(bytes.Repeat([]byte{1, 'x'}, 128), 0),
	} {
		for _, kind := range []byte{12, 33} {
			query := append([]byte{5: 1, headerSize - 1: 0}, name...)
			if n.asks(append(query, 0, kind, 0, 1)) {
				t.Errorf("%s: asks", what)
			}
			answer := append([]byte{2: 0x84, 7: 1, headerSize - 1: 0}, name...)
			answer = append(answer, 0, kind, 0, 1, 0, 0, 0, 120, 0, 2, 0, 0)
			if s, err := readAnnouncement(answer, home); err == nil {
				t.Errorf("%s: announces %v", what, s)
			}
		}
	}
	long := append([]byte{5: 2, headerSize - 1: 0}, bytes.Repeat([]byte{1, 'x'}, 128)...)
	long = append(long, 0, 0, 12, 0, 1)
	if n.asks(append(long, asking(serviceName, dns.TypePTR)[headerSize:]...)) {
		t.Error("a name that is too long is passed over")
	}
}

func TestAsks(t *testing.T) {
	n := newNames()
	known := func(name, is string, ttl uint32) func(*dns.Msg) {
		return func(m *dns.Msg) {
			m.Answer = append(m.Answer, &dns.PTR{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}, Ptr: is})
		}
	}
	for what, test := range map[string]struct {
		name   string
		kind   uint16
		change func(*dns.Msg)
		want   bool
	}{
		"who is there":               {serviceName, dns.TypePTR, nil, true},
		"who is there, anything":     {serviceName, dns.TypeANY, nil, true},
		"in capitals":                {strings.ToUpper(serviceName), dns.TypePTR, nil, true},
		"the service's address":      {serviceName, dns.TypeA, nil, false},
		"which services":             {typesName, dns.TypePTR, nil, true},
		"another service":            {"_ipp._tcp.local.", dns.TypePTR, nil, false},
		"this instance":              {n.instanceName(), dns.TypeSRV, nil, true},
		"its strings":                {n.instanceName(), dns.TypeTXT, nil, true},
		"probing for it":             {n.instanceName(), dns.TypeANY, nil, true},
		"as the library probes":      {n.instanceName(), dns.TypePTR, nil, false},
		"another instance":           {"x." + serviceName, dns.TypeSRV, nil, false},
		"this host":                  {n.hostName(), dns.TypeA, nil, true},
		"this host, IPv6":            {n.hostName(), dns.TypeAAAA, nil, true},
		"another host":               {"x.local.", dns.TypeA, nil, false},
		"another class":              {serviceName, dns.TypePTR, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, false},
		"any class":                  {serviceName, dns.TypePTR, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }, true},
		"preferably to itself":       {serviceName, dns.TypePTR, func(m *dns.Msg) { m.Question[0].Qclass |= cacheFlush }, true},
		"knows it":                   {serviceName, dns.TypePTR, known(serviceName, n.instanceName(), lifetime), false},
		"knows it, for long":         {serviceName, dns.TypePTR, known(serviceName, strings.ToUpper(n.instanceName()), lifetime/2), false},
		"forgets it soon":            {serviceName, dns.TypePTR, known(serviceName, n.instanceName(), lifetime/2-1), true},
		"knows another":              {serviceName, dns.TypePTR, known(serviceName, "x."+serviceName, lifetime), true},
		"knows the service":          {typesName, dns.TypePTR, known(typesName, serviceName, lifetime), false},
		"knows another service":      {typesName, dns.TypePTR, known(typesName, "_ipp._tcp.local.", lifetime), true},
		"knows it, asks for another": {typesName, dns.TypePTR, known(serviceName, n.instanceName(), lifetime), true},
		"knows it, asks for details": {n.instanceName(), dns.TypeSRV, known(serviceName, n.instanceName(), lifetime), true},
		"an answer":                  {serviceName, dns.TypePTR, func(m *dns.Msg) { m.Response = true }, false},
		"another opcode":             {serviceName, dns.TypePTR, func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, false},
		"most questions": {"x.local.", dns.TypePTR, func(m *dns.Msg) {
			m.Question = append(slices.Repeat(m.Question, maxQuestions-1), dns.Question{Name: serviceName, Qtype: dns.TypePTR, Qclass: 1})
		}, true},
		"too many questions": {serviceName, dns.TypePTR, func(m *dns.Msg) { m.Question = slices.Repeat(m.Question, maxQuestions+1) }, false},
	} {
		m := new(dns.Msg)
		m.Question = []dns.Question{{Name: test.name, Qtype: test.kind, Qclass: dns.ClassINET}}
		if test.change != nil {
			test.change(m)
		}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if got := n.asks(b); got != test.want {
			t.Errorf("%s: %v, want %v", what, got, test.want)
		}
	}
}

// newIntake returns an intake that may parse so many packets.
func newIntake(packets int) *intake {
	return &intake{names: newNames(), links: []discovery.Link{home, link(3, "10.1.0.1/24", "fe80::2/64")},
		admit: func(netip.Addr, time.Time) bool { packets--; return packets >= 0 }}
}

func TestTakesFromNeighboursOnly(t *testing.T) {
	announcement, query := from(device(2)), asking(serviceName, dns.TypePTR)
	for what, test := range map[string]struct {
		b     []byte
		from  string
		index int
		want  int // link, 0: refused
	}{
		"announcement":                   {announcement, "10.0.0.9:5353", 2, 2},
		"without the index":              {announcement, "10.0.0.9:5353", 0, 2},
		"query":                          {query, "10.0.0.9:5353", 2, 2},
		"query over the other interface": {query, "10.1.0.9:5353", 0, 3},
		"query from another port":        {query, "10.0.0.9:1234", 2, 2},
		"from another port":              {announcement, "10.0.0.9:1234", 2, 0},
		"from elsewhere":                 {announcement, "10.9.0.9:5353", 2, 0},
		"from elsewhere, no index":       {query, "10.9.0.9:5353", 0, 0},
		"from the other's network":       {query, "10.0.0.9:5353", 3, 0},
		"over an interface left out":     {query, "10.0.0.9:5353", 4, 0},
		"from a link-local address":      {announcement, "[fe80::9%eth2]:5353", 2, 2},
		"by zone alone":                  {query, "[fe80::9%eth3]:5353", 0, 3},
		"by a zone left out":             {query, "[fe80::9%eth4]:5353", 0, 0},
		"address of the other's network": {announcement, "10.1.0.9:5353", 3, 0}, // it names 10.0.0.9
	} {
		h, ok := newIntake(1).take(test.b, netip.MustParseAddrPort(test.from), test.index, time.Now())
		if got := h.way.link; ok != (test.want > 0) || ok && got != test.want {
			t.Errorf("%s: %v over link %d, want %d", what, ok, got, test.want)
		}
	}
}

// TestOnlyAdmittedPacketsAreParsed: however much is sent, no more is parsed.
func TestOnlyAdmittedPacketsAreParsed(t *testing.T) {
	in, taken := newIntake(3), 0
	for range 10 {
		for _, b := range [][]byte{asking(serviceName, dns.TypePTR), from(device(2))} {
			if _, ok := in.take(b, netip.MustParseAddrPort(neighbour), 2, time.Now()); ok {
				taken++
			}
		}
	}
	if taken != 3 {
		t.Errorf("%d packets are parsed, want 3", taken)
	}
}

// TestOthersCostNothing: an office full of printers says more than the budget holds, and so could
// somebody who sends long packets.
func TestOthersCostNothing(t *testing.T) {
	now, from, asked := time.Now(), netip.MustParseAddrPort(neighbour), 0
	in := newIntake(0)
	in.admit = func(netip.Addr, time.Time) bool { asked++; return true }
	long := altered(func(m *dns.Msg, _ *dns.SRV, _ *dns.TXT, _ *dns.A) {
		m.Extra = []dns.RR{&dns.NULL{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNULL, Class: dns.ClassINET}, Data: strings.Repeat("x", maxPacket)}}
	})
	for what, b := range map[string][]byte{"a printer": foreign(), "another query": asking("_ipp._tcp.local.", dns.TypePTR), "a long packet": long} {
		if _, ok := in.take(b, from, 2, now); ok || asked > 0 {
			t.Errorf("%s: taken %v, or charged", what, ok)
		}
	}
}

// foreign returns what others say on a network: a printer and a speaker.
func foreign() []byte {
	m := new(dns.Msg)
	m.Response = true
	for i := range 8 {
		name := fmt.Sprintf("Office Printer %d._ipp._tcp.local.", i)
		m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: 1, Ttl: 4500}, Txt: []string{strings.Repeat("x", 120)}})
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// worst returns packets that cost the most to read: as many names as are read, each as long and
// winding as it can be.
func worst() map[string][]byte {
	query := func(questions, answers int) []byte {
		b := []byte{0, 0, 0, 0, 0, byte(questions), 0, byte(answers), 0, 0, 0, 0}
		return append(b, serviceLabel...)
	}
	wind := func(b []byte, names int, rest []byte) []byte {
		// A chain of pointers, at the end of which is a long name; each name begins at its head.
		long := len(b)
		b = append(b, bytes.Repeat(append([]byte{62}, bytes.Repeat([]byte{1}, 62)...), 3)...)
		b = append(b, 0)
		at := long
		for range 120 {
			b, at = append(b, 0xc0|byte(at>>8), byte(at)), len(b)
		}
		for range names {
			b = append(b, 0xc0|byte(at>>8), byte(at))
			b = append(b, rest...)
		}
		return b
	}
	// The first question's name is skipped over: it holds the chain as a label of 63 bytes would not,
	// so the chain stands in the data of a record, which comes before the names that use it.
	chain := func(b []byte, names int, kind byte) []byte {
		data := wind(nil, 0, nil)
		b = append(b, 0, 0, 16, 0, 1, 0, 0, 0, 120, byte(len(data)>>8), byte(len(data)))
		base := len(b)
		fixed := wind(b, names, []byte{0, kind, 0, 1, 0, 0, 0, 120, 0, 2, 0xc0, headerSize})
		copy(fixed[base-2:], []byte{byte(len(data) >> 8), byte(len(data))})
		return fixed
	}
	answer := append([]byte{0, 0, 0x84, 0, 0, 0, 0, maxRecords, 0, 0, 0, 0}, serviceLabel...)
	return map[string][]byte{
		"answers": chain(append(answer, 0, 0, 12, 0, 1, 0, 0, 0, 120, 0, 0), maxRecords-2, 33),
		"known":   chain(append(query(1, maxKnown), 4, '_', 't', 'c', 'p', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 12, 0, 1), maxKnown-1, 12),
	}
}

func BenchmarkPacket(b *testing.B) {
	packets := worst()
	packets["foreign"], packets["own"], packets["query"] = foreign(), from(device(2)), asking(serviceName, dns.TypePTR)
	packets["nine thousand bytes"] = append(append(from(device(2))[:12:12], serviceLabel...), bytes.Repeat([]byte{1, 'x'}, 4400)...)
	for name, p := range packets {
		b.Run(name, func(b *testing.B) {
			in, from := newIntake(math.MaxInt), netip.MustParseAddrPort(neighbour)
			b.ReportAllocs()
			for b.Loop() {
				in.take(p, from, 2, time.Now())
			}
		})
	}
}

// FuzzPacket feeds what a hostile sender controls: any packet.
func FuzzPacket(f *testing.F) {
	own := names{"aaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbb"}
	f.Add(announced(device(2), own, lifetime, "10.0.0.9:4001", "[fd00::9]:4001"))
	f.Add(announced(device(2), own, 0, "10.0.0.9:4001"))
	f.Add(asking(serviceName, dns.TypePTR, dns.TypeANY))
	f.Add(asking(own.instanceName(), dns.TypeSRV))
	f.Add(bomb(1000))
	f.Add(foreign())
	for _, b := range worst() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := newIntake(1)
		in.names = own
		h, ok := in.take(b, netip.MustParseAddrPort(neighbour), 2, time.Now())
		if !ok {
			return
		}
		if len(b) > maxPacket || h.way != (way{2, v4}) {
			t.Fatalf("took %d bytes over %v", len(b), h.way)
		}
		s := h.said.sighting
		if h.asks {
			if !bytes.Contains(b, serviceLabel) && !bytes.Contains(b, typesLabel) && !bytes.Contains(b, []byte(own.host)) {
				t.Fatal("answers what asks for something else")
			}
			return
		}
		if _, err := discovery.ParseDevice(s.Device.String()); err != nil {
			t.Fatalf("device %q: %v", s.Device, err)
		}
		if len(s.Addrs) > discovery.MaxAddrs || len(s.Multiaddrs()) != len(s.Addrs) || (len(s.Addrs) == 0) != h.said.goodbye {
			t.Fatalf("%d addresses, %d for libp2p", len(s.Addrs), len(s.Multiaddrs()))
		}
		for _, a := range s.Addrs {
			if ip := a.Addr(); a.Port() < discovery.LeastPort || !home.OnLink(ip) || !ip.IsGlobalUnicast() && !ip.Is4() || ip.IsLoopback() || ip.IsMulticast() || ip.Is4In6() {
				t.Fatalf("believed %v", a)
			}
		}
	})
}

// FuzzAnswers holds that whatever packets come, this device's records go out once a second.
func FuzzAnswers(f *testing.F) {
	f.Add(asking(serviceName, dns.TypePTR), asking(typesName, dns.TypePTR), uint16(10))
	f.Add(bomb(1000), from(device(2)), uint16(2000))
	f.Fuzz(func(t *testing.T, one, other []byte, gap uint16) {
		const packets = 20
		withMDNS(t, nil, func(b *bench) {
			b.settle(lan())
			pass(answerEvery)
			b.air.happened()
			took := time.Now()
			for i := range packets {
				b.air.say(family(i)%families, [][]byte{one, other}[i/2%2], []string{neighbour, "[fe80::9]:5353"}[i%2])
				pass(time.Duration(gap) * time.Millisecond / packets)
			}
			pass(answerEvery + answerWait + answerSpread)
			seconds := int(time.Since(took) / time.Second)
			times := map[string]int{}
			for _, what := range b.air.did() {
				if times[what]++; times[what] > seconds+1 {
					t.Fatalf("%d times %s in %d s", times[what], what, seconds)
				}
			}
		})
	})
}
