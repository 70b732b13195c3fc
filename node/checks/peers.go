package checks

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// Try is how a dial of a device has ended.
type Try struct {
	Device  string
	Address string
	Code    string // as of Peers; empty: it has connected
	Detail  string
	Instead string // of WrongIdentity: the device that answers there
	Known   bool   // that one is some other person's, who is known here
}

// Peer is what is known of a person and of the ways to them.
type Peer struct {
	Person       crypto.PersonID
	Contact      bool
	Blocked      bool
	Here         bool // connected now
	Seen         bool // one of their devices was heard of on this network just now
	Incompatible bool // one of their devices has ended a session, since it speaks another version
	Tries        []Try
	Heard        []Heard
	Addresses    []string
	LastSeen     time.Time
	Waiting      Waiting
}

// Waiting is what waits for a person, and why the first of it does.
type Waiting struct {
	Person     crypto.PersonID
	Messages   int
	WaitingFor string // as waiting_for of the local API's Pending
	Reason     string // the same
	Unaccepted bool   // they seem to have to accept the owner first
}

// OfPeers judges why contacts that are on this network are not connected. One that is connected is
// passed over.
func OfPeers(peers []Peer) (out []Check) {
	for _, p := range peers {
		if !p.Here {
			out = append(out, p.away())
		}
	}
	return orFine(Peers, out)
}

// passedOn is what a dial says that has met a device of somebody else who is known: the address was given
// to that one since.
const passedOn = "passed_on"

// order is which of several failed dials says most.
var order = []string{WrongIdentity, Permission, Refused, TimedOut, NoRoute, Other, passedOn}

// away judges why a person is not connected.
func (p *Peer) away() Check {
	c := Check{Check: Peers, Person: p.Person, Values: Values{LastSeen: p.LastSeen, Heard: p.Heard}}
	if p.Incompatible {
		c.Code = OtherVersion
		return c
	}
	for _, says := range order {
		for _, t := range p.Tries {
			if t.says() != says || !p.Seen && !t.telling() {
				continue
			}
			c.Code, c.Detail = t.Code, t.Detail
			c.Values.Address, c.Values.Device = t.Address, t.Device
			if t.Instead != "" {
				c.Values.Device = t.Instead
			}
			return c
		}
	}
	c.OK, c.Code = true, Offline
	return c
}

func (t Try) says() string {
	if t.Code == WrongIdentity && t.Known {
		return passedOn
	}
	return t.Code
}

// telling says that a failed dial means something though the device was not heard of: its machine may
// be off, and its address somebody else's.
func (t Try) telling() bool { return t.says() == WrongIdentity || t.says() == Permission }

// OfPerson judges all about the person whom the owner has asked about.
func OfPerson(p Peer) Check {
	c := Check{Check: Person, Person: p.Person, Values: Values{
		Here: p.Here, Heard: p.Heard, Addresses: p.Addresses, LastSeen: p.LastSeen,
		Waiting: p.Waiting.Messages, WaitingFor: p.Waiting.WaitingFor, Reason: p.Waiting.Reason}}
	switch {
	case p.Blocked:
		c.Code = Blocked
	case !p.Here && !p.Seen:
		c.Code = NotSeen
	case !p.Contact, p.Waiting.Unaccepted:
		c.Code = NotAccepted
	default:
		c.OK = true
	}
	return c
}

// Tried is what came of trying the addresses of this machine's own networks.
type Tried struct {
	Networks  int // with addresses to try
	Addresses int
	Nodes     []string // addresses at which one of earshot has answered
}

// OfProbe says what was found.
func OfProbe(t Tried) Check {
	c := Check{Check: Probe, Code: Found, OK: true, Values: Values{Asked: t.Addresses, Answered: len(t.Nodes), Addresses: t.Nodes}}
	switch {
	case t.Networks == 0:
		c.OK, c.Code = false, NoNetwork
	case len(t.Nodes) == 0:
		c.Code = Nobody
	}
	return c
}
