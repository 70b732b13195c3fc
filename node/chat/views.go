package chat

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store"
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

// StateHeld is what Wait waits for, too, though no message is ever in it: all whom it is for have the message, and
// hold or have declined what is attached.
const StateHeld = "held"

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
	Kind         string // "text", "recalled", "unknown" or "notice"
	Text         string
	Time         time.Time // the author's clock
	Received     time.Time // this node's clock; for own messages, when written
	ReplyTo      *event.ID
	Edited       bool // Text is not the first one
	Mentions     []crypto.PersonID
	Mentioned    bool // Mentions has the owner
	Reactions    []Reaction
	Own          bool
	Progress                      // own messages only
	Gap          bool             // a message that came before it is missing here
	Forked       bool             // its author's log contradicts itself here
	Cursor       string           // its place among what arrived
	T            int64            // its place in its conversation is by (T, ID)
	Unread       bool             // somebody else's that the owner has not read
	Notice       *contacts.Notice // of kind "notice", which has no author and no words
	Quote        *Quote           // what it answers, if that is here and shown
	Waiting      *Waiting         // for whom an own one waits, where that was asked for; nil: for nobody
	Files        []store.File     // what is attached
	First, Last  bool             // of History: nothing is shown before it, or after it

	place store.Place // of an own one, for WaitLeading
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
	Waiting *waiting.Pending // why it waits for them; nil: it does not
}

// Waiting is for whom an own message waits.
type Waiting struct {
	First  waiting.Pending
	Others int // for how many others
}

// Quote is another message in short.
type Quote struct {
	ID   event.ID
	From Author // without a device
	Own  bool
	Kind string
	Text string // the beginning: up to maxQuote bytes
	// File is the first that is attached, nil if none is; Files says how many are.
	File  *store.File
	Files int
}

// Outgoing is a message to send.
type Outgoing struct {
	To      string // WHO, a person or a group
	Text    string // may be empty if something is attached
	ReplyTo *event.ID
	// What is attached, up to event.MaxAttachments. What each stands for is in the shelf already.
	Attachments []event.Attachment
	Key         string // if not empty: sending again with the same key sends nothing new
	Draft       uint64 // revision of the draft that it was, which is kept no longer; 0: none
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
	Notices               bool      // also what has happened in the group, in its place
	Waiting               bool      // say for whom own messages wait
}
