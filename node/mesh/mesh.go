// Package mesh knows who is connected, and connects this node with others: it dials whom the
// planner of package dial says, accepts the streams that peers open, and runs one session with each
// device.
//
// Its [Register] is the one place that knows the sessions: with which device and person each is,
// which conversations it hears of, which peers are followed, which logs come from their own devices,
// and where devices are. Presence is derived from it and stored nowhere else. Where two sessions with
// one device exist for a moment, the newer one counts. The other is ended and hears of nothing any
// more; until the newer one has said who it is, the device counts as gone. Anybody may ask the
// register, before, while and after the mesh runs. What a change gives rise to, such as that another
// peer is followed, is carried out after the lock is released.
//
// A [Mesh] owns the goroutine that dials and those in which sessions run. Run returns when all have
// ended. The package knows nothing of names, messages and the store. It handles the sync protocol
// only; another stream protocol has a handler of its own. Peers cannot make it fail: a peer for
// which there is no place is hung up on, and a session that breaks is reported to the planner,
// which decides when its device is dialled again.
package mesh

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

// Config is what a Mesh is made of.
type Config struct {
	Host       *link.Host
	Self       crypto.DeviceID
	NewSession func(stream network.Stream, opened bool) *session.Session // starts nothing
	Log        *slog.Logger

	// Known says that a device is one of somebody's in the store.
	Known func(crypto.DeviceID) bool
	// Found is told where the peer of a session is.
	Found func(crypto.DeviceID, discovery.Place)
	// Parted is told when a device that was identified is connected no more. Its person counts as
	// here until Parted returns.
	Parted func(crypto.PersonID, crypto.DeviceID)
	// Changed is told after each change of who is connected.
	Changed func()
	// Unreached is told once of each place that the owner named and that can't be reached.
	Unreached func(Unreached)
}

// Mesh connects this node with others.
type Mesh struct {
	*Register
	cfg     Config
	changed notify.Signal   // something that the planner may want to act on
	moves   *notify.Counter // counts the changes of the network
	starts  *starts         // of sessions, by peers
	news    *rate.Limiter   // of strangers, to everybody

	from func(to netip.Addr) (local netip.Addr) // which address of this machine leads to another

	telling gosync.Mutex     // held while sessions are given own addresses, so that each gets the newest last
	told    []netip.AddrPort // own addresses that sessions were given since the network changed
}

// New returns a mesh that knows nobody.
func New(cfg Config) *Mesh {
	return &Mesh{Register: newRegister(cfg.Host.ID()), cfg: cfg, changed: notify.NewSignal(), moves: notify.NewCounter(0), starts: newStarts(),
		news: rate.NewLimiter(rate.Every(newsEvery), newsBurst), from: cfg.Host.SendsFrom}
}

// Accept has the streams that peers open served until ctx ends. Call it before Run, and both before
// listening: a peer that dials and is not understood does not come back soon.
func (m *Mesh) Accept(ctx context.Context) {
	m.cfg.Host.SetStreamHandler(session.Protocol, func(s network.Stream) {
		if !m.mayBegin(s.Conn()) {
			_ = s.Reset()
			_ = s.Conn().Close()
			return
		}
		m.serve(ctx, m.cfg.NewSession(s, false))
	})
}

// Run dials and serves until ctx ends, and returns when every dial and session has ended.
func (m *Mesh) Run(ctx context.Context, networks <-chan discovery.Network) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		m.cfg.Host.RemoveStreamHandler(session.Protocol)
		m.stop()
		cancel()
		m.running.Wait()
	}()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.changed:
		case n := <-networks:
			m.NetworkChanged(n)
		case <-wake.C:
		}
		dials, at := m.next()
		for _, d := range dials {
			m.running.Go(func() { m.dial(ctx, d) }) // ends with ctx
		}
		if at.IsZero() {
			wake.Stop()
		} else {
			wake.Reset(time.Until(at))
		}
	}
}

// NetworkChanged takes in that an interface came, went or changed its address, or that the machine
// woke from sleep. Peers are told: if their session lasts longer than the address, they would
// otherwise look for this device where it was. Run calls it; before Run, the caller may.
func (m *Mesh) NetworkChanged(n discovery.Network) {
	before := m.setNetwork(n)
	m.moves.Bump()
	gone := slices.DeleteFunc(localAddrs(before), func(a netip.Addr) bool {
		return slices.Contains(localAddrs(n), a)
	})
	if len(gone) > 0 {
		m.cfg.Host.CloseLocal(gone)
	}
	m.telling.Lock()
	defer m.telling.Unlock()
	if now := m.OwnAddrs(); !slices.Equal(m.told, now) {
		m.told = now
		m.share(wire.Sighting{Device: m.cfg.Self, Addresses: now}, nil)
	}
}

// share tells everybody but one where a device is.
func (m *Mesh) share(at wire.Sighting, except *session.Session) {
	for _, s := range m.Sessions() {
		if s != except {
			s.Inbox.Share(at)
		}
	}
}

