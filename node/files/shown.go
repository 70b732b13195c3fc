package files

import (
	"io"
	"time"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store/event"
)

// States of an attachment. Of others' messages it is one of the first seven; of own ones StateKept or
// StateInPlace, or one of StateChanged and StateGone; at each person whom an own one is for, one of those up
// to StateChanged.
const (
	StateOffered  = "offered"  // it can be fetched
	StateFetching = "fetching" // or waits for its turn
	StatePaused   = "paused"   // see Reason
	StateHeld     = "held"     // all of it is here
	StateDeclined = "declined"
	StateChanged  = "changed" // nobody has it any more as it was
	StateGone     = "gone"    // the copy was dropped, or went by time; of others': at its sender's, and nobody who is here has it
	StateKept     = "kept"    // a sealed copy is here
	StateInPlace  = "in_place"
)

// Why an attachment is paused or offered; of one that is held, why it could not be saved, and of one that is being
// fetched, why it can't be written, and is tried again: then it is one of ReasonNoRoom and the last three. A folder
// that was refused is declined.
const (
	ReasonOwner    = "owner"     // the owner wants it so
	ReasonNoRoom   = "no_room"   // on this disk
	ReasonNoSource = "no_source" // nobody who has it is here
	ReasonByHand   = "by_hand"   // the owner has to accept it
	ReasonRefused  = "refused"   // no folder may have such paths
	ReasonNoFolder = "no_folder" // it can't be written to
	ReasonDamaged  = "damaged"   // it is not here any more as it was
)

// Attachment is a file or folder that goes with a message, and what has become of it. Name, Type,
// Picture, Voice and all that is shown of them are its sender's words.
type Attachment struct {
	N        int // from 1
	Name     string
	Type     string // media type; "": not known
	Size     uint64 // bytes; of a folder with its index
	Folder   bool
	Picture  bool
	Voice    bool
	Preview  []byte // a small JPEG
	Width    int    // pixels
	Height   int
	Duration time.Duration
	Wave     []byte
	State    string
	Reason   string
	Had      uint64   // bytes that are here
	Saved    []string // absolute paths where it was saved, or is served from; at most 16
}

// Attached is a message with its attachments.
type Attached struct {
	ID           event.ID
	Conversation event.Conversation
	With         contacts.Target
	From         contacts.Person
	Own          bool
	Time         time.Time
	Attachments  []Attachment
	Holders      []Holder // of own ones: each person whom it is for
}

// Holder is what has become of the attachments of an own message at a person.
type Holder struct {
	Person contacts.Person
	States []string // for each attachment
}

// Page picks messages with attachments, the newest first.
type Page struct {
	Who     string // only in this conversation; "": in all
	Waiting bool   // only those that somebody still waits for
	Limit   int
	Before  *event.ID
	ID      *event.ID // only this message; then only Limit is set besides
}

// Transfer is an attachment on its way.
type Transfer struct {
	ID         event.ID
	Attachment Attachment
	Rate       uint64           // bytes a second, of late
	Sources    int              // devices that it is fetched from
	To         *contacts.Person // who fetches it, of an own message; then Attachment is as they have it
}

// Added is what was taken in.
type Added struct {
	File       string // names it, for an hour: see Taken
	Attachment Attachment
	Skipped    []string // of a folder: what is left out, at most 100
	Others     int      // how many more are left out
}

// Content is what an attachment holds that is here. It must be closed.
type Content interface {
	io.ReadSeekCloser
	// Pack writes a folder as a tar archive, once, instead of being read. As long as it has written
	// nothing its error says why it can't.
	Pack(to io.Writer) error
}
