package node

import (
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
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
	// TroubleNoMDNS: the owner wants no mDNS.
	TroubleNoMDNS = "no_mdns"
	// TroubleAnnounce: others are not told of this node.
	TroubleAnnounce = "announce"
	// TroubleHear: nothing is heard of others.
	TroubleHear = "hear"
)

// Heard says when a device was last heard on the local network by each way, for as long as that is
// remembered.
func (n *Node) Heard(device crypto.DeviceID) map[sightings.Way]time.Time {
	return n.sightings.Heard(peer.ID(device.PeerID()))
}

// Announce has others told now that this node is here, or a second after they were last told.
func (n *Node) Announce() {
	if m := n.mdns.Load(); m != nil {
		m.Announce()
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
	if m := n.mdns.Load(); m != nil {
		f.Troubles = append(f.Troubles, troublesOf(m.Status())...)
	}
	return f
}

// troublesOf says what is wrong with mDNS, but for what the interfaces that are left out explain.
func troublesOf(s mdns.Status) (out []Trouble) {
	explained := func(err error) bool {
		return errors.Is(err, mdns.ErrNoInterface) || errors.Is(err, discovery.ErrNoAddress)
	}
	if s.Announce != nil && !explained(s.Announce) {
		out = append(out, Trouble{TroubleAnnounce, s.Announce.Error()})
	}
	// A machine without IPv6 always has an error there.
	if s.IPv4 != nil && s.IPv6 != nil && !explained(s.IPv4) {
		out = append(out, Trouble{TroubleHear, s.IPv4.Error()})
	}
	return out
}
