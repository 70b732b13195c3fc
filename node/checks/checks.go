// Package checks judges what keeps a node from working as it should.
//
// It turns facts into checks: each function takes what was read, measured or answered, and returns a
// [Check] for each thing that was looked at, with a code for what is wrong. It reads no clock and
// knows no socket, file or peer, so a table of facts tests it. Facts about the machine come from
// package system, for a running node and for one that is stopped; those about peers come from the
// room node/doctor, which tells them to the owner.
//
// The package has no words for people: a Check carries a code, what it is about, and values.
// Sentences are made of these in cmd. Anybody may call it, from any goroutine. Nothing fails.
package checks

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// Names of checks.
const (
	Interfaces = "interfaces" // over which others may be found
	Multicast  = "multicast"  // whether it goes out and comes in
	MDNSPort   = "mdns_port"  // UDP 5353
	Beacon     = "beacon"     // the UDP port of beacons
	Port       = "port"       // on which the node listens
	Reachable  = "reachable"  // whether others get through to that
	Peers      = "peers"      // contacts that are seen and not reached
	Clock      = "clock"      // against the peers' clocks
	Disk       = "disk"       // under the directory
	Copies     = "copies"     // of the directory
	Limits     = "limits"     // that were reached
	Person     = "person"     // whom the owner has asked about
	Probe      = "probe"      // of the addresses of this machine's own networks
)

// Codes of a Check; empty: nothing is wrong. Those of copies and most of limits are of package
// warnings.
const (
	None    = "none"     // interfaces: no usable one
	LeftOut = "left_out" // interfaces: over which nobody is found; not wrong

	Out     = "out"     // multicast: this machine does not send it
	In      = "in"      // multicast: this machine does not hear it
	Unheard = "unheard" // multicast: a connected contact does not hear this node
	Deaf    = "deaf"    // multicast: this node does not hear a connected contact
	Nobody  = "nobody"  // multicast, reachable, clock, probe: nobody to compare with; not wrong

	Held  = "held"  // mdns_port, beacon: another program's alone
	Off   = "off"   // mdns_port, beacon: the owner wants none, not wrong; clock: too far from the peers'
	Taken = "taken" // port: another program's

	Closed = "closed" // reachable: a contact has tried and got no connection

	Refused       = "refused"        // peers: nobody listens there; limits: a peer takes no more
	TimedOut      = "timed_out"      // peers: nobody answers there
	WrongIdentity = "wrong_identity" // peers: another device answers there
	OtherVersion  = "other_version"  // peers: it speaks another version of the protocol
	NoRoute       = "no_route"       // peers: the system knows no way there
	Permission    = "permission"     // peers: the system does not let this program onto the network
	Other         = "other"          // peers: anything else; the detail says it
	Offline       = "offline"        // peers: not seen on this network; not wrong

	Full       = "full"        // disk: no room for what others write; limits: that was so
	NearlyFull = "nearly_full" // disk: soon
	ReadOnly   = "read_only"   // disk
	Slow       = "slow"        // disk: a sync takes long
	Unreadable = "unreadable"  // disk: the directory can't be read or written

	NotSeen     = "not_seen"     // person: nowhere on this network
	NotAccepted = "not_accepted" // person: no contact, and has not accepted the owner
	Blocked     = "blocked"      // person: by the owner

	NoNetwork = "no_network" // probe: this machine has no network with addresses to try
	Found     = "found"      // probe: others have answered; not wrong
)

// Check is one thing that was looked at, and what was found.
type Check struct {
	Check  string // its name
	Code   string // what was found; empty: nothing wrong
	OK     bool
	About  string          // the interface, directory or file
	Person crypto.PersonID // that it is about, or who was asked; zero: nobody
	Detail string          // the error of the system, as it says it
	Values Values
}

// Values is what was measured or found. What does not belong to a check is zero.
type Values struct {
	Port       uint16
	Instead    uint16        // of port taken: on which the node listens in its place
	Holder     Holder        // of the port
	Reason     string        // why an interface is left out, or why messages wait
	Family     string        // of multicast: IPv4 or IPv6
	Address    string        // that was dialled, or where another machine is
	Device     string        // whose; of wrong_identity the one that answers
	Version    string        // of the peer's program
	Outcome    string        // of reachable: Refused or TimedOut
	Offset     time.Duration // how far this machine's clock is ahead
	Whose      string        // Ours or Theirs, of the clock that is wrong; empty: not known
	Asked      int           // peers or addresses
	Answered   int           // of these
	Free       uint64        // bytes
	Needed     uint64        // bytes, below which the disk counts as full or nearly full
	Sync       time.Duration // one sync
	Limit      time.Duration // from where on a sync is slow
	Waiting    int           // messages
	WaitingFor string        // why the first of them waits
	Heard      []Heard
	LastSeen   time.Time
	Since      time.Time
	Addresses  []string
	Here       bool
	Group      string // as its members call it
}

// Holder is a program that holds a port. It is zero where that is not known.
type Holder struct {
	Program string
	PID     int
}

// Heard is a way by which a device was heard of, and when last; zero: not known.
type Heard struct {
	Way  string
	Last time.Time
}

// Whose clock is wrong.
const (
	Ours   = "ours"
	Theirs = "theirs"
)
