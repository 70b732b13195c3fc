// Package node is a running earshot node: it finds peers, keeps a session with each, lets events in by one door, and
// answers what the local API asks.
//
// It owns the data directory (through store), the libp2p host (through link), and the goroutines around them. The
// decisions are elsewhere: who lacks what in sync, whom to dial when in dial, who a name means in resolve.go. What it
// refuses to do is believe: sightings, names, addresses and clocks that come from outside decide nothing; devices are
// proven by the link, persons by cards, events and records by signatures, all before they are stored.
//
// Open reads the directory and builds everything; it starts nothing. Run starts every goroutine and returns when all
// have ended. The methods that the local API calls may be called from any goroutine between the two; they return when
// what they promise is on this node's disk.
//
//	hub      one goroutine that owns the sessions and the dial planner (hub.go)
//	session  five goroutines a peer: reader, writer, the one that owns the machine, a worker that proves and hands to the
//	         store, and one that waits for the commits (session.go, door.go)
//	people   who is known, in memory, written through to the store (people.go); where their devices are, written down
//	         rarely (places.go)
//	receipts, acks   what is told and what is heard about delivery (receipts.go)
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	gosync "sync"
	"sync/atomic"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what a node is made of. Only Dir is required.
type Config struct {
	Dir        string
	Name       string   // what the owner calls themselves; empty: as before
	Listen     []string // multiaddrs; empty: every interface, on the port of last time if it is free
	Peers      []string // multiaddrs with peer ID, dialled at once
	NoMDNS     bool
	Interfaces []string // empty: all that look like a LAN
	Passphrase []byte
	Log        *slog.Logger
	Version    string

	// Warn is told each kind of warning when there first is reason for it, by any goroutine. It must not call the node.
	Warn func(Warning)

	// Transport, Networks, Now and Identify replace TCP, this machine's interfaces, its wall clock and what its file system says
	// of which file the database is, in simulations.
	Transport link.Transport
	Networks  func() (discovery.Network, error)
	Now       func() time.Time
	Identify  func(path string) (store.FileIdentity, error)

	GossipAbove int // for simulations: the size in members past which a group gossips; 0: as it should be
}

// Node is a node. See the package's comment.
type Node struct {
	cfg      Config
	log      *slog.Logger
	store    *store.Store
	host     *link.Host
	me       self
	people   *people
	keys     keys
	naming   gosync.Mutex // held while a name is found free and given
	hub      *hub
	receipts *receipts
	acks     *acks
	groups   *groups.Groups
	gossips  *gossips
	runs     *runs
	rounds   *rounds
	networks func() (discovery.Network, error) // this machine's interfaces now
	watcher  *discovery.Watcher
	unproven *semaphore.Weighted // bytes of contacts' frames that are not dealt with
	strange  *semaphore.Weighted // of everybody else's
	peers    []discovery.Sighting
	listen   []ma.Multiaddr

	events   *notify.Counter // what people could see, as in the store
	presence *notify.Counter // who is here

	revealed atomic.Uint64 // counts what may have brought older messages into view

	fellows notify.Signal // wakes keepFellows

	ready chan struct{}
	down  func()
	ended chan struct{} // closed when down is called

	contested contested
	warnings  warnings
	began     time.Time // by the wall clock

	mu          gosync.Mutex // guards what follows
	settings    settings
	profile     *event.Record
	sessions    map[*session]struct{}
	followed    followed
	rollbacks   map[event.Conversation]time.Time // the last that a peer's claim caused
	invitations map[event.Conversation]invitation
}

// self is who this node is.
type self struct {
	key    crypto.DeviceKey
	device crypto.DeviceID
	person crypto.PersonID
	card   crypto.Card
}

