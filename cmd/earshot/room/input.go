package room

import earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

// Input is what can happen to a room.
type Input interface{ input() }

// Row is a message or a notice, and the day under which it stands.
type Row struct {
	Message *earshotv1.Message
	// Day is the day of the message's `t` in words, in the zone of the screen. Rows of one day have
	// the same.
	Day string
}

// The beginning and the end.

// Open begins. It comes once, first. FirstUnread, Unread, Draft and Edit are those of Conversation.
type Open struct {
	FirstUnread string
	Unread      int
	Draft       *earshotv1.Draft // nil: none
	Edit        *earshotv1.Draft // nil: none
	// What the screen knows of its owner: whether it has the focus, see Focus, whether it is locked,
	// and when the last key or click was.
	Focus   Focused
	Locked  bool
	Touched int64
}

// Leave ends: the draft is saved, typing and attention end. Nothing counts after it but the answer to a
// Send or Edit, so that its text is saved as a draft if it could not be sent: a screen does what that
// says before it ends.
type Leave struct{}

// Answers to effects. Each effect with a Request gets one, and that once.

// Loaded is the answer to Load: what History gives.
type Loaded struct {
	Request    int
	Rows       []Row // ascending
	MoreBefore bool
	MoreAfter  bool
}

// LoadFailed is the answer to a Load that failed. Code is the node's, "" if it can't be reached.
type LoadFailed struct {
	Request int
	Code    string
}

// Saved is the answer to SaveDraft.
type Saved struct {
	Request  int
	Revision uint64
}

// SaveFailed is the answer to a SaveDraft that failed.
type SaveFailed struct{ Request int }

// Sent is the answer to Send and Edit: the node has it.
type Sent struct{ Request int }

// SendFailed is the answer to a Send or Edit that failed, or of which it is not known. The screen says
// why; the composer keeps the text.
type SendFailed struct{ Request int }

// MarkFailed says that MarkRead has failed. Code is as of LoadFailed. That it was done needs no answer:
// the rows change.
type MarkFailed struct {
	IDs  []string
	Code string
}

// What the stream of changes tells of this conversation.

// Put is a message that has arrived or changed, or a notice: it is put into its place, instead of the
// one with its ID if that is there.
type Put struct{ Row Row }

// Gone is a row that is not shown any more. Without an ID many are: see Reset.
type Gone struct{ ID string }

// Reset says that what is loaded may not be so any more, as after a reset of the stream, when somebody
// was blocked, or when a notice came that is no row yet. What is loaded is read anew, and the screen
// stays where it is.
type Reset struct{}

// Counted is how many messages the conversation has unread now.
type Counted struct{ Unread int }

// DraftChanged is a draft of the conversation as the node has it now: of this screen or another one.
// With Draft.Edits it is that of an edit. Without a text it is gone.
type DraftChanged struct{ Draft *earshotv1.Draft }

// What the owner and their screen do.

// Focused is whether a screen has the focus.
type Focused string

// Focused.
const (
	FocusUnknown Focused = ""    // it was never told: input alone counts
	FocusHere    Focused = "yes" // also of the first report that says so
	FocusAway    Focused = "no"
)

// Focus is a focus report. When the focus goes, the draft is saved.
type Focus struct{ Here bool }

// Touch is a key, a click or another input of the owner's, whatever it does. It comes before what it
// does.
type Touch struct{}

// Lock says whether the screen of the machine is locked.
type Lock struct{ Locked bool }

// Woke says that the time of Wake has come. It may come too early, too late or for nothing.
type Woke struct{}

// Shown is what the screen shows now. It is told after each layout that is another than the one before,
// be it that the owner has scrolled, that rows have come, or that the size is another.
type Shown struct {
	// Moves is that of the View which was laid out. What was laid out before the room has moved the
	// screen is passed by.
	Moves int
	// Row stands with its own first line Offset lines (or pixels) below the upper edge. Choose one that
	// begins on the screen, if there is one: best the first, or the one that the owner points at. These
	// are told back by Place until another Shown.
	Row    string
	Offset int
	AtEnd  bool // the end of the last row is on the screen
	// First is the first row that begins on the screen or, if none does, of which anything is on it. Last is the last
	// of which anything is.
	First, Last string
	// Whole are the rows that stand on the screen wholly, or, if they are higher than it, with their
	// end.
	Whole []string
}

// ToEnd goes to the end, and follows it from there.
type ToEnd struct{}

// JumpTo brings a row into the middle of the screen, and loads what is around it if need be. Select also
// selects it. A row that is not there leaves everything as it is: see View.Missing.
type JumpTo struct {
	ID     string
	Select bool
}

// JumpUnread is JumpTo the unread line, if there is one.
type JumpUnread struct{}

// Retry tries anew what has failed, as when the owner asks for it or the node is back.
type Retry struct{}

// MarkUnread has a row unread again, and all after it. They are not marked read any more until the
// room is left.
type MarkUnread struct{ ID string }

// Select selects a row. It also begins to select, so that the composer hasn't the focus.
type Select struct{ ID string }

// Step selects the row so many rows on, or back if negative: from the selected one or, if none is,
// from the lowest on the screen, which the first step selects itself. It loads what it needs. The
// screen brings the selected row into view, which is a Shown.
type Step struct{ By int }

// Deselect ends selecting: the composer has the focus.
type Deselect struct{}

// What the owner writes.

// Typed is the text of the composer after the owner has changed it.
type Typed struct{ Text string }

// Reply has what is written answer a row; none if the ID is empty.
type Reply struct{ ID string }

// BeginEdit has the composer replace the text of an own message that is loaded. What stood in it before
// comes back after EndEdit, or when the node has the edit.
type BeginEdit struct{ ID string }

// EndEdit gives an edit up.
type EndEdit struct{}

// Submit sends what is in the composer, if it is more than blanks and nothing is being sent. Key is
// random, a new one each time: a text that is tried again after a failure is sent with its first key,
// so that it can't come twice. The text is sent as it is; commands and `//` are the screen's.
type Submit struct {
	Key string
	// Text is what is sent if it is another than the composer's, as of a text that begins with `//`.
	Text string
}

func (Open) input()         {}
func (Leave) input()        {}
func (Loaded) input()       {}
func (LoadFailed) input()   {}
func (Saved) input()        {}
func (SaveFailed) input()   {}
func (Sent) input()         {}
func (SendFailed) input()   {}
func (MarkFailed) input()   {}
func (Put) input()          {}
func (Gone) input()         {}
func (Reset) input()        {}
func (Counted) input()      {}
func (DraftChanged) input() {}
func (Focus) input()        {}
func (Touch) input()        {}
func (Lock) input()         {}
func (Woke) input()         {}
func (Shown) input()        {}
func (ToEnd) input()        {}
func (JumpTo) input()       {}
func (JumpUnread) input()   {}
func (Retry) input()        {}
func (MarkUnread) input()   {}
func (Select) input()       {}
func (Step) input()         {}
func (Deselect) input()     {}
func (Typed) input()        {}
func (Reply) input()        {}
func (BeginEdit) input()    {}
func (EndEdit) input()      {}
func (Submit) input()       {}
