package link

import (
	"errors"
	"net"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	goyamux "github.com/libp2p/go-yamux/v5"

	"github.com/earshot-im/earshot/node/budget"
)

const (
	// maxUnnamed is how many streams of a peer may not have named their protocol. A peer names it
	// together with the stream, so that these go through as they come. A stranger's further ones are
	// reset. Those of others, who open one for each group at once, wait, and with them the peer alone:
	// these streams have no limit that others could use up.
	maxUnnamed = 2
	// maxStreamsStranger and maxStreamsFellow are how many streams a connection of theirs may have
	// open towards this node. A stranger has the sync stream and the one that replaces it.
	maxStreamsStranger = 4
	maxStreamsFellow   = 16
)

var errUnnamed = errors.New("too many streams that name no protocol")

// limits are those of the library's resource manager, and maxUnnamed.
type limits struct {
	network.ResourceManager
	standing func(peer.ID) budget.Standing

	mu    sync.Mutex
	peers map[peer.ID]*streams
}

// streams are those of a peer that came in.
type streams struct {
	unnamed chan struct{} // holds one for each that has not named its protocol
	users   int           // who uses this
	named   int
}

// OpenStream counts a stream. One that a peer opens is let in when at most maxUnnamed of the peer's,
// with this one, have not named their protocol; only the connection of the peer waits for that.
func (l *limits) OpenStream(id peer.ID, dir network.Direction) (network.StreamManagementScope, error) {
	if dir == network.DirOutbound {
		return l.ResourceManager.OpenStream(id, dir)
	}
	s := l.use(id)
	if !s.enter(l.standing(id) > budget.Stranger) {
		l.release(id, s, false)
		return nil, errUnnamed
	}
	scope, err := l.ResourceManager.OpenStream(id, dir)
	if err != nil {
		<-s.unnamed
		l.release(id, s, false)
		return nil, err
	}
	return &stream{StreamManagementScope: scope, limits: l, of: s, peer: id}, nil
}

// enter takes one of the places for streams that have not named their protocol.
func (s *streams) enter(wait bool) bool {
	if wait {
		s.unnamed <- struct{}{}
		return true
	}
	select {
	case s.unnamed <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *limits) use(id peer.ID) *streams {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.peers[id]
	if s == nil {
		s = &streams{unnamed: make(chan struct{}, maxUnnamed)}
		l.peers[id] = s
	}
	s.users++
	return s
}

func (l *limits) release(id peer.ID, s *streams, named bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if named {
		s.named--
	}
	if s.users--; s.users == 0 {
		delete(l.peers, id)
	}
}

// busy says that a peer has a stream here that has named its protocol.
func (l *limits) busy(id peer.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.peers[id]
	return s != nil && s.named > 0
}

// stream is one that a peer opened.
type stream struct {
	network.StreamManagementScope
	limits *limits
	of     *streams
	peer   peer.ID

	mu          sync.Mutex
	named, done bool
}

// SetProtocol takes in which protocol the stream is for.
func (s *stream) SetProtocol(proto protocol.ID) error {
	if err := s.StreamManagementScope.SetProtocol(proto); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named || s.done {
		return nil
	}
	s.named = true
	s.limits.mu.Lock()
	s.of.named++
	s.limits.mu.Unlock()
	<-s.of.unnamed
	return nil
}

// Done takes in that the stream has ended. It may be called again.
func (s *stream) Done() {
	s.StreamManagementScope.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.done = true
	if !s.named {
		<-s.of.unnamed
	}
	s.limits.release(s.peer, s.of, s.named)
}

// muxer is yamux with bounds by the peer's standing when the connection began: yamux keeps what was
// not read of each stream, up to its window.
type muxer struct {
	standing                  func(peer.ID) budget.Standing
	stranger, fellow, contact *yamux.Transport
}

func newMuxer(standing func(peer.ID) budget.Standing) *muxer {
	return &muxer{
		standing: standing,
		stranger: newYamux(maxStreamsStranger, minWindow),
		fellow:   newYamux(maxStreamsFellow, minWindow),
		contact:  newYamux(maxStreamsPeer, maxWindow),
	}
}

func newYamux(streams, window uint32) *yamux.Transport {
	m := *yamux.DefaultTransport
	m.EnableKeepAlive = false // see watch
	m.MeasureRTTInterval = pingAtRest
	m.ConnectionWriteTimeout = writeTimeout
	m.MaxIncomingStreams = streams // of one connection; the resource manager counts those of a peer
	m.MaxStreamWindowSize = window
	return &m
}

// NewConn begins to speak yamux with a peer that has proven itself.
func (m *muxer) NewConn(c net.Conn, isServer bool, scope network.PeerScope) (network.MuxedConn, error) {
	return m.watched(c, watchedBySystem(systemConn(c)), isServer, scope)
}

// watched begins to speak yamux over a connection that the system watches over or doesn't.
func (m *muxer) watched(c net.Conn, system, isServer bool, scope network.PeerScope) (network.MuxedConn, error) {
	sending := newSending(c)
	sending.watch = newWatch(system)
	mux, err := m.newConn(sending, isServer, scope)
	if err != nil {
		return nil, err
	}
	var link *goyamux.Session
	mux.As(&link)
	sending.watch.begin(link)
	return &sendingMux{mux, sending.unsent}, nil
}

func (m *muxer) newConn(c net.Conn, isServer bool, scope network.PeerScope) (network.MuxedConn, error) {
	switch m.standing(scope.Peer()) {
	case budget.Contact:
		return m.contact.NewConn(c, isServer, scope)
	case budget.Fellow:
		return bounded(m.fellow, maxUnreadFellow, c, isServer, scope)
	}
	return bounded(m.stranger, maxUnreadStranger, c, isServer, scope)
}

// bounded begins to speak yamux over a connection of which only so many bytes may be unread.
func bounded(y *yamux.Transport, most int, c net.Conn, isServer bool, scope network.PeerScope) (network.MuxedConn, error) {
	u := newUnread(most)
	m, err := y.NewConn(&boundedConn{Conn: c, unread: u}, isServer, scope)
	if err != nil {
		return nil, err
	}
	return &boundedMux{m, u}, nil
}
