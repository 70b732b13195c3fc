package mesh

import (
	"errors"
	"net/netip"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/store/event"
)

// youngSession is how long two devices that open streams to each other at the same time may take to
// see both streams. A stream that comes later replaces the session that is there, since its peer
// must have lost that session.
const youngSession = 2 * time.Second

// Why a session is not taken in, or ends because of another.
var (
	errReplaced = errors.New("replaced by a newer session")
	errFull     = errors.New("too many peers")
	errCrowded  = errors.New("another peer needed the place")
	errGone     = errors.New("node is stopping")
)

// Register is who is connected, at one session a device, and what is known of whom to dial. Under
// its lock it reads and changes maps and asks the planner, which does the same, and nothing else:
// if something else is to be done, it returns what. It may be used by any goroutine, also after the
// mesh has stopped.
type Register struct {
	mu      gosync.Mutex
	planner *dial.Planner
	network discovery.Network                    // this machine's interfaces
	named   []*place                             // places that the owner named
	places  *places                              // of sessions with strangers
	silence func(*session.Session) time.Duration // its method; another one in tests
	stopped bool
	running gosync.WaitGroup // dials, and sessions that were admitted; none is added once stopped

	devices  map[crypto.DeviceID]*entry
	persons  map[crypto.PersonID]int                               // how many of their devices are connected, see parted
	locals   map[netip.Addr]int                                    // how many sessions each address of this machine carries
	sessions map[*session.Session]*entry                           // those of devices, by session
	hearing  map[event.Conversation]map[*session.Session]bool      // who hears of a conversation; false: of control events only
	followed map[event.Conversation]*following                     // see Follow
	direct   map[event.Conversation]map[event.Log]*session.Session // which logs come directly, and by whose session; see Brings
}

// entry is one session.
type entry struct {
	session *session.Session
	person  crypto.PersonID // if known
	known   bool
	in      map[event.Conversation]struct{} // the conversations under which hearing has the session
	local   netip.Addr                      // this machine's end of the connection
	own     []netip.AddrPort                // where the peer says that it is itself
	refused refusals                        // see Refused
	told    []netip.AddrPort                // where others were told that the peer is
	passed  bool                            // what the peer says of itself first was passed on to others
	tells   teller                          // of how many devices the peer may tell
}

func newRegister(self peer.ID) *Register {
	return &Register{
		planner:  dial.New(dial.Config{Self: self, Seed: seed(self)}),
		places:   newPlaces(),
		silence:  (*session.Session).Silence,
		devices:  make(map[crypto.DeviceID]*entry),
		persons:  make(map[crypto.PersonID]int),
		locals:   make(map[netip.Addr]int),
		sessions: make(map[*session.Session]*entry),
		hearing:  make(map[event.Conversation]map[*session.Session]bool),
		followed: make(map[event.Conversation]*following),
		direct:   make(map[event.Conversation]map[event.Log]*session.Session),
	}
}

// seed makes the jitter of two devices differ.
func seed(id peer.ID) (n uint64) {
	for _, b := range []byte(id[max(0, len(id)-8):]) {
		n = n<<8 | uint64(b)
	}
	return n
}

func peerID(d crypto.DeviceID) peer.ID { return peer.ID(d.PeerID()) }

// left is a session that was taken out.
type left struct {
	session *session.Session
	person  crypto.PersonID // if known: then parted is to be called
	known   bool
	follow  []choice // to be followed instead of the peer of s
	direct  []word   // of logs that came by s
}

// admit takes in a session as the one with its peer and counts it as running, or says why not. It
// returns the session that it replaces, and the one of another peer that had to make room, or nil.
func (r *Register) admit(s *session.Session) (replaced, crowded *left, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, nil, errGone
	}
	old := r.devices[s.Peer()]
	switch {
	case old == nil:
		if crowded, err = r.place(s); err != nil {
			return nil, nil, err
		}
	case old.session.Opened() != s.Opened() && time.Since(old.session.Since()) < youngSession && old.session.OpenedByLower():
		return nil, nil, errReplaced
	case r.places.Has(old.session):
		r.places.Swap(old.session, r.holder(remote(s)), s)
	}
	if !r.planner.Connected(peerID(s.Peer()), time.Now()) {
		r.places.Leave(s)
		return nil, crowded, errFull
	}
	if old != nil {
		replaced = r.remove(old)
	}
	r.running.Add(1)
	e := &entry{session: s, local: s.Local(), in: make(map[event.Conversation]struct{}), tells: newTeller(r.planner.Standing(peerID(s.Peer())))}
	r.locals[e.local]++
	r.devices[s.Peer()] = e
	r.sessions[s] = e
	return replaced, crowded, nil
}

