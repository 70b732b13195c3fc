package system

import (
	"context"
	gosync "sync"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/beacon"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/mdns"
	"github.com/earshot-im/earshot/node/multicast"
)

// Plan says how the node of the directory uses this machine.
type Plan struct {
	Networks func() (discovery.Network, error)
	NoMDNS   bool // neither mDNS nor beacons
	// Port is the TCP port on which the node is to listen: that of last time, or that it was told; 0:
	// any. Where another program had it when the node started, the node listens on Instead; it is 0
	// while the node does not run.
	Port, Instead uint16
	// Listening says that the node runs and has Port.
	Listening bool
}

// Look makes all checks of this machine, and has each told as soon as it is done, from several
// goroutines. It returns when all are told, which takes a few seconds at most, less where ctx ends.
func (m Machine) Look(ctx context.Context, p Plan, tell func(...checks.Check)) {
	var looking gosync.WaitGroup
	defer looking.Wait()
	network, err := p.Networks()
	tell(checks.OfInterfaces(network, err)...)
	links := checks.Usable(network)
	looking.Go(func() { tell(checks.OfDisk(m.disk(ctx))...) }) // ends within diskPatience, or with ctx
	looking.Go(func() { tell(m.port(p)) })
	var groups []Group
	for _, of := range []struct {
		name string
		at   Group
	}{{checks.MDNSPort, mdns.Group}, {checks.Beacon, beacon.Group}} {
		claim := checks.Claim{Port: of.at(multicast.V4).At.Port()}
		if !p.NoMDNS {
			claim = m.Shared(of.at)
		}
		tell(checks.OfShared(of.name, p.NoMDNS, claim))
		if !p.NoMDNS && !claim.Held {
			groups = append(groups, of.at)
		}
	}
	// Ends within the patience of the tests, or with ctx.
	looking.Go(func() { tell(checks.OfMulticast(m.Multicast(ctx, links, groups...))...) })
}

// port looks at the TCP port.
func (m Machine) port(p Plan) checks.Check {
	claim := checks.Claim{Port: p.Port}
	if !p.Listening && p.Port != 0 {
		claim = m.Listening(p.Port)
	}
	return checks.OfPort(claim, p.Instead)
}
