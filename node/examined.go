package node

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/doctor"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sightings"
	"github.com/earshot-im/earshot/node/system"
	"github.com/earshot-im/earshot/node/waiting"
)

// newDoctor makes the room that finds out what is wrong, with what it may see of the others.
func (n *Node) newDoctor() *doctor.Doctor {
	return doctor.New(doctor.Config{
		Host: n.host, Version: n.cfg.Version, Now: n.cfg.Now, Log: n.log,
		FirstPort: discovery.FirstPort, LastPort: discovery.LastPort,
		Machine:  n.lookAtMachine,
		Network:  n.mesh.Network,
		Port:     n.host.Port,
		Announce: n.announce,
		Heard:    n.heardBy,
		Whom:     n.whom,
		Known:    n.known,
		Contacts: n.knownContacts,
		Owns:     n.owns,
		Trusted:  n.trusted,
		Open:     n.openFor,
		Warnings: n.warnings.All,
		Waiting:  n.whatWaits,
		Knock:    n.knock,
		Sighted:  n.mesh.Sighted,
	})
}

// lookAtMachine makes the checks of this machine. In a simulation there are only interfaces.
func (n *Node) lookAtMachine(ctx context.Context, tell func(...checks.Check)) {
	if n.cfg.Transport != nil {
		tell(checks.OfInterfaces(n.networks())...)
		return
	}
	port := n.Port()
	system.Machine{Dir: n.cfg.Dir, Space: n.cfg.Space}.Look(ctx, system.Plan{
		Networks: n.networks, NoMDNS: n.cfg.NoMDNS, Port: cmp.Or(port.Taken, port.Now), Instead: port.Now, Listening: port.Taken == 0}, tell)
}

// knock says whether anything listens at an address. In a simulation only nodes do.
func (n *Node) knock(ctx context.Context, at netip.AddrPort) error {
	if n.cfg.Transport != nil {
		_, err := n.host.WhoIs(ctx, discovery.Sighting{Addrs: []netip.AddrPort{at}}.Multiaddrs()[0])
		return err
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return err
	}
	return c.Close()
}

// announce announces this device, and returns by which ways it does.
func (n *Node) announce() (ways []string) {
	mdns, beacons, ok := n.Ways()
	if !ok {
		return nil
	}
	n.Announce()
	for _, by := range []struct {
		sightings.Status
		v4, v6 sightings.Way
	}{{mdns, sightings.MDNS4, sightings.MDNS6}, {beacons, sightings.Beacon4, sightings.Beacon6}} {
		if by.Announce == nil && by.IPv4 == nil {
			ways = append(ways, string(by.v4))
		}
		if by.Announce == nil && by.IPv6 == nil {
			ways = append(ways, string(by.v6))
		}
	}
	return ways
}

// heardBy returns when a device was last heard, by each way.
func (n *Node) heardBy(id peer.ID) map[string]time.Time {
	out := make(map[string]time.Time)
	for way, at := range n.sightings.Heard(id) {
		out[string(way)] = at
	}
	return out
}

func (n *Node) whom(ctx context.Context, who string) (crypto.PersonID, error) {
	t, err := n.contacts.Target(ctx, who, "person")
	if err != nil {
		return crypto.PersonID{}, err
	}
	return crypto.ParsePersonID(t.ID)
}

// known returns what the rooms know of a person.
func (n *Node) known(id crypto.PersonID) doctor.Known {
	them, _ := n.people.Get(id)
	return n.knownOf(&them, n.mesh.States())
}

func (n *Node) knownOf(them *people.Person, states map[crypto.DeviceID]dial.State) doctor.Known {
	k := doctor.Known{ID: them.ID, Contact: them.Contact, Blocked: them.Blocked}
	for _, d := range them.Parsed.Devices() {
		state := states[d]
		k.Devices = append(k.Devices, doctor.Device{ID: peer.ID(d.PeerID()), Connected: n.mesh.Online(d), LastSeen: n.people.LastSeen(them, d),
			Incompatible: state.Ended == dial.Incompatible, Addrs: state.Addrs, FoundBy: state.FoundBy, Err: state.Err})
	}
	return k
}

// knownContacts returns what the rooms know of all contacts who are not blocked.
func (n *Node) knownContacts() (out []doctor.Known) {
	states := n.mesh.States()
	for _, p := range n.people.All() {
		if p.Contact && !p.Blocked && p.ID != n.me.person {
			out = append(out, n.knownOf(&p, states))
		}
	}
	return out
}

// owns returns whose device one is.
func (n *Node) owns(id peer.ID) (crypto.PersonID, bool) {
	device, err := crypto.DeviceFromPeer(id)
	if err != nil {
		return crypto.PersonID{}, false
	}
	them, ok := n.people.Of(device)
	return them.ID, ok
}

// trusted returns whose device one is, if that is a contact or the owner.
func (n *Node) trusted(id peer.ID) (crypto.PersonID, bool) {
	person, ok := n.owns(id)
	return person, ok && n.people.Standing(person) == budget.Contact
}

// openFor returns the account of a contact at the other end of a connection.
func (n *Node) openFor(c network.Conn, person crypto.PersonID) *budget.Account {
	account := n.budgets.Open(session.Addr(c.RemoteMultiaddr()))
	account.Identify(person, n.people.Standing(person))
	return account
}

// whatWaits returns what waits for persons, and why the first of it does.
func (n *Node) whatWaits(ctx context.Context) ([]checks.Waiting, error) {
	var out []checks.Waiting
	at := make(map[crypto.PersonID]int)
	err := n.messages.Outbox(ctx, 0, func(some []waiting.Pending) error {
		for _, p := range some {
			i, there := at[p.Person.ID]
			if !there {
				i, at[p.Person.ID] = len(out), len(out)
				out = append(out, checks.Waiting{Person: p.Person.ID, WaitingFor: p.WaitingFor, Reason: p.Reason})
			}
			out[i].Messages++
			out[i].Unaccepted = out[i].Unaccepted || p.Reason == waiting.WaitAcceptance
		}
		return nil
	})
	return out, err
}
