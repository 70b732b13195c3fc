package room

import (
	"strings"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// composer is what the owner writes: a message, or now an edit, which have a draft each.
type composer struct {
	message draft
	edit    *draft // nil: none
	sets    int
	focus   bool

	sending *sending // nil: nothing
	failed  *sending // the last message, if it may not have been sent

	typing  bool  // was told
	told    int64 // when
	typedAt int64
}

// sending is what the node is being asked to take.
type sending struct {
	request int
	words   // as they stood in the composer
	text    string
	key     string
	draft   uint64 // the revision of the draft that it was
}

func (c *composer) open(in Open) {
	c.focus, c.sets = in.Focus != FocusAway, 1
	c.message = draft{words: wordsOf(in.Draft), node: wordsOf(in.Draft), revision: in.Draft.GetRevision()}
	if e := in.Edit; e.GetText() != "" && e.GetEdits() != "" {
		c.edit = &draft{edits: e.Edits, words: wordsOf(e), node: wordsOf(e), revision: e.Revision, kept: true}
	}
}

// current is the draft in the composer.
func (c *composer) current() *draft {
	if c.edit != nil {
		return c.edit
	}
	return &c.message
}

// drafts are all.
func (c *composer) drafts() []*draft {
	if c.edit != nil {
		return []*draft{&c.message, c.edit}
	}
	return []*draft{&c.message}
}

// held reports whether a draft is not to be saved, since it is being sent.
func (c *composer) held(d *draft) bool { return c.sending != nil && d == c.current() }

func (c *composer) view() Composer {
	d := c.current()
	return Composer{Text: d.text, Sets: c.sets, ReplyTo: d.replyTo, Edits: d.edits, Sending: c.sending != nil}
}

// take takes what the owner writes, and answers.
func (c *composer) take(o *out, now int64, in Input) {
	switch in := in.(type) {
	case Typed:
		c.current().text = in.Text
		c.current().change(now)
		c.types(o, now)
	case Reply:
		c.message.replyTo = in.ID
		c.message.change(now)
	case EndEdit:
		c.endEdit(o)
	case Submit:
		c.submit(o, in)
	case SendFailed:
		c.sendFailed(now, in.Request)
	case Saved:
		c.saved(now, in.Request, in.Revision, true)
	case SaveFailed:
		c.saved(now, in.Request, 0, false)
	case DraftChanged:
		if d := c.which(in.Draft); d != nil {
			c.offer(d, in.Draft)
		}
	}
}

// which returns the draft that one from elsewhere is of, or nil if it is of an edit that is not made
// here.
func (c *composer) which(other *earshotv1.Draft) *draft {
	switch {
	case other.GetEdits() == "":
		return &c.message
	case c.edit != nil && c.edit.edits == other.GetEdits():
		return c.edit
	}
	return nil
}

// offer adopts a draft from elsewhere, if it may be.
func (c *composer) offer(d *draft, other *earshotv1.Draft) {
	if d.saving != 0 || c.held(d) {
		d.other = other
		return
	}
	if !d.offer(other, c.focus) {
		return
	}
	if d == c.current() {
		c.sets++
	}
	if d == c.edit && d.text == "" { // it was made, or given up, elsewhere
		c.edit = nil
	}
}

// reconsider offers what could not be adopted before.
func (c *composer) reconsider(d *draft) {
	if d.other != nil {
		c.offer(d, d.other)
	}
}

// focused takes whether the composer has the focus.
func (c *composer) focused(o *out, focus bool) {
	if focus == c.focus {
		return
	}
	c.focus = focus
	if focus {
		return
	}
	for _, d := range c.drafts() {
		if !c.held(d) {
			d.save(o)
		}
		c.reconsider(d)
	}
}

func (c *composer) saved(now int64, request int, revision uint64, ok bool) {
	for _, d := range c.drafts() {
		if d.saving == request && request != 0 {
			d.answered(now, revision, ok)
			c.reconsider(d)
		}
	}
}

// types tells that the owner is typing, or is not any more. A command is no typing.
func (c *composer) types(o *out, now int64) {
	text := c.message.text
	if c.edit != nil || strings.TrimSpace(text) == "" || strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		c.rests(o)
		return
	}
	c.typedAt = now
	if !c.typing {
		c.typing, c.told = true, now
		o.do(SetTyping{true})
	}
}

