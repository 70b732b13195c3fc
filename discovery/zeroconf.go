package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/grandcat/zeroconf"
)

// domain is the one in which multicast DNS lives.
const domain = "local"

// zeroconfWire uses the library only in ways that were found to work. Its TTL and SetText race with
// its own goroutines. The host name that it would choose is the same on cloned machines, and the
// addresses would be those of every interface.
type zeroconfWire struct{}

func (zeroconfWire) announce(a announcement, links []Link) (func(), error) {
	ips := make([]string, len(a.ips))
	for i, ip := range a.ips {
		ips[i] = ip.String()
	}
	host := a.host + "." + domain + "."
	server, err := zeroconf.RegisterProxy(a.instance, service, domain, int(a.port), host, ips, a.text, interfaces(links))
	if err != nil {
		return nil, fmt.Errorf("announce by mDNS: %w", err)
	}
	return server.Shutdown, nil
}

func (zeroconfWire) browse(ctx context.Context, f family, links []Link, out chan<- heard) (<-chan struct{}, error) {
	// One resolver for both IP versions would fail if either does, and leak the other.
	traffic := [...]zeroconf.IPType{zeroconf.IPv4, zeroconf.IPv6}[f]
	resolver, err := zeroconf.NewResolver(zeroconf.SelectIPTraffic(traffic), zeroconf.SelectIfaces(interfaces(links)))
	if err != nil {
		return nil, fmt.Errorf("listen for mDNS over %v: %w", f, err)
	}
	entries, ended := make(chan *zeroconf.ServiceEntry), make(chan struct{})
	go func() { // ends when ctx does, through the library closing entries
		defer close(ended)
		for e := range entries { // to the end, or the library's goroutine would stay
			select {
			case out <- heard{entry: take(e), by: f}:
			case <-ctx.Done():
			}
		}
	}()
	if err := resolver.Browse(ctx, service, domain, entries); err != nil {
		return nil, fmt.Errorf("query mDNS over %v: %w", f, err)
	}
	return ended, nil
}

// take copies as much as an entry may hold, plus one so that parse sees that there was more. The
// library keeps the entry as long as it browses but doesn't look into it again. So take empties it,
// and it stays small even if much was sent.
func take(e *zeroconf.ServiceEntry) entry {
	out := entry{port: e.Port, text: e.Text[:min(len(e.Text), maxStrings+1)]}
	for _, ips := range [][]net.IP{e.AddrIPv4, e.AddrIPv6} {
		for _, ip := range ips[:min(len(ips), MaxAddrs+1)] {
			if a, ok := netip.AddrFromSlice(ip); ok {
				out.ips = append(out.ips, a.Unmap())
			}
		}
	}
	e.Text, e.AddrIPv4, e.AddrIPv6 = nil, nil, nil
	return out
}

// interfaces returns what the library needs of each link.
func interfaces(links []Link) []net.Interface {
	out := make([]net.Interface, len(links))
	for i, l := range links {
		out[i] = net.Interface{Index: l.Index, Name: l.Name}
	}
	return out
}
