// Package waiting says why what the owner of the node has written waits for somebody.
//
// The store knows who lacks which message. This package adds what is known of the person: whether they
// are blocked or have to accept the owner first, what their node has refused, and how the last dials of
// their devices went. A [Look] is for one answer: all that it says is of one moment. It changes nothing,
// and its errors are those of the store.
package waiting

import (
	"errors"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Mesh says what is known of devices, such as how the last dials of each went.
type Mesh interface {
	States() map[crypto.DeviceID]dial.State
	// Refusals returns what says why somebody who is connected takes nothing more of what the owner
	// writes in a conversation. It says 0 of everybody else.
	Refusals() func(crypto.PersonID, event.Conversation) wire.Reason
	// Networked says that this machine is on a network.
	Networked() bool
}

// Config is what Waiting is made of.
type Config struct {
	Store    *store.Store
	People   *people.People
	Owner    *people.Owner
	Contacts *contacts.Contacts
	Groups   *groups.Groups
	Mesh     Mesh
}

// Waiting says why messages wait. Its methods may be called by any goroutine.
type Waiting struct{ cfg Config }

// New returns Waiting for the owner of a store.
func New(cfg Config) *Waiting { return &Waiting{cfg: cfg} }

// Why a message waits.
const (
	WaitOffline      = "offline"      // no device of theirs is in earshot
	WaitUnreachable  = "unreachable"  // sighted, but no connection succeeds
	WaitUnanswered   = "unanswered"   // connected, but it takes nothing (yet)
	WaitIncompatible = "incompatible" // it speaks another version
	WaitRefused      = "refused"      // connected, and it has said why it takes nothing more
	WaitNoNetwork    = "no_network"   // not connected, since this machine is on no network
	WaitNoRoom       = "no_room"      // the same, since its disk is full
)

// Reasons of WaitUnanswered and WaitRefused.
const (
	WaitBlocked    = "blocked"     // the owner has blocked them
	WaitNotContact = "not_contact" // the owner has removed them, and talks with contacts only
	WaitAcceptance = "acceptance"  // they may have to accept the owner first
	WaitLimit      = "limit"       // of a group: their node keeps as much of the owner's there as it may
	WaitLogs       = "logs"        // their node keeps as many logs of the owner's as it may
)

// Pending is a message and a person who has not acknowledged it.
type Pending struct {
	ID         event.ID
	To         contacts.Target
	Person     contacts.Person // whom To means
	Queued     time.Time
	WaitingFor string
	Reason     string    // of WaitUnanswered and WaitRefused, if it is known
	Dials      int       // of WaitUnreachable: how many have failed
	Error      string    // of WaitUnreachable: that of the last one
	LastSeen   time.Time // when a device of theirs was last connected; zero: never
}

// Look is what is known at a moment. One goroutine may use it.
type Look struct {
	cfg      *Config
	states   map[crypto.DeviceID]dial.State
	refusal  func(crypto.PersonID, event.Conversation) wire.Reason
	network  bool                     // this machine is on one
	everyone bool                     // may write to the owner
	taken    map[crypto.PersonID]bool // see hasTaken
}

// Look returns what is known now.
func (w *Waiting) Look() *Look {
	mesh := w.cfg.Mesh
	return &Look{cfg: &w.cfg, states: mesh.States(), refusal: mesh.Refusals(), network: mesh.Networked(),
		everyone: w.cfg.Owner.Accepts() == people.AcceptEveryone, taken: make(map[crypto.PersonID]bool)}
}

// Why says why a message waits for somebody.
func (l *Look) Why(w store.Pending) (Pending, error) {
	them := l.cfg.Contacts.Person(w.To)
	if _, known := l.taken[w.To]; !known {
		taken, err := l.hasTaken(&them)
		if err != nil {
			return Pending{}, err
		}
		l.taken[w.To] = taken
	}
	p := Pending{ID: w.ID, To: contacts.TargetPerson(&them), Person: them, Queued: w.Queued, LastSeen: l.lastSeen(w.To)}
	r := reader{them: &them, states: l.states, refused: l.refusal(w.To, w.Conversation), inGroup: l.cfg.Groups.Known(w.Conversation),
		served: them.Contact || l.everyone, taken: l.taken[w.To], network: l.network}
	r.why(&p)
	return p, nil
}

// lastSeen returns when a device of a person was last connected; zero: never.
func (l *Look) lastSeen(person crypto.PersonID) time.Time {
	them, _ := l.cfg.People.Get(person)
	return l.cfg.People.LastSeenAny(&them)
}

// hasTaken says whether a person has ever acknowledged a message that the owner wrote to them alone:
// then they have accepted the owner, or need not.
func (l *Look) hasTaken(them *contacts.Person) (bool, error) {
	own := l.cfg.Store.Own()
	logs, err := l.cfg.Store.Logs(event.Direct(own.Person, them.ID))
	if err != nil && !errors.Is(err, store.ErrNoConversation) {
		return false, err
	}
	for log := range logs {
		if log.Device != own.Device.ID() {
			continue
		}
		if taken, _, err := l.cfg.Store.Acknowledged(log, them.ID); err != nil || len(taken) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// reader is what is known of somebody for whom a message waits.
type reader struct {
	them    *contacts.Person
	states  map[crypto.DeviceID]dial.State // of devices
	refused wire.Reason                    // why they take nothing more in its conversation
	inGroup bool                           // the message is for a group
	served  bool                           // they may write to the owner, unless they are blocked
	taken   bool                           // see hasTaken
	network bool                           // this machine is on one
}

// why says in p why a message to somebody still waits.
func (r *reader) why(p *Pending) {
	switch {
	case r.them.Blocked && !r.inGroup:
		p.WaitingFor, p.Reason = WaitUnanswered, WaitBlocked
	case !r.served && !r.inGroup:
		p.WaitingFor, p.Reason = WaitUnanswered, WaitNotContact
	case r.refused != 0:
		p.WaitingFor, p.Reason = whyRefused(r.refused, r.inGroup)
	case r.them.Online && !r.inGroup && !r.taken:
		p.WaitingFor, p.Reason = WaitUnanswered, WaitAcceptance
	case r.them.Online:
		p.WaitingFor = WaitUnanswered
	case !r.network:
		p.WaitingFor = WaitNoNetwork
	default:
		r.whyAway(p)
	}
}

// whyAway says in p why a message waits for somebody who is not connected.
func (r *reader) whyAway(p *Pending) {
	p.WaitingFor = WaitOffline
	for _, device := range r.them.Devices {
		state := r.states[device]
		switch {
		case state.Ended == dial.Incompatible && !state.Connected:
			p.WaitingFor, p.Dials, p.Error = WaitIncompatible, 0, ""
			return
		case state.Unreachable(time.Now()):
			p.WaitingFor, p.Dials, p.Error = WaitUnreachable, state.Fails, state.Err.Error()
		}
	}
}

// whyRefused says why a message waits that the peer's node refuses. In a group nobody has to be
// accepted: members take from each other what they may.
func whyRefused(why wire.Reason, inGroup bool) (waitingFor, reason string) {
	switch {
	case why == wire.NoRoom:
		return WaitNoRoom, ""
	case why == wire.OverBudget && inGroup:
		return WaitRefused, WaitLimit
	case why == wire.OverBudget:
		return WaitRefused, WaitAcceptance
	}
	return WaitRefused, WaitLogs
}
