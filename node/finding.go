package node

import (
	"context"
	"fmt"
	"strings"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/beacon"
	"github.com/earshot-im/earshot/node/mdns"
	"github.com/earshot-im/earshot/node/sightings"
)

// Finding is how others are found, and what stands in the way.
type Finding struct {
	LeftOut   []LeftOut
	Troubles  []Trouble
	Unreached []Unreached
}

// LeftOut is a network interface over which nobody is found, and why: a discovery.Reason.
type LeftOut struct {
	Interface string
	Reason    string
}

// Trouble is a reason why this node finds nobody by itself, or is found by nobody.
type Trouble struct {
	Code   string
	Detail string // what failed; in English
}

// Unreached is one of Config.Peers that can't be reached now, and why not.
type Unreached struct {
	Peer   string
	Detail string // what failed; in English
}

// Codes of a Trouble.
const (
	// TroubleNoNetwork: no interface is up that may be used.
	TroubleNoNetwork = "no_network"
	// TroubleNoMDNS: the owner wants neither mDNS nor beacons.
	TroubleNoMDNS = "no_mdns"
	// TroubleAnnounce: others are not told of this node, by mDNS or beacons.
	TroubleAnnounce = "announce"
	// TroubleHear: nothing is heard of others, by mDNS or beacons.
	TroubleHear = "hear"
)

// lookAround has others found on the local network, and told of this node, until ctx ends.
func (n *Node) lookAround(ctx context.Context, running *gosync.WaitGroup) error {
	m, err := mdns.New(mdns.Config{Device: n.host.ID(), Port: n.host.Port(), Networks: n.watcher.Subscribe(),
		Sightings: n.sightings, Log: n.log})
	if err != nil {
		return fmt.Errorf("start mdns: %w", err)
	}
	b, err := beacon.New(beacon.Config{Device: n.host.ID(), Port: n.host.Port(), Networks: n.watcher.Subscribe(),
		Sightings: n.sightings, Alone: func() bool { return len(n.mesh.Identified()) == 0 }, Log: n.log})
	if err != nil {
		return fmt.Errorf("start beacons: %w", err)
	}
	n.mdns.Store(m)
	n.beacon.Store(b)
	running.Go(func() { _ = m.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	return nil
}

// Heard says when a device was last heard on the local network by each way, for as long as that is
// remembered.
func (n *Node) Heard(device crypto.DeviceID) map[sightings.Way]time.Time {
	return n.sightings.Heard(peer.ID(device.PeerID()))
}

// Announce has others told now that this node is here, or a second after they were last told.
func (n *Node) Announce() {
	if m, b := n.mdns.Load(), n.beacon.Load(); m != nil && b != nil {
		m.Announce()
		b.Announce()
	}
}

// Finding says how others are found now, and what stands in the way.
func (n *Node) Finding() (f Finding) {
	for _, u := range n.mesh.Unreached() {
		f.Unreached = append(f.Unreached, Unreached{u.Text, u.Err.Error()})
	}
	trouble := func(code string, err error) {
		t := Trouble{Code: code}
		if err != nil {
			t.Detail = err.Error()
		}
		f.Troubles = append(f.Troubles, t)
	}
	network, err := n.networks()
	if err != nil {
		trouble(TroubleNoNetwork, err)
		return f
	}
	for _, l := range network.LeftOut() {
		f.LeftOut = append(f.LeftOut, LeftOut{l.Interface, string(l.Reason)})
	}
	if len(network.Links) == 0 {
		if len(network.Missing) == 0 { // else what was left out says so
			trouble(TroubleNoNetwork, nil)
		}
		return f
	}
	if n.cfg.NoMDNS {
		trouble(TroubleNoMDNS, nil)
		return f
	}
	if m, b := n.mdns.Load(), n.beacon.Load(); m != nil && b != nil {
		f.Troubles = append(f.Troubles, troublesOf(m.Status(), b.Status())...)
	}
	return f
}

// troublesOf says what keeps this node from finding others and from being found, but for what the
// interfaces that are left out explain. One of mDNS and beacons is enough, and so is one of IPv4 and
// IPv6, which many machines don't have.
func troublesOf(mdns, beacons sightings.Status) (out []Trouble) {
	add := func(code string, all ...error) {
		var texts []string
		for _, err := range all {
			if err == nil || sightings.Explained(err) {
				return
			}
			texts = append(texts, err.Error())
		}
		out = append(out, Trouble{code, strings.Join(texts, "; ")})
	}
	add(TroubleAnnounce, mdns.Announce, beacons.Announce)
	add(TroubleHear, mdns.IPv4, mdns.IPv6, beacons.IPv4, beacons.IPv6)
	return out
}

// Ways says what does not work now of the ways by which this node finds others on the network, each
// for itself. It reports false while none of them runs, as with Config.NoMDNS.
func (n *Node) Ways() (mdns, beacons sightings.Status, ok bool) {
	m, b := n.mdns.Load(), n.beacon.Load()
	if m == nil || b == nil {
		return mdns, beacons, false
	}
	return m.Status(), b.Status(), true
}