func localAddrs(n discovery.Network) (addrs []netip.Addr) {
	for _, l := range n.Links {
		addrs = append(addrs, l.Addrs...)
	}
	return addrs
}

// dial makes one attempt, and if it succeeds serves the session until that ends.
func (m *Mesh) dial(ctx context.Context, d dial.Dial) {
	s, err := m.open(ctx, d)
	m.dialled(d, s, err)
	m.changed.Give()
	if err != nil {
		m.tellUnreached()
		m.cfg.Log.Debug("dial", "peer", d.Device, "addr", d.Addrs, "err", err)
		return
	}
	m.serve(ctx, s)
}

func (m *Mesh) open(ctx context.Context, d dial.Dial) (*session.Session, error) {
	addrs := discovery.Sighting{Device: d.Device, Addrs: d.Addrs}.Multiaddrs()
	if err := m.cfg.Host.Connect(ctx, d.Device, addrs); err != nil {
		return nil, err
	}
	stream, err := m.cfg.Host.NewStream(ctx, d.Device, session.Protocol)
	if err != nil {
		for _, c := range m.cfg.Host.ConnsTo(d.Device) {
			session.CloseUnused(c)
		}
		return nil, err
	}
	return m.cfg.NewSession(stream, true), nil
}

// serve runs a session in the caller's goroutine until it ends.
func (m *Mesh) serve(ctx context.Context, s *session.Session) {
	if !m.enter(ctx, s) {
		s.Abandon()
		return
	}
	defer m.running.Done()
	err := s.Run(ctx)
	level := slog.LevelDebug
	if errors.Is(err, sync.ErrProtocol) || errors.Is(err, sync.ErrPeerProof) {
		level = slog.LevelWarn // the owner may want to know who it was
	}
	m.cfg.Log.Log(ctx, level, "session ended", "peer", s.Peer(), "unsent", s.Unsent(), "err", err)
	m.ended(s, err)
}

// enter admits a session, unless there is no place for it.
func (m *Mesh) enter(ctx context.Context, s *session.Session) bool {
	if ctx.Err() != nil {
		return false
	}
	replaced, crowded, err := m.admit(s)
	m.changed.Give()
	m.evicted(crowded)
	if replaced != nil {
		replaced.session.End(errReplaced)
		m.takenOut(replaced)
	}
	return err == nil
}

// evicted ends a session that had to make room, if there is one.
func (m *Mesh) evicted(out *left) {
	if out != nil {
		out.session.End(errCrowded)
		m.takenOut(out)
	}
}

// ended takes an ended session out.
func (m *Mesh) ended(s *session.Session, err error) {
	m.found(s)
	cause := dial.Lost
	switch {
	case errors.Is(err, sync.ErrIncompatible):
		cause = dial.Incompatible
	case errors.Is(err, sync.ErrProtocol), errors.Is(err, sync.ErrPeerProof):
		cause = dial.Fault
	}
	if out := m.leave(s, cause); out != nil {
		m.changed.Give()
		m.takenOut(out)
	}
}

// takenOut tells the rooms and sessions that it concerns that a session is gone.
func (m *Mesh) takenOut(out *left) {
	m.tell(out.follow)
	say(out.direct)
	if out.known {
		m.cfg.Parted(out.person, out.session.Peer())
		m.parted(out.person)
	}
	m.cfg.Changed()
}

// Sighted takes in what a source found.
func (m *Mesh) Sighted(s discovery.Sighting) {
	m.sighted(s)
	m.changed.Give()
}

// Stand says what devices are to the owner from now on. Contacts have places and dials that nobody
// else can take, and fellow members of groups have some that strangers can't take.
func (m *Mesh) Stand(devices []crypto.DeviceID, as budget.Standing) {
	for _, out := range m.stand(devices, as) {
		m.evicted(out)
	}
	m.changed.Give()
}

// Introduce tells the peer of a session that was just identified who else is here, and the others
// of it.
func (m *Mesh) Introduce(s *session.Session) {
	peer, others, ok := m.introduction(s)
	if !ok {
		return
	}
	m.telling.Lock()
	own := wire.Sighting{Device: m.cfg.Self, Addresses: m.OwnAddrs()}
	s.Inbox.Share(append([]wire.Sighting{own}, others...)...)
	if news := missing(own.Addresses, m.told); len(news) > 0 { // the session is the first over an interface
		m.told = append(m.told, news...)
		m.share(own, s)
	}
	m.telling.Unlock()
	if len(peer.Addresses) > 0 {
		m.tellOf(s, peer)
	}
	m.found(s)
	m.cfg.Changed()
}

// missing returns what is not in a list.
func missing(addrs, from []netip.AddrPort) []netip.AddrPort {
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.AddrPort) bool { return slices.Contains(from, a) })
}

// found tells where the peer of a session is, by what was heard of it until now.
func (m *Mesh) found(s *session.Session) {
	if own, heard, ok := m.where(s); ok {
		at := discovery.Place{Own: own, Heard: heard}
		at.Remote, at.Dialled, _ = s.Remote()
		m.cfg.Found(s.Peer(), at)
	}
}
