// Package node is a running earshot node. It opens the rooms, which are the packages below it,
// wires them together, and starts and ends them in order. It holds no feature's state.
//
// Open reads the data directory and builds everything; it starts nothing. Run starts every
// goroutine and returns when all have ended, the store last. The owner asks the rooms that the
// methods Messages, Groups, Contacts and Owner return, from any goroutine, once Open has returned. A
// method that changes something needs Run, and returns when the change is on this node's disk; after
// Run it fails with the store's error.
//
// The way of a frame from a peer to the disk and back, with who owns each goroutine:
//
//	reader         node/session  reads a frame within bounds, decodes it strictly
//	loop           node/session  owns the sync machine; guest.go gives the machine's wishes to a room
//	worker         node/session  proves what came and checks its author's place, by node/ingest
//	store's writer store         commits it, then calls told.go, which tells sessions and gossip
//	confirmer      node/session  waits for the commit, and hands its outcome to the loop
//	loop           node/session  acknowledges, or says why not
//	stream writer  node/session  writes frames to the stream
//
// A feature, such as node/files, is a room with three faces: what a peer may ask, which the room has
// authorised by what node/people and node/groups know of the peer (node/sharing does so);
// what the owner may ask; and a plan without sockets and clocks. It brings a stream protocol, for
// which link.Host takes a handler, a service of the local API, and buckets, kept by a package
// beside store/book. Here and in rooms.go it takes three lines, which make it, run it and hand it out to
// the local API; what it is to hear of goes through told.go. Features do not import each other;
// what a room needs from above is a small interface or a function in its Config.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	gosync "sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/attention"
	"github.com/earshot-im/earshot/node/beacon"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/crowd"
	"github.com/earshot-im/earshot/node/doctor"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/files/give"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/mdns"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/mesh"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/presence"
	"github.com/earshot-im/earshot/node/receipts"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sharing"
	"github.com/earshot-im/earshot/node/sightings"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store"
)

// Config is what a node is made of. Only Dir is required.
type Config struct {
	Dir        string
	Name       string   // what the owner calls themselves; empty: unchanged
	Listen     []string // multiaddrs or ports, kept for the next start; "0": see listenAnywhere; empty: as kept
	Peers      []string // multiaddrs with peer ID, or HOST:PORT; dialled at once
	Folder     string   // absolute: where files are saved if the owner has set no other; empty: DIR/files
	Desktop    bool     // the node runs in a desktop session: some files are fetched without asking
	NoMDNS     bool     // neither mDNS nor beacons
	Interfaces []string // if any, no others are used; empty: all, and others are looked for over those that look like a LAN
	Passphrase []byte
	Log        *slog.Logger
	Version    string

	// Warn is told each kind of warning when there first is reason for it, by any goroutine. It
	// must not call the node.
	Warn func(warnings.Warning)

	// Unreached is told once of each of Peers that can't be reached, by any goroutine. It must not
	// call the node.
	Unreached func(peer string, err error)

	// Now is the owner's wall clock, for times that are stored, sent or shown. Durations are
	// measured by the machine's monotonic clock, whatever Now says.
	Now func() time.Time

	// Transport, Networks, Identify and Space replace TCP, this machine's interfaces, and what its
	// file system says of which file the database is and how much is free, in simulations. Disk and
	// Commit replace how the database is written and synced: see store.Config.
	Transport link.Transport
	Networks  func() (discovery.Network, error)
	Identify  func(path string) (store.FileIdentity, error)
	Space     func(dir string) (s store.Space, known bool)
	Disk      store.Disk
	Commit    func(name string, f func() error) error

	GossipAbove int // for simulations: the size in members past which a group gossips; 0: crowd.Above
}

// Node is a node. See the package's comment.
type Node struct {
	cfg    Config
	log    *slog.Logger
	me     self
	peers  []discovery.Named // of Config.Peers
	listen []ma.Multiaddr    // of Config.Listen

	store    *store.Store
	host     *link.Host
	people   *people.People
	groups   *groups.Groups
	receipts *receipts.Receipts
	acks     *receipts.Acks
	runs     *sharing.Runs
	sharing  *sharing.Sharing
	door     *ingest.Door
	mesh     *mesh.Mesh
	crowd    *crowd.Crowd
	giver    *give.Giver
	warnings *warnings.Warnings
	watcher  *discovery.Watcher
	networks func() (discovery.Network, error) // this machine's interfaces now

	sightings *sightings.Sightings
	portTaken atomic.Uint32                 // see Port
	mdns      atomic.Pointer[mdns.MDNS]     // nil until it runs
	beacon    atomic.Pointer[beacon.Beacon] // nil until it runs, after mdns

	// What the owner asks.
	messages   *chat.Messages
	waits      *waiting.Waiting
	membership *membership.Groups
	contacts   *contacts.Contacts
	overviews  *conversations.Conversations
	owner      *people.Owner
	journal    *journal.Journal
	moment     *presence.Presence
	attention  *attention.Attention
	files      *files.Room
	doctor     *doctor.Doctor

	shown    *notify.Counter // counts the changes that people can see, as the store does
	presence *notify.Counter // counts the changes in who is here and what is shown of them
	revealed *notify.Counter // counts the changes that may have brought older messages into view
	typing   *notify.Counter // counts the changes in who writes now
	waiting  *notify.Counter // counts the requests that have come and are kept in memory only
	drafted  *notify.Counter // counts the drafts that were set or sent

	budgets *budget.Budgets // of what peers cost

	ready chan struct{}
	down  func()
	ended chan struct{} // closed when down is called
}

