package mesh

import (
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/fair"
	"github.com/earshot-im/earshot/node/session"
)

// places are those of sessions with strangers. The planner says how many sessions there may be with
// whom; here an address holds no more of the strangers' than it leaves free. So one that opens
// sessions without end keeps out nobody else.
type places = fair.Pool[netip.AddrPort, *session.Session]

func newPlaces() *places { return fair.New[netip.AddrPort, *session.Session](dial.MaxStrangers) }

// holder returns who is charged for a stranger: an address, or for a peer on this machine its end of
// the connection alone. The caller holds the lock.
func (r *Register) holder(at netip.AddrPort) netip.AddrPort {
	if at.Addr().Unmap().IsLoopback() {
		return at
	}
	return netip.AddrPortFrom(fair.Holder(at.Addr(), r.network.OnLink(at.Addr())), 0)
}

// remote is the other end of a session's connection; not valid if that has no IP.
func remote(s *session.Session) netip.AddrPort {
	at, _, _ := s.Remote()
	return at
}

// comes returns what the peer of a connection is to the owner, and who is charged for it if that is
// a stranger.
func (r *Register) comes(c network.Conn) (as budget.Standing, holder netip.AddrPort) {
	var at netip.AddrPort
	if tcp, err := manet.ToNetAddr(c.RemoteMultiaddr()); err == nil {
		at, _ = netip.ParseAddrPort(tcp.String())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.planner.Standing(c.RemotePeer()), r.holder(at)
}

// place gives a new session a place, and returns the one that had to go for it. A contact's always
// finds one as long as anybody else has any. The caller holds the lock.
func (r *Register) place(s *session.Session) (gone *left, err error) {
	var goes *session.Session
	switch as := r.planner.Standing(peerID(s.Peer())); {
	case as == budget.Stranger:
		if goes, err = r.amongStrangers(s); err != nil {
			return nil, err
		}
	case as == budget.Contact && !r.planner.Room(as):
		if goes = mostSilent(r.places.All()); goes == nil {
			goes = mostSilent(r.fellows())
		}
	}
	if goes != nil {
		gone = r.evict(goes)
	}
	return gone, nil
}

// amongStrangers gives a session one of the strangers' places, and returns the one that has to go.
// The caller holds the lock.
func (r *Register) amongStrangers(s *session.Session) (goes *session.Session, err error) {
	holder := r.holder(remote(s))
	if r.places.Take(holder, s) {
		return nil, nil
	}
	if goes = mostSilent(r.places.Rivals(holder)); goes == nil {
		return nil, errFull
	}
	r.places.Swap(goes, holder, s)
	return goes, nil
}

// fellows returns the sessions with fellow members of groups. The caller holds the lock.
func (r *Register) fellows() (out []*session.Session) {
	for s := range r.sessions {
		if r.planner.Standing(peerID(s.Peer())) == budget.Fellow {
			out = append(out, s)
		}
	}
	return out
}

// mostSilent returns the session whose peer has said nothing for longest; nil if there is none.
func mostSilent(of []*session.Session) *session.Session {
	if len(of) == 0 {
		return nil
	}
	return slices.MaxFunc(of, func(a, b *session.Session) int { return int(a.Silence() - b.Silence()) })
}

// evict takes out a session whose place another needs. The caller holds the lock, and ends the
// session after it.
func (r *Register) evict(s *session.Session) *left {
	r.planner.Disconnected(peerID(s.Peer()), dial.Crowded, time.Now())
	return r.remove(r.sessions[s])
}

// stand takes in what devices are to the owner from now on, and returns the sessions that lose their
// places by it.
func (r *Register) stand(devices []crypto.DeviceID, as budget.Standing) (gone []*left) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range devices {
		r.planner.Stand(peerID(d), as, time.Now())
		e := r.devices[d]
		switch stranger := r.planner.Standing(peerID(d)) == budget.Stranger; {
		case e == nil || stranger == r.places.Has(e.session):
		case !stranger:
			r.places.Leave(e.session)
		default:
			goes, err := r.amongStrangers(e.session)
			if err != nil {
				goes = e.session
			}
			if goes != nil {
				gone = append(gone, r.evict(goes))
			}
		}
	}
	return gone
}

// standingOf returns what the peer of a session is to the owner.
func (r *Register) standingOf(s *session.Session) budget.Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.planner.Standing(peerID(s.Peer()))
}

// Standing returns what a device is to the owner.
func (r *Register) Standing(id peer.ID) budget.Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.planner.Standing(id)
}
