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
// half a second. Its second announcement would come a second after the first; by then this node
// makes its own.
const announcing = time.Second

// mute is another spelling of domain. In packets the two are the same bytes, but as text they are
// not, and the library compares the names of questions with its own as text. So it answers none.
// With the plain spelling it would answer each question of each packet: one packet of 60 KB causes
// 20,000.
const mute = `loc\097l`

// register uses the library only in ways that were found to work. Its TTL and SetText race with its
// own goroutines. The host name that it would choose is the same on cloned machines, and the
// addresses would be those of every interface.
func (network) register(n names, at []netip.AddrPort, text []string, link discovery.Link) (func(), error) {
	ips := make([]string, len(at))
	for i, a := range at {
		ips[i] = a.Addr().String()
	}
	server, err := zeroconf.RegisterProxy(n.instance, service, mute, int(at[0].Port()), n.host+"."+mute+".",
		ips, text, []net.Interface{{Index: link.Index, Name: link.Name}})
	if err != nil {
		return nil, fmt.Errorf("announce by zeroconf: %w", err)
	}
	return server.Shutdown, nil
}
