package mdns

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/grandcat/zeroconf"

	"github.com/earshot-im/earshot/discovery"
)

// announcing is how long the library runs: two probes and the first announcement take it at most
// half a second. It is no longer than that needs, since it answers every question of every packet
// that comes meanwhile. Its second announcement would come a second after the first; by then this
// node makes its own.
const announcing = time.Second

// register uses the library only in ways that were found to work. Its TTL and SetText race with its
// own goroutines. The host name that it would choose is the same on cloned machines, and the
// addresses would be those of every interface.
func (network) register(n names, at []netip.AddrPort, text []string, links []discovery.Link) (func(), error) {
	ips := make([]string, len(at))
	for i, a := range at {
		ips[i] = a.Addr().String()
	}
	interfaces := make([]net.Interface, len(links))
	for i, l := range links {
		interfaces[i] = *outlet(l)
	}
	server, err := zeroconf.RegisterProxy(n.instance, service, domain, int(at[0].Port()), n.hostName(), ips, text, interfaces)
	if err != nil {
		return nil, fmt.Errorf("announce by zeroconf: %w", err)
	}
	return server.Shutdown, nil
}