// self is who this node is.
type self struct {
	key    crypto.DeviceKey
	device crypto.DeviceID
	person crypto.PersonID
	card   crypto.Card
}

// Open opens or makes the directory and builds the node. The caller then calls Run, once, or else
// Close.
func Open(cfg Config) (_ *Node, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.GossipAbove == 0 {
		cfg.GossipAbove = crowd.Above
	}
	n := &Node{
		cfg:      cfg,
		log:      cfg.Log,
		presence: notify.NewCounter(0),
		revealed: notify.NewCounter(0),
		typing:   notify.NewCounter(0),
		waiting:  notify.NewCounter(0),
		drafted:  notify.NewCounter(0),
		ready:    make(chan struct{}),
		ended:    make(chan struct{}),
	}
	n.budgets = budget.New(budget.Config{Short: n.short, OnLink: n.onLink})
	n.down = gosync.OnceFunc(func() { close(n.ended) })
	if cfg.Folder == "" {
		n.cfg.Folder = filepath.Join(cfg.Dir, "files")
	}
	if cfg.Name != "" {
		if n.cfg.Name, err = names.Claim(cfg.Name); err != nil {
			return nil, err
		}
	}
	if err := n.parseAddresses(); err != nil {
		return nil, err
	}
	n.people = people.New(people.Config{Now: cfg.Now, Log: cfg.Log})
	n.groups = groups.New(groups.Config{Authors: n.people, Changed: n.groupChanged, Arriving: n.groupArriving, Requested: n.requested,
		Strained: n.groupStrained, Resumed: n.groupResumed, Log: cfg.Log})
	if n.store, err = store.Open(store.Config{Dir: cfg.Dir, Passphrase: cfg.Passphrase, Now: cfg.Now, Log: cfg.Log,
		Identify: cfg.Identify, Space: cfg.Space, Disk: cfg.Disk, Commit: cfg.Commit, Changed: n.committed, Authority: n.groups}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	own := n.store.Own()
	n.me = self{key: own.Device, device: own.Device.ID(), person: own.Person, card: own.Card}
	links := link.Config{Key: n.me.key.Private(), Log: cfg.Log, Transport: cfg.Transport,
		Standing: func(id peer.ID) budget.Standing { return n.mesh.Standing(id) },
		OnLink:   n.onLink, Spent: n.budgets.Spend,
		Trusted: func(id peer.ID) bool { _, ok := n.trusted(id); return ok }}
	if len(cfg.Interfaces) > 0 {
		links.Over = func(local netip.Addr) bool { return n.mesh.Has(local) }
	}
	if n.host, err = link.New(links); err != nil {
		return nil, err
	}
	if err := n.makeRooms(); err != nil {
		return nil, err
	}
	return n, nil
}

// Close lets go of the directory of a node that was not run.
func (n *Node) Close() error {
	var err error
	if n.host != nil {
		err = n.host.Close()
	}
	return errors.Join(err, n.store.Close())
}

// Messages returns what the owner writes and reads by.
func (n *Node) Messages() *chat.Messages { return n.messages }

// Groups returns what the owner makes and changes groups by.
func (n *Node) Groups() *membership.Groups { return n.membership }

// Contacts returns what the owner names, accepts and blocks persons by.
func (n *Node) Contacts() *contacts.Contacts { return n.contacts }

// Conversations returns what the owner sees and sets conversations by.
func (n *Node) Conversations() *conversations.Conversations { return n.overviews }

// Owner returns the owner's name and settings.
func (n *Node) Owner() *people.Owner { return n.owner }

// Journal returns what the owner's programs follow what changes by.
func (n *Node) Journal() *journal.Journal { return n.journal }

// Presence returns what people do at the moment.
func (n *Node) Presence() *presence.Presence { return n.moment }

// Attention returns where the owner is looking, and what tells them of what they don't see.
func (n *Node) Attention() *attention.Attention { return n.attention }

// Files returns what the owner sends and receives files and folders by.
func (n *Node) Files() *files.Room { return n.files }

// Doctor returns what the owner asks what is wrong.
func (n *Node) Doctor() *doctor.Doctor { return n.doctor }

// New says that Open has made the owner's identity, since the directory had none.
func (n *Node) New() bool { return n.store.Own().New }

// Ready is closed when the node listens.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Down asks Run to end. It does not wait.
func (n *Node) Down() { n.down() }

// Run runs the node until ctx ends, Down is called or something that it can't do without fails, and
// returns when everything has ended. The store ends last, after whoever writes to it.
func (n *Node) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopDown := context.AfterFunc(ctx, func() { n.down() })
	defer stopDown()

	storeCtx, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	var storing, running gosync.WaitGroup
	var stored error // of the store, whose disk has failed
	storing.Go(func() {
		if stored = n.store.Run(storeCtx); stored != nil {
			cancel(stored)
		}
	})
	defer func() {
		cancel(nil)
		running.Wait()
		n.people.SaveLast(context.WithoutCancel(ctx))
		n.acks.Settle(context.WithoutCancel(ctx))
		err = errors.Join(err, n.host.Close())
		stopStore()
		storing.Wait()
		err = errors.Join(err, stored, n.store.Close())
	}()

	if name := n.cfg.Name; name != "" && name != n.owner.Name() {
		if err := n.owner.SetName(ctx, name); err != nil {
			return err
		}
	}
	n.warnings.Opened()
	if err := n.groups.AcceptDue(ctx); err != nil { // the last run may have ended between a change and what it entails
		n.log.Warn("accept invitations by contacts", "err", err)
	}
	for _, c := range n.groups.All() {
		if err := n.groups.Limit(ctx, c); err != nil {
			return fmt.Errorf("limit logs of a group: %w", err)
		}
		n.groups.Tell(ctx, c)
	}
	networks := n.watcher.Subscribe()
	if first, err := n.networks(); err == nil { // else the watcher says so
		n.mesh.NetworkChanged(first)
	}
	n.mesh.Accept(ctx)
	n.doctor.Accept(ctx)
	n.acceptBlobs(ctx)
	running.Go(func() { n.mesh.Run(ctx, networks) })
	if err := n.startListening(ctx); err != nil {
		return err
	}
	if !n.cfg.NoMDNS {
		if err := n.lookAround(ctx, &running); err != nil {
			return err
		}
	}
	running.Go(func() { _ = n.watcher.Run(ctx) })
	running.Go(func() { n.people.Run(ctx) })
	running.Go(func() { n.people.KeepFellows(ctx, n.standMember) })
	running.Go(func() { n.moment.Run(ctx) })
	running.Go(func() { n.attention.Run(ctx) })
	running.Go(func() { n.receipts.Run(ctx) })
	running.Go(func() { n.acks.Run(ctx) })
	running.Go(func() { n.door.Run(ctx) })
	running.Go(func() { n.files.Run(ctx) })
	running.Go(func() { n.mesh.Compare(ctx, n.groups.All) })
	running.Go(func() { n.crowd.Run(ctx) })
	n.standAll()
	for _, s := range n.people.Saved() {
		n.mesh.Sighted(s)
		if s.Source == discovery.FromSaved && n.mesh.Standing(s.Device) == budget.Contact {
			for _, at := range s.Addrs {
				n.host.Keep(at.Addr())
			}
		}
	}
	running.Go(func() { n.mesh.LookFor(ctx, n.peers) })
	close(n.ready)

	select {
	case <-ctx.Done():
	case <-n.ended:
	}
	return nil
}

// onLink says whether an address is on a network of this machine.
func (n *Node) onLink(at netip.Addr) bool { return n.mesh.Network().OnLink(at) }

func (n *Node) newSession(stream network.Stream, opened bool) *session.Session {
	var nonce [32]byte
	_, _ = rand.Read(nonce[:]) // never fails
	remote := stream.Conn()
	account := n.budgets.Open(session.Addr(remote.RemoteMultiaddr()))
	if device, err := crypto.DeviceFromPeer(remote.RemotePeer()); err == nil { // whom the link has proven is charged from the beginning
		them, _ := n.people.Of(device) // nobody, of those that are not known
		account.Identify(them.ID, n.standing(device, them.ID))
	}
	return session.New(session.Config{Self: n.me.device, Store: n.store.Own().Store, Nonce: nonce, Stream: stream, Opened: opened,
		Budget: account, Log: n.log}, func(s *session.Session) session.Host {
		return &guest{node: n, session: s, budget: account, nonce: nonce}
	})
}
