package node

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Status is the node at a glance.
type Status struct {
	Person    crypto.PersonID
	Name      string
	Device    crypto.DeviceID
	Version   string
	Listening []string // multiaddrs with the peer ID
	Peers     int      // devices connected now
	Outbox    int      // lines that Outbox would give
	Warnings  []Warning
}

// Me is what the owner of the node has set.
type Me struct {
	Person       crypto.PersonID
	Name         string
	Device       crypto.DeviceID
	Accept       string // AcceptEveryone or AcceptContacts
	ReadReceipts bool
}

// Who may write: everyone in earshot, or contacts only.
const (
	AcceptEveryone = "everyone"
	AcceptContacts = "contacts"
)

// Peer is one device in earshot, or a contact's device that was.
type Peer struct {
	Person    crypto.PersonID
	Name      string // what the person calls themselves
	Petname   string
	Device    crypto.DeviceID
	Online    bool
	Contact   bool
	Verified  bool
	Addresses []string // multiaddrs without the peer ID
	FoundBy   []string // discovery.Source values
	LastSeen  time.Time
}

// Person is somebody this node knows of.
type Person struct {
	ID       crypto.PersonID
	Name     string // what the person calls themselves
	Petname  string // what the owner calls them
	Pinned   string // the name they had when they became a contact
	Contact  bool
	Verified bool
	Blocked  bool
	Online   bool
	Devices  []crypto.DeviceID
}

// Target is where a message goes.
type Target struct {
	Kind string // "person" or "group"
	ID   string
	Name string
}

// Author is who wrote a message, by what is known now.
type Author struct {
	Person   crypto.PersonID
	Name     string
	Petname  string
	Device   crypto.DeviceID
	Contact  bool
	Verified bool
}

// States of an own message. It passes through the first four in order, or ends in one of the others.
const (
	StateQueued      = "queued"
	StateCarried     = "carried"
	StateDelivered   = "delivered"
	StateRead        = "read"
	StateCancelled   = "cancelled"
	StateUndelivered = "undelivered"
)

// Why a message ends as StateUndelivered: its author was taken out of the group, or has left it.
const (
	ReasonRemoved = "removed"
	ReasonLeft    = "left"
)

// Progress is how far an own message has come.
type Progress struct {
	State  string
	Reason string // of StateUndelivered
}

// Message is an event that people see.
type Message struct {
	ID           event.ID
	Conversation event.Conversation
	To           Target
	From         Author
	Kind         string // "text", "recalled" or "unknown"
	Text         string
	Time         time.Time // the author's clock
	Received     time.Time // this node's clock; for own messages, when written
	ReplyTo      *event.ID
	Edited       bool // Text is not the first one
	Mentions     []crypto.PersonID
	Mentioned    bool // Mentions has the owner
	Reactions    []Reaction
	Own          bool
	Progress            // own messages only
	Gap          bool   // something that came before it is missing
	Forked       bool   // its author's log contradicts itself here
	Cursor       uint64 // its place in Arrivals
}

// Reaction is what a person has put on a message. Each has one at most.
type Reaction struct {
	Person crypto.PersonID
	Name   string // as Target names them
	Emoji  string
}

// Reached is how far an own message has come to one of those it is for.
type Reached struct {
	Person Person
	Progress
}

// Roles in a group.
const (
	RoleMember = "member"
	RoleAdmin  = "admin"
	RoleOwner  = "owner"
)

// What newcomers may read of what was said before they came: nothing, everything, or that of so many days ("7d").
const (
	HistoryJoined = "joined"
	HistoryAll    = "all"
)

// Group is a group that the owner is or was in.
type Group struct {
	ID        event.Conversation
	Name      string
	Topic     string
	History   string // HistoryJoined, HistoryAll or a number of days as "7d"
	Role      string // the owner's; empty: not in it any more
	Members   int    // persons in it
	Online    int    // of them, here now, the owner included
	Joined    time.Time
	InvitedBy *Person // nil where the owner made it
	Frozen    bool    // somebody's newer program has changed it in a way that this one can't follow
}

// Member is a person in a group.
type Member struct {
	Person
	Role   string
	Joined time.Time
	Self   bool // the owner
}

// Outgoing is a message to send.
type Outgoing struct {
	To      string // WHO, a person or a group
	Text    string
	ReplyTo *event.ID
	Key     string // if not empty: sent once, whatever is retried
}

// Filter narrows what is read; empty fields let everything through. From is a person, In a person or a group.
type Filter struct{ From, In string }

// Page is messages in the order of arrival, and how far they are all that passed the filter: go on after Cursor. Where
// there are no messages there are no more.
type Page struct {
	Messages []Message
	Cursor   uint64
	Revealed uint64 // moves when something older may be shown again
}

// HistoryRange picks messages of a conversation: the newest Limit, or those next to an ID.
type HistoryRange struct {
	Limit         int
	Before, After *event.ID
}

// Why a message waits.
const (
	WaitOffline      = "offline"      // no device of theirs is in earshot
	WaitUnreachable  = "unreachable"  // sighted, but no connection succeeds
	WaitUnanswered   = "unanswered"   // connected, but it takes nothing (yet)
	WaitIncompatible = "incompatible" // it speaks another version
)

// Pending is a message and a person who has not acknowledged it.
type Pending struct {
	ID         event.ID
	To         Target
	Queued     time.Time
	WaitingFor string
	Detail     string
}

// Request is somebody who has written and waits to be accepted.
type Request struct {
	Person   crypto.PersonID
	Name     string
	Device   crypto.DeviceID
	Received time.Time
	Text     string // of the first message
}