// Open opens or makes the directory and builds the node. The caller calls Run, once, whatever happens in between; Close
// if it does not.
func Open(cfg Config) (_ *Node, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	n := &Node{
		cfg:         cfg,
		log:         cfg.Log,
		unproven:    newUnproven(),
		strange:     newUnproven(),
		presence:    notify.NewCounter(0),
		fellows:     notify.NewSignal(),
		ready:       make(chan struct{}),
		ended:       make(chan struct{}),
		sessions:    make(map[*session]struct{}),
		followed:    make(followed),
		rollbacks:   make(map[event.Conversation]time.Time),
		invitations: make(map[event.Conversation]invitation),
	}
	n.began = cfg.Now()
	n.warnings.tell = func(w Warning) {
		n.log.Warn("the owner is warned", "code", w.Code, "detail", w.Detail)
		if cfg.Warn != nil {
			cfg.Warn(w)
		}
	}
	n.down = gosync.OnceFunc(func() { close(n.ended) })
	if cfg.Name != "" {
		if n.cfg.Name, err = names.Parse(cfg.Name); err != nil {
			return nil, err
		}
	}
	if err := n.parseAddresses(); err != nil {
		return nil, err
	}
	n.groups = groups.New(groups.Config{Authors: n, Changed: n.groupChanged})
	if n.store, err = store.Open(store.Config{Dir: cfg.Dir, Passphrase: cfg.Passphrase, Now: cfg.Now, Log: cfg.Log,
		Identify: cfg.Identify, Changed: n.committed, Authority: n.groups}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	own := n.store.Own()
	n.me = self{key: own.Device, device: own.Device.ID(), person: own.Person, card: own.Card}
	n.events = notify.NewCounter(n.store.Last())
	if n.people, err = newPeople(n.store); err != nil {
		return nil, err
	}
	if err := n.groups.Load(n.store); err != nil {
		return nil, err
	}
	if err := n.loadSettings(); err != nil {
		return nil, err
	}
	if n.host, err = link.New(link.Config{Key: n.me.key.Private(), Log: cfg.Log, Transport: cfg.Transport}); err != nil {
		return nil, err
	}
	n.hub = newHub(n.host, cfg.Log)
	n.hub.newPeer = n.newSession
	n.hub.changed = n.presence.Bump
	n.hub.place = n.people.found
	n.hub.addrs = n.ownAddrs
	n.hub.self = n.sightedSelf
	n.receipts = newReceipts(n.store, n.me.person, n.groups, cfg.Log, n.tellRecord)
	n.acks = newAcks(n.store, cfg.Log)
	n.runs = newRuns(n.store.LoadRun)
	n.rounds = newRounds(cfg.Now)
	n.gossips = newGossips(n, cfg.GossipAbove)
	if n.networks = cfg.Networks; n.networks == nil {
		n.networks = discovery.ReadNetwork(cfg.Interfaces...)
	}
	n.watcher = discovery.NewWatcher(n.networks, cfg.Log)
	return n, nil
}

func (n *Node) parseAddresses() error {
	for _, text := range n.cfg.Listen {
		addr, err := ma.NewMultiaddr(text)
		if err != nil || !listenable(addr) {
			return fmt.Errorf("%w: listen on %q: want /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT", ErrAddress, text)
		}
		n.listen = append(n.listen, addr)
	}
	for _, text := range n.cfg.Peers {
		s, err := discovery.ParsePeer(text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrAddress, err)
		}
		n.peers = append(n.peers, s)
	}
	return nil
}

func listenable(addr ma.Multiaddr) bool {
	protocols := addr.Protocols()
	return len(protocols) == 2 && protocols[1].Code == ma.P_TCP &&
		(protocols[0].Code == ma.P_IP4 || protocols[0].Code == ma.P_IP6)
}

// Close lets go of the directory of a node that was not run.
func (n *Node) Close() error {
	var err error
	if n.host != nil {
		err = n.host.Close()
	}
	return errors.Join(err, n.store.Close())
}

// Ready is closed when the node listens.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Down asks Run to end. It does not wait.
func (n *Node) Down() { n.down() }

