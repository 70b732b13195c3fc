package chat

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store/event"
)

// Author is who wrote a message, by what is known now.
type Author struct {
	Person   crypto.PersonID
	Name     string
	Petname  string
	Pinned   string
	KnownAs  string // as contacts.KnownAs
	Device   crypto.DeviceID
	Contact  bool
	Verified bool
}

// States of an own message. It passes through the first four in order, or ends in one of the
// others.
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
	To           contacts.Target // whom it was written to: the group, the other person, or the owner
	With         contacts.Target // where it belongs: the group, or the other person
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
	Gap          bool   // a message that came before it is missing here
	Forked       bool   // its author's log contradicts itself here
	Cursor       string // its place among what arrived
	T            int64  // its place in its conversation is by (T, ID)
	Unread       bool   // somebody else's that the owner has not read
}

// Reaction is what a person has put on a message. Each has one at most.
type Reaction struct {
	From  Author // without a device
	Own   bool
	Emoji string
}

// Reached is how far an own message has come to one of the persons it is for.
type Reached struct {
	Person contacts.Person
	Progress
}

// Outgoing is a message to send.
type Outgoing struct {
	To      string // WHO, a person or a group
	Text    string
	ReplyTo *event.ID
	Key     string // if not empty: sending again with the same key sends nothing new
}

// Filter narrows what is read; empty fields let everything through. From is a person, In a person
// or a group.
type Filter struct{ From, In string }

// Page is some of the messages that pass a filter, in the order of arrival. The next page begins
// after Cursor. A page without messages is the last.
type Page struct {
	Messages []Message
	Cursor   string
	Revealed uint64 // moves when something older may be shown again
}

// HistoryRange picks messages of a conversation: the newest Limit, or those next to an ID. Around has the
// one itself too, and as many before it as after it, or one more.
type HistoryRange struct {
	Limit                 int
	Before, After, Around *event.ID // one of them at most
}

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
