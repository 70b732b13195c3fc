// Package screen is the terminal screen of earshot without the terminal: what it knows, what a key does,
// and what is to be asked of the node. It is a state machine around package room, which is the open
// conversation: an Event and the time of it change the State and give Acts. Package panes draws it, and
// package tui runs it.
//
// An Act is one or more calls to the node; what it returns, a Then, changes the State when it has come
// back. Acts of one queue are done in their order. Nothing here waits, reads a clock or writes.
//
// What others have written is never put into a text here but by packages label, phrase, attachment and terminal.
//
// A State belongs to one goroutine.
package screen

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/compose"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// API is what a screen asks of the node.
type API interface {
	earshotv1.NodeClient
	earshotv1.PeopleClient
	earshotv1.MessagesClient
	earshotv1.GroupsClient
	earshotv1.ConversationsClient
	earshotv1.AttentionClient
	Files
	// Find is Search, whole.
	Find(context.Context, *earshotv1.SearchRequest) ([]*earshotv1.Found, error)
	// Waits is the beginning of Outbox: up to so many lines.
	Waits(ctx context.Context, most uint32) ([]*earshotv1.Pending, error)
}

// Act is what is to be asked of the node. Acts with the same Queue, if that isn't empty, are done one
// after the other. Do may return nil.
type Act struct {
	Queue string
	Do    func(context.Context, API) Then
}

// Then is what follows from an answer.
type Then func(*State) []Act

// Open is the conversation that is open.
type Open struct {
	Conv    *earshotv1.Conversation
	Members []*earshotv1.Member // of a group
	Alike   *earshotv1.Person   // a contact whose name looks like that of the person, who is none; nil: there is none
	Room    *room.Room
	View    room.View

	Scroll int  // how many lines the owner has scrolled since the last layout, upwards if positive
	Reveal bool // the selected row is to be brought into view

	shown    room.Shown
	laid     bool
	requests map[int]string // what is being sent, by request
	last     *last          // nil: nothing, or its row is there
}

// Note is a line about what has just been done, or has failed.
type Note struct {
	Text string
	Bad  bool
}

// Prompt is a question, with a line for the answer in place of the composer.
type Prompt struct {
	Question string
	Editor   compose.Editor
	yes      bool // it is answered by y or n
	done     func(s *State, answer string) []Act
}

// YesNo reports whether it is answered by one key.
func (p *Prompt) YesNo() bool { return p.yes }

// State is all that a screen knows. Everything but State itself only reads it.
type State struct {
	Columns, Rows int
	Client        string // the name of this screen for the node
	Zone          *time.Location

	Me       *earshotv1.MeResponse     // nil: not known yet
	Status   *earshotv1.StatusResponse // nil: not known yet
	List     []*earshotv1.Conversation
	Listed   bool                         // List was read
	Persons  map[string]*earshotv1.Person // who is here or away, as far as it was told
	Typing   map[string][]*earshotv1.Person
	Requests int
	moving   map[file]*earshotv1.Attachment // files that are fetched, as far as it was told
	giving   map[gift]*earshotv1.Transfer   // files that others fetch from here, as long as they move
	Away     string                         // why the node can't be reached; "": it can

	Open   *Open
	Editor compose.Editor
	Panel  *Panel
	Prompt *Prompt
	Note   Note
	Offer  []compose.Choice // what Tab can put in
	Offers int              // which of it stands there
	Orders Orders           // for the terminal, until it takes them

	menu       Menu
	sent       compose.Sent
	offerFrom  int
	focus      room.Focused
	locked     bool // the screen of the machine
	touched    int64
	attended   int64 // when it was last told that the owner is here, while nothing is open
	now        int64
	lastInput  int64 // the time of the last key
	roomWake   int64
	layout     Layout
	refreshing bool
	counting   bool
	miscount   bool // somebody has come or gone while those who are here were being counted
	stale      bool // something has changed while the list was being read
	keys       int  // how many keys were made for sending
	layouts    int  // see Layouts
	quitting   bool // Ctrl+C was the last key
	welcomed   bool
	sets       int  // of the composer, as last seen
	drafting   bool // what stands in the composer is a draft, and not a command
}

// Menu is what can be done on a screen. What it does may be different from screen to screen; package act
// has that of the terminal.
type Menu interface {
	Command(s *State, text string) []Act // a slash command, without the slash
	Selecting(s *State, k Key) []Act     // a key while a message is selected
	Switcher(s *State) []Act             // shows all conversations
	Refill(s *State, p *Panel)           // shows them as they are now
	Help(s *State, where string) []Act   // shows the keys, first those of where the owner is
	Welcome(s *State) []Act              // begins, once the owner and the conversations are known
	Names(s *State) compose.Names        // what Tab can complete
}

// PanelSwitcher is the name of the panel of Switcher.
const PanelSwitcher = "switcher"

// New is the state before anything is known. Client is a random name.
func New(client string, zone *time.Location, menu Menu) *State {
	return &State{
		menu: menu, Client: client, Zone: zone, Columns: 80, Rows: 24,
		Persons: make(map[string]*earshotv1.Person), Typing: make(map[string][]*earshotv1.Person),
		moving: make(map[file]*earshotv1.Attachment), giving: make(map[gift]*earshotv1.Transfer),
	}
}

// WakeAt is when Woke is to come, in the time of Do; 0: it needs not.
func (s *State) WakeAt() int64 { return s.roomWake }

// Layouts counts how often something was laid out that was not so before. After it has moved, a layout may
// be another.
func (s *State) Layouts() int { return s.layouts }

// AtEnd reports whether the end of the open conversation is on the screen.
func (s *State) AtEnd() bool { return s.Open == nil || !s.Open.laid || s.Open.shown.AtEnd }

// Now is the time of the last event.
func (s *State) Now() int64 { return s.now }

// Take returns the orders since the last time.
func (s *State) Take() Orders {
	o := s.Orders
	s.Orders = Orders{}
	return o
}

// Unread is how many messages are unread in conversations that are not muted.
func (s *State) Unread() (n int) {
	for _, c := range s.List {
		if !muted(c, s.now) {
			n += int(c.Unread)
		}
	}
	return n
}

// Muted reports whether a conversation is muted now.
func (s *State) Muted(c *earshotv1.Conversation) bool { return muted(c, s.now) }

func muted(c *earshotv1.Conversation, now int64) bool {
	return c.MutedUntil != nil && c.MutedUntil.AsTime().UnixMilli() > now
}

// RecoveryDue reports whether the owner is to be reminded of the recovery words: once they have a contact, and have
// not put it off.
func (s *State) RecoveryDue() bool {
	return s.Me.GetRecoveryKept() && s.Status.GetKnown() > 0 && s.Me.RecoveryLater.AsTime().UnixMilli() <= s.now
}

// Here counts who is here of those whom the owner knows.
func (s *State) Here() (n int) {
	for _, p := range s.Persons {
		if p.Online && p.Contact {
			n++
		}
	}
	return n
}

// Person is somebody as they are known now.
func (s *State) Person(p *earshotv1.Person) *earshotv1.Person {
	if now := s.Persons[p.GetPerson()]; now != nil {
		return now
	}
	return p
}

// Closed says why nothing can be written in the open conversation; "" if it can.
func (s *State) Closed() string {
	if s.Open == nil {
		return ""
	}
	c := s.Open.Conv
	switch {
	case c.Group != nil && c.Group.Frozen:
		return words.Frozen
	case c.Group != nil && c.Group.Role == "":
		return words.Out
	case c.Person != nil && c.Person.Blocked:
		return words.Blocked
	}
	return ""
}
