// Package doctor is the room in which a running node finds out what keeps it from working as it
// should, and why somebody is not reached.
//
// Its three faces: what the owner may ask is [Doctor.Examine], which makes all checks and tells each
// as soon as it is done. What a peer may ask is the stream protocol [Protocol], which [Doctor.Accept]
// has served: by which ways this node has heard the peer, what its clock and version are, and to dial
// back to where the peer is. The pure plan, which facts are a fault, is package checks.
//
// Only devices of contacts are answered, of which Config.Trusted says which they are; the link
// answers everybody else as if there were no such protocol. A contact is answered a few times a
// minute, and what that costs is charged to them. A dial back goes to the other end of the peer's own
// connection and nowhere else, and shows nothing of this node.
//
// Nothing runs while nobody asks. One examination runs at a time, at most longest; of its goroutines
// each ends with its context, and all have ended when Examine returns. A peer that doesn't answer, or
// answers what can't be read, is passed over as if it were not there. The room keeps nothing and
// stores nothing; node is the only importer.
package doctor

import (
	"context"
	"log/slog"
	"net/netip"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/warnings"
)

// longest is how long an examination takes at most. Whoever types the command waits for it.
const longest = 20 * time.Second

// Host is what the room needs of the link; *link.Host is one.
type Host interface {
	ID() peer.ID
	NewStream(context.Context, peer.ID, protocol.ID) (network.Stream, error)
	SetQuietHandler(protocol.ID, func(network.Stream))
	// WhoIs returns who answers at an address. It proves nothing, and shows nothing of this node.
	WhoIs(context.Context, ma.Multiaddr) (peer.ID, error)
}

// Config is what a Doctor is made of.
type Config struct {
	Host    Host
	Version string
	Now     func() time.Time // the owner's clock
	Log     *slog.Logger

	// Machine makes the checks that need no peer, and has them told from any goroutine; nil: there is
	// no machine, as in a simulation.
	Machine func(ctx context.Context, tell func(...checks.Check))
	// Network returns this machine's interfaces.
	Network func() discovery.Network
	// FirstPort and LastPort are the TCP ports that nodes take unless their owners say which.
	FirstPort, LastPort uint16
	// Port returns the TCP port on which this node listens; 0: on none.
	Port func() uint16
	// Announce announces this device at once, and asks others to do so. It returns by which ways.
	Announce func() []string
	// Heard returns when a device was last heard, by each way.
	Heard func(peer.ID) map[string]time.Time

	// Whom returns the person whom WHO means.
	Whom func(ctx context.Context, who string) (crypto.PersonID, error)
	// Known returns what is known of a person.
	Known func(crypto.PersonID) Known
	// Contacts returns all contacts who are not blocked.
	Contacts func() []Known
	// Owns returns whose device one is; false: nobody's who is known.
	Owns func(peer.ID) (crypto.PersonID, bool)
	// Trusted says that a device is a contact's, and whose.
	Trusted func(peer.ID) (crypto.PersonID, bool)
	// Open returns the account of a contact at the other end of a connection.
	Open func(network.Conn, crypto.PersonID) *budget.Account

	Warnings func() ([]warnings.Warning, error)
	// Waiting returns what waits for persons, a line for each.
	Waiting func(context.Context) ([]checks.Waiting, error)

	// Knock says whether anything listens at an address.
	Knock func(context.Context, netip.AddrPort) error
	// Sighted takes in what the probe has found.
	Sighted func(discovery.Sighting)
}

// Known is what is known of a person.
type Known struct {
	ID      crypto.PersonID
	Contact bool
	Blocked bool
	Devices []Device
}

// Device is what is known of a device.
type Device struct {
	ID           peer.ID
	Connected    bool
	LastSeen     time.Time // when it was last connected, by the owner's clock
	Incompatible bool      // its last session has ended since it speaks another version
	Addrs        []netip.AddrPort
	FoundBy      []discovery.Source
	Err          error // of the last dial, if it has failed
}

// Doctor examines a running node, and answers contacts that examine theirs.
type Doctor struct {
	cfg     Config
	turn    chan struct{} // holds one while an examination runs
	callers callers
}

// New returns a Doctor who does nothing until asked.
func New(cfg Config) *Doctor {
	return &Doctor{cfg: cfg, turn: make(chan struct{}, 1), callers: newCallers()}
}

// Question is what the owner asks.
type Question struct {
	Who   string // WHO, about whom all is to be said; empty: nobody
	Probe bool   // the addresses of this machine's own networks are to be tried
}

// Examine makes all checks and has each told as soon as it is done, by the caller's goroutine. It
// waits for an examination that runs already. The error is that of WHO, of telling, or ctx's.
func (d *Doctor) Examine(ctx context.Context, q Question, tell func(checks.Check) error) error {
	var whom crypto.PersonID
	if q.Who != "" {
		var err error
		if whom, err = d.cfg.Whom(ctx, q.Who); err != nil {
			return err
		}
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	done := make(chan []checks.Check)
	go d.examine(bounded, q, whom, func(found ...checks.Check) { done <- found }, done) // ends within longest
	var err error
	for found := range done {
		for _, c := range found {
			if err == nil {
				err = tell(c)
			}
		}
		if err != nil {
			cancel()
		}
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// examine makes all checks, each part in a goroutine of its own, and closes done.
func (d *Doctor) examine(ctx context.Context, q Question, whom crypto.PersonID, tell func(...checks.Check), done chan<- []checks.Check) {
	defer close(done)
	var parts gosync.WaitGroup
	defer parts.Wait()
	if d.cfg.Machine != nil {
		parts.Go(func() { d.cfg.Machine(ctx, tell) })
	}
	parts.Go(func() { d.own(ctx, tell) })
	parts.Go(func() { d.contacts(ctx, whom, tell) })
	if q.Probe {
		parts.Go(func() { tell(d.probe(ctx)) })
	}
}

// own judges what the node knows of itself.
func (d *Doctor) own(ctx context.Context, tell func(...checks.Check)) {
	warned, err := d.cfg.Warnings()
	if err != nil {
		d.cfg.Log.Warn("examine: read what the owner is warned of", "err", err)
	}
	waiting, err := d.cfg.Waiting(ctx)
	if err != nil {
		d.cfg.Log.Warn("examine: read what waits", "err", err)
	}
	tell(append(checks.OfCopies(warned), checks.OfLimits(warned, waiting)...)...)
}
