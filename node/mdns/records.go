package mdns

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/miekg/dns"
)

const (
	service = "_earshot._tcp" // what earshot registers under in DNS-SD
	domain  = "local"         // the one in which multicast DNS lives

	serviceName = service + "." + domain + "."
	typesName   = "_services._dns-sd._udp." + domain + "." // lists the services of a network

	// lifetime is how long listeners keep a record, in seconds. It is longer than the time between
	// two announcements, so that caches stay fresh, and short enough that a node that was killed is
	// gone from them after two minutes.
	lifetime = 120

	// cacheFlush is set in the class of a record that replaces the others of its name.
	cacheFlush = 1 << 15

	versionKey, version = "v=", "1"
	deviceKey           = "id="
)

// names are what this device is called on the network. They are random and mean nothing: cloned
// machines have the same real name, and names that nobody else can have need no probing.
type names struct{ instance, host string }

func newNames() names {
	return names{instance: strings.ToLower(rand.Text()), host: strings.ToLower(rand.Text())}
}

func (n names) instanceName() string { return n.instance + "." + serviceName }
func (n names) hostName() string     { return n.host + "." + domain + "." }

func text(device peer.ID) []string {
	return []string{versionKey + version, deviceKey + device.String()}
}

// announcement returns the packet that says that a device is at some addresses. A lifetime of 0
// takes that back. The same packet answers each question.
func (n names) announcement(device peer.ID, at []netip.AddrPort, ttl uint32) ([]byte, error) {
	header := func(name string, kind, flags uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET | flags, Ttl: ttl}
	}
	m := new(dns.Msg)
	m.Response, m.Authoritative, m.Compress = true, true, true
	m.Answer = []dns.RR{
		&dns.PTR{Hdr: header(serviceName, dns.TypePTR, 0), Ptr: n.instanceName()},
		&dns.PTR{Hdr: header(typesName, dns.TypePTR, 0), Ptr: serviceName},
		&dns.SRV{Hdr: header(n.instanceName(), dns.TypeSRV, cacheFlush), Port: at[0].Port(), Target: n.hostName()},
		&dns.TXT{Hdr: header(n.instanceName(), dns.TypeTXT, cacheFlush), Txt: text(device)},
	}
	for _, a := range at {
		ip := a.Addr()
		if ip.Is4() {
			m.Answer = append(m.Answer, &dns.A{Hdr: header(n.hostName(), dns.TypeA, cacheFlush), A: ip.AsSlice()})
		} else {
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header(n.hostName(), dns.TypeAAAA, cacheFlush), AAAA: ip.AsSlice()})
		}
	}
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("write an announcement: %w", err)
	}
	return b, nil
}

// question returns the packet that asks who is there.
func question() ([]byte, error) {
	m := new(dns.Msg)
	m.Question = []dns.Question{{Name: serviceName, Qtype: dns.TypePTR, Qclass: dns.ClassINET}}
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("write a question: %w", err)
	}
	return b, nil
}
