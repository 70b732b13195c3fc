package room

// View is what there is to see.
type View struct {
	// Rows are all that are loaded, in their order. It is empty while the first are being loaded, and
	// where nothing was ever said.
	Rows []Line
	// Before and After say what is beyond the first and the last of them.
	Before, After Edge
	// Place is where the screen is to be, and Moves how often the room has said so by itself, and not
	// by what Shown told.
	Place Place
	Moves int

	// UnreadLine is whether one of the rows has the unread line.
	UnreadLine bool
	// Below is how many messages that nobody has read stand below the screen.
	Below int

	Selecting bool
	Selected  string // the ID of a loaded row, or ""
	// Missing is the row of the last JumpTo that could not be found, until the next input of the owner's.
	Missing string

	Composer Composer
}

// Line is a row, and the lines that stand above it: first the date, then the unread line.
type Line struct {
	Row
	Date string // the day that begins here; "": the row above is of the same
	New  int    // the unread line stands here, and is for so many messages; 0: it does not
}

// Edge is what there is beyond the rows that are loaded.
type Edge string

// Edges.
const (
	EdgeEnd     Edge = ""        // nothing: this is the first, or the last
	EdgeMore    Edge = "more"    // others, which will be loaded when the screen comes near
	EdgeLoading Edge = "loading" // others, which are being loaded
	EdgeFailed  Edge = "failed"  // others, which could not be loaded: see Retry
)

// Place is where the screen is to be. A row's place is that of its own first line: date and unread
// lines stand above that, so that they may come and go.
type Place struct {
	// End has the end of the last row at the lower edge, also when others come; but where that would
	// have the row Hold, or its date and unread lines, leave the screen by the upper edge, they stay
	// just below it instead. Rows that don't fill the screen stand as the screen likes.
	End  bool   `json:"end,omitempty"`
	Hold string `json:"hold,omitempty"`
	// Otherwise Row stands Offset below the upper edge or, with Middle, as near to the middle of the
	// screen as fits. Where that would leave room below the last row of all, the screen moves up. There
	// is always such a row unless there are no rows.
	Row    string `json:"row,omitempty"`
	Offset int    `json:"offset,omitempty"`
	Middle bool   `json:"middle,omitempty"`
}

// Composer is where the owner writes.
type Composer struct {
	// Text is what the composer has to show when Sets is another number than before: the room has set
	// it, and not the owner by Typed.
	Text string
	Sets int

	ReplyTo string // the row that it answers, or ""
	Edits   string // the own message that it replaces, or ""
	Sending bool   // it is being sent
}
