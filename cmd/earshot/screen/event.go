package screen

import (
	"github.com/earshot-im/earshot/cmd/earshot/room"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Event is what happens to a screen: one of the types below, or a Then.
type Event interface{ event() }

type (
	// Size is how large the terminal is.
	Size struct{ Columns, Rows int }
	// Key is a key, by its code as "ctrl+g" and by the text that it types, if it does.
	Key struct{ Code, Text string }
	// Paste is a text that was pasted.
	Paste struct{ Text string }
	// Click is a click of the mouse, Wheel a turn of its wheel by so many rows, downwards if positive.
	Click struct{ Column, Row int }
	Wheel struct{ By, Column int }
	// Focus is a focus report of the terminal.
	Focus struct{ Here bool }
	// Lock says whether the screen of the machine is locked.
	Lock struct{ Locked bool }
	// Changes is an answer of the stream of changes.
	Changes struct{ Answer *earshotv1.ChangesResponse }
	// Gone says that the node can't be reached, and Back that it can.
	Gone struct{ Err error }
	Back struct{}
	// Met says that somebody has come or gone, who may be a stranger: the stream of changes tells of no
	// strangers.
	Met struct{}
	// Laid says what was drawn where.
	Laid struct{ Layout Layout }
	// Woke says that the time of WakeAt has come.
	Woke struct{}
	// Wrote is what an editor has made of the text.
	Wrote struct {
		Text string
		Err  error
	}
	// Ending says that the terminal is closed, or the process ends: what is to be kept is kept now.
	Ending struct{}
)

func (Then) event()    {}
func (Size) event()    {}
func (Key) event()     {}
func (Paste) event()   {}
func (Click) event()   {}
func (Wheel) event()   {}
func (Focus) event()   {}
func (Lock) event()    {}
func (Changes) event() {}
func (Gone) event()    {}
func (Back) event()    {}
func (Met) event()     {}
func (Laid) event()    {}
func (Woke) event()    {}
func (Wrote) event()   {}
func (Ending) event()  {}

// Layout is what was drawn where, as far as the State has to know.
type Layout struct {
	Shown     room.Shown
	Drawn     bool        // Shown is of the open conversation
	Height    int         // of the rows of messages
	Messages  []string    // the message in each row of the terminal, "" where there is none
	Listed    []string    // the conversation in each row of the list
	Items     map[int]int // the items of the panel by their rows
	ListWidth int         // 0: there is no list
	Composer  int         // how many columns the composer has
	_         [0]func()   // layouts are not compared
}

// Orders are what the terminal is to do besides drawing.
type Orders struct {
	Quit    bool
	Suspend bool
	Redraw  bool
	Edit    *string // have the user's editor change this text
	Copy    string
}