// rests tells that the owner is typing no more.
func (c *composer) rests(o *out) {
	if c.typing {
		c.typing = false
		o.do(SetTyping{false})
	}
}

func (c *composer) beginEdit(o *out, m *earshotv1.Message) {
	if c.sending != nil || !m.Own || m.Kind != "text" || c.edit != nil && c.edit.edits == m.Id {
		return
	}
	c.endEdit(o)
	c.message.save(o)
	c.rests(o)
	w := words{text: m.Text}
	c.edit = &draft{edits: m.Id, words: w, node: w}
	c.sets++
}

func (c *composer) endEdit(o *out) {
	if c.edit == nil || c.sending != nil {
		return
	}
	c.dropEdit(o)
}

// dropEdit ends an edit, and has the node keep no draft of it.
func (c *composer) dropEdit(o *out) {
	if c.edit.kept {
		o.do(SaveDraft{Request: o.request(), Edits: c.edit.edits})
	}
	c.edit = nil
	c.sets++
}

func (c *composer) submit(o *out, in Submit) {
	d := c.current()
	s := &sending{words: d.words, text: in.Text, key: in.Key, draft: d.revision}
	if s.text == "" {
		s.text = d.text
	}
	if c.sending != nil || strings.TrimSpace(s.text) == "" {
		return
	}
	c.sending, s.request = s, o.request()
	if c.edit != nil {
		o.do(Edit{s.request, d.edits, s.text})
		return
	}
	if f := c.failed; f != nil && f.text == s.text && f.replyTo == s.replyTo {
		s.key = f.key
	}
	o.do(Send{Request: s.request, Text: s.text, ReplyTo: s.replyTo, Key: s.key, DraftRevision: d.revision})
}

// sent takes that the node has what was sent. It returns true if that was a message.
func (c *composer) sent(o *out, now int64, request int) bool {
	s := c.sending
	if s == nil || s.request != request {
		return false
	}
	c.sending = nil
	if c.edit != nil {
		c.dropEdit(o)
		return false
	}
	c.failed = nil
	d := &c.message
	d.text = strings.TrimPrefix(d.text, s.words.text) // more may have been typed
	if d.replyTo == s.replyTo {
		d.replyTo = ""
	}
	d.touched = d.text != ""
	if d.saving == 0 && d.revision == s.draft {
		d.node = words{} // the node has let the draft go with the message, and no later one
	}
	d.schedule(now)
	c.sets++
	c.rests(o)
	c.reconsider(d)
	return true
}

func (c *composer) sendFailed(now int64, request int) {
	s := c.sending
	if s == nil || s.request != request {
		return
	}
	c.sending = nil
	if c.edit == nil {
		c.failed = s
	}
	c.current().schedule(now)
	c.reconsider(c.current())
}

// again saves what could not be saved.
func (c *composer) again(now int64) {
	for _, d := range c.drafts() {
		d.schedule(now)
	}
}

// tick does what is due.
func (c *composer) tick(o *out, now int64) {
	for _, d := range c.drafts() {
		if d.due != 0 && now >= d.due && !c.held(d) {
			d.save(o)
		}
	}
	if c.typing && now >= c.told+TypingEvery {
		if c.typedAt > c.told {
			c.told = now
			o.do(SetTyping{true})
		} else {
			c.rests(o)
		}
	}
}

// next returns when something is due.
func (c *composer) next() (next int64) {
	for _, d := range c.drafts() {
		if !c.held(d) {
			next = earliest(next, d.due)
		}
	}
	if c.typing {
		next = earliest(next, c.told+TypingEvery)
	}
	return next
}

// leave saves what is there. What is being sent is not a draft: see outlive.
func (c *composer) leave(o *out) {
	for _, d := range c.drafts() {
		if d.differs() && (!c.held(d) || d.words != c.sending.words) {
			d.send(o)
		}
	}
	c.rests(o)
}

// outlive takes how the sending has ended after the room was left.
func (c *composer) outlive(o *out, in Input) {
	s := c.sending
	if s == nil {
		return
	}
	d := c.current()
	switch in := in.(type) {
	case SendFailed:
		if in.Request == s.request && d.words == s.words {
			c.sending = nil
			d.send(o)
		}
	case Sent:
		if in.Request == s.request {
			c.sending = nil
			if d.words == s.words && (d.saving != 0 || d.kept && d.edits != "") { // what was saved at last came after
				d.words = words{}
				d.send(o)
			}
		}
	}
}