// remove takes a session out. The caller holds the lock.
func (r *Register) remove(e *entry) *left {
	out := &left{session: e.session, person: e.person, known: e.known}
	delete(r.sessions, e.session)
	delete(r.devices, e.session.Peer())
	r.places.Leave(e.session)
	if r.locals[e.local]--; r.locals[e.local] == 0 {
		delete(r.locals, e.local)
	}
	for c := range e.in {
		if delete(r.hearing[c], e.session); len(r.hearing[c]) == 0 {
			delete(r.hearing, c)
		}
		out.follow = append(out.follow, r.unfollow(c, e.session)...)
		for log, by := range r.direct[c] {
			if by == e.session {
				out.direct = append(out.direct, r.setDirect(log, nil)...)
			}
		}
	}
	return out
}

// parted stops counting a session with a person that was taken out. The caller has noted by then
// when the session ended. Here counts the session until parted is called, so nobody finds the
// person gone without also finding since when.
func (r *Register) parted(person crypto.PersonID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.persons[person]--; r.persons[person] == 0 {
		delete(r.persons, person)
	}
}

// Identify notes whose device the peer of a session is. It returns an error if the session was
// replaced meanwhile.
func (r *Register) Identify(s *session.Session, person crypto.PersonID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return errReplaced
	}
	if !e.known {
		e.person, e.known = person, true
		r.persons[person]++
	}
	return nil
}

// leave takes an ended session out. It returns nil if the session was replaced before.
func (r *Register) leave(s *session.Session, why dial.Cause) *left {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return nil
	}
	r.planner.Disconnected(peerID(s.Peer()), why, time.Now())
	return r.remove(e)
}

// stop has no session admitted from now on.
func (r *Register) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
}

// Join says of which conversation a session hears from now on: of everything in it, or of control
// events only.
func (r *Register) Join(s *session.Session, c event.Conversation, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	if e == nil {
		return
	}
	if r.hearing[c] == nil {
		r.hearing[c] = make(map[*session.Session]bool)
	}
	r.hearing[c][s] = all
	e.in[c] = struct{}{}
}

// Sessions returns all sessions, in no order.
func (r *Register) Sessions() []*session.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*session.Session, 0, len(r.sessions))
	for s := range r.sessions {
		out = append(out, s)
	}
	return out
}

// Identified returns the sessions whose person is known, by person.
func (r *Register) Identified() map[*session.Session]crypto.PersonID {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[*session.Session]crypto.PersonID, len(r.sessions))
	for s, e := range r.sessions {
		if e.known {
			out[s] = e.person
		}
	}
	return out
}

// With returns the sessions with a person's devices.
func (r *Register) With(person crypto.PersonID) (out []*session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, e := range r.sessions {
		if e.known && e.person == person {
			out = append(out, s)
		}
	}
	return out
}

// In returns the sessions that hear of everything in a conversation, in no order.
func (r *Register) In(c event.Conversation) (out []*session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, all := range r.hearing[c] {
		if all {
			out = append(out, s)
		}
	}
	return out
}

// Hearing returns the sessions that hear of a conversation at all, if only of its control events,
// in no order.
func (r *Register) Hearing(c event.Conversation) (out []*session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.hearing[c] {
		out = append(out, s)
	}
	return out
}

// Online says whether a device is connected and was identified.
func (r *Register) Online(device crypto.DeviceID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.devices[device]
	return e != nil && e.known
}

// sighted takes in what a source found.
func (r *Register) sighted(s discovery.Sighting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planner.Sighted(s, time.Now())
}

// next returns the dials to make now, and when to ask again; zero: after the next change.
func (r *Register) next() ([]dial.Dial, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.planner.Next(time.Now())
}

// dialled takes in how a dial has ended: s is the session that it led to.
func (r *Register) dialled(d dial.Dial, s *session.Session, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var other *link.OtherError
	if errors.As(err, &other) {
		err = otherDevice{err}
	}
	r.planner.Dialled(d.Device, err, time.Now())
	if s != nil {
		r.planner.Answered(d.Device, remote(s))
	}
}

// otherDevice is an error of the link as the planner calls it.
type otherDevice struct{ error }

func (e otherDevice) Is(err error) bool { return err == dial.ErrOther }
func (e otherDevice) Unwrap() error     { return e.error }

// States returns what is known of every device that is connected or has an address.
func (r *Register) States() map[crypto.DeviceID]dial.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[crypto.DeviceID]dial.State)
	for _, id := range r.planner.Devices() {
		if device, err := crypto.DeviceFromPeer(id); err == nil {
			out[device] = r.planner.State(id)
		}
	}
	return out
}

// Here says whether any device of a person is connected, or was until just now: see parted.
func (r *Register) Here(person crypto.PersonID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.persons[person] > 0
}
