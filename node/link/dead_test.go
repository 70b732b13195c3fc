package link

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/node/link/memnet"
)

// TestDeadAddressesHideNoLiving: whoever forges addresses at which nobody answers kept this device
// from the one at which the peer is, since only so many were dialled at a time and the others were
// refused.
func TestDeadAddressesHideNoLiving(t *testing.T) {
	for dead := range maxDials {
		t.Run(fmt.Sprintf("%d dead", dead), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := memnet.New()
				at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}) }
				a := newHost(t, net.Host(at(200)).Transport, "/ip4/0.0.0.0/tcp/4001")
				b := newHost(t, net.Host(at(100)).Transport, "/ip4/0.0.0.0/tcp/4001")
				var addrs []ma.Multiaddr
				for i := range dead {
					addrs = append(addrs, memnet.Multiaddrs(at(i+1), 9)...)
				}
				addrs = append(addrs, memnet.Multiaddrs(at(100), 4001)...)
				if err := a.Connect(t.Context(), b.ID(), addrs); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