// Run runs the node until ctx ends, Down is called or something that it can't do without fails, and returns when all has
// ended. The store outlives whoever writes to it.
func (n *Node) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopDown := context.AfterFunc(ctx, func() { n.down() })
	defer stopDown()

	storeCtx, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	var storing, running gosync.WaitGroup
	storing.Go(func() { _ = n.store.Run(storeCtx) })
	defer func() {
		cancel(nil)
		running.Wait()
		n.saveLastPlaces(ctx)
		err = errors.Join(err, n.host.Close())
		stopStore()
		storing.Wait()
		err = errors.Join(err, n.store.Close())
	}()

	if err := n.introduce(ctx); err != nil {
		return err
	}
	n.warn()
	for _, c := range n.groups.All() { // the last run may have ended between a removal and what it cuts
		if err := n.groups.Limit(ctx, c); err != nil {
			return fmt.Errorf("limit logs of a group: %w", err)
		}
	}
	for _, name := range n.cfg.Interfaces {
		if _, err := net.InterfaceByName(name); err != nil {
			n.log.Warn("no such interface now; waiting for it", "interface", name)
		}
	}
	hubNetworks := n.watcher.Subscribe()
	n.hub.accept(ctx)
	running.Go(func() { n.hub.run(ctx, hubNetworks) })
	if err := n.startListening(ctx); err != nil {
		return err
	}
	var mdns *discovery.MDNS
	if !n.cfg.NoMDNS {
		if mdns, err = discovery.NewMDNS(discovery.MDNSConfig{
			Device:   n.host.ID(),
			Port:     n.host.Port(),
			Networks: n.watcher.Subscribe(),
			Found:    n.hub.sighted,
			Own:      n.hub.sightedSelf,
			Known:    n.isContact,
			Log:      n.log,
		}); err != nil {
			return fmt.Errorf("start mdns: %w", err)
		}
		running.Go(func() { _ = mdns.Run(ctx) })
	}
	running.Go(func() { _ = n.watcher.Run(ctx) })
	running.Go(func() { n.savePlaces(ctx) })
	running.Go(func() { n.receipts.run(ctx) })
	running.Go(func() { n.acks.run(ctx) })
	running.Go(func() { n.release(ctx) })
	running.Go(func() { n.compare(ctx) })
	running.Go(func() { n.keepFellows(ctx) })
	running.Go(func() { n.gossips.run(ctx) })
	n.pinContacts()
	for _, s := range append(n.savedSightings(), n.peers...) {
		n.hub.sighted(s)
	}
	close(n.ready)

	select {
	case <-ctx.Done():
	case <-n.ended:
	}
	return nil
}

// startListening listens where the configuration says, or on the port of last time: peers have saved it.
func (n *Node) startListening(ctx context.Context) error {
	if len(n.listen) > 0 {
		if err := n.host.Listen(n.listen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		return nil
	}
	last := n.lastPort()
	err := n.host.Listen(link.ListenAddrs(last))
	if errors.Is(err, link.ErrPortTaken) && last != 0 {
		err = n.host.Listen(link.ListenAddrs(0))
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if port := n.host.Port(); port != last {
		return n.store.SetSetting(ctx, settingPort, strconv.Itoa(int(port)))
	}
	return nil
}

// release shows rows whose cause has not come in time, until ctx ends.
func (n *Node) release(ctx context.Context) {
	tick := time.NewTicker(releaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.rounds.prune()
			waits := func(cause event.Log, since time.Time) bool { return n.rounds.waits(cause, since, nil) }
			if err := n.store.Release(ctx, nil, n.cfg.Now().Add(-releaseAfter), waits); err != nil && ctx.Err() == nil {
				n.log.Warn("show waiting messages", "err", err)
			}
		}
	}
}

// committed passes on what the store has written. It is called by the store's writer.
func (n *Node) committed(c store.Change) {
	n.runs.committed(c)
	if !c.Strange.IsZero() {
		n.cameBack(c.Strange)
	}
	n.eachSession(func(s *session) {
		for _, l := range c.Logs {
			s.news.hold(l.Log, l.Segments)
		}
	})
	n.gossips.committed(c)
	n.events.Reach(c.N)
}

// eachIn calls f for the sessions that hear of a conversation.
func (n *Node) eachIn(c event.Conversation, f func(*session)) {
	n.eachSession(func(s *session) {
		if s.news.in(c) {
			f(s)
		}
	})
}

func (n *Node) eachSession(f func(*session)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.sessions {
		f(s)
	}
}

func randomNonce() (b [32]byte) {
	_, _ = rand.Read(b[:]) // never fails
	return b
}
