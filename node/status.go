package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/warnings"
)

// Status is the node at a glance.
type Status struct {
	Person    crypto.PersonID
	Name      string
	Device    crypto.DeviceID
	Version   string
	Listening []string // multiaddrs with the peer ID
	Peers     int      // devices connected now
	Online    int      // persons whose devices these are, the owner left out
	Known     int      // contacts
	Unread    int      // messages
	Requests  int      // how many lines Requests has
	Outbox    int      // how many lines Outbox has
	Warnings  []warnings.Warning
	Finding   Finding
}

// Peer is one device in earshot, or a device of a contact that is not in earshot now.
type Peer struct {
	Person    crypto.PersonID
	Name      string // what the person calls themselves
	Petname   string
	Pinned    string // the name they had when they became a contact
	KnownAs   string // as contacts.KnownAs
	Device    crypto.DeviceID
	Online    bool
	Contact   bool
	Verified  bool
	Blocked   bool
	Addresses []string // multiaddrs without the peer ID
	FoundBy   []string // discovery.Source values
	LastSeen  time.Time
	Unreached bool // a contact's, heard of since it was connected, and no dial reaches it
}

// InMemory returns how many bytes the store keeps in memory until it has written them where they belong.
func (n *Node) InMemory() int { return n.store.InMemory() }

// Status returns the node at a glance.
func (n *Node) Status(ctx context.Context) (Status, error) {
	me, err := n.Owner().Me(ctx)
	if err != nil {
		return Status{}, err
	}
	outbox, err := n.store.CountOutbox()
	if err != nil {
		return Status{}, err
	}
	s := Status{Person: me.Person, Name: me.Name, Device: me.Device, Version: n.cfg.Version, Outbox: outbox,
		Finding: n.Finding()}
	s.Peers, s.Online = len(n.mesh.Identified()), n.online()
	for _, p := range n.people.All() {
		if p.Contact && p.ID != me.Person {
			s.Known++
		}
	}
	if s.Unread, err = n.messages.CountUnread(); err != nil {
		return Status{}, err
	}
	requests, err := n.contacts.Requests(ctx)
	if err != nil {
		return Status{}, err
	}
	s.Requests = len(requests)
	if s.Warnings, err = n.warnings.All(); err != nil {
		return Status{}, err
	}
	for i, w := range s.Warnings {
		if w.Person != nil {
			them, _ := n.people.Get(w.Person.ID)
			s.Warnings[i].Person = &them // as they are called now
		}
	}
	for _, a := range n.listening() {
		s.Listening = append(s.Listening, fmt.Sprintf("%s/p2p/%s", a, me.Device))
	}
	return s, nil
}

// online returns how many people are in earshot besides the owner.
func (n *Node) online() int {
	persons := make(map[crypto.PersonID]bool)
	for _, p := range n.mesh.Identified() {
		persons[p] = true
	}
	delete(persons, n.me.person)
	return len(persons)
}

// listening returns where others can reach this node, or where it listens if the machine has no
// address now.
func (n *Node) listening() []ma.Multiaddr {
	network, err := n.networks()
	if err != nil {
		network = discovery.Network{}
	}
	addrs := n.mesh.Listening(network)
	if len(n.cfg.Interfaces) > 0 {
		addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return !n.mesh.Has(a.Addr()) })
	} else if len(addrs) == 0 {
		return n.host.ListenAddrs()
	}
	return discovery.Sighting{Addrs: addrs}.Multiaddrs()
}

// Peers lists the devices in earshot, and those of contacts that are not, the connected ones first.
func (n *Node) Peers(context.Context) ([]Peer, error) {
	states := n.mesh.States()
	var out []Peer
	for _, p := range n.people.All() {
		if p.ID == n.me.person {
			continue
		}
		for _, device := range p.Parsed.Devices() {
			online := n.mesh.Online(device)
			if !online && !p.Contact {
				continue
			}
			state := states[device]
			peer := Peer{Person: p.ID, Name: p.Claimed, Petname: p.Petname, Pinned: p.Pinned, KnownAs: contacts.KnownAs(p.Petname, p.Pinned), Device: device, Online: online,
				Contact: p.Contact, Verified: p.Verified, Blocked: p.Blocked, LastSeen: n.people.LastSeen(&p, device)}
			peer.Unreached = p.Contact && !online && state.Unreachable(time.Now()) && n.cfg.Now().Sub(peer.LastSeen) > dial.Recently
			for _, addr := range (discovery.Sighting{Addrs: state.Addrs}).Multiaddrs() {
				peer.Addresses = append(peer.Addresses, addr.String())
			}
			for _, source := range state.FoundBy {
				peer.FoundBy = append(peer.FoundBy, string(source))
			}
			out = append(out, peer)
		}
	}
	slices.SortStableFunc(out, func(a, b Peer) int {
		if a.Online != b.Online {
			if a.Online {
				return -1
			}
			return 1
		}
		return bytes.Compare(a.Person[:], b.Person[:])
	})
	return out, nil
}

// Starved takes in that the process has no file descriptors left: the owner is warned. What is kept of the
// error is what the system calls it: the rest names the socket, and the page in a browser learns of no path.
func (n *Node) Starved(err error) {
	var why syscall.Errno
	if !errors.As(err, &why) {
		n.warnings.Starved("")
		return
	}
	n.warnings.Starved(why.Error())
}

// Changed returns the count of what people could see, as soon as it is past after.
func (n *Node) Changed(ctx context.Context, after uint64) (uint64, error) {
	return n.shown.Past(ctx, after)
}

// PeersChanged returns the count of changes in who is here, as soon as it is past after.
func (n *Node) PeersChanged(ctx context.Context, after uint64) (uint64, error) {
	return n.presence.Past(ctx, after)
}
