package room

// Effect is what a room has its screen do. Those of one kind are done in their order.
type Effect interface{ effect() }

// Load asks for rows by History, with notices and with waiting: those next to the row Before or After,
// those around the row Around, or, with none of them, the newest. The answer is Loaded or LoadFailed.
type Load struct {
	Request int    `json:"request"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Around  string `json:"around,omitempty"`
	Limit   int    `json:"limit"`
}

// MarkRead says by MarkRead what the owner has seen: at most 1,000 at once. If that fails, the answer is
// MarkFailed.
type MarkRead struct {
	IDs []string `json:"ids"`
}

// MarkBack has a row and those after it unread again, by MarkUnread of the node.
type MarkBack struct {
	ID string `json:"id"`
}

// SaveDraft sets a draft by SetDraft. The answer is Saved or SaveFailed.
type SaveDraft struct {
	Request int    `json:"request"`
	Text    string `json:"text,omitempty"`
	ReplyTo string `json:"replyTo,omitempty"`
	Edits   string `json:"edits,omitempty"`
}

// Send sends a message by Send. The answer is Sent or SendFailed.
type Send struct {
	Request       int    `json:"request"`
	Text          string `json:"text"`
	ReplyTo       string `json:"replyTo,omitempty"`
	Key           string `json:"key"`
	DraftRevision uint64 `json:"draftRevision,omitempty,string"`
}

// Edit replaces the text of an own message by Edit. The answer is Sent or SendFailed.
type Edit struct {
	Request int    `json:"request"`
	ID      string `json:"id"`
	Text    string `json:"text"`
}

// SetTyping tells by SetTyping whether the owner is typing here. It may fail.
type SetTyping struct {
	Typing bool `json:"typing"`
}

// Attend tells by Attend whether the owner looks at this conversation. It may fail.
type Attend struct {
	Focused bool `json:"focused"`
}

// Wake asks for a Woke at a time, instead of the one that was asked for before: a room needs one timer.
// At 0 it needs none.
type Wake struct {
	At int64 `json:"at"`
}

func (Load) effect()      {}
func (MarkRead) effect()  {}
func (MarkBack) effect()  {}
func (SaveDraft) effect() {}
func (Send) effect()      {}
func (Edit) effect()      {}
func (SetTyping) effect() {}
func (Attend) effect()    {}
func (Wake) effect()      {}
